// The virtual IP's side on the control loop: between the VIP thread, which holds the addresses, and the rest of the
// process, which knows what can be served. It turns the state of services into fitness, follows the holder's choice
// of active instances while this node stands by, runs the hooks, and carries hand-overs and pushes from the
// operator to the other node and back. Part of the running process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/result.h"
#include "proxy/commands_push.h"
#include "proxy/engine.h"
#include "proxy/events.h"
#include "proxy/hooks.h"
#include "proxy/http/parser.h"
#include "proxy/io/io.h"
#include "proxy/status_vip.h"
#include "tds/driver_witness.h"
#include "vrrp/driver.h"

namespace holdfast {

class VipSide final : private vrrp::VipEvents, private io::TimerEvents {
 public:
  static constexpr Duration handover_patience = 5_s;

  VipSide(io::Loop& loop, Events& events, Engine& engine, PushTarget& target, std::string version);
  ~VipSide();

  /// Nothing happens for a snapshot without [vip]. `handed`: of the process that this one replaces, or empty.
  Status start(conf::SnapshotPtr snapshot, std::string handed);
  Status reload(conf::SnapshotPtr snapshot);
  /// Something about services or instances changed.
  void look_again();
  /// Gives the addresses to the other node, or up. `moved` when no new connection comes here any more; `ended` once
  /// nothing is left to do, which finish() brings about.
  void leave(io::Task moved, io::Task ended);
  void finish(Instant patience);
  std::string abdicate() { return driver_.abdicate(); }
  bool running() const { return driver_.running(); }

  void handover(const std::string& group, bool force, Later done);
  void push(const std::string& text, Later done);
  StatusVip status() const;

 private:
  void on_vip_role(const std::string& group, vrrp::Role role, std::uint64_t epoch,
                   const std::string& because) override;
  void on_vip_story(const std::string& kind, const std::string& subject, const std::string& text) override;
  void on_vip_follow(const std::vector<vrrp::ActiveInstance>& services) override;
  void on_vip_report(const vrrp::VipReport& report) override { report_ = report; }
  void on_vip_push(const vrrp::Message& message) override;
  void on_vip_handover(const std::string& group, bool ok, const std::string& text) override;
  void on_vip_stopped() override;
  void on_timer() override;

  bool any(vrrp::Role role) const;   ///< of this node's groups
  void follow();
  void run_hooks(const std::string& group, vrrp::Role role);
  void moved();
  void arm();
  void settle_witness();  ///< as the configuration has it
  void aim_witness();     ///< at the service's primary
  void on_witness(const tds::WitnessAnswer& answer);

  io::Loop& loop_;
  Events& events_;
  Engine& engine_;
  conf::SnapshotPtr snapshot_;
  http::HeadParser parser_;
  Hooks hooks_;
  vrrp::VipDriver driver_;
  vrrp::VipReport report_;
  std::map<std::string, vrrp::Role> roles_;
  std::vector<vrrp::ActiveInstance> chosen_;  ///< by the holder, as last heard
  io::TimerPtr timer_;
  io::Task moved_, ended_;
  Instant leave_until_ = Instant::never(), finish_until_ = Instant::never();

  struct Asked {
    Later done;
    Instant until = Instant::never();
    std::ptrdiff_t groups = 1;  ///< whose results are awaited
    bool ok = true;
    std::string text = {};
  };
  Asked handover_;
  std::unique_ptr<tds::WitnessAsker> witness_;
  std::string witness_said_;  ///< the last event of it
  PushSide push_;
  std::uint64_t next_push_ = 1;
};

}  // namespace holdfast
