// The connections of one data loop to the instances of one service: idle ones kept for the next
// request, the newest first; counts of what is outstanding; and the service's retry budget.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/http/driver_server.h"
#include "proxy/io/io.h"
#include "proxy/metrics.h"
#include "proxy/retry_budget.h"
#include "proxy/service.h"

namespace holdfast::http {

struct HttpLoop;
struct ServiceHub;

class ServicePool final : public ServerConnection::IdleEvents, public ServiceWatcher, public io::TimerEvents {
 public:
  ServicePool(HttpLoop& loop, ServiceHub& hub);
  ~ServicePool();

  /// Which instance a request should go to now, or -1. `avoid`: bit mask of instances that failed it.
  int choose(std::uint64_t avoid, std::string_view cookie_field);

  /// An idle connection, the most recently used; null if there is none. `fresh`: only one used within the
  /// last second, for requests that could not be repeated if the instance closed it just now.
  std::unique_ptr<ServerConnection> take(std::size_t instance, bool fresh);
  /// A new one, connecting. `proxy_header`: sent before anything else; such a connection is not shared.
  std::unique_ptr<ServerConnection> connect(std::size_t instance, std::string_view proxy_header);
  /// Done with it: kept if it may be used again, else closed at the end of the turn.
  void give_back(std::unique_ptr<ServerConnection> connection);
  void retire(std::unique_ptr<ServerConnection> connection);

  void started(std::size_t instance);   ///< a request is outstanding there
  void finished(std::size_t instance);
  /// Evidence for the control loop: each failure, and the first success after one.
  void failed(std::size_t instance, Evidence evidence);
  void succeeded(std::size_t instance) {
    if (suspected_[instance]) clear(instance);
  }
  InstanceCounters& counters(std::size_t instance);
  RetryBudget& retry_budget() { return budget_; }
  void close_idle();                    ///< drain, or removal by a reload

  void on_idle_lost(ServerConnection& connection) override;
  void on_service_changed(Service& service) override;
  void on_timer() override;

 private:
  void clear(std::size_t instance);

  HttpLoop& loop_;
  ServiceHub& hub_;
  std::vector<std::unique_ptr<List<ServerConnection>>> idle_;  ///< per instance, oldest first
  std::vector<std::uint32_t> outstanding_;                     ///< per instance
  std::vector<bool> suspected_;                                ///< per instance
  std::uint32_t turn_ = 0;
  RetryBudget budget_;
  io::TimerPtr sweep_;
  bool sweeping_ = false;
};

}  // namespace holdfast::http
