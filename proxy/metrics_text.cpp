#include "proxy/metrics_text.h"

#include <algorithm>

#include "proxy/metrics_exposition.h"

namespace holdfast {

namespace {

std::string seconds_text(double seconds) {
  char text[64];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.9g", seconds))};
}

double seconds_of(WallTime t) { return static_cast<double>(t.us) / 1e6; }

const char* type_of(MetricKind kind) { return kind == MetricKind::Counter ? "counter" : "gauge"; }

void show_process(Exposition& e, const ProcessFacts& f) {
  e.single("process_resident_memory_bytes", "gauge", "Memory in use.", f.resident_bytes);
  e.single("process_open_fds", "gauge", "Open file descriptors.", f.open_descriptors);
  e.single("process_max_fds", "gauge", "Limit of open file descriptors.", f.descriptor_limit);
  e.single("process_cpu_seconds_total", "counter", "Processor time used, in seconds.",
           seconds_text(f.cpu_seconds));
  e.single("process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.",
           std::to_string(f.started.us / 1'000'000));
}

void show_self(Exposition& e, const MetricsInput& in) {
  const ProcessFacts& f = in.facts;
  e.family("holdfast_build_info", "gauge", "Version of the running program; always 1.");
  e.sample({{"version", f.version}}, 1);
  e.family("holdfast_config_info", "gauge", "Configuration in use; always 1.");
  e.sample({{"hash", in.snapshot.hash}, {"node", in.snapshot.node}}, 1);
  e.single("holdfast_config_generation", "gauge", "Configurations loaded since the start.",
           in.snapshot.generation);
  e.family("holdfast_reloads_total", "counter", "Reloads asked for, by result.");
  e.sample({{"result", "success"}}, f.reload_successes);
  e.sample({{"result", "failure"}}, f.reload_failures);
  e.single("holdfast_last_reload_success_timestamp_seconds", "gauge",
           "Last successful reload, seconds since 1970; 0: none since the start.",
           seconds_text(seconds_of(f.last_reload)));
  e.single("holdfast_draining", "gauge", "1 while the process finishes what it has and takes nothing new.",
           std::uint64_t{in.draining});
  e.single("holdfast_access_log_dropped_total", "counter",
           "Access log records lost because the disk was slow.", f.access_log_dropped);
  e.single("holdfast_retained_bytes", "gauge", "Request and response bodies held in memory.",
           in.totals.retained_bytes);
  e.single("holdfast_spilled_bytes", "gauge", "Request and response bodies held on disk.",
           in.totals.spilled_bytes);
  e.single("holdfast_shed_total", "counter", "Requests refused for the memory budget.", in.totals.shed);
}

void show_latency(Exposition& e, const std::string& service, const HistogramTotals& h) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < Histogram::buckets; ++i) {
    below += h.counts[i];
    const std::string le = seconds_text(static_cast<double>(std::uint64_t{64} << i) / 1e6);
    e.sample({{"service", service}, {"le", le}}, below, "_bucket");
  }
  below += h.counts.back();
  e.sample({{"service", service}, {"le", "+Inf"}}, below, "_bucket");
  e.sample({{"service", service}}, seconds_text(static_cast<double>(h.sum_us) / 1e6), "_sum");
  e.sample({{"service", service}}, below, "_count");
}

void show_services(Exposition& e, const MetricsInput& in) {
  for (const auto& row : service_rows()) {
    e.family(std::string("holdfast_") + row.name, type_of(row.kind), row.help);
    for (const auto& [name, totals] : in.totals.services) e.sample({{"service", name}}, totals.*row.to);
  }
  static constexpr const char* classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  e.family("holdfast_responses_total", "counter", "Final responses sent to clients, by class of status.");
  for (const auto& [name, totals] : in.totals.services)
    for (std::size_t i = 0; i < totals.status.size(); ++i)
      e.sample({{"service", name}, {"class", classes[i]}}, totals.status[i]);
  e.family("holdfast_request_duration_seconds", "histogram",
           "Whole exchanges, first byte in to last byte out.");
  for (const auto& [name, totals] : in.totals.services) show_latency(e, name, totals.latency);
}

void show_instance_counters(Exposition& e, const MetricsInput& in) {
  for (const auto& row : instance_rows()) {
    e.family(std::string("holdfast_") + row.name, type_of(row.kind), row.help);
    for (const conf::Service& service : in.snapshot.services) {
      const auto found = in.totals.services.find(service.name);
      if (found == in.totals.services.end()) continue;
      const auto& counted = found->second.instances;
      for (std::size_t i = 0; i < counted.size() && i < service.instances.size(); ++i)
        e.sample({{"service", service.name}, {"instance", service.instances[i].name}}, counted[i].*row.to);
    }
  }
}

void show_instance_state(Exposition& e, const MetricsInput& in) {
  struct StateRow {
    const char* name;
    bool InstanceGauge::* value;
    const char* help;
  };
  static constexpr StateRow rows[] = {
      {"holdfast_instance_up", &InstanceGauge::up, "1 if the instance's checks pass."},
      {"holdfast_instance_active", &InstanceGauge::active,
       "1 for the elected instance of an active-standby service."},
      {"holdfast_instance_drained", &InstanceGauge::drained, "1 if the instance was taken out by hand."},
  };
  for (const StateRow& row : rows) {
    e.family(row.name, "gauge", row.help);
    for (const InstanceGauge& i : in.instances)
      e.sample({{"service", i.service}, {"instance", i.instance}}, std::uint64_t{i.*row.value});
  }
}

void show_sql_roles(Exposition& e, const MetricsInput& in) {
  auto asked = [&in](const InstanceGauge& i) {
    const conf::Service* service = in.snapshot.service(i.service);
    return service && service->check.kind == conf::CheckKind::Sql;
  };
  if (std::none_of(in.instances.begin(), in.instances.end(), asked)) return;
  e.family("holdfast_instance_sql_role", "gauge",
           "1 for the role that a SQL server says it has, 0 for the others.");
  for (const InstanceGauge& i : in.instances)
    for (std::size_t r = 0; asked(i) && r < tds::sql_roles; ++r) {
      const auto role = static_cast<tds::SqlRole>(r);
      const std::uint64_t value = role == i.sql_role;
      e.sample({{"service", i.service}, {"instance", i.instance}, {"role", tds::name_of(role)}}, value);
    }
  e.family("holdfast_instance_sql_readable", "gauge", "1 for a SQL secondary that takes reads.");
  for (const InstanceGauge& i : in.instances)
    if (asked(i)) e.sample({{"service", i.service}, {"instance", i.instance}}, std::uint64_t{i.sql_readable});
}

void show_listens(Exposition& e, const MetricsInput& in) {
  for (const auto& row : listen_rows()) {
    e.family(std::string("holdfast_") + row.name, type_of(row.kind), row.help);
    for (const auto& [name, totals] : in.totals.listens) e.sample({{"listen", name}}, totals.*row.to);
  }
}

}  // namespace

void append_label(std::string& out, std::string_view value) {
  out += '"';
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  out += '"';
}

std::string metrics_text(const MetricsInput& input) {
  Exposition e;
  show_process(e, input.facts);
  show_self(e, input);
  show_services(e, input);
  show_instance_counters(e, input);
  show_instance_state(e, input);
  show_sql_roles(e, input);
  show_listens(e, input);
  if (!input.sql.empty()) show_sql(e, input.sql);
  if (input.vip.running) show_vip(e, input.vip);
  return e.take();
}

}  // namespace holdfast
