// The state machine of RFC 9568 section 6.4, arm by arm, and the steering on top of it.
#include "vrrp/machine.h"

#include <catch2/catch.hpp>

#include "tests/unit/vrrp/machine_rig.h"

namespace holdfast::vrrp {

namespace {

GroupConfig preempting(std::uint8_t priority) {
  GroupConfig group = group_of(priority);
  group.preempt = true;
  return group;
}

Duration left(const Rig& rig) { return rig.machine.deadline() - rig.now; }

}  // namespace

TEST_CASE("Initialize hears nothing and does nothing") {
  Machine machine(group_of(), {});
  machine.on_timer({}, {});
  machine.stop({});
  CHECK(machine.state() == State::Initialize);
  CHECK(machine.deadline() == Instant::never());
  CHECK(machine.take_actions().empty());
}

TEST_CASE("6.4.1: a router that is not the owner starts as Backup and waits three intervals and the skew") {
  Rig rig(group_of(100));
  CHECK(rig.machine.state() == State::Backup);
  CHECK(rig.done().empty());
  CHECK(left(rig) == 3_s + 1_s * 156 / 256);
  rig.pass(3'609_ms);
  CHECK_FALSE(rig.active());
  rig.pass(1_ms);
  CHECK(rig.done() == "SAN");
}

TEST_CASE("6.4.1: the owner starts as Active: it advertises, takes the addresses, then announces them") {
  Rig rig(group_of(255));
  const auto actions = rig.take();
  REQUIRE(actions.size() == 4);
  CHECK(actions[0].kind == Kind::Send);
  CHECK(actions[0].to == ip("224.0.0.18"));
  const Decoded sent = decode(actions[0].packet, multicast("192.0.2.10"));
  CHECK(sent.refusal == Refusal::None);
  CHECK(sent.advert.priority == 255);
  CHECK(sent.advert.addresses == std::vector<Address>{ip("192.0.2.100")});
  CHECK(actions[1].kind == Kind::BecomeActive);
  CHECK(actions[2].kind == Kind::Announce);
  CHECK(actions[3].text == "active: owner of the addresses");
}

TEST_CASE("version 2 scales its skew by the second, version 3 by the interval") {
  GroupConfig group = group_of(100);
  group.routers[0].interval = 100_ms;
  CHECK(left(Rig(group)) == 300_ms + 100_ms * 156 / 256);
  group.routers[0].version = Version::V2;
  group.routers[0].interval = 2_s;
  CHECK(left(Rig(group)) == 6_s + 1_s * 156 / 256);
}

TEST_CASE("6.4.2: an advertisement that is at least ours resets the timer and teaches its interval") {
  for (int priority : {100, 101, 255}) {
    Rig rig(preempting(100));
    rig.pass(2_s);
    rig.hear({.priority = static_cast<std::uint8_t>(priority), .interval = 100_ms});
    CHECK(left(rig) == 300_ms + 100_ms * 156 / 256);
  }
}

TEST_CASE("6.4.2: a lower priority is waited for without Preempt, and not with it") {
  for (bool preempt : {false, true}) {
    GroupConfig group = group_of(100);
    group.preempt = preempt;
    Rig rig(group);
    for (int i = 0; i < 8; ++i) rig.pass(500_ms), rig.hear({.priority = 50});
    CHECK(rig.active() == preempt);
  }
}

TEST_CASE("Preempt with a delay waits that long after the start") {
  GroupConfig group = preempting(100);
  group.preempt_delay = 20_s;
  Rig rig(group);
  for (int i = 0; i < 40; ++i) {
    CHECK_FALSE(rig.active());
    rig.pass(500_ms), rig.hear({.priority = 50});
  }
  for (int i = 0; i < 8; ++i) rig.pass(500_ms), rig.hear({.priority = 50});
  CHECK(rig.active());
}

TEST_CASE("the owner preempts whatever is configured") {
  Rig rig(group_of(255), Steering::Stand);
  rig.machine.steer(rig.now, Steering::Free);
  for (int i = 0; i < 8; ++i) rig.pass(500_ms), rig.hear({.priority = 254});
  CHECK(rig.active());
}

TEST_CASE("6.4.2: priority 0 leaves the skew only") {
  Rig rig(group_of(100));
  rig.hear({.interval = 100_ms});
  rig.hear({.priority = 0, .interval = 100_ms});
  CHECK(left(rig) == 100_ms * 156 / 256);
}

TEST_CASE("priority 0 of one router changes nothing while another is heard to hold") {
  Rig rig(group_of(100));
  rig.hear({.from = "192.0.2.20"});
  const Instant before = rig.machine.deadline();
  rig.hear({.from = "192.0.2.30", .priority = 0});
  CHECK(rig.machine.deadline() == before);
}

TEST_CASE("priority 0 said again and again does not put the take-over off") {
  Rig rig(group_of(100));
  rig.hear({.priority = 0});
  for (int i = 0; i < 7; ++i) rig.pass(100_ms), rig.hear({.priority = 0});
  CHECK(rig.active());
}

TEST_CASE("6.4.3: Active advertises once an interval") {
  Rig rig = active_rig(group_of(100));
  rig.pass(5_s);
  CHECK(rig.done() == "SSSSS");
}

TEST_CASE("a late timer keeps the pace, and makes up for nothing that it missed") {
  Rig rig = active_rig(group_of(100));
  const Instant due = rig.machine.deadline();
  rig.machine.on_timer(due + 300_ms, rig.wall());
  CHECK(rig.machine.deadline() == due + 1_s);
  rig.machine.on_timer(due + 5'300_ms, rig.wall());
  CHECK(rig.machine.deadline() == due + 6'300_ms);
  CHECK(rig.done() == "SS");
}

TEST_CASE("6.4.3: who wins against an Active, and who does not") {
  struct Row {
    const char* what;
    std::string_view from;
    std::uint8_t priority;
    bool wins;
  };
  const Row rows[] = {
      {"a higher priority", "192.0.2.9", 101, true},
      {"the owner", "192.0.2.9", 255, true},
      {"a lower one", "192.0.2.200", 99, false},
      {"the same and a lower address", "192.0.2.9", 100, false},
      {"the same and a greater address", "192.0.2.11", 100, true},
      {"the same and an address that is greater unsigned", "200.0.2.9", 100, true},
      {"the same and an address that is lower in network order", "10.0.2.200", 100, false},
      {"priority 0", "192.0.2.200", 0, false},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Rig rig = active_rig(preempting(100));  // 6.4.3 does not look at Preempt_Mode
    rig.hear({.from = row.from, .priority = row.priority, .interval = 500_ms});
    CHECK(rig.active() != row.wins);
    if (row.wins) {
      CHECK(rig.done() == "SB");
      CHECK(left(rig) == 1'500_ms + 500_ms * 156 / 256);
    }
  }
}

TEST_CASE("6.4.3: who does not win is answered at once, and the addresses are announced again") {
  Rig rig = active_rig(group_of(100));
  rig.hear({.priority = 50});
  CHECK(rig.done() == "SN");
  rig.hear({.priority = 50});
  CHECK(rig.done().empty());  // a tenth of an interval between answers
  rig.hear({.from = "192.0.2.30", .priority = 50});
  CHECK(rig.done() == "S");
  rig.pass(20_ms);
  CHECK(rig.done() == "N");  // the second announcement was put off, not left out
  CHECK(left(rig) == 980_ms);
}

TEST_CASE("6.4.3: priority 0 is answered, without an announcement: nobody had the addresses") {
  Rig rig = active_rig(group_of(100));
  rig.hear({.priority = 0});
  CHECK(rig.done() == "S");
}

TEST_CASE("6.4.3: an Active that shuts down says priority 0, then drops the addresses") {
  Rig rig = active_rig(group_of(100));
  rig.machine.stop(rig.now);
  CHECK(rig.done() == "0B");
  CHECK(rig.machine.state() == State::Initialize);
  CHECK(rig.machine.deadline() == Instant::never());
  Rig backup(group_of(100));
  backup.machine.stop(backup.now);
  CHECK(backup.done().empty());
}

TEST_CASE("giving up is heard or silent, and leads to Backup") {
  for (bool farewell : {true, false}) {
    Rig rig = active_rig(group_of(100));
    rig.machine.yield(rig.now, farewell);
    CHECK(rig.done() == (farewell ? "0B" : "B"));
    CHECK(rig.machine.state() == State::Backup);
    CHECK(left(rig) == 3_s + 1_s * 156 / 256);
  }
  Rig held(group_of(100), Steering::Hold);
  held.machine.yield(held.now, true);
  held.pass(60_s);
  CHECK_FALSE(held.active());
}

TEST_CASE("held, a machine is Active at once and yields to nobody, but answers each") {
  Rig rig(group_of(100), Steering::Hold);
  CHECK(rig.done() == "SAN");
  rig.pass(500_ms);
  rig.hear({.priority = 255});
  CHECK(rig.done() == "SN");
  CHECK(rig.active());
  for (int i = 0; i < 99; ++i) rig.pass(1_ms), rig.hear({.priority = 255});
  CHECK(rig.done().empty());
  rig.hear({.from = "192.0.2.30", .priority = 255});
  CHECK(rig.done() == "SN");  // each neighbour has its own limit
  Rig backup(group_of(100));
  backup.machine.steer(backup.now, Steering::Hold);
  CHECK(backup.done() == "SAN");
}

TEST_CASE("told to stand, a machine stays Backup, whoever it is") {
  for (int priority : {1, 100, 255}) {
    Rig rig(group_of(static_cast<std::uint8_t>(priority)), Steering::Stand);
    CHECK(rig.machine.deadline() == Instant::never());
    rig.machine.on_timer(rig.now + 1'000_s, rig.wall());
    rig.hear({.priority = 0});
    rig.machine.on_timer(rig.now + 2'000_s, rig.wall());
    CHECK(rig.machine.state() == State::Backup);
    CHECK(rig.done().empty());
  }
}

TEST_CASE("an Active told to stand says farewell, unless there is a successor already") {
  Rig rig = active_rig(group_of(100));
  rig.machine.steer(rig.now, Steering::Stand);
  CHECK(rig.done() == "0B");
  Rig followed = active_rig(group_of(100));
  followed.machine.steer(followed.now, Steering::Hold);
  followed.hear({.priority = 200});
  followed.take();
  followed.machine.steer(followed.now, Steering::Stand);
  CHECK(followed.done() == "B");
}

TEST_CASE("let free again, a standby waits a whole down interval") {
  Rig rig(group_of(100), Steering::Stand);
  rig.pass(100_s);
  rig.machine.steer(rig.now, Steering::Free);
  CHECK(left(rig) == 3_s + 1_s * 156 / 256);
}

TEST_CASE("advertisements of known peers are heard, and decide only where VRRP is free") {
  Rig rig(group_of(100), Steering::Hold);
  rig.machine.set_known_peers({ip("192.0.2.20")});
  rig.take();
  rig.hear({.priority = 200});
  CHECK(rig.done().empty());
  CHECK(rig.machine.heard().source == ip("192.0.2.20"));
  CHECK(rig.machine.heard().priority == 200);
  CHECK(rig.machine.counters(0).received == 1);
  rig.machine.steer(rig.now, Steering::Free);
  rig.hear({.priority = 200});
  CHECK_FALSE(rig.active());
}

TEST_CASE("while the pair decides, a stranger must win three times within three of its intervals") {
  Rig rig = active_rig(group_of(100));
  rig.machine.set_suspicious(true);
  for (int i = 0; i < 50; ++i) rig.hear({.priority = 255});  // a burst is one
  CHECK(rig.active());
  CHECK_FALSE(rig.machine.foreign_active(rig.now));
  rig.pass(1_s), rig.hear({.priority = 255});
  CHECK(rig.active());
  rig.pass(1_s), rig.hear({.priority = 255});
  CHECK_FALSE(rig.active());
  CHECK(rig.machine.foreign_active(rig.now));
}

TEST_CASE("three advertisements far apart are no router") {
  Rig rig = active_rig(group_of(100));
  rig.machine.set_suspicious(true);
  for (int i = 0; i < 10; ++i) rig.pass(2_s), rig.hear({.priority = 255});
  CHECK(rig.active());
}

TEST_CASE("foreign_active: a stranger that holds with precedence, for as long as it would count") {
  struct Row {
    const char* what;
    bool preempt;
    std::uint8_t priority;
    bool holds;
  };
  const Row rows[] = {{"higher", true, 200, true},
                      {"lower, and we preempt", true, 50, false},
                      {"lower, and we do not", false, 50, true},
                      {"gave up", false, 0, false}};
  for (const Row& row : rows) {
    INFO(row.what);
    GroupConfig group = group_of(100);
    group.preempt = row.preempt;
    Rig rig(group, Steering::Stand);
    rig.hear({.priority = row.priority});
    CHECK(rig.machine.foreign_active(rig.now) == row.holds);
    CHECK(rig.machine.foreign_active(rig.now + 3'600_ms) == row.holds);
    CHECK_FALSE(rig.machine.foreign_active(rig.now + 3'610_ms));
    rig.machine.set_known_peers({ip("192.0.2.20")});
    CHECK_FALSE(rig.machine.foreign_active(rig.now));
  }
  Rig held(group_of(100), Steering::Hold);
  held.hear({.priority = 50});
  CHECK_FALSE(held.machine.foreign_active(held.now));  // it loses against an Active
}

TEST_CASE("an Active announces again when told that the network shook, a Backup does not") {
  Rig rig = active_rig(group_of(100));
  rig.machine.announce_again(rig.now);
  CHECK(rig.done() == "SN");
  Rig backup(group_of(100));
  backup.machine.announce_again(backup.now);
  CHECK(backup.done().empty());
}

}  // namespace holdfast::vrrp
