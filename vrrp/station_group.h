// One group of addresses in the station: its VRRP machine, its hand-over, its role and epoch, and the
// application of the verdict to them. Pure and internal to the station, which owns the groups and hands them
// the facts of a turn; a group acts through its host only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/time.h"
#include "vrrp/station.h"
#include "vrrp/station_handover.h"

namespace holdfast::vrrp {

inline constexpr Duration worse_patience = 500_ms;  ///< a difference of fitness must last so long
inline constexpr Duration retry_patience = 2_s;  ///< between attempts to hand over because of fitness
inline constexpr Duration ask_patience = 5_s;  ///< between requests of a preferred standby
inline constexpr Duration request_patience = 4_s;  ///< an operator's request to the holder
inline constexpr Duration vacant_patience = 1_s;

/// What a group does to the world.
class GroupHost {
 public:
  virtual void act(StationAction action) = 0;
  virtual void say(Instant now, const Message& message) = 0;

 protected:
  ~GroupHost() = default;
};

/// What the station knows in this turn; the same for all groups.
struct Facts {
  const Peer* peer = nullptr;
  bool isolated = false, gateway_known = false, gateway_fresh = false;
  bool settled = false;
  bool resuming = false;  ///< after a freeze: listen before anything is judged
  bool stopping = false;
  int witness = 0;
  const StationConfig* config = nullptr;
  const std::vector<Address>* peer_sources = nullptr;  ///< where the peer's advertisements come from

  Link link() const { return peer == nullptr ? Link::Absent : peer->link(); }
};

class Group {
 public:
  Group(StationGroup config, GroupHost& host, Instant now);

  void start(Instant now);
  void adopt(Instant now, Role role, std::uint64_t epoch, bool forwarding);  ///< instead of start()
  void set_config(Instant now, StationGroup config);
  void retire(Instant now);  ///< the configuration has it no more: give it up

  void set_fitness(Fitness fitness, std::string why);
  void judge(Instant now, const Facts& facts);
  /// Carries out what the machine and the hand-over want; true if there was anything.
  bool pump(Instant now);
  void on_timer(Instant now, WallTime wall);
  void on_packet(Instant now, WallTime wall, std::size_t router, Bytes payload, const Envelope& envelope,
                 const Facts& facts);
  void on_message(Instant now, const Message& message, const Facts& facts);
  void on_link(Instant now, Link before, const Facts& facts);
  void demote_silently(Instant now);  ///< after a freeze: no farewell, no word
  void hand_over(Instant now, const Facts& facts, bool force,
                 bool asked);  ///< `asked`: an operator waits for the result
  void request(Instant now);  ///< by an operator's command, on a standby

  Machine& machine() { return machine_; }
  const Machine& machine() const { return machine_; }
  Handover& handover() { return handover_; }
  const Handover& handover() const { return handover_; }
  const StationGroup& config() const { return config_; }
  const std::string& name() const { return config_.vrrp.name; }
  Role role() const { return role_; }
  std::uint64_t epoch() const { return epoch_; }
  Claim claim(bool stopping) const;
  GroupReport report() const;
  Instant deadline() const;

 private:
  bool held_elsewhere(Instant now, const Facts& facts) const;
  Evidence evidence(Instant now, const Facts& facts) const;
  void keep_books(Instant now, const Facts& facts);
  void apply(Instant now, const Verdict& verdict, const Facts& facts);
  void stand(Instant now, const Facts& facts);
  void consider_handover(Instant now, const Facts& facts);
  void consider_asking(Instant now);
  void steer(Instant now, Steering steering);
  void become_holder(Instant now);
  void become_backup(Instant now);
  void change(Instant now, Role role);
  void carry(Instant now, MachineAction& action);
  void carry(Instant now, HandoverStep& step);
  void answer(bool ok, std::string text);
  void act(StationAction::Kind kind);
  void story(std::string kind, std::string text);
  Handover::Own own(Instant now, const Facts& facts) const;

  StationGroup config_;
  GroupHost& host_;
  Machine machine_;
  Handover handover_;
  std::optional<Steering> steering_;
  Role role_ = Role::Standby;
  std::uint64_t epoch_ = 0, peer_epoch_ = 0;
  std::uint64_t next_epoch_ = 0;  ///< dictated by a hand-over; 0: one more than any known
  Fitness fitness_ = Fitness::Unfit;
  std::string unfit_why_ = "it has just started";
  std::string because_ = "not started", moves_if_;
  Instant since_, started_;
  std::uint64_t changes_ = 0;
  bool giving_ = false;  ///< the machine's BecomeBackup means Linger
  bool adopting_ = false;  ///< the machine's BecomeActive changes no role
  bool contended_ = false;  ///< the peer held as well, when last heard
  bool operator_asked_ = false;
  bool foreign_ = false;  ///< a router outside the pair holds; once believed, it need not be proven again
  HeardRouter advertiser_;  ///< the peer by VRRP alone, while its channel and heartbeats are silent
  Instant advertises_until_;  ///< its advertisement counts until then
  Instant yields_at_;  ///< against a holder it counts from then on
  Instant worse_since_ = Instant::never(), vacant_since_ = Instant::never();
  Instant retry_at_, ask_at_, judged_;
  Instant request_until_ = Instant::never();
  Instant asking_due_ = Instant::never();
};

}  // namespace holdfast::vrrp
