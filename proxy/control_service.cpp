#include "proxy/control_service.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

constexpr int growth_steps = 10;  // slow start: from a tenth of the weight to all of it

Duration growth_step(const conf::Service& config) {
  return {std::max<std::int64_t>(config.slow_start.ns / growth_steps, 1)};
}

int preferred(const conf::Service& config) {
  for (std::size_t i = 0; i < config.instances.size(); ++i)
    if (config.instances[i].name == config.prefer) return static_cast<int>(i);
  return -1;
}

bool same(const ServiceView& a, const ServiceView& b) {
  auto equal = [](const InstanceView& x, const InstanceView& y) {
    return x.usable == y.usable && x.lost == y.lost && x.weight == y.weight && x.readable == y.readable;
  };
  return a.active == b.active && a.any == b.any &&
         std::equal(a.instances.begin(), a.instances.end(), b.instances.begin(), b.instances.end(), equal);
}

}  // namespace

ServiceMachine::ServiceMachine(const conf::Service& config, std::uint64_t seed, Instant now)
    : config_(config), election_(preferred(config), now) {
  for (std::size_t i = 0; i < config_.instances.size(); ++i)
    members_.push_back(Member{Health(config_.check, seed + i, now)});
}

void ServiceMachine::start(Instant now) { settle(now); }

int ServiceMachine::find(std::string_view instance) const {
  for (std::size_t i = 0; i < config_.instances.size(); ++i)
    if (config_.instances[i].name == instance) return static_cast<int>(i);
  return -1;
}

bool ServiceMachine::usable(std::size_t i) const {
  const Member& m = members_[i];
  return m.health.state() == HealthState::Up && !m.drained && m.contest == Contest::None;
}

std::string ServiceMachine::name_of_instance(int i) const {
  return i < 0 ? "no instance" : config_.instances[static_cast<std::size_t>(i)].name;
}

void ServiceMachine::tell(std::string kind, std::size_t instance, std::string text) {
  std::string subject = config_.name + "/" + config_.instances[instance].name;
  actions_.stories.push_back({std::move(kind), std::move(subject), std::move(text)});
}

// ---- inputs ----

void ServiceMachine::on_timer(Instant now) {
  for (std::size_t i = 0; i < members_.size(); ++i) apply_step(now, i, members_[i].health.on_deadline(now));
  settle(now);
}

void ServiceMachine::on_check(Instant now, std::size_t i, bool ok, std::string_view why, Duration took) {
  CHECK(i < members_.size());
  count_check(i, ok, why, took);
  apply_step(now, i, members_[i].health.on_check(now, ok, why));
  settle(now);
}

void ServiceMachine::count_check(std::size_t i, bool ok, std::string_view why, Duration took) {
  InstanceStatus& counts = members_[i].counts;
  ++(ok ? counts.checks_ok : counts.checks_failed);
  counts.last_check_ok = ok;
  counts.last_check_why = why;
  counts.last_check_took = took;
}

void ServiceMachine::on_evidence(Instant now, std::size_t i, Evidence evidence, unsigned count) {
  CHECK(i < members_.size());
  members_[i].counts.evidence[static_cast<std::size_t>(evidence)] += count;
  apply_step(now, i, members_[i].health.on_evidence(now, evidence, count));
  settle(now);
}

void ServiceMachine::set_drained(Instant now, std::size_t i, bool drained) {
  CHECK(i < members_.size());
  if (std::exchange(members_[i].drained, drained) == drained) return;
  tell("drain", i, drained ? "drained by hand: it gets no new requests" : "made ready by hand");
  settle(now);
}

void ServiceMachine::follow(Instant now, int instance) {
  election_.follow(instance);
  settle(now);
}

void ServiceMachine::apply_step(Instant now, std::size_t i, Health::Step step) {
  Member& m = members_[i];
  if (step.probe) {
    actions_.probes.push_back(i);
    m.asked = now;
  }
  verdict_ = verdict_ || step.cleared;
  if (!step.changed) return;
  bool up = m.health.state() == HealthState::Up;
  tell("health", i, std::string(name_of(m.health.state())).append(": ").append(m.health.reason()));
  // Only an instance that was down is cold: at the start all are, and none is favoured.
  bool was_down = i < view_.instances.size() && view_.instances[i].lost;
  m.grows_from = up && was_down && config_.slow_start > Duration{} ? now : Instant::never();
  if (!up) m.role_owed = election_.elections() > 0;  // when it is back it may be a new process
}

// ---- conclusions ----

