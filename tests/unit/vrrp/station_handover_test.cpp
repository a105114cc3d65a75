#include "vrrp/station_handover.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

using Kind = HandoverStep::Kind;

/// Giver and taker side of one object; `kinds` is what the last call wanted, in its order.
struct Case {
  Handover h{"vip", 10_s};
  Instant now{1'000'000'000};
  std::vector<HandoverStep> steps;

  std::vector<Kind> kinds() {
    steps = h.take_steps();
    std::vector<Kind> out;
    for (const HandoverStep& step : steps) out.push_back(step.kind);
    return out;
  }
  template <class M>
  const M* said() const {
    for (const HandoverStep& step : steps)
      if (const M* m = std::get_if<M>(&step.message); m != nullptr && step.kind == Kind::Say) return m;
    return nullptr;
  }
  void give() {
    h.begin(now, 4, "hash", false);
    kinds();
    h.on_prepared(now, {"vip", 5, true, ""});
  }
  Handover::Own own() const { return {false, Fitness::Fit, 4, "hash"}; }
};

}  // namespace

TEST_CASE("handover: the giver stops answering before it says Take, and lingers once it is taken") {
  Case c;
  c.h.begin(c.now, 4, "hash", false);
  CHECK(c.kinds() == std::vector{Kind::Say});
  REQUIRE(c.said<Prepare>() != nullptr);
  CHECK(c.said<Prepare>()->epoch == 5);
  c.h.on_prepared(c.now, {"vip", 5, true, ""});
  CHECK(c.kinds() == std::vector{Kind::GiveUp, Kind::Say});
  CHECK(c.said<Take>() != nullptr);
  c.h.on_peer_holds(c.now, 5);
  CHECK(c.kinds() == std::vector{Kind::Result});
  CHECK(c.steps[0].ok);
  c.h.on_connections_left(3);
  CHECK(c.kinds().empty());
  c.h.on_connections_left(0);
  CHECK(c.kinds() == std::vector{Kind::Drop, Kind::Say});
  CHECK(c.said<Gone>() != nullptr);
  CHECK(c.h.deadline() == Instant::never());
}

TEST_CASE("handover: not ready, too late or lost leaves everything as it was") {
  Case c;
  c.h.begin(c.now, 4, "hash", false);
  c.kinds();
  SECTION("refused") { c.h.on_prepared(c.now, {"vip", 5, false, "unfit"}); }
  SECTION("connections would be reset, and nobody insists") {
    c.h.on_prepared(c.now, {"vip", 5, true, "no forwarding"});
  }
  SECTION("no answer") { c.h.on_timer(c.now + prepare_patience); }
  SECTION("link lost") { c.h.on_link_lost(false); }
  CHECK(c.kinds() == std::vector{Kind::Result});
  CHECK_FALSE(c.steps[0].ok);
  CHECK(c.h.giver() == Handover::Giver::Idle);
}

TEST_CASE("handover: an answer to another attempt counts for nothing") {
  Case c;
  c.h.begin(c.now, 4, "hash", false);
  c.kinds();
  c.h.on_prepared(c.now, {"vip", 4, true, ""});
  CHECK(c.kinds().empty());
  CHECK(c.h.giver() == Handover::Giver::Preparing);
}

TEST_CASE("handover: without a confirmation within 50 ms the giver takes back under a later epoch") {
  Case c;
  c.give();
  c.kinds();
  c.h.on_timer(c.now + 49_ms);
  CHECK(c.kinds().empty());
  c.h.on_peer_holds(c.now, 4);  // an old claim
  CHECK(c.kinds().empty());
  c.h.on_timer(c.now + 50_ms);
  CHECK(c.kinds().front() == Kind::TakeBack);
  CHECK(c.steps[0].epoch == 6);
}

TEST_CASE("handover: after a freeze a Take that was said is not taken back") {
  Case c;
  c.give();
  c.kinds();
  c.h.cancel(c.now + 5_s, "frozen");
  CHECK(c.kinds() == std::vector{Kind::Result});
  CHECK(c.h.giver() == Handover::Giver::Lingering);
}

