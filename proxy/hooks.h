// Tells instances that they became active or standby: a POST to the instance, a command on this node,
// each with a time-out and its result as an event. Runs beside the election and never delays one. One
// object on the control loop. For one instance only the newest role counts: a newer POST replaces one
// under way, and a newer command waits for the running one and replaces one that waits.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/check_driver.h"
#include "proxy/events.h"
#include "proxy/io/io.h"

namespace holdfast {

class Hooks {
 public:
  Hooks(io::Loop& loop, Events& events, http::HeadParser& parser);
  ~Hooks();

  /// `active` picks on_active or on_standby; does nothing if that asks for no command.
  void run_command(const conf::Service& service, std::size_t instance, bool active);
  /// Likewise for the POST.
  void post(const conf::Service& service, std::size_t instance, bool active, TlsContextPtr tls);
  void forget(const std::string& service);   ///< what still runs for it is ended
  /// Likewise for this node's part in a virtual IP.
  void run_for_vip(const conf::Vip& vip, const std::string& node, bool holder);

 private:
  class Runner;
  Runner& runner(const std::string& service, const std::string& instance);

  io::Loop& loop_;
  Events& events_;
  http::HeadParser& parser_;
  std::map<std::string, std::map<std::string, std::unique_ptr<Runner>>> runners_;  // service, instance
};

}  // namespace holdfast
