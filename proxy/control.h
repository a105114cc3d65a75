// The control loop's knowledge of all services: it runs the checks, hears the evidence of real traffic,
// elects, tells hooks, and publishes a view at each change, before anything else it does about it. It
// holds one runner per service and carries over what a reload did not change. One per process, on the
// control loop; every call comes from that loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/result.h"
#include "proxy/check_driver.h"
#include "proxy/check_driver_sql.h"
#include "proxy/control_service.h"
#include "proxy/events.h"
#include "proxy/hooks.h"
#include "proxy/io/io.h"
#include "proxy/service_view.h"

namespace holdfast {

class ServiceRunner;

/// The active instance of one active-standby service, by name; empty: none.
struct ActiveChoice {
  std::string service, instance;
  friend bool operator==(const ActiveChoice&, const ActiveChoice&) = default;
};

/// Client contexts by service name, for the services that have [service.tls].
using ClientContexts = std::map<std::string, InstanceContexts>;

class Control final : private io::TimerEvents {
 public:
  /// Called at each change, the epoch risen. It must not call back into Control; it posts to the loops.
  using Publish = std::function<void(const std::string& service, const ServiceView& view)>;

  /// `make_asker`: for the SQL servers; what it makes must not outlive whom it belongs to. Null: none is asked.
  Control(io::Loop& loop, Events& events, Publish publish, MakeRoleAsker make_asker = {});
  ~Control();

  /// Services of a new snapshot. What did not change goes on undisturbed, checks under way included;
  /// an instance of the same name and address keeps its state; removed services end. New and changed ones
  /// publish from inside, so the loops must get the snapshot first. `tls` has every service with TLS.
  void apply(const conf::SnapshotPtr& snapshot, const ClientContexts& tls = {});

  /// Unknown names are ignored: a reload may have overtaken the report.
  void evidence(std::string_view service, std::string_view instance, Evidence evidence, unsigned count = 1);
  /// By hand. Draining moves a service away; requests in flight finish. Repeating either is no error.
  Status drain(std::string_view service, std::string_view instance);
  Status ready(std::string_view service, std::string_view instance);

  /// While `on`, this node stands by: services elect what the holder chose, wherever that is usable from here.
  /// Else the present choices stay, and the rule of the election holds again. Services not named follow nobody.
  void follow(const std::vector<ActiveChoice>& chosen, bool on);
  /// What this node chose, for the other to follow; active-standby services only, in the configuration's order.
  std::vector<ActiveChoice> actives() const;
  /// Called on a later turn, once for all changes of a turn, when some view was published. It may call back.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  ServiceView view(std::string_view service) const;  ///< epoch 0 if there is no such service
  std::vector<ServiceStatus> status() const;  ///< in the order of the configuration

  /// For a binary upgrade: call import_state() before the first apply().
  std::string export_state() const;
  Status import_state(std::string_view text);

 private:
  void on_timer() override;
  std::string followed(const std::string& service) const;
  ServiceRunner* find(std::string_view service) const;
  Status set_drained(std::string_view service, std::string_view instance, bool drained);
  std::unique_ptr<ServiceRunner> make_runner(const conf::Service& service, InstanceContexts tls,
                                             const ServiceRunner* old);

  io::Loop& loop_;
  Events& events_;
  Publish publish_;
  MakeRoleAsker make_asker_;
  http::HeadParser parser_;
  Hooks hooks_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<ServiceRunner>> runners_;
  std::vector<ServiceMemory> imported_;
  std::vector<ActiveChoice> followed_;
  std::function<void()> changed_;
  io::TimerPtr change_timer_;
};

}  // namespace holdfast
