// The running proxy: one control loop (health, election, admin, reload; the caller's thread) and N data
// loops, each a thread with a Worker. They share nothing but messages: plans and views go out, evidence
// comes back. All calls come from the control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/access_log.h"
#include "proxy/control.h"
#include "proxy/events.h"
#include "proxy/io/io.h"
#include "proxy/metrics.h"
#include "proxy/worker.h"
#include "tds/driver_monitor.h"

namespace holdfast {

class Engine final : private io::TimerEvents {
 public:
  Engine(io::Loop& control, conf::SnapshotPtr snapshot, Events& events, AccessLog& access,
         std::vector<InheritedListener> inherited);
  ~Engine();

  /// Loads certificates, starts the loops and binds every listener; only then accepts, and begins the
  /// checks. On error nothing is left running.
  Status start();
  /// All or nothing: certificates are read and new listeners bound on every loop before anything changes.
  Status reload(conf::SnapshotPtr snapshot);
  /// Stops accepting and lets what is in progress finish; cuts what is left at the deadline, then `done`.
  void drain(Instant deadline, io::Task done);
  /// While `on`, each HTTP/1.1 response says "Connection: close" and is its connection's last, so that clients come
  /// back at the node that holds the virtual IP now. Nothing is cut: an idle connection stays until its next
  /// request. TDS and tunnels are left alone.
  void ask_to_close(bool on);
  void stop();  ///< at once; joins the loops

  Control& control() { return control_; }
  const conf::Snapshot& snapshot() const { return *snapshot_; }
  std::vector<InheritedListener> listeners();
  std::vector<const LoopMetrics*> metrics() const;
  /// Asks or tells every loop's SqlSight, one after the other on its own thread, and waits.
  void for_each_sql(const std::function<void(SqlSight&)>& visit);

  struct LoopStatus {
    std::uint64_t sessions = 0;
    std::uint64_t turns = 0;
  };
  std::vector<LoopStatus> loops() const;

  /// For a watcher on another thread: `turns` may be called there, and `loop` only gets an empty task posted. Valid
  /// until stop().
  struct LoopHandle {
    std::string name;
    io::Loop* loop = nullptr;
    std::function<std::uint64_t()> turns;
    std::string thread;  ///< its name
  };
  std::vector<LoopHandle> loops_for_watching() const;

 private:
  struct DataLoop {
    Apart<LoopMetrics> metrics;
    std::unique_ptr<io::Loop> loop;       ///< made, used and destroyed on `thread`; others only post
    std::unique_ptr<Worker> worker;       ///< likewise, but for its counters
    std::thread thread;
    std::latch worker_gone{1}, may_end{1};  ///< a loop outlives every worker: they post to each other's
    bool drained = false;
  };

  void start_loop(unsigned number, unsigned count);
  void call(DataLoop& data, io::Task task);   ///< on its thread, and waits
  Status prepare(const Plan& plan);
  void commit(PlanPtr plan);
  void publish(const std::string& service, const ServiceView& view);
  void on_reports(std::vector<EvidenceReport> reports);
  void on_drained(DataLoop& data);
  void on_timer() override;
  void finish_drain();
  Doorman& doorman(const conf::Listen& listen);
  tds::InstanceLoad& load(const conf::Service& service);
  void let_in(const std::vector<std::uint64_t>& numbers);

  io::Loop& control_loop_;
  conf::SnapshotPtr snapshot_;
  PlanPtr plan_;  ///< the one in use; null before the start
  Events& events_;
  AccessLog& access_;
  std::vector<InheritedListener> inherited_;
  tds::SqlMonitors monitors_;
  Control control_;
  std::mutex shared_mutex_;
  std::map<std::string, std::unique_ptr<Doorman>> doormen_;  ///< by listener; guarded by shared_mutex_
  std::map<std::string, std::unique_ptr<tds::InstanceLoad>> loads_;  ///< likewise, by service and instances
  SqlGate sql_gate_{[this](std::vector<std::uint64_t> numbers) { let_in(numbers); }};
  std::vector<std::unique_ptr<DataLoop>> loops_;
  io::TimerPtr drain_timer_;
  io::Task drain_done_;
  bool cutting_ = false;
};

}  // namespace holdfast
