#include "proxy/metrics_sum.h"

#include <algorithm>
#include <numeric>

namespace holdfast {

namespace {

using SC = ServiceCounters;
using ST = ServiceTotals;
using IC = InstanceCounters;
using IT = InstanceTotals;
using LC = ListenCounters;
using LT = ListenTotals;
using enum MetricKind;

constexpr MetricRow<SC, ST> service_table[] = {
    {&SC::requests, &ST::requests, "requests_total", Counter, "Exchanges that ended, by any outcome."},
    {&SC::replays_unsent, &ST::replays_unsent, "replays_unsent_total", Counter,
     "Attempts that followed one of which nothing had been sent."},
    {&SC::replays_sent, &ST::replays_sent, "replays_sent_total", Counter,
     "Repeats of requests that had been sent and were safe to repeat."},
    {&SC::replays_withheld, &ST::replays_withheld, "replays_withheld_total", Counter,
     "Repeats after a 502, 503 or 504 that was kept from the client."},
    {&SC::parked_total, &ST::parked_total, "parked_total", Counter,
     "Requests that waited because no instance was active."},
    {&SC::parked_now, &ST::parked_now, "parked", Gauge, "Requests waiting for an instance now."},
    {&SC::resumed_range, &ST::resumed_range, "responses_resumed_range_total", Counter,
     "Responses continued by range on another instance."},
    {&SC::resumed_prefix, &ST::resumed_prefix, "responses_resumed_prefix_total", Counter,
     "Responses continued after their repeated beginning compared equal."},
    {&SC::resume_failed, &ST::resume_failed, "responses_cut_total", Counter,
     "Responses cut off because they could not be continued with the same bytes."},
    {&SC::taken_back, &ST::taken_back, "taken_back_total", Counter,
     "Requests repeated because their instance was given up, before their own time-out."},
    {&SC::budget_refused, &ST::budget_refused, "retry_budget_refused_total", Counter,
     "Attempts denied by the retry budget."},
    {&SC::deadline_expired, &ST::deadline_expired, "deadline_expired_total", Counter,
     "Requests whose deadline passed before a response began."},
    {&SC::errors_local, &ST::errors_local, "errors_local_total", Counter,
     "502, 503 and 504 answers made by Holdfast itself."},
};

constexpr MetricRow<IC, IT> instance_table[] = {
    {&IC::attempts, &IT::attempts, "instance_attempts_total", Counter, "Requests or connections tried."},
    {&IC::connects, &IT::connects, "instance_connects_total", Counter, "Connections opened."},
    {&IC::connect_failures, &IT::connect_failures, "instance_connect_failures_total", Counter,
     "Connections that could not be opened."},
    {&IC::failures, &IT::failures, "instance_failures_total", Counter,
     "Attempts that failed after connecting."},
    {&IC::outstanding, &IT::outstanding, "instance_outstanding", Gauge, "Requests or connections in flight."},
    {&IC::reused, &IT::reused, "instance_reused_total", Counter, "Attempts that used a pooled connection."},
};

constexpr MetricRow<LC, LT> listen_table[] = {
    {&LC::accepted, &LT::accepted, "connections_accepted_total", Counter, "Client connections accepted."},
    {&LC::open, &LT::open, "connections", Gauge, "Client connections open now."},
    {&LC::refused, &LT::refused, "connections_refused_total", Counter,
     "Client connections refused by a limit."},
    {&LC::tls_failures, &LT::tls_failures, "tls_failures_total", Counter, "TLS handshakes that failed."},
    {&LC::bytes_in, &LT::bytes_in, "received_bytes_total", Counter, "Bytes received from clients."},
    {&LC::bytes_out, &LT::bytes_out, "sent_bytes_total", Counter, "Bytes sent to clients."},
    {&LC::bad_requests, &LT::bad_requests, "bad_requests_total", Counter,
     "Requests refused by the strict parser."},
    {&LC::redirects, &LT::redirects, "redirects_total", Counter, "Requests redirected to https."},
};

template <class Rows, class From, class To>
void add_rows(const Rows& rows, const From& from, To& to) {
  for (const auto& row : rows) to.*row.to += (from.*row.from).get();
}

void add_service(const ServiceCounters& from, ServiceTotals& to) {
  add_rows(service_table, from, to);
  for (std::size_t i = 0; i < to.status.size(); ++i) to.status[i] += from.status[i].get();
  for (std::size_t i = 0; i < Histogram::buckets; ++i) to.latency.counts[i] += from.latency.counts[i].get();
  to.latency.sum_us += from.latency.sum_us.get();
  to.instances.resize(std::max(to.instances.size(), from.instances.size()));
  for (std::size_t i = 0; i < from.instances.size(); ++i)
    add_rows(instance_table, *from.instances[i], to.instances[i]);
}

}  // namespace

std::span<const MetricRow<SC, ST>> service_rows() { return service_table; }
std::span<const MetricRow<IC, IT>> instance_rows() { return instance_table; }
std::span<const MetricRow<LC, LT>> listen_rows() { return listen_table; }

std::uint64_t HistogramTotals::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Duration HistogramTotals::quantile(double q) const {
  const auto wanted = q * static_cast<double>(count());
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const double high = static_cast<double>(std::uint64_t{64} << i);
      const double low = i ? high / 2 : 0;
      return Duration::micros(static_cast<std::int64_t>(low + (high - low) * (wanted - below) / here));
    }
    below += here;
  }
  return {};
}

Totals sum(std::span<const LoopMetrics* const> loops) {
  Totals totals;
  for (const LoopMetrics* loop : loops) {
    loop->visit([&](const auto& services, const auto& listens) {
      for (const auto& [name, counters] : services) add_service(*counters, totals.services[name]);
      for (const auto& [name, counters] : listens) add_rows(listen_table, *counters, totals.listens[name]);
    });
    totals.retained_bytes += loop->retained_bytes.get();
    totals.spilled_bytes += loop->spilled_bytes.get();
    totals.shed += loop->shed.get();
  }
  return totals;
}

}  // namespace holdfast
