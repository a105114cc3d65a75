#include "proxy/json.h"
#include "proxy/status.h"

namespace holdfast {

namespace {

double millis(Duration d) { return static_cast<double>(d.to_micros()) / 1000.0; }

void write_service(JsonWriter& json, const StatusService& s) {
  json.begin_object().field("name", s.name).field("mode", s.mode).field("requests", s.requests);
  json.field("requests_per_second", s.per_second).field("median_ms", millis(s.median));
  json.field("percentile99_ms", millis(s.percentile99)).field("parked", s.parked).field("replays", s.replays);
  json.field("errors_local", s.errors_local).key("instances").begin_array();
  for (const StatusInstance& i : s.instances) {
    json.begin_object().field("name", i.name).field("address", i.address).field("state", i.state);
    json.field("active", i.active).field("drained", i.drained).field("since_seconds", i.since.to_seconds());
    json.field("why", i.why).field("outstanding", i.outstanding).field("failures", i.failures);
    if (!i.sql_role.empty())
      json.field("sql_role", i.sql_role).field("sql_readable", i.sql_readable).field("sql_node", i.sql_node);
    if (!i.sql_role.empty()) json.field("sql_version", i.sql_version);
    json.end_object();
  }
  json.end_array().end_object();
}

void write_listen(JsonWriter& json, const StatusListen& l) {
  json.begin_object().field("name", l.name).field("protocol", l.protocol).key("bind").begin_array();
  for (const std::string& address : l.bind) json.value(address);
  json.end_array().field("open", l.open).field("accepted", l.accepted);
  json.field("bad_requests", l.bad_requests).end_object();
}

void write_process(JsonWriter& json, const StatusReport& r) {
  json.field("version", r.facts.version).field("pid", r.pid).field("state", r.state).field("node", r.node);
  json.field("cluster", r.cluster).field("up_seconds", r.up.to_seconds());
  json.field("loops", r.loops).field("sessions", r.sessions);
  json.field("resident_bytes", r.facts.resident_bytes).field("open_descriptors", r.facts.open_descriptors);
  json.field("retained_bytes", r.retained_bytes).field("spilled_bytes", r.spilled_bytes);
  json.field("shed", r.shed).field("access_log_dropped", r.facts.access_log_dropped);
}

void write_peer(JsonWriter& json, const StatusPeer& p) {
  json.key("peer").begin_object().field("name", p.name).field("link", p.link).field("up", p.up);
  json.field("since_seconds", p.since.to_seconds()).field("timeout_ms", millis(p.timeout));
  json.field("version", p.version).field("hash", p.hash).field("generation", p.generation);
  json.field("drift", p.drift).field("heartbeats_sent", p.heartbeats_sent);
  json.field("heartbeats_received", p.heartbeats_received);
  json.field("heartbeats_refused", p.heartbeats_refused).end_object();
}

void write_group(JsonWriter& json, const StatusVipGroup& g) {
  json.begin_object().field("name", g.name).field("role", g.role).field("fitness", g.fitness);
  json.field("vrrp", g.vrrp).field("interface", g.interface).key("addresses").begin_array();
  for (const std::string& address : g.addresses) json.value(address);
  json.end_array().field("since_seconds", g.since.to_seconds()).field("epoch", g.epoch);
  json.field("changes", g.changes).field("because", g.because).field("moves_if", g.moves_if);
  json.field("lingering", g.lingering).field("adverts_sent", g.adverts_sent);
  json.field("adverts_received", g.adverts_received).key("adverts_refused").begin_array();
  for (const auto& [reason, count] : g.adverts_refused)
    json.begin_object().field("reason", reason).field("count", count).end_object();
  json.end_array().field("announcements", g.announcements);
  json.field("questions_answered", g.questions_answered).end_object();
}

void write_vip(JsonWriter& json, const StatusVip& vip) {
  if (!vip.running) return;
  json.key("vip").begin_object().field("real_time", vip.real_time).field("memory_locked", vip.memory_locked);
  json.field("paired", vip.paired);
  if (vip.paired) write_peer(json, vip.peer);
  json.key("groups").begin_array();
  for (const StatusVipGroup& g : vip.groups) write_group(json, g);
  json.end_array().end_object();
}

void write_config(JsonWriter& json, const StatusReport& r) {
  json.key("config").begin_object().field("file", r.file).field("hash", r.hash);
  json.field("generation", r.generation).field("reload_successes", r.facts.reload_successes);
  json.field("reload_failures", r.facts.reload_failures);
  if (r.reload_at.us)
    json.field("last_reload", stamp(r.reload_at)).field("last_reload_result", r.reload_text);
  json.end_object();
}

}  // namespace

std::string status_json(const StatusReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_process(json, report);
  write_config(json, report);
  write_vip(json, report.vip);
  json.key("services").begin_array();
  for (const StatusService& s : report.services) write_service(json, s);
  json.end_array().key("listens").begin_array();
  for (const StatusListen& l : report.listens) write_listen(json, l);
  json.end_array().end_object();
  return out;
}

}  // namespace holdfast
