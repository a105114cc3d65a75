// Aware SQL sessions: their number is bounded by the services and outcomes there are. A statement's digest is
// never a label; `holdfast sql top` has those.
#include "proxy/metrics_exposition.h"

namespace holdfast {

namespace {

struct SqlRow {
  const char* name;
  const char* type;
  Counter SqlCounters::* from;
  std::uint64_t SqlTotals::* to;
  const char* help;
};

constexpr SqlRow rows[] = {
    {"holdfast_sql_sessions", "gauge", &SqlCounters::sessions, &SqlTotals::sessions,
     "SQL sessions that are logged in."},
    {"holdfast_sql_held", "gauge", &SqlCounters::held, &SqlTotals::held,
     "SQL sessions with a request that waits for a primary or the end of a pause."},
    {"holdfast_sql_held_total", "counter", &SqlCounters::held_total, &SqlTotals::held_total,
     "Answered SQL requests that had to wait for a primary or the end of a pause."},
    {"holdfast_sql_survived_total", "counter", &SqlCounters::survived, &SqlTotals::survived,
     "Times that a SQL session lost its server and was logged in at another."},
    {"holdfast_sql_waiting", "gauge", &SqlCounters::waiting, &SqlTotals::waiting,
     "SQL logins in the queue for room under a limit."},
    {"holdfast_sql_limited_total", "counter", &SqlCounters::limited, &SqlTotals::limited,
     "SQL logins that got no room under a limit."},
    {"holdfast_sql_killed_total", "counter", &SqlCounters::killed, &SqlTotals::killed,
     "SQL sessions ended by hand."},
    {"holdfast_sql_pool_free", "gauge", &SqlCounters::pool_free, &SqlTotals::pool_free,
     "Logged-in SQL connections that no session has."},
    {"holdfast_sql_pool_lent", "gauge", &SqlCounters::pool_lent, &SqlTotals::pool_lent,
     "SQL sessions that have no connection of their own at the moment."},
    {"holdfast_sql_pool_resets_total", "counter", &SqlCounters::pool_resets, &SqlTotals::pool_resets,
     "Times that a SQL session took a connection which another had used."},
    {"holdfast_sql_pool_stolen_total", "counter", &SqlCounters::pool_stolen, &SqlTotals::pool_stolen,
     "Of these, from a session that was idle and went on."},
    {"holdfast_sql_pool_waited_total", "counter", &SqlCounters::pool_waited, &SqlTotals::pool_waited,
     "Times that a SQL session had to wait for one of pool-max connections."},
    {"holdfast_sql_pool_logins_saved_total", "counter", &SqlCounters::pool_logins_saved,
     &SqlTotals::pool_logins_saved, "SQL logins that were answered without asking a server."},
    {"holdfast_sql_spares", "gauge", &SqlCounters::spares, &SqlTotals::spares,
     "SQL connections that stand ready for a login while there is no primary."},
    {"holdfast_sql_spares_used_total", "counter", &SqlCounters::spares_used, &SqlTotals::spares_used,
     "SQL logins that found one."},
    {"holdfast_sql_spares_failed_total", "counter", &SqlCounters::spares_failed, &SqlTotals::spares_failed,
     "Such connections that could not be made, or were ended before they were used."},
    {"holdfast_sql_digests", "gauge", &SqlCounters::digests, &SqlTotals::digests,
     "Statement digests kept, over all loops."},
};

}  // namespace

std::map<std::string, SqlTotals> sum_sql(std::span<const LoopMetrics* const> loops) {
  std::map<std::string, SqlTotals> all;
  for (const LoopMetrics* loop : loops)
    loop->visit_sql([&](const auto& services) {
      for (const auto& [name, counters] : services) {
        SqlTotals& totals = all[name];
        for (const SqlRow& row : rows) totals.*row.to += ((*counters).*row.from).get();
        for (std::size_t i = 0; i < totals.requests.size(); ++i)
          totals.requests[i] += counters->requests[i].get();
      }
    });
  return all;
}

void show_sql(Exposition& e, const std::map<std::string, SqlTotals>& sql) {
  for (const SqlRow& row : rows) {
    e.family(row.name, row.type, row.help);
    for (const auto& [service, totals] : sql) e.sample({{"service", service}}, totals.*row.to);
  }
  e.family("holdfast_sql_requests_total", "counter", "SQL requests, by how they ended.");
  for (const auto& [service, totals] : sql)
    for (std::size_t i = 0; i < totals.requests.size(); ++i)
      e.sample({{"service", service}, {"outcome", SqlCounters::outcomes[i]}}, totals.requests[i]);
}

}  // namespace holdfast
