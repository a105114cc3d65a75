// One data loop's world: its listeners, its services, its sessions and the plan they follow. It has no
// thread of its own and waits for nobody, so that it runs under libuv and in the simulation alike.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/admission.h"
#include "proxy/http/driver_loop.h"
#include "proxy/io/io.h"
#include "proxy/metrics.h"
#include "proxy/plan.h"
#include "proxy/service_view.h"
#include "proxy/session.h"
#include "proxy/worker_sql.h"
#include "tds/driver.h"
#include "tds/driver_pool.h"

namespace holdfast {

/// A listening socket handed from one binary to the next. Key: "192.0.2.1:443#0", address and loop number.
struct InheritedListener {
  std::string key;
  int fd = -1;
};

/// Evidence as it travels to the control loop: by name, because a reload may overtake it.
struct EvidenceReport {
  std::string service, instance;
  Evidence evidence{};
  unsigned count = 0;
};

class Worker {
 public:
  struct Setup {
    unsigned number = 0;
    unsigned loops = 1;         ///< limits and budgets are shared out among so many
    AccessLog* access = nullptr;
    LoopMetrics* metrics = nullptr;
    /// Called at a turn's end with all evidence of that turn.
    std::function<void(std::vector<EvidenceReport>)> report;
    /// The connection limits of a listener over all loops, set to what it says.
    std::function<Doorman&(const conf::Listen&)> doorman;
    /// Counts a service's connections per instance over all loops.
    std::function<tds::InstanceLoad&(const conf::Service&)> load;
    SqlGate* sql_gate = nullptr;  ///< limits on SQL sessions over all loops; null: none
    /// Called once, after drain(), when the last session has gone.
    std::function<void()> drained;
  };

  Worker(io::Loop& loop, Setup setup);
  ~Worker();

  /// Binds what `plan` has and this worker has not. Nothing is accepted yet. On error nothing new stays.
  Status prepare(const Plan& plan, const std::vector<InheritedListener>& inherited);
  void discard();                  ///< what prepare() bound: another worker failed
  /// Follows the plan from now on: unchanged listeners, services and pools stay, removed ones drain.
  void commit(PlanPtr plan);
  void publish(const std::string& service, const ServiceView& view);
  void drain();
  /// While `on`, responses ask HTTP clients to close; see Engine.
  void ask_to_close(bool on);
  void cut() { sessions_.cut_all(); }

  std::vector<InheritedListener> listeners() const;
  std::size_t sessions() const { return sessions_.size(); }
  SqlSight& sql() { return sql_; }
  /// Readable from any thread.
  std::uint64_t turns() const { return turns_.get(); }
  std::uint64_t sessions_seen() const { return sessions_seen_.load(std::memory_order_relaxed); }

 private:
  class Acceptor;
  friend class Acceptor;
  /// What the sessions of one TDS listener share; it pins its plan until they have gone.
  struct TdsListen {
    http::LoopPlan* plan;
    std::size_t listen;
    std::unique_ptr<tds::TdsContext> context;
  };

  void accept_tds(std::size_t listen, io::StreamPtr stream, Doorman::Ticket ticket);
  void last_call(unsigned quiet_turns);
  void turn_end();
  void drop_old_plans();
  std::unique_ptr<http::LoopPlan> make_plan(PlanPtr plan);
  tds::ServerPool* pool_of(http::ServiceHub& hub);
  void retire_pools(bool all);
  http::ServiceHub* find_hub(const Plan& plan, std::size_t index);
  void note(const Service& service, std::size_t instance, Evidence evidence);

  io::Loop& loop_;
  Setup setup_;
  SqlSight sql_;  ///< outlives the sessions
  Sessions sessions_;
  http::HttpLoop http_;
  std::map<Address, std::unique_ptr<Acceptor>> acceptors_, prepared_;
  std::vector<std::unique_ptr<http::ServiceHub>> hubs_;
  std::map<const http::ServiceHub*, std::unique_ptr<tds::ServerPool>> pools_;  ///< SQL connections
  std::unique_ptr<http::LoopPlan> plan_;
  std::vector<std::unique_ptr<http::LoopPlan>> old_plans_;
  std::vector<TdsListen> tds_;
  std::vector<EvidenceReport> reports_;
  Counter turns_;
  std::atomic<std::uint64_t> sessions_seen_{0};
  bool draining_ = false;
  bool taken_in_ = false;      ///< a connection was accepted since the last look
  bool crowded_ = false;       ///< a listener is full: at each turn's end it may have room again
  unsigned last_calls_ = 0;
};

}  // namespace holdfast
