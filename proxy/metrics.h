// Counters for one data loop each: a single writer, relaxed stores, no shared cache lines. The admin
// side sums over the loops when it is asked. Names and help texts are in metrics.cpp.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast {

/// Alone on its cache lines, so that the counters of one loop never share one with another's. For the heap only:
/// g++ 12 places an over-aligned variable wrongly on the stack that AddressSanitizer fakes.
template <class T>
struct alignas(64) Apart : T {};

/// Written by one thread, read by any. Not a fetch_add: there is nobody to race with.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub(std::uint64_t n = 1) { add(0 - n); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Latency in powers of two from 64 us to 67 s; one add per request.
class Histogram {
 public:
  static constexpr std::size_t buckets = 22;
  void record(Duration d);
  std::array<Counter, buckets> counts;  ///< counts[i]: up to 64 us << i; the last also holds all beyond
  Counter sum_us;
};

struct InstanceCounters {
  Counter attempts, connects, connect_failures, failures, outstanding, reused;
};

struct ServiceCounters {
  Counter requests;            ///< exchanges that ended, by any outcome
  Counter replays_unsent;      ///< rung 1
  Counter replays_sent;        ///< rung 2
  Counter replays_withheld;    ///< rung 3
  Counter parked_total, parked_now;  ///< rung 4
  Counter resumed_range, resumed_prefix, resume_failed;  ///< rung 5
  Counter taken_back;          ///< repeated because of an election, before their own time-out
  Counter budget_refused;      ///< attempts denied by the retry budget
  Counter deadline_expired;
  Counter errors_local;        ///< 502, 503, 504 made here
  std::array<Counter, 6> status;  ///< index 1..5: class of the final response; 0: none was sent
  Histogram latency;
  std::vector<std::unique_ptr<Apart<InstanceCounters>>> instances;  ///< in configuration order; only grows
};

struct ListenCounters {
  Counter accepted, open, refused, tls_failures, bytes_in, bytes_out, bad_requests, redirects;
};

/// Aware SQL sessions of one service.
struct SqlCounters {
  /// What RequestRecord::outcome may be; the last stands for all others.
  static constexpr std::array outcomes = {"ok",      "error",       "attention",   "repeated", "resent",
                                          "rolled-back", "unknown", "unavailable", "denied",   "other"};
  Counter sessions, held, waiting;     ///< now: logged in, with a request that waits, and logins in the queue
  Counter survived, held_total, limited, killed;
  Counter pool_free, pool_lent;        ///< now: free connections, and sessions without one of their own
  Counter pool_resets, pool_stolen, pool_waited, pool_logins_saved;
  Counter spares;                      ///< now
  Counter spares_used, spares_failed;
  Counter digests;                     ///< statements in this loop's table
  std::array<Counter, outcomes.size()> requests;
};

class LoopMetrics {
 public:
  SqlCounters& sql(const std::string& service);
  /// Stable references, created on first use; call at configuration time, not per request.
  ServiceCounters& service(const std::string& name, std::size_t instances);
  ListenCounters& listen(const std::string& name);
  Counter retained_bytes;      ///< parked and retained body bytes in memory now
  Counter spilled_bytes;       ///< and on disk
  Counter shed;                ///< requests refused for the memory budget

  /// For readers on other threads.
  template <class F>
  void visit(F&& f) const {
    std::lock_guard lock(mutex_);
    f(services_, listens_);
  }
  template <class F>
  void visit_sql(F&& f) const {
    std::lock_guard lock(mutex_);
    f(sql_);
  }

 private:
  mutable std::mutex mutex_;   ///< guards the maps, not the counters
  std::map<std::string, std::unique_ptr<Apart<ServiceCounters>>> services_;
  std::map<std::string, std::unique_ptr<Apart<ListenCounters>>> listens_;
  std::map<std::string, std::unique_ptr<Apart<SqlCounters>>> sql_;
};

}  // namespace holdfast
