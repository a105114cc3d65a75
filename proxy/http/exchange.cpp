#include "proxy/http/exchange.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace holdfast::http {

namespace {

// Between two tries of the same instance: long enough not to beat it, short enough for a caller who
// waits. An election or a recovery wakes the request earlier.
constexpr Duration pause_first = 10_ms;
constexpr Duration pause_most = 250_ms;
// After a withheld 502, 503 or 504 the control loop probes the instance at once; give it time to know.
constexpr Duration pause_probe = 50_ms;
// An instance that was given up may still answer what cannot be repeated, or go on with a response, if it
// is not silent for this long: its checks may be wrong.
constexpr Duration quiet_most = 1_s;

unsigned status_for(Failure failure) {
  switch (failure) {
    case Failure::ResponseTimeout:
    case Failure::IdleTimeout: return 504;
    case Failure::Refused:
    case Failure::Unreachable:
    case Failure::ConnectTimeout:
    case Failure::GoingAway:
    case Failure::Resources: return 503;
    case Failure::Tls:
    case Failure::Closed:
    case Failure::Reset:
    case Failure::BadResponse:
    case Failure::TakenBack: return 502;
  }
  return 502;
}

}  // namespace

std::string_view name_of(Failure failure) {
  switch (failure) {
    case Failure::Refused: return "refused";
    case Failure::Unreachable: return "unreachable";
    case Failure::ConnectTimeout: return "connect-timeout";
    case Failure::Tls: return "tls";
    case Failure::Closed: return "closed";
    case Failure::Reset: return "reset";
    case Failure::ResponseTimeout: return "response-timeout";
    case Failure::IdleTimeout: return "idle-timeout";
    case Failure::BadResponse: return "bad-response";
    case Failure::GoingAway: return "going-away";
    case Failure::TakenBack: return "taken-back";
    case Failure::Resources: return "resources";
  }
  return "?";
}

void Exchange::begin(const conf::Route& route, const conf::ServiceTimeouts& timeouts, Method method,
                     bool keyed, bool body_follows, Instant now) {
  *this = Exchange{};
  route_ = &route;
  timeouts_ = timeouts;
  method_ = method;
  keyed_ = keyed;
  state_ = State::Waiting;
  retry_at_ = Instant::never();  // the driver starts the first attempt when the request is ready
  deadline_at_ = now + route.deadline;
  request_complete_ = !body_follows;
  if (body_follows) body_at_ = now + route.body_timeout;
}

void Exchange::on_continue(Instant now) {
  expects_ = false;
  body_at_ = now + route_->body_timeout;
  wait_for_response(now);
}

/// An instance owes no answer while it waits for the rest of the request: how long that takes is the
/// client's affair (body_at_), and a client must not be able to make an instance look sick.
void Exchange::wait_for_response(Instant now) {
  if (state_ != State::Trying || connect_at_ != Instant::never()) return;
  const bool its_turn = request_complete_ || expects_ || body_at_ == Instant::never();
  response_at_ = its_turn ? now + timeouts_.response : Instant::never();
}

void Exchange::on_body_paused(Instant now) {
  body_at_ = Instant::never();
  wait_for_response(now);
}

void Exchange::on_request_body(Instant now) {
  expects_ = false;
  // The deadline is the caller's patience for an answer, so it runs from the last byte of the question.
  if (!forwarded_) deadline_at_ = now + route_->deadline;
  if (!request_complete_) body_at_ = now + route_->body_timeout;
  wait_for_response(now);
}

void Exchange::on_request_complete(Instant now) {
  request_complete_ = true;
  body_at_ = Instant::never();
  wait_for_response(now);
}

void Exchange::on_attempt(Instant now, bool pooled) {
  CHECK(state_ == State::Waiting);
  state_ = State::Trying;
  ++attempts_;
  retry_at_ = Instant::never();
  connect_at_ = pooled ? Instant::never() : now + timeouts_.connect;
}

void Exchange::on_connected(Instant now) {
  connect_at_ = Instant::never();
  wait_for_response(now);
}

void Exchange::on_request_sent(Instant now) { wait_for_response(now); }

