// A node's whole part in the virtual IP, as one pure machine: the peer link, one VRRP machine per group, the
// verdict, the hand-over, isolation and resuming after a freeze. Inputs are packets, connection events, facts
// of this node and commands, each with the time; outputs are actions for the driver, carried out in their
// order before the next input. The same object runs in production (vrrp/driver.h) and in the simulated
// network of tests/sim.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/time.h"
#include "vrrp/claim.h"
#include "vrrp/machine.h"
#include "vrrp/peer.h"
#include "vrrp/verdict.h"

namespace holdfast::vrrp {

struct StationGroup {
  GroupConfig vrrp;
  std::string prefer;  ///< node name; empty: none
  Duration linger = 600_s;  ///< how long established connections may live on after a hand-over
};

struct StationConfig {
  std::string own_name, peer_name;
  bool paired = false;  ///< false: no secret or no second node; VRRP decides alone
  PeerConfig peer;
  std::vector<Address>
      peer_addresses;  ///< of the other node, any path: their adverts do not decide while the link is alive
  std::vector<Address> gateways;  ///< empty: isolation is seen by carrier alone
  Address own_address, peer_address;  ///< last tie-break
  std::vector<StationGroup> groups;
  std::string config_hash;
  std::uint64_t generation = 0;
};

struct StationAction {
  enum class Kind : std::uint8_t {
    SendVrrp,  ///< `bytes` on router `router` of `group` to `to`
    AddAddresses,  ///< of `group`: put them on this host and answer for them
    DropAddresses,  ///< of `group`: answer no more and take them off
    Linger,  ///< of `group`: answer no more, but keep them for established connections
    Announce,  ///< gratuitous ARP and NA for `group`, the whole schedule anew
    /// Of `group`: send packets of flows unknown here back to the peer from now on; then forward_ready().
    PrepareForward,
    EndForward,  ///< of `group`
    AskGateway,  ///< probe the gateways now
    Dial,
    WritePeer,
    CloseIn,
    CloseOut,
    Heartbeat,  ///< as in PeerAction
    RoleChanged,  ///< of `group`: role, epoch and reason in `text`; for status, metrics and the hooks
    FollowPeer,  ///< the holder's active instances: the control loop elects the same ones (remote state)
    HandoverResult,  ///< of `group`, for whoever asked: `ok`, `text`
    Push,  ///< `message` from the peer about a configuration push
    /// `text`, an event of kind `group` about `bytes` (a group's or the other node's name; may be empty).
    Story,
  };
  Kind kind = Kind::Story;
  std::string group, bytes, text;
  std::size_t router = 0;
  Address to;
  bool ok = false;
  Role role = Role::Standby;
  std::uint64_t epoch = 0;
  std::optional<Message> message;
};

/// What `status` shows of one group.
struct GroupReport {
  std::string name;
  Role role = Role::Standby;
  std::uint64_t epoch = 0;
  Fitness fitness = Fitness::Unfit;
  std::string because, moves_if;
  Instant since;
  std::uint64_t changes = 0;  ///< of this node's role since it started
  State vrrp = State::Initialize;
  std::vector<RouterCounters> routers;
};

class Station {
 public:
  Station(StationConfig config, Instant now);
  ~Station();

  void start(Instant now);
  /// A planned end: hands every held group over if the peer can take it, else gives it up with priority 0;
  /// then says Bye. stopped() is true when nothing is left to do but linger.
  void stop(Instant now);
  bool stopped() const;
  /// Another process of this node takes over (a binary upgrade): no farewell, no change of addresses. The
  /// peer is told to wait. The result is for the new process's adopt().
  std::string abdicate(Instant now, Duration patience);
  void adopt(Instant now, std::string_view handed);  ///< before start()

  // ---- facts of this node ----
  void set_fitness(Instant now, std::string_view group, Fitness fitness, std::string why);
  void set_services(Instant now, std::vector<ActiveInstance> services);
  void set_carrier(Instant now, bool up);  ///< of the interface that carries the addresses
  void gateway_answered(Instant now);
  void connections_left(Instant now, std::string_view group, std::size_t count);  ///< while lingering
  void forward_ready(Instant now, std::string_view group, bool ok, std::string why);
  void set_witness(Instant now, int verdict);  ///< see Evidence::witness
  /// This process did not run for `gap`. Call before anything else of the turn: a holder whose peer could
  /// have taken over in that time demotes itself before its first packet.
  void resumed(Instant now, Duration gap);
  /// A new configuration; groups of the same name and addresses keep their role.
  void reconfigure(Instant now, StationConfig config);

  // ---- the network ----
  void on_vrrp(Instant now, WallTime wall, std::string_view group, std::size_t router, Bytes payload,
               const Envelope& envelope);
  void on_datagram(Instant now, Bytes bytes);
  void on_out_up(Instant now);
  void on_out_end(Instant now, ChannelEnd end);
  void on_in_up(Instant now);
  void on_in_data(Instant now, Bytes bytes);
  void on_in_end(Instant now, ChannelEnd end);
  void on_timer(Instant now, WallTime wall);

  // ---- commands ---- / HandoverResult follows for each group asked; `group` empty: all that this node
  // holds. On a standby the holder is asked.
  void handover(Instant now, std::string_view group, bool force);
  void send_to_peer(Instant now, const Message& message);  ///< push messages of the control loop

  Instant deadline() const;
  std::vector<StationAction> take_actions();

  Role role(std::string_view group) const;
  std::vector<GroupReport> report() const;
  const Peer* peer() const;  ///< null when not paired
  /// Priority-0 packets of what is held, for the guardian; `text` is the group that `router` belongs to.
  std::vector<MachineAction> farewell(WallTime wall) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::vrrp
