// The counters of all data loops added up, for whoever shows them: /metrics and `status`. The tables
// below are the one list of counters: each row says where a number comes from, where its sum goes
// and what it is called. Reading costs the data loops nothing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/time.h"
#include "proxy/metrics.h"

namespace holdfast {

struct InstanceTotals {
  std::uint64_t attempts = 0, connects = 0, connect_failures = 0, failures = 0, outstanding = 0, reused = 0;
};

struct HistogramTotals {
  std::array<std::uint64_t, Histogram::buckets> counts{};
  std::uint64_t sum_us = 0;

  std::uint64_t count() const;
  /// Upper bound of the bucket that holds the quantile (0 to 1), interpolated inside it; zero if empty.
  Duration quantile(double q) const;
};

struct ServiceTotals {
  std::uint64_t requests = 0, replays_unsent = 0, replays_sent = 0, replays_withheld = 0;
  std::uint64_t parked_total = 0, parked_now = 0;
  std::uint64_t resumed_range = 0, resumed_prefix = 0, resume_failed = 0;
  std::uint64_t taken_back = 0, budget_refused = 0, deadline_expired = 0, errors_local = 0;
  std::array<std::uint64_t, 6> status{};
  HistogramTotals latency;
  std::vector<InstanceTotals> instances;

  std::uint64_t replays() const { return replays_unsent + replays_sent + replays_withheld; }
};

struct ListenTotals {
  std::uint64_t accepted = 0, open = 0, refused = 0, tls_failures = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0, bad_requests = 0, redirects = 0;
};

struct Totals {
  std::map<std::string, ServiceTotals> services;
  std::map<std::string, ListenTotals> listens;
  std::uint64_t retained_bytes = 0, spilled_bytes = 0, shed = 0;
};

enum class MetricKind : std::uint8_t { Counter, Gauge };

/// One number of an InstanceCounters, ServiceCounters or ListenCounters.
template <class From, class To>
struct MetricRow {
  Counter From::* from;
  std::uint64_t To::* to;
  const char* name;  ///< without the "holdfast_" in front
  MetricKind kind;
  const char* help;
};

std::span<const MetricRow<ServiceCounters, ServiceTotals>> service_rows();
std::span<const MetricRow<InstanceCounters, InstanceTotals>> instance_rows();
std::span<const MetricRow<ListenCounters, ListenTotals>> listen_rows();

/// One service's aware SQL sessions.
struct SqlTotals {
  std::uint64_t sessions = 0, held = 0, waiting = 0;
  std::uint64_t survived = 0, held_total = 0, limited = 0, killed = 0, digests = 0;
  std::uint64_t pool_free = 0, pool_lent = 0, pool_resets = 0, pool_stolen = 0, pool_waited = 0;
  std::uint64_t pool_logins_saved = 0, spares = 0, spares_used = 0, spares_failed = 0;
  std::array<std::uint64_t, SqlCounters::outcomes.size()> requests{};
};
std::map<std::string, SqlTotals> sum_sql(std::span<const LoopMetrics* const> loops);

Totals sum(std::span<const LoopMetrics* const> loops);

}  // namespace holdfast
