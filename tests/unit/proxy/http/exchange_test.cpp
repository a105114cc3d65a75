// The replay ladder, rung by rung, without a byte or a socket.
#include "proxy/http/exchange.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::http;
using State = Exchange::State;
using Next = Exchange::Next;

namespace {

constexpr Instant t0{1'000'000'000'000};

struct Fixture {
  conf::Route route;
  conf::ServiceTimeouts timeouts;
  Exchange exchange;

  Fixture() {
    route.deadline = 4_s;
    route.attempts = 4;
    route.body_timeout = 10_s;
    route.shield_time = 50_ms;
    timeouts.connect = 2_s;
    timeouts.response = 3_s;
    timeouts.idle = 60_s;
  }
  void begin(Method method, conf::Replay replay = conf::Replay::Idempotent, bool keyed = false) {
    route.replay = replay;
    exchange.begin(route, timeouts, method, keyed, false, t0);
  }
  void attempt(Instant now, bool sent) {
    exchange.on_attempt(now, false);
    exchange.on_connected(now);
    if (sent) exchange.on_request_sent(now);
  }
};

}  // namespace

TEST_CASE("rung 1: what was not sent is tried again, whatever the method") {
  for (Method method : {Method::Get, Method::Post, Method::Patch, Method::Other}) {
    Fixture f;
    f.begin(method, conf::Replay::Unsent);
    for (int i = 0; i < 20; ++i) {  // not counted against the attempts: nobody was bothered
      f.exchange.on_attempt(t0, false);
      auto verdict = f.exchange.on_failure(Failure::Refused, {.sent = false}, t0 + Duration::millis(i));
      REQUIRE(verdict.next == Next::Try);
    }
  }
}

TEST_CASE("replay = never means never, not even unsent") {
  Fixture f;
  f.begin(Method::Get, conf::Replay::Never);
  f.exchange.on_attempt(t0, false);
  CHECK(f.exchange.on_failure(Failure::Refused, {.sent = false}, t0).next == Next::Answer);
}

TEST_CASE("rung 2: what was sent is repeated by method, key or the route's word") {
  struct Row {
    Method method;
    conf::Replay replay;
    bool keyed;
    Next next;
  };
  const Row rows[] = {
      {Method::Get, conf::Replay::Idempotent, false, Next::Try},
      {Method::Head, conf::Replay::Idempotent, false, Next::Try},
      {Method::Put, conf::Replay::Idempotent, false, Next::Try},
      {Method::Delete, conf::Replay::Idempotent, false, Next::Try},
      {Method::Options, conf::Replay::Idempotent, false, Next::Try},
      {Method::Trace, conf::Replay::Idempotent, false, Next::Try},
      {Method::Query, conf::Replay::Idempotent, false, Next::Try},
      {Method::Post, conf::Replay::Idempotent, false, Next::Answer},
      {Method::Post, conf::Replay::Idempotent, true, Next::Answer},
      {Method::Patch, conf::Replay::Idempotent, true, Next::Answer},
      {Method::Post, conf::Replay::Keyed, false, Next::Answer},
      {Method::Post, conf::Replay::Keyed, true, Next::Try},
      {Method::Patch, conf::Replay::Keyed, true, Next::Try},
      {Method::Other, conf::Replay::Keyed, true, Next::Answer},
      {Method::Post, conf::Replay::Always, false, Next::Try},
      {Method::Get, conf::Replay::Unsent, false, Next::Answer},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.method), static_cast<int>(row.replay), row.keyed);
    Fixture f;
    f.begin(row.method, row.replay, row.keyed);
    f.attempt(t0, true);
    CHECK(f.exchange.on_failure(Failure::Reset, {.sent = true}, t0 + 1_ms).next == row.next);
  }
}

TEST_CASE("a body that was not kept cannot be sent twice") {
  Fixture f;
  f.begin(Method::Put);
  f.attempt(t0, true);
  auto verdict = f.exchange.on_failure(Failure::Reset, {.sent = true, .retained = false}, t0);
  CHECK(verdict.next == Next::Answer);
  CHECK(verdict.status == 502);
}

TEST_CASE("attempts that an instance may have seen are limited") {
  Fixture f;
  f.route.attempts = 3;
  f.begin(Method::Get);
  Instant now = t0;
  for (int sent = 1; sent <= 3; ++sent) {
    f.attempt(now, true);
    auto verdict = f.exchange.on_failure(Failure::Reset, {.sent = true}, now);
    CHECK(verdict.next == (sent < 3 ? Next::Try : Next::Answer));
    now = std::max(now, f.exchange.retry_at());
  }
}

