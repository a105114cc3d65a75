#include "proxy/worker_sql.h"

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/json.h"
#include "tds/rules.h"

namespace holdfast {
namespace {

std::size_t index_of(std::string_view outcome) {
  const auto& all = SqlCounters::outcomes;
  const auto found = std::find(all.begin(), all.end() - 1, outcome);
  return static_cast<std::size_t>(found - all.begin());
}

std::string hex(std::uint64_t digest) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest));
  return text;
}

std::string millis(Duration d) {
  std::string text;
  append_thousandths(text, d.to_micros());
  return text;
}

}  // namespace

void SqlSight::follow(const conf::Snapshot& snapshot) {
  for (const conf::Listen& listen : snapshot.listens) {
    if (listen.protocol != conf::Protocol::Tds || listen.tds.mode != conf::TdsMode::Aware) continue;
    const conf::Service* service = snapshot.service(listen.service);
    if (!service) continue;
    const conf::ServiceSql& sql = service->sql;
    auto [at, fresh] = services_.try_emplace(service->name, sql, metrics_.sql(service->name));
    Service& known = at->second;
    if (!fresh && known.config.digests != sql.digests) {
      tds::DigestTable table(sql.digests);
      table.add(known.table);
      known.counters->digests.add(table.size() - known.table.size());
      known.table = std::move(table);
    }
    known.config = sql;
    if (gate_)
      gate_->set_bounds(service->name,
                        {sql.max_per_login, sql.max_per_application, sql.max_per_host, sql.queue});
  }
}

SqlSight::Service* SqlSight::find(std::string_view service) {
  const auto found = services_.find(service);
  return found == services_.end() ? nullptr : &found->second;
}

// ---- requests ----

void SqlSight::on_request(const tds::SqlSession& session, const tds::RequestRecord& record) {
  Service* service = of(session);
  if (!service) return;
  SqlCounters& counters = *service->counters;
  counters.requests[index_of(record.outcome)].add();
  if (record.held > Duration{}) counters.held_total.add();
  tds::DigestSample sample;
  sample.digest = record.digest;
  sample.text = record.digest_text;
  sample.error = record.error != 0;
  sample.repeated = record.outcome == "repeated";
  sample.took = record.took;
  sample.held = record.held;
  sample.rows = record.rows;
  sample.bytes_in = record.bytes_in;
  sample.bytes_out = record.bytes_out;
  if (service->config.digests != 0) {
    const std::size_t before = service->table.size();
    service->table.record(sample, loop_.now());
    counters.digests.add(service->table.size() - before);
  }
  if (service->config.slow == Duration{} || record.took < service->config.slow) return;
  const tds::LoginNames names = session.names();
  const std::string_view text = record.own_text.empty() ? record.digest_text : record.own_text;
  log_warning("slow SQL statement", {{"service", session.service()},
                                     {"instance", session.instance()},
                                     {"session", std::to_string(session.number)},
                                     {"client", session.client().text()},
                                     {"login", names.user},
                                     {"application", names.application},
                                     {"took_ms", millis(record.took)},
                                     {"held_ms", millis(record.held)},
                                     {"rows", std::to_string(record.rows)},
                                     {"outcome", record.outcome},
                                     {"digest", hex(record.digest)},
                                     {"statement", text}});
}

bool SqlSight::allow(const tds::SqlSession& session, const tds::RequestRecord& record, std::string& why) {
  Service* service = of(session);
  if (!service || service->config.rules.empty()) return true;
  const tds::LoginNames names = session.names();
  const conf::SqlRule* rule = tds::first_match(
      service->config.rules, {record.digest, names.application, names.user, minute_of_day()});
  if (!rule) return true;
  log_info(rule->deny ? "SQL statement denied" : "SQL statement under a rule",
           {{"rule", rule->name},
            {"service", session.service()},
            {"session", std::to_string(session.number)},
            {"client", session.client().text()},
            {"login", names.user},
            {"application", names.application},
            {"digest", hex(record.digest)},
            {"statement", record.digest_text}});
  if (rule->deny) why = "The rule " + rule->name + " does not allow this statement.";
  return !rule->deny;
}

/// Local time is looked up once a minute: it may change its offset at any.
unsigned SqlSight::minute_of_day() {
  const std::int64_t minute = loop_.wall().us / 60'000'000;
  if (minute == minute_) return minute_of_day_;
  minute_ = minute;
  const std::time_t seconds = minute * 60;
  std::tm local{};
  localtime_r(&seconds, &local);
  return minute_of_day_ = static_cast<unsigned>(local.tm_hour * 60 + local.tm_min);
}

// ---- sessions come, wait, move and go ----

