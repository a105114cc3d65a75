// The VRRP state machine (RFC 9568 section 6.4; RFC 3768 section 6.4 for version 2) of one group of virtual
// routers that move together: the addresses of both families of one [vip], and all [vip]s of one `group`. A
// pure machine: packets and `now` in, actions out. One state for the whole group makes "all or none" true by
// construction; each router keeps its own timers, intervals and checksums.
//
//                  start, priority 255 (or steered to Hold)
//   Initialize ───────────────────────────────────────────▶ Active
//        │ start                                              ▲  │ higher priority, or equal and greater
//        ▼              all down timers ran out, may preempt  │  ▼ address; steered to Stand
//      Backup ───────────────────────────────────────────────┘ Backup
//
// On top of the RFC it can be steered: the station knows more than VRRP does (the pair's own channel, the
// health of what is served) and says Hold or Stand; left Free, the RFC decides alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/time.h"
#include "vrrp/advert.h"

namespace holdfast::vrrp {

enum class HmacMode : std::uint8_t {
  Off,
  Receive,
  Permissive,
  Enforce
};  ///< keepalived 2.4's ladder of a roll-out

/// One virtual router: a vrid in one family on one interface.
struct RouterConfig {
  std::uint8_t vrid = 0;
  Version version = Version::V3;
  std::vector<Address>
      addresses;  ///< virtual, one family; IPv6: a link-local one first if there is one (erratum 8300)
  Duration interval = 1_s;
  Checksum checksum = Checksum::PseudoHeader;  ///< what is sent until a peer's form was learnt
  bool learn_checksum = true;
  std::vector<Address> unicast_peers;  ///< empty: multicast
  Address source;  ///< the interface's primary (link-local for IPv6) address
  HmacMode hmac = HmacMode::Off;
  std::vector<HmacKey> hmac_keys;  ///< the first one signs
};

struct GroupConfig {
  std::string name;
  std::uint8_t priority = 100;  ///< 1 to 254; 255: owner, preempts always
  bool preempt = false;
  Duration preempt_delay{};  ///< a higher priority waits so long after start before it preempts
  std::vector<RouterConfig> routers;  ///< never empty
};

enum class State : std::uint8_t { Initialize, Backup, Active };
enum class Steering : std::uint8_t {
  Free,  ///< RFC 9568 decides
  Hold,  ///< be Active; an advertisement that would win is answered by one of ours, not yielded to
  Stand,  ///< be Backup, also when nobody advertises
};

/// What the driver does, in this order of the list. Actions of one call are carried out before the next
/// input.
struct MachineAction {
  enum class Kind : std::uint8_t {
    Send,  ///< `packet` on router `router`; to `to`, which is one unicast peer or the multicast group
    BecomeActive,  ///< take the addresses: after the Send that precedes it (RFC 9568 6.4.1)
    BecomeBackup,  ///< give them up
    Announce,  ///< announce the addresses again: a contention was won, or something shook the network
    Story,  ///< an event for the operator: `text`
  };
  Kind kind = Kind::Story;
  std::size_t router = 0;
  Address to;
  std::string packet;
  std::string text;
};

/// Counters for metrics and `status`, per router.
struct RouterCounters {
  std::uint64_t sent = 0, received = 0, priority_zero_sent = 0, priority_zero_received = 0;
  std::uint64_t refused[16] = {};  ///< by Refusal
};

/// Who else advertises, as last heard on any router of the group.
struct HeardRouter {
  Address source;
  std::uint8_t priority = 0;
  Instant at;
};

class Machine {
 public:
  Machine(GroupConfig config, Instant now);
  ~Machine();
  Machine(Machine&&) noexcept;
  Machine& operator=(Machine&&) noexcept;

  /// The sender's time in a signed advertisement; on_packet and on_timer say it too. Until it is known
  /// nothing is signed, so signed routers send their first advertisement at the first of these calls.
  void set_clock(Instant now, WallTime wall);
  void start(Instant now);  ///< Initialize → Backup, or Active for an owner that is not told to Stand
  void stop(Instant now);  ///< → Initialize; an Active sends priority 0 first
  /// An Active told to Stand says priority 0, unless somebody else is heard to be Active already.
  void steer(Instant now, Steering steering);
  /// Gives up at once: priority 0 on the wire when `farewell`, silence otherwise (a resumed node says
  /// nothing). Told to Hold before, it stands until it is steered anew.
  void yield(Instant now, bool farewell);
  /// Wall clock only for the HMAC trailer. A packet for another vrid is counted nowhere and ignored.
  void on_packet(Instant now, WallTime wall, std::size_t router, Bytes payload, const Envelope& envelope);
  void on_timer(Instant now, WallTime wall);
  /// An announcement is due again (link came up, a peer's link healed). Nothing while not Active.
  void announce_again(Instant now);
  /// Sources whose advertisements decide nothing for now: the pair's own channel to that node is alive and
  /// says more.
  void set_known_peers(std::vector<Address> sources) { known_peers_ = std::move(sources); }
  /// While the pair decides: a single advertisement of a stranger moves nothing; three within three intervals
  /// do.
  void set_suspicious(bool suspicious) { suspicious_ = suspicious; }

  Instant deadline() const;
  std::vector<MachineAction> take_actions();
  State state() const { return state_; }
  /// A router outside the pair is Active with precedence over us, as heard within its down interval.
  bool foreign_active(Instant now) const;
  const HeardRouter& heard() const { return heard_; }
  const GroupConfig& config() const { return config_; }
  const RouterCounters& counters(std::size_t router) const;
  /// A reload changed what does not need a new machine (interval, priority, preemption, peers, keys).
  void set_config(Instant now, GroupConfig config);
  /// Prebuilt priority-0 packets, for the guardian to send if this process dies. Signed ones are good for two
  /// seconds from `wall` on: they must be newer than any advertisement sent until then.
  std::vector<MachineAction> farewell(WallTime wall) const;

 private:
  struct Router;
  struct Speaker;
  struct Event;

  void handle(const Event& event);
  void backup_hears(const Event& event);
  void active_hears(const Event& event);
  void on_active_timers(Instant now);
  void become_active(Instant now, std::string why);
  void become_backup(Instant now, std::string why);
  void say_farewell(Instant now, bool also_where_held);

  bool owner() const { return config_.priority == 255; }
  bool may_preempt(Instant now) const;
  bool all_run_out(Instant now) const;
  bool known(const Address& source) const;
  bool outranks(const Router& router, const Speaker& speaker) const;
  bool stays_backup(Instant now, const Speaker& speaker) const;
  bool somebody_active(Instant now, const Router& router) const;

  void advertise(Instant now, std::size_t router, std::uint8_t priority);
  void advertise_all(Instant now);
  void contend(Instant now, std::size_t router, Speaker& speaker);
  void announce(Instant now);
  void start_down_timers(Instant now);
  void act(MachineAction::Kind kind);
  void tell(std::string text);

  GroupConfig config_;
  State state_ = State::Initialize;
  Steering steering_ = Steering::Free;
  HeardRouter heard_;
  std::vector<Address> known_peers_;
  bool suspicious_ = false;
  std::vector<MachineAction> actions_;

  std::vector<Router> routers_;
  Instant preempt_from_;
  Instant announced_at_, announce_due_ = Instant::never();
  std::optional<WallTime> clock_;  ///< as it was at `clock_at_`
  Instant clock_at_;
};

}  // namespace holdfast::vrrp
