#include "proxy/commands_sql.h"

#include <algorithm>
#include <utility>

#include "conf/units.h"

namespace holdfast {
namespace {

using Verb = SqlCommand::Verb;

constexpr Duration look_every = 20_ms;
/// A request that waits for a pause's end may wait this much longer than the pause, for a server.
constexpr Duration grace = 10_s;

std::string count(std::uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

/// What is told later gets its newline where it is sent.
std::string one_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string numbers(const SqlSurvey& survey) {
  std::string out;
  for (const std::uint64_t number : survey.named) out += (out.empty() ? "" : ", ") + std::to_string(number);
  return out;
}

}  // namespace

SqlDesk::SqlDesk(io::Loop& loop, Engine& engine, Events& events)
    : loop_(loop), engine_(engine), events_(events), timer_(loop.timer(*this)) {}

void SqlDesk::run(const SqlCommand& command, Later done) {
  if (const Status good = known(command); !good) return done(std::unexpected(good.error()));
  if (command.verb != Verb::Pause && command.verb != Verb::Drain) return done(at_once(command));
  const Instant now = loop_.now();
  if (const Status begun = begin(command); !begun) return done(std::unexpected(begun.error()));
  Wait wait{command, now, now + command.timeout, std::move(done)};
  if (!look(wait)) waits_.push_back(std::move(wait));
  arm();
}

Status SqlDesk::known(const SqlCommand& command) const {
  if (command.service.empty()) return {};
  const conf::Snapshot& snapshot = engine_.snapshot();
  const conf::Service* service = snapshot.service(command.service);
  if (!service) return fail(Blame::Operator, "there is no service " + command.service);
  const auto is_door = [&](const conf::Listen& l) {
    return l.protocol == conf::Protocol::Tds && l.tds.mode == conf::TdsMode::Aware &&
           l.service == command.service;
  };
  if (std::none_of(snapshot.listens.begin(), snapshot.listens.end(), is_door))
    return fail(Blame::Operator, "service " + command.service + " is not aware tds");
  return {};
}

// ---- at once ----

Result<std::string> SqlDesk::at_once(const SqlCommand& command) {
  switch (command.verb) {
    case Verb::Sessions: return sessions(command);
    case Verb::Top: return top(command);
    case Verb::Kill: return kill(command.number);
    default: return resume(command.service);
  }
}

std::string SqlDesk::sessions(const SqlCommand& command) {
  std::vector<SqlSessionRow> rows;
  engine_.for_each_sql([&](SqlSight& sight) { sight.list(command.service, rows); });
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return one_end(command.json ? sql_sessions_json(rows) : sql_sessions_text(rows));
}

std::string SqlDesk::top(const SqlCommand& command) {
  SqlTables tables;
  engine_.for_each_sql([&](SqlSight& sight) { sight.top(command.service, tables); });
  return one_end(command.json ? sql_top_json(tables) : sql_top_text(tables));
}

Result<std::string> SqlDesk::kill(std::uint64_t number) {
  bool found = false;
  engine_.for_each_sql([&](SqlSight& sight) { found = found || sight.kill(number); });
  if (!found) return fail(Blame::Operator, "there is no SQL session " + std::to_string(number));
  events_.add("sql", "", "session " + std::to_string(number) + " was killed by hand");
  return "session " + std::to_string(number) + " is killed";
}

Result<std::string> SqlDesk::resume(const std::string& service) {
  if (!paused_.contains(service)) return fail(Blame::Operator, "service " + service + " is not paused");
  for (Wait& wait : waits_)
    if (wait.command.verb == Verb::Pause && wait.command.service == service) wait.deadline = loop_.now();
  set_paused(service, std::nullopt);
  events_.add("sql", service, "resumed by hand");
  return service + " goes on";
}

// ---- waited for ----

Status SqlDesk::begin(const SqlCommand& command) {
  const std::string& service = command.service;
  if (command.verb == Verb::Pause) {
    if (paused_.contains(service)) return fail(Blame::Operator, "service " + service + " is paused already");
    set_paused(service, command.timeout + command.hold + grace);
    paused_[service] = loop_.now() + command.timeout + command.hold;
    return {};
  }
  if (!command.instance.empty()) return engine_.control().drain(service, command.instance);
  engine_.for_each_sql([&](SqlSight& sight) { sight.drain(service); });
  return {};
}

SqlSurvey SqlDesk::survey(const Wait& wait) {
  // Of a whole service: those who come after the drain began are not meant.
  const bool all = wait.command.verb == Verb::Pause || !wait.command.instance.empty();
  SqlSurvey survey;
  engine_.for_each_sql([&](SqlSight& sight) {
    sight.survey(wait.command.service, wait.command.instance, all ? Instant::never() : wait.begun, survey);
  });
  return survey;
}

bool SqlDesk::look(Wait& wait) {
  const SqlSurvey now = survey(wait);
  return wait.command.verb == Verb::Pause ? look_at_pause(wait, now) : look_at_drain(wait, now);
}

bool SqlDesk::look_at_pause(Wait& wait, const SqlSurvey& now) {
  const std::string& service = wait.command.service;
  if (!paused_.contains(service)) {
    wait.done(fail(Blame::Operator, "service " + service + " was resumed meanwhile"));
    return true;
  }
  if (now.in_transaction == 0 && now.busy == 0) {
    paused_[service] = loop_.now() + wait.command.hold;
    const std::string text = count(now.sessions, "session") + ", " + count(now.held, "request") + " waiting";
    events_.add("sql", service, "paused by hand: " + text);
    wait.done(service + " is paused: " + text + "; it goes on by itself in " +
              conf::format_duration(wait.command.hold));
    return true;
  }
  if (loop_.now() < wait.deadline) return false;
  set_paused(service, std::nullopt);
  wait.done(fail(Blame::Operator, "not paused: " + std::to_string(now.in_transaction) +
                                      " in a transaction and " + std::to_string(now.busy) + " busy after " +
                                      conf::format_duration(wait.command.timeout) + " (sessions " +
                                      numbers(now) + "); the service goes on"));
  return true;
}

bool SqlDesk::look_at_drain(Wait& wait, const SqlSurvey& now) {
  const SqlCommand& command = wait.command;
  const std::string target = command.service + (command.instance.empty() ? "" : "/" + command.instance);
  if (now.sessions == 0) {
    wait.done(target + (command.instance.empty()
                            ? " has none of its SQL sessions any more"
                            : " is drained: no SQL session is on it; `holdfast ready` takes it back"));
    return true;
  }
  if (loop_.now() < wait.deadline) return false;
  const std::string busy = now.named.empty() ? "" : " (in a transaction or busy: " + numbers(now) + ")";
  wait.done(fail(Blame::Operator, target + " still has " + count(now.sessions, "SQL session") + " after " +
                                      conf::format_duration(command.timeout) + busy +
                                      "; they leave when they are idle"));
  return true;
}

void SqlDesk::set_paused(const std::string& service, std::optional<Duration> patience) {
  if (!patience) paused_.erase(service);
  engine_.for_each_sql([&](SqlSight& sight) { sight.pause(service, patience); });
}

void SqlDesk::arm() {
  Instant due = waits_.empty() ? Instant::never() : loop_.now() + look_every;
  for (const auto& [service, end] : paused_) due = std::min(due, end);
  timer_->arm(due);
}

void SqlDesk::on_timer() {
  std::erase_if(waits_, [this](Wait& wait) { return look(wait); });
  std::vector<std::string> over;
  for (const auto& [service, end] : paused_)
    if (loop_.now() >= end) over.push_back(service);
  for (const std::string& service : over) {
    set_paused(service, std::nullopt);
    events_.add("sql", service, "the pause has lasted as long as it may: resumed");
  }
  arm();
}

}  // namespace holdfast
