// Gives one ServiceMachine its sockets: a probe per instance, one timer, hooks and the way out for its
// views and stories. Part of Control; nobody else uses it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/check_driver.h"
#include "proxy/check_driver_sql.h"
#include "proxy/control_service.h"
#include "proxy/events.h"
#include "proxy/hooks.h"
#include "proxy/io/io.h"

namespace holdfast {

class ServiceRunner final : private io::TimerEvents {
 public:
  struct Outside {
    io::Loop& loop;
    Events& events;
    http::HeadParser& parser;
    Hooks& hooks;
    const MakeRoleAsker& make_asker;
    const std::function<void(const std::string&, const ServiceView&)>& publish;
  };

  ServiceRunner(Outside outside, const conf::Service& config, InstanceContexts tls, std::uint64_t seed);

  /// `followed`: see follow(). `memory` may be null. Publishes the first view; the first checks begin on the next turn.
  void start(const ServiceMemory* memory, const std::string& followed);
  /// True if this runner can go on under the new configuration: same instances, mode and pace of checks.
  bool suits(const conf::Service& config) const;
  void set_config(const conf::Service& config, InstanceContexts tls);

  void evidence(std::size_t instance, Evidence evidence, unsigned count);
  void set_drained(std::size_t instance, bool drained);
  void follow(const std::string& instance);  ///< empty or unknown: nobody
  const ServiceMachine& machine() const { return machine_; }

 private:
  void on_timer() override;
  void checked(std::size_t instance, bool ok, std::string_view why, Duration took);
  void make_probes(const conf::Service& config);
  void carry_out();

  Outside outside_;
  InstanceContexts tls_;
  ServiceMachine machine_;
  std::vector<std::unique_ptr<Probe>> probes_;
  std::vector<std::unique_ptr<SqlProbe>> sql_probes_;  // one each for an instance, in one of the two
  io::TimerPtr timer_;
};

}  // namespace holdfast