TEST_CASE("the same instance is not tried again at once, another one is") {
  Fixture f;
  f.begin(Method::Get);
  f.attempt(t0, true);
  f.exchange.on_failure(Failure::Reset, {.sent = true, .same_instance = false}, t0);
  CHECK(f.exchange.retry_at() == t0);
  f.attempt(t0, true);
  f.exchange.on_failure(Failure::Reset, {.sent = true, .same_instance = true}, t0);
  CHECK(f.exchange.retry_at() > t0);
  CHECK(f.exchange.retry_at() <= t0 + 250_ms);
  CHECK(f.exchange.deadline() == f.exchange.retry_at());
  CHECK(f.exchange.on_timer(f.exchange.retry_at()) == Exchange::Expired::Retry);
}

TEST_CASE("the deadline ends waiting and trying, and is the last word") {
  Fixture f;
  f.begin(Method::Get);
  f.exchange.on_park(t0);
  CHECK(f.exchange.deadline() == t0 + 4_s);
  CHECK(f.exchange.on_timer(t0 + 3_s) == Exchange::Expired::None);
  CHECK(f.exchange.on_timer(t0 + 4_s) == Exchange::Expired::Deadline);
  f.attempt(t0 + 3_s, true);
  CHECK(f.exchange.on_failure(Failure::Reset, {.sent = true}, t0 + 4_s).next == Next::Answer);
}

TEST_CASE("time-outs follow the attempt: connect, response, silence") {
  Fixture f;
  f.begin(Method::Get);
  f.exchange.on_attempt(t0, false);
  CHECK(f.exchange.on_timer(t0 + 2_s) == Exchange::Expired::Connect);
  f.exchange.on_connected(t0 + 100_ms);
  CHECK(f.exchange.on_timer(t0 + 2_s) == Exchange::Expired::None);
  CHECK(f.exchange.on_timer(t0 + 3100_ms) == Exchange::Expired::Response);
  f.exchange.on_response_head(t0 + 1_s, false, true);
  f.exchange.on_response_forwarded();
  CHECK(f.exchange.on_timer(t0 + 60_s) == Exchange::Expired::None);  // it flows: no deadline any more
  CHECK(f.exchange.on_timer(t0 + 61_s) == Exchange::Expired::ServerIdle);
  f.exchange.on_client_blocked();  // a client that does not read is not the instance's fault
  CHECK(f.exchange.deadline() == Instant::never());
}

TEST_CASE("a client that stalls in its body is not the instance's fault") {
  Fixture f;
  f.route.deadline = 60_s;
  f.exchange.begin(f.route, f.timeouts, Method::Put, false, true, t0);
  f.exchange.on_request_body(t0);
  f.attempt(t0, true);
  CHECK(f.exchange.on_timer(t0 + 3_s) == Exchange::Expired::None);
  f.exchange.on_body_paused(t0 + 3_s);  // now it is the instance that does not take what there is
  CHECK(f.exchange.on_timer(t0 + 6_s) == Exchange::Expired::Response);
  f.exchange.on_request_body(t0 + 6_s);
  CHECK(f.exchange.on_timer(t0 + 9_s) == Exchange::Expired::None);
  f.exchange.on_request_complete(t0 + 9_s);
  CHECK(f.exchange.on_timer(t0 + 12_s) == Exchange::Expired::Response);
}

TEST_CASE("who expects 100-continue waits for the instance until it has its word") {
  Fixture f;
  f.route.deadline = 60_s;
  f.exchange.begin(f.route, f.timeouts, Method::Put, false, true, t0);
  f.exchange.expect_continue();
  f.attempt(t0, true);
  CHECK(f.exchange.on_timer(t0 + 3_s) == Exchange::Expired::Response);
  f.exchange.on_continue(t0 + 2_s);
  CHECK(f.exchange.on_timer(t0 + 11_s) == Exchange::Expired::None);
  CHECK(f.exchange.on_timer(t0 + 12_s) == Exchange::Expired::Body);
}

TEST_CASE("a response that has begun is not waited for while the request goes on") {
  Fixture f;
  f.exchange.begin(f.route, f.timeouts, Method::Put, false, true, t0);
  f.exchange.on_request_body(t0);
  f.attempt(t0, true);
  f.exchange.on_response_head(t0, false, true);
  f.exchange.on_response_forwarded();
  f.exchange.on_request_body(t0 + 1_s);
  f.exchange.on_request_sent(t0 + 1_s);
  f.exchange.on_request_complete(t0 + 1_s);
  CHECK(f.exchange.on_timer(t0 + 10_s) == Exchange::Expired::None);
}

