#include "proxy/health.h"

#include <catch2/catch.hpp>
#include <random>

using namespace holdfast;

namespace {

conf::Check http_check() {
  conf::Check c;
  c.kind = conf::CheckKind::Http;
  c.every = 500_ms;
  c.every_down = 100_ms;
  c.timeout = 1_s;
  c.fall = 2;
  c.rise = 2;
  return c;
}

constexpr Instant at(std::int64_t ms) { return Instant{} + Duration::millis(ms); }

// Lets the due check begin and end.
Health::Step check(Health& h, Instant when, bool ok, std::string_view why = "status 500") {
  REQUIRE(h.deadline() <= when);
  REQUIRE(h.on_deadline(when).probe);
  REQUIRE(h.deadline() == Instant::never());
  return h.on_check(when, ok, why);
}

Health up_since_zero(const conf::Check& c) {
  Health h(c, 1, at(0));
  REQUIRE(check(h, at(0), true).changed);
  return h;
}

}  // namespace

TEST_CASE("the first check is due at once and decides alone") {
  Health good(http_check(), 1, at(0));
  CHECK(good.state() == HealthState::Unknown);
  CHECK(good.deadline() == at(0));
  CHECK(check(good, at(0), true).changed);
  CHECK(good.state() == HealthState::Up);
  CHECK(good.deadline() == at(500));
  Health bad(http_check(), 1, at(0));
  CHECK(check(bad, at(3), false, "connect refused").changed);
  CHECK(bad.state() == HealthState::Down);
  CHECK(bad.reason() == "the first check failed: connect refused");
  CHECK(bad.deadline() == at(103));
}

TEST_CASE("fall failures in a row take it down, rise passes in a row bring it up") {
  Health h = up_since_zero(http_check());
  CHECK_FALSE(check(h, at(500), false).changed);
  CHECK(h.deadline() == at(600));  // confirmed fast
  CHECK_FALSE(check(h, at(600), true).changed);
  CHECK(h.deadline() == at(1100));
  CHECK_FALSE(check(h, at(1100), false).changed);
  CHECK(check(h, at(1200), false).changed);
  CHECK(h.reason() == "2 of 2 checks failed: status 500");
  CHECK(h.since() == at(1200));
  CHECK_FALSE(check(h, at(1300), true).changed);
  CHECK_FALSE(check(h, at(1400), false).changed);
  CHECK_FALSE(check(h, at(1500), true).changed);
  CHECK(check(h, at(1600), true).changed);
  CHECK(h.reason() == "2 of 2 checks passed");
  CHECK(h.deadline() == at(2100));
}

TEST_CASE("with nothing else up one pass is enough, also one already seen") {
  Health h(http_check(), 1, at(0));
  check(h, at(0), false);
  h.set_alone(at(10), true);
  CHECK(check(h, at(100), true).changed);
  Health later(http_check(), 1, at(0));
  check(later, at(0), false);
  CHECK_FALSE(later.set_alone(at(50), true).changed);
  later.set_alone(at(60), false);
  CHECK_FALSE(check(later, at(100), true).changed);
  CHECK(later.set_alone(at(110), true).changed);
  CHECK(later.state() == HealthState::Up);
}

TEST_CASE("final evidence takes it down at once") {
  for (Evidence e : {Evidence::Refused, Evidence::Unreachable, Evidence::ConnectTimeout}) {
    Health h = up_since_zero(http_check());
    Health::Step step = h.on_evidence(at(50), e, 1);
    CHECK(step.changed);
    CHECK_FALSE(step.probe);
    CHECK(h.state() == HealthState::Down);
    CHECK(h.deadline() == at(150));
    CHECK_FALSE(h.on_evidence(at(51), e, 1).changed);
  }
}

TEST_CASE("final evidence outdates the check under way") {
  Health h = up_since_zero(http_check());
  h.on_deadline(at(500));
  Health::Step step = h.on_evidence(at(501), Evidence::Refused, 1);
  CHECK(step.changed);
  CHECK(step.probe);
}

