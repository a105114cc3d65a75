// What `holdfast status` shows: a plain report, and the two ways to write it. The text fits a screen of
// 80 columns and 24 lines and says when it leaves something out; the JSON leaves out nothing. Both are
// pure; the process fills the report (commands_status.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/time.h"
#include "proxy/metrics_text.h"
#include "proxy/status_vip.h"

namespace holdfast {

struct StatusInstance {
  std::string name, address;
  std::string state;      ///< "up", "down", "unknown"
  bool active = false;    ///< of an active-standby service
  bool drained = false;
  Duration since{};       ///< how long it has been so
  std::string why;
  std::uint64_t outstanding = 0, failures = 0;
  std::string sql_role = {};     ///< "primary", "secondary", ...; empty: it is not asked
  bool sql_readable = false;     ///< a secondary that takes reads
  std::string sql_node = {}, sql_version = {};
};

struct StatusService {
  std::string name, mode;
  std::vector<StatusInstance> instances;
  double per_second = 0;              ///< requests that ended, over the last seconds
  Duration median{}, percentile99{};  ///< of the same seconds; zero if nothing ended in them
  std::uint64_t requests = 0, parked = 0, replays = 0, errors_local = 0;
};

struct StatusListen {
  std::string name, protocol;
  std::vector<std::string> bind;
  std::uint64_t open = 0, accepted = 0, bad_requests = 0;
};

struct StatusReport {
  ProcessFacts facts;
  int pid = 0;
  Duration up{};
  std::string state;       ///< "serving", "draining"
  std::string node, cluster;
  std::string file, hash;
  std::uint64_t generation = 0;
  WallTime reload_at;      ///< of the last reload asked for; zero: none
  std::string reload_text; ///< its result: "ok", or what was wrong
  std::size_t loops = 0, sessions = 0;
  std::uint64_t retained_bytes = 0, spilled_bytes = 0, shed = 0;
  StatusVip vip;
  std::vector<StatusService> services;
  std::vector<StatusListen> listens;
};

inline constexpr std::size_t status_columns = 80, status_lines = 24;

std::string status_text(const StatusReport& report);
std::string status_json(const StatusReport& report);  ///< without a newline

std::string stamp(WallTime t);          ///< "2026-11-22T12:00:00.123Z"
std::string span_text(Duration d);      ///< two units at most: "3d 4h", "1.2ms"
std::string size_text(std::uint64_t bytes);       ///< "38.2 MiB"
std::string printable(std::string_view text);     ///< control and non-ASCII bytes become '?'

}  // namespace holdfast
