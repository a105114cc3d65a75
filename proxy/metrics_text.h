// Prometheus text exposition, format 0.0.4, of everything that Holdfast counts. Pure: what is shown
// is handed in, so that it can be compared letter by letter. ProcessFacts is also what `status` shows
// of the process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/metrics_sum.h"
#include "proxy/status_vip.h"
#include "tds/role.h"

namespace holdfast {

struct ProcessFacts {
  std::string version;
  WallTime started;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t descriptor_limit = 0;
  double cpu_seconds = 0;
  std::uint64_t reload_successes = 0, reload_failures = 0;
  WallTime last_reload;               ///< last success; zero: none since the start
  std::uint64_t access_log_dropped = 0;
};

/// Fills resident_bytes, open_descriptors, descriptor_limit and cpu_seconds from /proc/self.
void measure_process(ProcessFacts& facts);

/// State of one instance as a scrape shows it.
struct InstanceGauge {
  std::string service, instance;
  bool up = false, active = false, drained = false;
  tds::SqlRole sql_role = tds::SqlRole::Unknown;
  bool sql_readable = false;
};

struct MetricsInput {
  const conf::Snapshot& snapshot;
  Totals totals;
  ProcessFacts facts;
  std::vector<InstanceGauge> instances;
  bool draining = false;
  StatusVip vip = {};
  std::map<std::string, SqlTotals> sql = {};
};

std::string metrics_text(const MetricsInput& input);

/// Appends a label value with its quotes; backslash, quote and newline escaped.
void append_label(std::string& out, std::string_view value);

}  // namespace holdfast
