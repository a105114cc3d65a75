// From what the engine knows to what an operator sees. Pure: the running process hands in its parts.
#pragma once

#include <vector>

#include "conf/snapshot.h"
#include "proxy/admin.h"
#include "proxy/control_service.h"
#include "proxy/metrics_sum.h"
#include "proxy/metrics_text.h"
#include "proxy/status.h"
#include "proxy/status_rate.h"

namespace holdfast {

struct ReportParts {
  const conf::Snapshot& snapshot;
  const std::vector<ServiceStatus>& services;
  const Totals& totals;
  const RecentPast& past;
  Instant now;
};

/// Fills what is about services, listeners, bodies and the configuration; the process adds the rest.
StatusReport make_report(const ReportParts& parts);
std::vector<InstanceGauge> make_gauges(const std::vector<ServiceStatus>& services);
/// Serving unless draining, or there are services and none has an instance that can take anything.
AdminHealth make_health(const std::vector<ServiceStatus>& services, bool draining);

}  // namespace holdfast
