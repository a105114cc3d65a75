#include "proxy/metrics.h"

#include <algorithm>
#include <bit>

namespace holdfast {

void Histogram::record(Duration d) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(d.to_micros(), 0));
  const std::size_t i = us <= 64 ? 0 : static_cast<std::size_t>(std::bit_width((us - 1) / 64));
  counts[std::min(i, buckets - 1)].add();
  sum_us.add(us);
}

ServiceCounters& LoopMetrics::service(const std::string& name, std::size_t instances) {
  std::lock_guard lock(mutex_);
  auto& slot = services_[name];
  if (!slot) slot = std::make_unique<Apart<ServiceCounters>>();
  while (slot->instances.size() < instances) slot->instances.push_back(std::make_unique<Apart<InstanceCounters>>());
  return *slot;
}

SqlCounters& LoopMetrics::sql(const std::string& service) {
  std::lock_guard lock(mutex_);
  auto& slot = sql_[service];
  if (!slot) slot = std::make_unique<Apart<SqlCounters>>();
  return *slot;
}

ListenCounters& LoopMetrics::listen(const std::string& name) {
  std::lock_guard lock(mutex_);
  auto& slot = listens_[name];
  if (!slot) slot = std::make_unique<Apart<ListenCounters>>();
  return *slot;
}

}  // namespace holdfast