TEST_CASE("handover: lingering ends with its time, and at once when this node holds again") {
  Case c;
  c.give();
  c.h.on_peer_holds(c.now, 5);
  c.kinds();
  SECTION("time over") {
    c.h.on_timer(c.now + 10_s);
    CHECK(c.kinds() == std::vector{Kind::Drop, Kind::Say});
  }
  SECTION("holder again") {
    c.h.on_holder();
    CHECK(c.kinds().empty());
    CHECK(c.h.deadline() == Instant::never());
  }
}

TEST_CASE("handover: the taker installs forwarding before it is ready, and confirms what it took") {
  Case c;
  c.h.on_prepare(c.now, {"vip", 5, "hash", false}, c.own());
  CHECK(c.kinds() == std::vector{Kind::PrepareForward});
  c.h.on_forward_ready(c.now, true, "");
  CHECK(c.kinds() == std::vector{Kind::Say});
  REQUIRE(c.said<Prepared>() != nullptr);
  CHECK(c.said<Prepared>()->ready);
  c.h.on_take({"vip", 5}, c.own());
  CHECK(c.kinds() == std::vector{Kind::Become, Kind::Say});
  CHECK(c.said<Taken>()->epoch == 5);
  CHECK(c.h.taker() == Handover::Taker::Forwarding);
  Handover::Own holder = c.own();
  holder.holder = true;
  holder.epoch = 5;
  c.h.on_take({"vip", 5}, holder);  // the message comes after the claim that was acted on
  CHECK(c.kinds() == std::vector{Kind::Say});
  CHECK(c.h.taker() == Handover::Taker::Forwarding);
  c.h.on_gone();
  CHECK(c.kinds() == std::vector{Kind::EndForward});
}

TEST_CASE("handover: the taker refuses what it cannot serve") {
  Case c;
  Handover::Own own = c.own();
  Prepare prepare{"vip", 5, "hash", false};
  SECTION("unfit") { own.fitness = Fitness::Unfit; }
  SECTION("holder") { own.holder = true; }
  SECTION("other configuration") { prepare.hash = "other"; }
  SECTION("old epoch") { own.epoch = 5; }
  c.h.on_prepare(c.now, prepare, own);
  CHECK(c.kinds() == std::vector{Kind::Say});
  REQUIRE(c.said<Prepared>() != nullptr);
  CHECK_FALSE(c.said<Prepared>()->ready);
}

TEST_CASE("handover: force overrides the configuration's hash") {
  Case c;
  c.h.on_prepare(c.now, {"vip", 5, "other", true}, c.own());
  CHECK(c.kinds() == std::vector{Kind::PrepareForward});
}

TEST_CASE("handover: an old Take or one that an unfit node gets moves nothing") {
  Case c;
  Handover::Own own = c.own();
  std::uint64_t epoch = 5;
  SECTION("old") { epoch = 4; }
  SECTION("unfit") { own.fitness = Fitness::Unfit; }
  c.h.on_take({"vip", epoch}, own);
  CHECK(c.kinds().empty());
}

TEST_CASE("handover: forwarding survives silence of the other node, but not its death") {
  Case c;
  c.h.on_prepare(c.now, {"vip", 5, "hash", false}, c.own());
  c.h.on_forward_ready(c.now, true, "");
  SECTION("taken") {
    c.h.on_take({"vip", 5}, c.own());
    c.kinds();
    c.h.on_link_lost(false);
    CHECK(c.kinds().empty());
    c.h.on_link_lost(true);
    CHECK(c.kinds() == std::vector{Kind::EndForward});
  }
  SECTION("never taken") {
    c.kinds();
    c.h.on_timer(c.now + ready_patience);
    CHECK(c.kinds() == std::vector{Kind::EndForward});
  }
}

TEST_CASE("handover: who gives the group back does not forward any more") {
  Case c;
  c.h.forward_from();
  c.give();
  CHECK(c.kinds() == std::vector{Kind::EndForward, Kind::GiveUp, Kind::Say});
}
