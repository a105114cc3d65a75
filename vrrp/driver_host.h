// What a group's addresses are to this host: on `lo` while it holds them or connections live on, answered for (ARP
// and ND, by this process) only while it holds them, announced when it took them. The kernel never answers for
// them, so a node whose process is dead or frozen is silent. Belongs to the VIP thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "vrrp/driver_guard_page.h"
#include "vrrp/driver_neighbour.h"
#include "vrrp/driver_netlink.h"
#include "vrrp/driver_sysctl.h"
#include "vrrp/plan.h"

namespace holdfast::vrrp {

class HostEvents {
 public:
  virtual void on_wake() = 0;  ///< before anything is done about what arrived: was this process asleep?
  virtual void on_carrier(bool up) = 0;
  virtual void on_gateway() = 0;  ///< one of the gateways answered

 protected:
  ~HostEvents() = default;
};

class Host final : io::WatchEvents, NeighbourEvents {
 public:
  struct Counters {
    std::uint64_t announcements = 0, questions_answered = 0;
  };

  Host(io::Loop& loop, HostEvents& events) : loop_(loop), events_(events), page_(GuardPage::inherit()) {}
  ~Host();

  /// Opens the packet socket and the link monitor of the interface, and keeps the kernel from answering.
  Result<HostInterface> open(const std::string& interface);
  /// Takes off what an earlier process left.
  Status clean(const std::vector<GroupPlan>& groups);
  /// A reload: addresses that no group has any more are taken off; groups that hold get their new ones.
  void replace(const std::vector<GroupPlan>& before, const std::vector<GroupPlan>& after);

  Status hold(const GroupPlan& group);  ///< idempotent
  void linger(const GroupPlan& group);  ///< answer no more
  void drop(const std::string& group);  ///< and take them off
  void drop_all();
  /// The process ends, or another one of this node goes on: `restore` puts the kernel's settings back.
  void close(bool restore);
  /// How often a holder announces without a cause. A pair tells each other of contention; VRRP alone may not.
  void set_refresh(Duration refresh) { refresh_ = refresh; }
  void announce(Instant now, const std::string& group);  ///< the whole schedule anew
  void ask_gateways(const std::vector<Address>& gateways);

  Instant deadline() const;
  void on_timer(Instant now);
  Counters counters(const std::string& group) const;

  /// For the guardian: this process is the one to watch; what to send if it dies; that it lives.
  void be_watched();
  void set_farewell(const std::vector<MachineAction>& packets, const StationConfig& station);
  bool beat();  ///< false: it took the addresses away, for this process was silent for too long

 private:
  struct Held {
    GroupPlan plan;
    bool answering = false;
    AnnounceSchedule schedule;
    Counters counters;
  };

  void on_readable() override;  // the link monitor
  bool may_answer() override;
  void on_told(const std::string& interface, const Told& told) override;
  Status put_on(const GroupPlan& group);
  void take_off(const GroupPlan& group, const GroupPlan* except);
  Status answer_for_held();
  void fill_page();
  Mac mac_of(const VirtualAddress& address) const;
  int index_for(const VirtualAddress& address) const;

  io::Loop& loop_;
  HostEvents& events_;
  HostInterface interface_;
  std::optional<Netlink> netlink_;
  std::optional<LinkMonitor> monitor_;
  io::WatchPtr monitor_watch_;
  std::unique_ptr<Neighbour> neighbour_;
  std::optional<GuardPage> page_;
  std::uint32_t taken_ = 0;  ///< by the guardian, as last seen
  std::vector<GuardedPacket> farewell_;
  Sysctl sysctl_;
  Duration refresh_ = 60_s;
  std::map<std::string, int> macvlans_;  ///< index by name
  std::map<std::string, Held> held_;  ///< whose addresses are on `lo`
  std::vector<Address> gateways_;  ///< asked
};

}  // namespace holdfast::vrrp
