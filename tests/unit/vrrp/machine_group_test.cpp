// Several routers in one group: all or none. And configurations that change under a running machine.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/machine_rig.h"

namespace holdfast::vrrp {

namespace {

GroupConfig both_families(std::uint8_t priority = 100) {
  return group_of(priority, {router_of(51), router_of(51, "fe80::a", "fe80::100")});
}

}  // namespace

TEST_CASE("a group becomes Active as a whole: one advertisement for each router, then the addresses") {
  Rig rig(both_families());
  rig.pass(4_s);
  const auto actions = rig.take();
  REQUIRE(actions.size() >= 4);
  CHECK(actions[0].to == ip("224.0.0.18"));
  CHECK(actions[0].router == 0);
  CHECK(actions[1].to == ip("ff02::12"));
  CHECK(actions[1].router == 1);
  CHECK(actions[2].kind == Kind::BecomeActive);
  CHECK(actions[3].kind == Kind::Announce);
}

TEST_CASE("a group does not contend for one router while somebody holds another") {
  Rig rig(both_families());
  for (int i = 0; i < 20; ++i) rig.pass(1_s), rig.hear({.from = "fe80::9", .router = 1});
  rig.machine.on_timer(rig.now, rig.wall());  // the first router's timer ran out long ago
  CHECK_FALSE(rig.active());
  rig.pass(3'700_ms);
  CHECK(rig.active());
}

TEST_CASE("priority 0 on one router waits for the others to be free") {
  Rig rig(both_families());
  rig.hear({}), rig.hear({.from = "fe80::9", .router = 1});
  rig.pass(100_ms);
  rig.hear({.priority = 0});
  rig.pass(1_s);
  CHECK_FALSE(rig.active());
  rig.hear({.from = "fe80::9", .priority = 0, .router = 1});
  rig.pass(1_s);
  CHECK(rig.active());
}

TEST_CASE("a group that loses one router gives up all, and says so where nobody has taken over") {
  Rig rig = active_rig(both_families());
  rig.hear({.priority = 200});
  const auto actions = rig.take();
  REQUIRE(actions.size() >= 3);
  CHECK(actions[0].router == 0);  // the last word to the winner
  CHECK(actions[0].packet[2] == 100);
  CHECK(actions[1].kind == Kind::Send);
  CHECK(actions[1].router == 1);
  CHECK(actions[1].packet[2] == 0);
  CHECK(actions[2].kind == Kind::BecomeBackup);
  CHECK(rig.machine.counters(0).priority_zero_sent == 0);
  CHECK(rig.machine.counters(1).priority_zero_sent == 1);
}

TEST_CASE("the farewell for the guardian has priority 0 for every router, and changes nothing") {
  Rig rig = active_rig(both_families());
  const auto farewell = rig.machine.farewell(rig.wall());
  REQUIRE(farewell.size() == 2);
  for (std::size_t i : {0, 1}) {
    CHECK(farewell[i].kind == Kind::Send);
    CHECK(farewell[i].router == i);
    const Decoded sent = decode(farewell[i].packet, multicast(i == 0 ? "192.0.2.10" : "fe80::a"));
    CHECK(sent.refusal == Refusal::None);
    CHECK(sent.advert.priority == 0);
  }
  CHECK(rig.active());
  CHECK(rig.done().empty());
}

TEST_CASE("a new configuration keeps the state, says the new priority at once, and serves new routers") {
  Rig rig = active_rig(group_of(100));
  GroupConfig changed = both_families(120);
  changed.routers[0].interval = 100_ms;
  rig.machine.set_config(rig.now, changed);
  CHECK(rig.active());
  rig.pass({});
  const auto actions = rig.take();
  REQUIRE(actions.size() == 2);
  CHECK(decode(actions[0].packet, multicast("192.0.2.10")).advert.priority == 120);
  CHECK(actions[1].router == 1);
  rig.pass(1_s);
  CHECK(rig.machine.counters(0).sent > 10);
}

TEST_CASE("a shorter interval shortens the wait of a Backup that heard nobody, never of one that learned") {
  GroupConfig fast = group_of(100);
  fast.routers[0].interval = 100_ms;
  Rig rig(group_of(100));
  rig.machine.set_config(rig.now, fast);
  CHECK(rig.machine.deadline() - rig.now < 400_ms);
  Rig learned(group_of(100));
  learned.hear({.interval = 2_s});
  const Instant before = learned.machine.deadline();
  learned.machine.set_config(learned.now, fast);
  CHECK(learned.machine.deadline() == before);
}

TEST_CASE("the delay before preemption counts from the start, whatever is reloaded") {
  GroupConfig group = group_of(100);
  group.preempt = true;
  group.preempt_delay = 1'000_s;
  Rig rig(group);
  rig.pass(1_s);
  group.preempt_delay = 10_s;
  rig.machine.set_config(rig.now, group);
  for (int i = 0; i < 24; ++i) rig.pass(500_ms), rig.hear({.priority = 50});
  CHECK_FALSE(rig.active());
  for (int i = 0; i < 8; ++i) rig.pass(500_ms), rig.hear({.priority = 50});
  CHECK(rig.active());
}

}  // namespace holdfast::vrrp
