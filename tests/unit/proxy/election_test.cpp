#include "proxy/election.h"

#include <catch2/catch.hpp>
#include <random>

using namespace holdfast;

namespace {

constexpr Candidate up{HealthState::Up, false}, down{HealthState::Down, false}, unknown{},
    drained{HealthState::Up, true};

constexpr Instant at(std::int64_t ms) { return Instant{} + Duration::millis(ms); }

bool decide(Election& e, Instant now, std::vector<Candidate> candidates) { return e.decide(now, candidates); }

}  // namespace

TEST_CASE("the start waits for the first choice's first check, but not for ever") {
  Election e(1, at(0));
  CHECK_FALSE(decide(e, at(0), {unknown, unknown}));
  CHECK_FALSE(decide(e, at(1), {up, unknown}));
  CHECK(e.deadline() == at(500));
  CHECK(decide(e, at(2), {up, up}));
  CHECK(e.active() == 1);
  CHECK(e.why() == Election::Why::Start);
  CHECK(e.deadline() == Instant::never());
  Election late(-1, at(0));
  CHECK_FALSE(decide(late, at(499), {unknown, up}));
  CHECK(decide(late, at(500), {unknown, up}));
  CHECK(late.active() == 1);
  Election refused(0, at(0));
  CHECK(decide(refused, at(1), {down, up}));
  CHECK(refused.active() == 1);
}

TEST_CASE("the choice is sticky and never flaps back by itself") {
  Election e(0, at(0));
  decide(e, at(0), {up, up});
  CHECK(decide(e, at(10), {down, up}));
  CHECK(e.active() == 1);
  CHECK(e.why() == Election::Why::ActiveDown);
  CHECK_FALSE(decide(e, at(20), {up, up}));
  CHECK(e.active() == 1);
  CHECK(decide(e, at(30), {up, down}));
  CHECK(e.active() == 0);
  CHECK(e.elections() == 3);
}

TEST_CASE("nobody up: nobody active, and the first that returns is, at once") {
  Election e(0, at(0));
  decide(e, at(0), {up, up});
  CHECK(decide(e, at(10), {down, down}));
  CHECK(e.active() == -1);
  CHECK_FALSE(decide(e, at(11), {down, down}));
  CHECK(decide(e, at(12), {down, up}));
  CHECK(e.active() == 1);
  CHECK(e.why() == Election::Why::Returned);
}

TEST_CASE("draining moves away and stays away until the other fails") {
  Election e(0, at(0));
  decide(e, at(0), {up, up});
  CHECK(decide(e, at(10), {drained, up}));
  CHECK(e.active() == 1);
  CHECK(e.why() == Election::Why::ActiveDrained);
  CHECK_FALSE(decide(e, at(20), {up, up}));  // ready again
  CHECK(decide(e, at(30), {drained, down}));
  CHECK(e.active() == -1);                   // a drained instance is not used even then
  CHECK(decide(e, at(40), {up, down}));
  CHECK(e.active() == 0);
}

TEST_CASE("a restored choice goes on without waiting") {
  Election e(0, at(0));
  e.restore(1, 7, Instant{-100});
  CHECK_FALSE(decide(e, at(0), {up, up}));
  CHECK(e.active() == 1);
  CHECK(decide(e, at(1), {up, down}));
  CHECK(e.elections() == 8);
  Election removed(-1, at(0));
  removed.restore(-1, 3, Instant{-100}, true);
  CHECK(decide(removed, at(0), {unknown, up}));
  CHECK(removed.why() == Election::Why::ActiveRemoved);
}

TEST_CASE("random histories: one active whenever one is usable, and it moves only when it must") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    std::size_t count = 1 + random() % 4;
    int prefer = static_cast<int>(random() % (count + 1)) - 1;
    Election e(prefer, at(0));
    std::vector<Candidate> all(count);
    Instant now = at(0);
    std::uint64_t changes = 0;
    INFO("seed " << seed);
    for (int i = 0; i < 300; ++i) {
      now = now + Duration::millis(random() % 50);
      Candidate& c = all[random() % count];
      if (random() % 4 == 0)
        c.drained = !c.drained;
      else
        c.health = random() % 2 ? HealthState::Up : HealthState::Down;
      int before = e.active();
      bool changed = e.decide(now, all);
      changes += changed;
      bool any = false;
      for (const Candidate& each : all) any = any || each.usable();
      REQUIRE(changed == (before != e.active()));
      bool waiting = e.deadline() != Instant::never();
      if (waiting)
        REQUIRE((now < at(500) && e.elections() == 0));
      else
        REQUIRE((e.active() >= 0) == any);
      if (e.active() >= 0) REQUIRE(all[static_cast<std::size_t>(e.active())].usable());
      if (changed && before >= 0) REQUIRE_FALSE(all[static_cast<std::size_t>(before)].usable());
      REQUIRE_FALSE(e.decide(now, all));  // stable
    }
    REQUIRE(e.elections() == changes);
  }
}

TEST_CASE("a follower elects what the holder chose, and stays there when it follows no more") {
  Election e(0, at(0));
  decide(e, at(0), {up, up, up});
  e.follow(2);
  CHECK(decide(e, at(1), {up, up, up}));
  CHECK(e.active() == 2);
  CHECK(e.why() == Election::Why::Followed);
  CHECK_FALSE(decide(e, at(2), {up, up, up}));
  e.follow(-1);
  CHECK_FALSE(decide(e, at(3), {up, up, up}));
  CHECK(e.active() == 2);
  CHECK(e.elections() == 2);
}

TEST_CASE("a follower never elects what is down or drained here, and goes over once it can") {
  for (Candidate bad : {down, unknown, drained}) {
    Election e(0, at(0));
    decide(e, at(0), {up, up});
    e.follow(1);
    CHECK_FALSE(decide(e, at(1), {up, bad}));
    CHECK(e.active() == 0);
    CHECK(decide(e, at(2), {up, up}));
    CHECK(e.active() == 1);
    CHECK(decide(e, at(3), {up, bad}));
    CHECK(e.active() == 0);
  }
  Election out_of_range(0, at(0));
  out_of_range.follow(7);
  CHECK(decide(out_of_range, at(1), {up, up}));
  CHECK(out_of_range.active() == 0);
}

TEST_CASE("a follower that starts waits for what the holder chose, for as long as it would for its own choice") {
  Election e(0, at(0));
  e.follow(1);
  CHECK_FALSE(decide(e, at(1), {up, unknown}));
  CHECK(decide(e, at(2), {up, up}));
  CHECK(e.active() == 1);
  Election late(0, at(0));
  late.follow(1);
  CHECK_FALSE(decide(late, at(1), {up, unknown}));
  CHECK(decide(late, at(500), {up, unknown}));
  CHECK(late.active() == 0);
}
