#include "proxy/health.h"

#include <algorithm>
#include <utility>

namespace holdfast {

namespace {

// Kind none: this many suspicions within this time take an instance down.
constexpr unsigned marks_max = 3;
constexpr Duration marks_window = Duration::seconds(10);
// An instance whose checks pass while its requests fail is not checked more often than this.
constexpr Duration quiet_after_pass = Duration::millis(100);

bool is_final(Evidence e) {
  return e == Evidence::Refused || e == Evidence::Unreachable || e == Evidence::ConnectTimeout;
}

std::string_view sentence(Evidence e) {
  switch (e) {
    case Evidence::Refused: return "a request's connect was refused";
    case Evidence::Unreachable: return "a request found it unreachable";
    case Evidence::ConnectTimeout: return "a request's connect timed out";
    case Evidence::Reset: return "a request's connection was reset";
    case Evidence::ResponseTimeout: return "a response timed out";
    case Evidence::BadResponse: return "a response was malformed";
    case Evidence::GoingAway: return "a response said that it is going away";
    case Evidence::Tls: return "a request's TLS failed";
    case Evidence::SqlRole: return "a session was told that it is not the primary";
    case Evidence::Success: return "a request succeeded";
  }
  return "?";
}

std::string count_of(unsigned n, unsigned all, std::string_view what) {
  return std::to_string(n).append(" of ").append(std::to_string(all)).append(" checks ").append(what);
}

std::uint64_t next_random(std::uint64_t& state) {  // splitmix64
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

}  // namespace

std::string_view name_of(HealthState state) {
  switch (state) {
    case HealthState::Unknown: return "unknown";
    case HealthState::Up: return "up";
    case HealthState::Down: return "down";
  }
  return "?";
}

Health::Health(const conf::Check& check, std::uint64_t seed, Instant now)
    : check_(check), random_(seed), since_(now), reason_("not checked yet"), due_(now), began_(now) {
  if (checked()) return;
  state_ = HealthState::Up;
  reason_ = "no check is configured";
  due_ = Instant::never();
}

void Health::assume(HealthState state, Instant since, std::string_view reason) {
  if (!checked() && state == HealthState::Unknown) return;
  state_ = state;
  since_ = since;
  reason_ = reason;
  if (!checked() && state == HealthState::Down) due_ = since;
}

Duration Health::interval() {
  // Faster while down and while a change is being confirmed.
  bool settled = state_ == HealthState::Up && failures_ == 0 && !hurried_;
  Duration whole = settled ? check_.every : check_.every_down;
  if (whole <= Duration{}) whole = Duration::seconds(1);
  std::int64_t spread = whole.ns / 100 * std::min(check_.jitter_percent, 100u);
  if (spread <= 0) return whole;
  std::uint64_t less = next_random(random_) % static_cast<std::uint64_t>(spread);
  return whole - Duration{static_cast<std::int64_t>(less)};
}

void Health::schedule(Instant now) {
  // From one beginning to the next, so that a check that ran into its time-out delays nothing further.
  due_ = std::max(now, (checked() ? began_ : now) + interval());
}

Health::Step Health::begin_probe(Instant now) {
  probing_ = true;
  began_ = now;
  due_ = Instant::never();
  return {false, true};
}

Health::Step Health::enter(Instant now, HealthState state, std::string reason) {
  state_ = state;
  since_ = now;
  reason_ = std::move(reason);
  suspicious_ = false;
  passes_ = failures_ = marks_ = 0;
  return {true, false};
}

Health::Step Health::on_deadline(Instant now) {
  if (now < due_) return {};
  if (checked()) return begin_probe(now);
  due_ = Instant::never();
  return enter(now, HealthState::Up, "no check is configured: it is tried again");
}

Health::Step Health::on_check(Instant now, bool ok, std::string_view why, bool certain) {
  if (!probing_) return {};
  probing_ = false;
  Step step = ok ? passed(now, why, certain) : failed(now, why, certain);
  schedule(now);
  return step;
}

Health::Step Health::passed(Instant now, std::string_view why, bool certain) {
  failures_ = 0;
  ++passes_;
  if (state_ == HealthState::Up) {
    if (certain) reason_ = why;
    if (!std::exchange(suspicious_, false)) return {};
    quiet_until_ = now + quiet_after_pass;
    return {.cleared = true};
  }
  if (certain) return enter(now, HealthState::Up, std::string(why));
  if (state_ == HealthState::Unknown) return enter(now, HealthState::Up, "the first check passed");
  unsigned rise = std::max(check_.rise, 1u);
  if (passes_ >= rise) return enter(now, HealthState::Up, count_of(passes_, rise, "passed"));
  if (alone_) return enter(now, HealthState::Up, "a check passed, and nothing else is up");
  return {};
}

Health::Step Health::failed(Instant now, std::string_view why, bool certain) {
  passes_ = 0;
  ++failures_;
  if (state_ == HealthState::Down) {
    if (check_.kind == conf::CheckKind::Sql) reason_ = why;  // it says who the server is now
    return {};
  }
  if (certain) return enter(now, HealthState::Down, std::string(why));
  if (state_ == HealthState::Unknown)
    return enter(now, HealthState::Down, std::string("the first check failed: ").append(why));
  if (suspicious_)
    return enter(now, HealthState::Down,
                 std::string(suspicion_).append(", then a check failed: ").append(why));
  unsigned fall = std::max(check_.fall, 1u);
  if (failures_ < fall) return {};
  return enter(now, HealthState::Down, count_of(failures_, fall, "failed: ").append(why));
}

Health::Step Health::on_evidence(Instant now, Evidence evidence, unsigned count) {
  if (evidence == Evidence::Success) {
    marks_ = 0;
    return {};
  }
  if (!is_final(evidence)) return state_ == HealthState::Up ? suspect(now, evidence, count) : Step{};
  passes_ = 0;
  if (state_ == HealthState::Down) return {};
  Step step = enter(now, HealthState::Down, std::string(sentence(evidence)));
  if (probing_) {
    // What the check under way says is older than this evidence: ask again.
    step.probe = begin_probe(now).probe;
  } else {
    began_ = now;
    schedule(now);
  }
  return step;
}

Health::Step Health::suspect(Instant now, Evidence evidence, unsigned count) {
  // Real traffic has the last word: an instance whose checks pass while its requests die is given up.
  const bool dead_request = (evidence == Evidence::Reset || evidence == Evidence::ResponseTimeout) &&
                            check_.kind != conf::CheckKind::Sql;
  if (!checked() || dead_request) {
    if (marks_ == 0 || now - first_mark_ > marks_window) {
      marks_ = 0;
      first_mark_ = now;
    }
    marks_ += std::min(count, marks_max);
    if (marks_ >= marks_max) {
      Step step = enter(now, HealthState::Down, std::string(sentence(evidence)).append(", repeatedly"));
      if (!probing_) schedule(now);
      return step;
    }
  }
  if (!checked()) return {};
  if (suspicious_) return {};
  suspicious_ = true;
  suspicion_ = sentence(evidence);
  if (now < quiet_until_) {
    if (!probing_) due_ = std::min(due_, quiet_until_);
    return {};
  }
  // A check already waiting for a silent instance times out sooner than a new one would.
  if (probing_ && evidence == Evidence::ResponseTimeout) return {};
  return begin_probe(now);
}

Health::Step Health::doubt(Instant now, std::string_view why) {
  if (!checked() || state_ != HealthState::Up || suspicious_) return {};
  suspicious_ = true;
  suspicion_ = why;
  return probing_ ? Step{} : begin_probe(now);
}

void Health::hurry(Instant now, bool on) {
  if (std::exchange(hurried_, on) == on || !on) return;
  if (checked() && !probing_) due_ = std::min(due_, std::max(now, began_ + interval()));
}

Health::Step Health::set_alone(Instant now, bool alone) {
  alone_ = alone;
  if (!alone || state_ != HealthState::Down || passes_ == 0) return {};
  return enter(now, HealthState::Up, "its last check passed, and nothing else is up");
}

}  // namespace holdfast