TEST_CASE("suspicion asks for a check at once; one failure is enough, a pass clears it") {
  for (Evidence e : {Evidence::Reset, Evidence::ResponseTimeout, Evidence::BadResponse, Evidence::GoingAway,
                     Evidence::Tls}) {
    Health h = up_since_zero(http_check());
    Health::Step step = h.on_evidence(at(50), e, 1);
    CHECK(step.probe);
    CHECK_FALSE(step.changed);
    CHECK_FALSE(h.on_evidence(at(50), e, 1).probe);  // a hundred requests die at once: one check
    CHECK(h.on_check(at(51), false, "connect refused").changed);
    CHECK(h.state() == HealthState::Down);
    CHECK_THAT(h.reason(), Catch::EndsWith(", then a check failed: connect refused"));
  }
  Health h = up_since_zero(http_check());
  h.on_evidence(at(50), Evidence::Reset, 1);
  CHECK_FALSE(h.on_check(at(51), true, "").changed);
  CHECK(h.deadline() == at(550));
  check(h, at(550), false);
  CHECK(h.state() == HealthState::Up);
}

TEST_CASE("a check under way is begun anew after a reset, but kept after a response time-out") {
  Health reset = up_since_zero(http_check());
  reset.on_deadline(at(500));
  CHECK(reset.on_evidence(at(510), Evidence::Reset, 1).probe);
  Health hung = up_since_zero(http_check());
  hung.on_deadline(at(500));
  CHECK_FALSE(hung.on_evidence(at(510), Evidence::ResponseTimeout, 1).probe);
  CHECK(hung.on_check(at(1500), false, "no answer in 1 s").changed);
}

TEST_CASE("checks that pass while requests fail are not repeated without pause") {
  Health h = up_since_zero(http_check());
  h.on_evidence(at(50), Evidence::Reset, 1);
  h.on_check(at(51), true, "");
  CHECK_FALSE(h.on_evidence(at(52), Evidence::Reset, 1).probe);
  CHECK(h.deadline() == at(151));
  CHECK(h.on_deadline(at(151)).probe);
  CHECK(h.on_check(at(152), false, "status 503").changed);
}

TEST_CASE("an instance that answers its checks but kills three requests in a row is given up") {
  for (Evidence e : {Evidence::Reset, Evidence::ResponseTimeout}) {
    Health h = up_since_zero(http_check());
    h.on_evidence(at(50), e, 1);
    h.on_check(at(51), true, "");
    CHECK_FALSE(h.on_evidence(at(60), e, 1).changed);
    CHECK(h.on_evidence(at(70), e, 1).changed);
    CHECK(h.state() == HealthState::Down);
    CHECK_THAT(h.reason(), Catch::EndsWith(", repeatedly"));
    check(h, h.deadline(), true);
    check(h, h.deadline(), true);
    CHECK(h.state() == HealthState::Up);
  }
  Health mixed = up_since_zero(http_check());
  mixed.on_evidence(at(50), Evidence::Reset, 2);
  mixed.on_evidence(at(55), Evidence::Success, 1);  // others get through: it is one bad request
  CHECK_FALSE(mixed.on_evidence(at(60), Evidence::Reset, 2).changed);
  Health polite = up_since_zero(http_check());
  CHECK_FALSE(polite.on_evidence(at(50), Evidence::GoingAway, 9).changed);
}

TEST_CASE("evidence says nothing about an instance that was never up, but for refusal") {
  Health h(http_check(), 1, at(0));
  h.on_deadline(at(0));
  CHECK_FALSE(h.on_evidence(at(1), Evidence::Reset, 5).changed);
  CHECK(h.on_evidence(at(1), Evidence::Refused, 1).changed);
}

