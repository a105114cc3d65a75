#include "proxy/commands_report.h"

namespace holdfast {

namespace {

StatusService make_service(const ServiceStatus& from, const ReportParts& parts) {
  StatusService to;
  to.name = from.name;
  to.mode = from.mode == conf::Mode::Balance ? "balance" : "active-standby";
  static const ServiceTotals nothing;
  const auto found = parts.totals.services.find(from.name);
  const ServiceTotals& totals = found == parts.totals.services.end() ? nothing : found->second;
  const RecentPast::Rate rate = parts.past.rate(from.name, parts.now, parts.totals);
  to.per_second = rate.per_second;
  to.median = rate.median;
  to.percentile99 = rate.percentile99;
  to.requests = totals.requests;
  to.parked = totals.parked_now;
  to.replays = totals.replays();
  to.errors_local = totals.errors_local;
  const conf::Service* service = parts.snapshot.service(from.name);
  const bool sql = service && service->check.kind == conf::CheckKind::Sql;
  for (std::size_t i = 0; i < from.instances.size(); ++i) {
    const InstanceStatus& instance = from.instances[i];
    const InstanceTotals counted = i < totals.instances.size() ? totals.instances[i] : InstanceTotals{};
    to.instances.push_back({instance.name, instance.address, std::string(name_of(instance.health)),
                            instance.active, instance.drained, parts.now - instance.since, instance.reason,
                            counted.outstanding, counted.failures + counted.connect_failures});
    if (!sql) continue;
    StatusInstance& shown = to.instances.back();
    shown.sql_role = tds::name_of(instance.sql.role);
    shown.sql_readable = instance.sql.readable;
    shown.sql_node = instance.sql.node;
    shown.sql_version = instance.sql.version;
  }
  return to;
}

StatusListen make_listen(const conf::Listen& from, const Totals& totals) {
  StatusListen to;
  to.name = from.name;
  to.protocol = from.protocol == conf::Protocol::Tds ? "tds" : from.tls ? "https" : "http";
  for (const Address& address : from.bind) to.bind.push_back(address.text());
  if (const auto found = totals.listens.find(from.name); found != totals.listens.end()) {
    to.open = found->second.open;
    to.accepted = found->second.accepted;
    to.bad_requests = found->second.bad_requests;
  }
  return to;
}

}  // namespace

StatusReport make_report(const ReportParts& parts) {
  StatusReport report;
  report.node = parts.snapshot.node;
  report.cluster = parts.snapshot.cluster;
  report.file = parts.snapshot.file;
  report.hash = parts.snapshot.hash;
  report.generation = parts.snapshot.generation;
  report.retained_bytes = parts.totals.retained_bytes;
  report.spilled_bytes = parts.totals.spilled_bytes;
  report.shed = parts.totals.shed;
  for (const ServiceStatus& s : parts.services) report.services.push_back(make_service(s, parts));
  for (const conf::Listen& l : parts.snapshot.listens) report.listens.push_back(make_listen(l, parts.totals));
  return report;
}

std::vector<InstanceGauge> make_gauges(const std::vector<ServiceStatus>& services) {
  std::vector<InstanceGauge> gauges;
  for (const ServiceStatus& s : services)
    for (const InstanceStatus& i : s.instances)
      gauges.push_back({s.name, i.name, i.health == HealthState::Up, i.active, i.drained, i.sql.role,
                        i.sql.readable});
  return gauges;
}

AdminHealth make_health(const std::vector<ServiceStatus>& services, bool draining) {
  if (draining) return {false, "draining"};
  std::string why = "no instance can take requests";
  for (const ServiceStatus& s : services) {
    for (const InstanceStatus& i : s.instances) {
      if (i.usable) return {true, "ok"};
      why += "\n" + s.name + "/" + i.name + ": " + (i.drained ? "drained" : std::string(name_of(i.health)));
      if (!i.reason.empty()) why += ", " + i.reason;
    }
  }
  return services.empty() ? AdminHealth{true, "ok"} : AdminHealth{false, why};
}

}  // namespace holdfast