TEST_CASE("the deadline runs from the last byte of the request") {
  Fixture f;
  f.exchange.begin(f.route, f.timeouts, Method::Post, false, true, t0);
  f.exchange.on_request_body(t0 + 3_s);
  CHECK(f.exchange.on_timer(t0 + 5_s) == Exchange::Expired::None);
  f.exchange.on_request_complete(t0 + 3_s);
  CHECK(f.exchange.on_timer(t0 + 7_s) == Exchange::Expired::Deadline);
  Fixture slow;
  slow.exchange.begin(slow.route, slow.timeouts, Method::Post, false, true, t0);
  slow.route.deadline = 60_s;
  slow.exchange.on_request_body(t0);
  CHECK(slow.exchange.on_timer(t0 + 10_s) == Exchange::Expired::Body);
}

TEST_CASE("a response of unknown length is held no longer than the shield's time") {
  Fixture f;
  f.begin(Method::Get);
  f.attempt(t0, true);
  f.exchange.on_response_head(t0, true, false);
  CHECK(f.exchange.state() == State::Holding);
  CHECK(f.exchange.on_timer(t0 + 50_ms) == Exchange::Expired::Shield);
  Fixture known;
  known.begin(Method::Get);
  known.attempt(t0, true);
  known.exchange.on_response_head(t0, true, true);
  CHECK(known.exchange.on_timer(t0 + 50_ms) == Exchange::Expired::None);
}

TEST_CASE("rung 5: half a response is resumed or cut, never completed by an error page") {
  for (bool resume : {true, false}) {
    Fixture f;
    f.route.resume = resume;
    f.begin(Method::Get);
    f.attempt(t0, true);
    f.exchange.on_response_head(t0, false, true);
    f.exchange.on_response_forwarded();
    auto verdict = f.exchange.on_failure(Failure::Reset, {.sent = true}, t0 + 10_s);
    CHECK(verdict.next == (resume ? Next::Resume : Next::Cut));
    if (resume) CHECK(f.exchange.on_timer(t0 + 14_s) == Exchange::Expired::Deadline);
  }
  Fixture post;
  post.begin(Method::Post);
  post.attempt(t0, true);
  post.exchange.on_response_head(t0, false, true);
  post.exchange.on_response_forwarded();
  CHECK(post.exchange.on_failure(Failure::Reset, {.sent = true}, t0).next == Next::Cut);
}

TEST_CASE("rung 5: what cannot be taken up by another answer is cut, whatever the method allows") {
  Fixture f;
  f.begin(Method::Put);
  f.attempt(t0, true);
  f.exchange.on_response_head(t0, false, true);
  f.exchange.on_response_forwarded();
  CHECK(f.exchange.on_failure(Failure::Reset, {.sent = true, .resumable = false}, t0).next == Next::Cut);
}

TEST_CASE("rung 5: a resumed response flows without a deadline, as before") {
  Fixture f;
  f.begin(Method::Get);
  f.attempt(t0, true);
  f.exchange.on_response_head(t0, false, true);
  f.exchange.on_response_forwarded();
  REQUIRE(f.exchange.on_failure(Failure::Reset, {.sent = true, .same_instance = false}, t0).next ==
          Next::Resume);
  f.attempt(t0 + 1_s, true);
  f.exchange.on_response_head(t0 + 1_s, false, true);
  CHECK(f.exchange.on_timer(t0 + 10_s) == Exchange::Expired::None);
}

TEST_CASE("an instance given up may be silent for a second while its response flows") {
  Fixture f;
  f.begin(Method::Get);
  f.attempt(t0, true);
  f.exchange.on_response_head(t0, false, true);
  f.exchange.on_response_forwarded();
  f.exchange.on_suspect(t0);
  CHECK(f.exchange.on_timer(t0 + 1_s) == Exchange::Expired::ServerIdle);
  f.exchange.on_response_bytes(t0 + 500_ms);
  CHECK(f.exchange.on_timer(t0 + 1_s) == Exchange::Expired::None);
}

TEST_CASE("a request that cannot be repeated has a last second on an instance given up") {
  Fixture f;
  f.begin(Method::Post);
  f.attempt(t0, true);
  f.exchange.on_suspect(t0 + 500_ms);
  CHECK(f.exchange.on_timer(t0 + 1400_ms) == Exchange::Expired::None);
  CHECK(f.exchange.on_timer(t0 + 1500_ms) == Exchange::Expired::Response);
}

TEST_CASE("what is answered says what went wrong") {
  const std::pair<Failure, unsigned> rows[] = {
      {Failure::Refused, 503},         {Failure::ConnectTimeout, 503}, {Failure::Reset, 502},
      {Failure::ResponseTimeout, 504}, {Failure::BadResponse, 502},    {Failure::Tls, 502},
  };
  for (auto [failure, status] : rows) {
    Fixture f;
    f.begin(Method::Post, conf::Replay::Never);
    f.attempt(t0, true);
    CHECK(f.exchange.on_failure(failure, {.sent = true}, t0).status == status);
  }
}