TEST_CASE("without checks: up at once, three suspicions in ten seconds, tried again") {
  conf::Check none = http_check();
  none.kind = conf::CheckKind::None;
  none.every_down = 1_s;
  Health h(none, 1, at(0));
  CHECK(h.state() == HealthState::Up);
  CHECK(h.deadline() == Instant::never());
  CHECK_FALSE(h.on_evidence(at(0), Evidence::Reset, 2).changed);
  CHECK_FALSE(h.on_evidence(at(10'001), Evidence::Reset, 2).changed);  // the window has passed
  h.on_evidence(at(10'002), Evidence::Success, 1);
  CHECK_FALSE(h.on_evidence(at(10'003), Evidence::Reset, 2).changed);
  CHECK(h.on_evidence(at(10'004), Evidence::Reset, 1).changed);
  CHECK(h.state() == HealthState::Down);
  CHECK(h.deadline() == at(11'004));
  CHECK_FALSE(h.on_deadline(at(11'003)).changed);
  Health::Step step = h.on_deadline(at(11'004));
  CHECK(step.changed);
  CHECK_FALSE(step.probe);
  CHECK(h.state() == HealthState::Up);
  CHECK(h.on_evidence(at(11'100), Evidence::Refused, 1).changed);
  CHECK(h.deadline() == at(12'100));
}

TEST_CASE("jitter shortens an interval by its share and no more, the same for the same seed") {
  conf::Check c = http_check();
  c.jitter_percent = 20;
  Health a(c, 5, at(0)), b(c, 5, at(0)), other(c, 6, at(0));
  bool differs = false;
  Instant now = at(0);
  for (int i = 0; i < 50; ++i) {
    check(a, now, true);
    check(b, now, true);
    check(other, now, true);
    CHECK(a.deadline() == b.deadline());
    differs = differs || a.deadline() != other.deadline();
    CHECK(a.deadline() - now > 400_ms - Duration{1});
    CHECK(a.deadline() - now <= 500_ms);
    now = now + 500_ms;
  }
  CHECK(differs);
}

TEST_CASE("an assumed state holds until checks say otherwise") {
  Health h(http_check(), 1, at(1000));
  h.assume(HealthState::Up, at(10), "kept over the reload");
  CHECK(h.state() == HealthState::Up);
  CHECK(h.since() == at(10));
  CHECK(h.deadline() == at(1000));
  CHECK_FALSE(check(h, at(1000), false).changed);
  CHECK(check(h, at(1100), false).changed);
}

TEST_CASE("random inputs keep the machine's promises") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    conf::Check c = http_check();
    c.kind = seed % 5 == 0 ? conf::CheckKind::None : conf::CheckKind::Http;
    c.fall = 1 + random() % 3;
    c.rise = 1 + random() % 3;
    c.jitter_percent = random() % 101;
    Health h(c, seed, at(0));
    Instant now = at(0);
    bool probing = false;
    INFO("seed " << seed);
    for (int i = 0; i < 500; ++i) {
      HealthState before = h.state();
      Health::Step step;
      bool told_failed = false;
      switch (random() % 5) {
        case 0: now = now + Duration::millis(random() % 300); break;
        case 1:
          told_failed = random() % 2;
          if (probing) step = h.on_check(now, !told_failed, "x"), probing = false;
          break;
        case 2: step = h.on_evidence(now, static_cast<Evidence>(random() % 9), 1 + random() % 2); break;
        case 3: step = h.set_alone(now, random() % 2); break;
        default:
          if (h.deadline() <= now) step = h.on_deadline(now);
          break;
      }
      probing = probing || step.probe;
      REQUIRE(step.changed == (before != h.state()));
      if (step.changed) REQUIRE(h.since() == now);
      if (step.changed) REQUIRE(h.state() != HealthState::Unknown);
      REQUIRE_FALSE((step.probe && c.kind == conf::CheckKind::None));
      // It never falls silent: a check is under way, or one is due, or (without checks) it is simply up.
      if (c.kind != conf::CheckKind::None)
        REQUIRE(probing == (h.deadline() == Instant::never()));
      else
        REQUIRE((h.state() == HealthState::Up) == (h.deadline() == Instant::never()));
      if (h.deadline() != Instant::never()) REQUIRE(h.deadline() <= now + 1_s);
    }
  }
}