void Exchange::on_response_head(Instant now, bool hold, bool length_known) {
  response_at_ = Instant::never();
  server_idle_at_ = now + timeouts_.idle;
  state_ = hold ? State::Holding : State::Relaying;
  if (forwarded_) deadline_at_ = Instant::never();  // resumed: it flows again
  // A live stream of small events has no length and must not wait; a response with a length is on its way.
  if (hold && !length_known) shield_at_ = now + route_->shield_time;
}

void Exchange::on_response_forwarded() {
  forwarded_ = true;
  state_ = State::Relaying;
  shield_at_ = Instant::never();
  deadline_at_ = Instant::never();  // it flows; from here on only silence ends it
}

void Exchange::on_suspect(Instant now) {
  // It may be well and only its checks sick: as long as bytes come, they count more than the checks.
  if (server_idle_at_ != Instant::never()) server_idle_at_ = std::min(server_idle_at_, now + quiet_most);
  if (response_at_ != Instant::never()) response_at_ = std::min(response_at_, now + quiet_most);
}

void Exchange::on_park(Instant) {
  CHECK(state_ == State::Waiting);
  retry_at_ = Instant::never();
}

bool Exchange::idempotent_enough() const {
  switch (route_->replay) {
    case conf::Replay::Never:
    case conf::Replay::Unsent: return false;
    case conf::Replay::Idempotent: return is_idempotent(method_);
    case conf::Replay::Keyed:
      return is_idempotent(method_) || (keyed_ && (method_ == Method::Post || method_ == Method::Patch));
    case conf::Replay::Always: return true;
  }
  return false;
}

bool Exchange::may_repeat(bool sent, bool retained) const {
  if (route_->replay == conf::Replay::Never) return false;
  if (!sent && !forwarded_) return true;  // rung 1
  return idempotent_enough() && retained && attempts_sent_ + 1 < route_->attempts;
}

Exchange::Verdict Exchange::on_failure(Failure failure, const Facts& facts, Instant now) {
  const bool was_forwarded = forwarded_;
  const bool may = may_repeat(facts.sent, facts.retained);
  if (facts.sent) ++attempts_sent_;
  connect_at_ = response_at_ = server_idle_at_ = shield_at_ = Instant::never();
  state_ = State::Waiting;
  retry_at_ = now;

  const Verdict give_up{was_forwarded ? Next::Cut : Next::Answer, status_for(failure)};
  if (!may || now >= deadline_at_) return give_up;
  if (was_forwarded && !(route_->resume && facts.resumable)) return give_up;

  if (facts.same_instance) {
    Duration pause = pause_first * (std::int64_t{1} << std::min(unsent_in_row_ + attempts_sent_, 5u));
    pause = std::min(failure == Failure::GoingAway ? std::max(pause, pause_probe) : pause, pause_most);
    if (failure == Failure::GoingAway && !was_forwarded) pause = std::max(pause, facts.verdict);
    retry_at_ = now + pause;
    ++unsent_in_row_;
  } else {
    unsent_in_row_ = 0;
  }
  // A response that was begun has no deadline of its own any more; resuming it gets one again.
  if (was_forwarded) deadline_at_ = now + route_->deadline;
  return {was_forwarded ? Next::Resume : Next::Try, give_up.status};
}

Instant Exchange::deadline() const {
  Instant due = std::min({deadline_at_, body_at_, connect_at_, response_at_, server_idle_at_, shield_at_});
  return state_ == State::Waiting ? std::min(due, retry_at_) : due;
}

Exchange::Expired Exchange::on_timer(Instant now) const {
  if (deadline_at_ <= now) return Expired::Deadline;
  if (body_at_ <= now) return Expired::Body;
  if (connect_at_ <= now) return Expired::Connect;
  if (response_at_ <= now) return Expired::Response;
  if (server_idle_at_ <= now) return Expired::ServerIdle;
  if (shield_at_ <= now) return Expired::Shield;
  if (state_ == State::Waiting && retry_at_ <= now) return Expired::Retry;
  return Expired::None;
}

}  // namespace holdfast::http