void ServiceMachine::settle(Instant now) {
  settle_claims(now);
  settle_alone(now);
  if (config_.mode == conf::Mode::ActiveStandby) {
    elect(now);
    post_owed_roles();
  }
  publish_if_changed(now);
}

void ServiceMachine::settle_alone(Instant now) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    bool alone = true;
    for (std::size_t k = 0; k < members_.size(); ++k) alone = alone && (k == i || !usable(k));
    apply_step(now, i, members_[i].health.set_alone(now, alone));
  }
}

void ServiceMachine::elect(Instant now) {
  std::vector<Candidate> candidates;
  for (const Member& m : members_)
    candidates.push_back({m.health.state(), m.drained || m.contest != Contest::None});
  int before = election_.active();
  bool first = election_.elections() == 0;
  if (!election_.decide(now, candidates)) return;
  int after = election_.active();
  election_reason_ = election_text(before);
  actions_.stories.push_back(
      {"election", config_.name,
       name_of_instance(after) + " is active" + (election_reason_.empty() ? "" : ": ") + election_reason_});
  for (std::size_t i = 0; i < members_.size(); ++i) {
    bool active = static_cast<int>(i) == after;
    if (!first && !active && static_cast<int>(i) != before) continue;
    actions_.roles.push_back({i, active, true, false});
    members_[i].role_owed = true;
  }
}

std::string ServiceMachine::election_text(int before) const {
  switch (election_.why()) {
    case Election::Why::Start: return "the first election";
    case Election::Why::ActiveRemoved: return "the active instance left the configuration";
    case Election::Why::ActiveDrained: {
      const auto i = static_cast<std::size_t>(before);
      if (members_[i].contest == Contest::None) return name_of_instance(before) + " was drained";
      return name_of_instance(before) + ": " + contest_text(i);
    }
    case Election::Why::Returned: return "none was, and it can serve";
    case Election::Why::Followed: return "the holder chose it";
    case Election::Why::ActiveDown: {
      const Health& health = members_[static_cast<std::size_t>(before)].health;
      return name_of_instance(before) + " is down (" + health.reason() + ")";
    }
  }
  return {};
}

void ServiceMachine::post_owed_roles() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& m = members_[i];
    if (m.health.state() != HealthState::Up || !std::exchange(m.role_owed, false)) continue;
    actions_.roles.push_back({i, static_cast<int>(i) == election_.active(), false, true});
  }
}

std::uint32_t ServiceMachine::weight(const Member& m, std::size_t i, Instant now) const {
  std::uint32_t full = config_.instances[i].weight * weight_scale;
  if (m.grows_from == Instant::never()) return full;
  std::int64_t step = 1 + (now - m.grows_from).ns / growth_step(config_).ns;
  if (step >= growth_steps) return full;
  return static_cast<std::uint32_t>(std::uint64_t{full} * static_cast<std::uint64_t>(step) / growth_steps);
}

Instant ServiceMachine::next_growth(Instant now) const {
  Instant next = Instant::never();
  std::int64_t step = growth_step(config_).ns;
  for (const Member& m : members_) {
    if (m.grows_from == Instant::never()) continue;
    std::int64_t done = (now - m.grows_from).ns / step;
    if (done < growth_steps) next = std::min(next, m.grows_from + Duration{(done + 1) * step});
  }
  return next;
}

void ServiceMachine::publish_if_changed(Instant now) {
  ServiceView next;
  bool balance = config_.mode == conf::Mode::Balance;
  next.active = balance ? -1 : election_.active();
  next.any = next.active >= 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::uint32_t w = weight(members_[i], i, now);
    const bool readable = members_[i].sql.readable && !members_[i].drained;
    // Reads on a secondary go on; a primary is lost for what it had when it is one no more.
    const bool lost = members_[i].health.state() == HealthState::Down && !readable;
    next.instances.push_back({usable(i), lost, w, readable});
    next.any = next.any || (balance && usable(i) && w > 0);
  }
  growth_due_ = balance ? next_growth(now) : Instant::never();
  // A verdict of "well" changes nothing and is published all the same: requests wait for it.
  if (!view_.instances.empty() && same(view_, next) && !verdict_) return;
  verdict_ = false;
  next.epoch = view_.epoch + 1;
  view_ = std::move(next);
  actions_.published = true;
}

Instant ServiceMachine::deadline() const {
  Instant due = std::min(growth_due_, election_.deadline());
  for (const Member& m : members_) due = std::min(due, m.health.deadline());
  return due;
}

ServiceActions ServiceMachine::take_actions() { return std::exchange(actions_, {}); }

}  // namespace holdfast