tds::SqlSight::Admission SqlSight::admit(tds::SqlSession& session, std::string& why) {
  session.number = next_;
  next_ += step_;
  Service* service = find(session.service());
  session.account = service;
  if (!gate_ || !service) return Admission::Admitted;
  const tds::LoginNames names = session.names();
  tds::LoginLimits::Verdict verdict =
      gate_->enter(session.service(), session.number, names.user, names.application, names.host);
  why = std::move(verdict.why);
  if (verdict.answer == tds::LoginLimits::Answer::Admitted) return Admission::Admitted;
  if (verdict.answer == tds::LoginLimits::Answer::Refused) {
    service->counters->limited.add();
    return Admission::Refused;
  }
  service->counters->waiting.add();
  waiting_.emplace(session.number, &session);
  return Admission::Waits;
}

void SqlSight::let_in(const std::vector<std::uint64_t>& numbers) {
  for (const std::uint64_t number : numbers) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) continue;  // gone meanwhile, and its place given back
    tds::SqlSession& session = *found->second;
    waiting_.erase(found);
    if (Service* service = find(session.service())) service->counters->waiting.sub();
    session.admitted();
  }
}

void SqlSight::on_begin(tds::SqlSession& session) {
  if (Service* service = find(session.service())) service->counters->sessions.add();
}

void SqlSight::on_end(tds::SqlSession& session, bool held) {
  Service* service = find(session.service());
  if (!service) return;
  if (session.conversation()) service->counters->sessions.sub();
  if (held) service->counters->held.sub();
  if (waiting_.erase(session.number) != 0) {
    service->counters->waiting.sub();
    service->counters->limited.add();
  }
  if (gate_) gate_->leave(session.service(), session.number);
}

void SqlSight::on_moved(const tds::SqlSession& session) {
  if (Service* service = find(session.service())) service->counters->survived.add();
}

void SqlSight::on_held(const tds::SqlSession& session, bool held) {
  Service* service = find(session.service());
  if (!service) return;
  held ? service->counters->held.add() : service->counters->held.sub();
}

std::optional<Duration> SqlSight::paused(const tds::SqlSession& session) {
  Service* service = find(session.service());
  return service ? service->paused : std::nullopt;
}

// ---- for the operator ----

/// A session may end by what is done to it here, and with that leaves the list; it does not die meanwhile.
template <class F>
void SqlSight::each(std::string_view service, F&& f) {
  for (tds::SqlSession* s = sessions().front(); s != nullptr;) {
    tds::SqlSession& session = *s;
    s = List<tds::SqlSession>::next(session);
    if (service.empty() || session.service() == service) f(session);
  }
}

void SqlSight::list(std::string_view service, std::vector<SqlSessionRow>& into) {
  const Instant now = loop_.now();
  each(service, [&](tds::SqlSession& session) {
    const tds::SessionSight sight = session.conversation()->sight();
    const tds::LoginNames names = session.names();
    SqlSessionRow row;
    row.number = session.number;
    row.client = session.client().text();
    row.login = names.user;
    row.application = names.application;
    row.host = names.host;
    row.database = names.database;
    row.service = session.service();
    row.instance = session.instance();
    row.state = sight.state;
    row.since = now - sight.since;
    row.age = now - session.opened();
    row.in_transaction = sight.in_transaction;
    row.pool = session.pooling();
    row.unrecoverable = tds::names_of(sight.unrecoverable);
    row.recovery_by_server = sight.recovery_by_server;
    row.prepared = sight.prepared;
    row.requests = sight.requests;
    row.survived = sight.survived;
    row.last_digest = sight.last_digest;
    into.push_back(std::move(row));
  });
}

void SqlSight::top(std::string_view service, SqlTables& into) const {
  for (const auto& [name, known] : services_) {
    if (!service.empty() && name != service) continue;
    into.try_emplace(name, known.config.digests).first->second.add(known.table);
  }
}

void SqlSight::survey(std::string_view service, std::string_view instance, Instant before, SqlSurvey& into) {
  each(service, [&](tds::SqlSession& session) {
    if (session.opened() >= before || (!instance.empty() && session.instance() != instance)) return;
    const tds::SessionSight sight = session.conversation()->sight();
    const bool held = sight.state == "held", busy = sight.state == "busy";
    ++into.sessions;
    into.in_transaction += sight.in_transaction ? 1 : 0;
    into.busy += busy ? 1 : 0;
    into.held += held ? 1 : 0;
    if ((busy || sight.in_transaction) && into.named.size() < SqlSurvey::named_max)
      into.named.push_back(session.number);
  });
}

bool SqlSight::kill(std::uint64_t number) {
  bool found = false;
  each({}, [&](tds::SqlSession& session) {
    if (session.number != number) return;
    found = true;
    if (Service* service = find(session.service())) service->counters->killed.add();
    session.kill();
  });
  return found;
}

void SqlSight::pause(std::string_view service, std::optional<Duration> patience) {
  Service* known = find(service);
  if (!known) return;
  known->paused = patience;
  each(service, [&](tds::SqlSession& s) { s.pause(patience.has_value(), patience.value_or(Duration{})); });
}

void SqlSight::drain(std::string_view service) {
  each(service, [](tds::SqlSession& s) { s.drain_sql(); });
}

}  // namespace holdfast
