#include "proxy/status_rate.h"

#include <utility>

namespace holdfast {

void RecentPast::look(Instant now, Totals totals) {
  if (looks_.size() == looks_max) looks_.pop_front();
  looks_.push_back({now, std::move(totals)});
}

RecentPast::Rate RecentPast::rate(const std::string& service, Instant now, const Totals& totals) const {
  const auto current = totals.services.find(service);
  if (looks_.empty() || current == totals.services.end()) return {};
  const Look& oldest = looks_.front();
  static const ServiceTotals nothing;
  const auto found = oldest.totals.services.find(service);
  const ServiceTotals& then = found == oldest.totals.services.end() ? nothing : found->second;
  const double seconds = (now - oldest.at).to_seconds();
  if (seconds <= 0) return {};
  HistogramTotals between;
  for (std::size_t i = 0; i < between.counts.size(); ++i)
    between.counts[i] = current->second.latency.counts[i] - then.latency.counts[i];
  return {static_cast<double>(current->second.requests - then.requests) / seconds, between.quantile(0.5),
          between.quantile(0.99)};
}

}  // namespace holdfast
