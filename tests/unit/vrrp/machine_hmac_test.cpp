// The ladder of a roll-out of signed advertisements: who signs, whose words count, and replays.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/machine_rig.h"

namespace holdfast::vrrp {

namespace {

const HmacKey shared{1, "a key of two nodes"}, other{1, "another key"};

GroupConfig with(HmacMode mode, std::vector<HmacKey> keys = {shared}) {
  GroupConfig group = group_of(100);
  group.routers[0].hmac = mode;
  group.routers[0].hmac_keys = std::move(keys);
  return group;
}

std::string signed_by(const Rig& rig, const HmacKey& key, std::int64_t late_us = 0,
                      std::uint16_t counter = 0) {
  std::string packet = rig.packet({});
  append_hmac(packet, multicast("192.0.2.20"), key, {rig.wall().us - late_us}, counter);
  return packet;
}

bool counts(Rig& rig, const std::string& packet) {
  const std::uint64_t before = rig.machine.counters(0).received;
  rig.hear(packet, multicast("192.0.2.20"));
  return rig.machine.counters(0).received > before;
}

std::vector<HmacCheck> sent_by(Rig& rig, const std::vector<HmacKey>& keys) {
  std::vector<HmacCheck> out;
  for (const MachineAction& action : rig.take())
    if (action.kind == Kind::Send)
      out.push_back(check_hmac(action.packet, multicast("192.0.2.10"), keys, rig.wall(), 5_s));
  return out;
}

}  // namespace

TEST_CASE("each mode signs or not, and takes unsigned, well and badly signed packets or not") {
  struct Row {
    HmacMode mode;
    bool signs, unsigned_counts, good_counts, bad_counts;
  };
  const Row rows[] = {{HmacMode::Off, false, true, true, true},
                      {HmacMode::Receive, false, true, true, false},
                      {HmacMode::Permissive, true, true, true, false},
                      {HmacMode::Enforce, true, false, true, false}};
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.mode));
    Rig rig(with(row.mode));
    CHECK(counts(rig, rig.packet({})) == row.unsigned_counts);
    CHECK(counts(rig, signed_by(rig, shared)) == row.good_counts);
    CHECK(counts(rig, signed_by(rig, other, -100)) == row.bad_counts);
    Rig active = active_rig(with(row.mode));
    active.pass(1_s);
    const auto actions = active.take();
    REQUIRE(actions.size() == 1);
    CHECK(decode(actions[0].packet, multicast("192.0.2.10")).trailer == row.signs);
  }
}

TEST_CASE("a replayed packet counts once; a newer one, by time or by counter, counts") {
  Rig rig(with(HmacMode::Enforce));
  const std::string first = signed_by(rig, shared, 1000);
  CHECK(counts(rig, first));
  CHECK_FALSE(counts(rig, first));
  CHECK(counts(rig, signed_by(rig, shared, 1000, 1)));
  CHECK_FALSE(counts(rig, signed_by(rig, shared, 2000, 9)));
  CHECK(counts(rig, signed_by(rig, shared)));
  rig.pass(2_s);
  CHECK_FALSE(counts(rig, first));
}

TEST_CASE("signatures are good for five seconds, or three intervals if that is more") {
  Rig rig(with(HmacMode::Enforce));
  CHECK(counts(rig, signed_by(rig, shared, 4'900'000)));
  CHECK_FALSE(counts(rig, signed_by(rig, shared, 5'100'000)));
  CHECK_FALSE(counts(rig, signed_by(rig, shared, -5'100'000)));
  GroupConfig slow = with(HmacMode::Enforce);
  slow.routers[0].interval = 10_s;
  Rig patient(slow);
  CHECK(counts(patient, signed_by(patient, shared, 29'000'000)));
  CHECK_FALSE(counts(patient, signed_by(patient, shared, 31'000'000)));
}

TEST_CASE("a forged, replayed or unsigned packet moves no Active that enforces") {
  Rig rig = active_rig(with(HmacMode::Enforce));
  CHECK_FALSE(counts(rig, rig.packet({.priority = 255})));
  CHECK_FALSE(counts(rig, signed_by(rig, other)));
  CHECK_FALSE(counts(rig, signed_by(rig, shared, 3'600'000'000)));
  CHECK(rig.active());
  CHECK(rig.done().empty());
}

TEST_CASE("keys rotate: the first one signs, all of them are taken") {
  const HmacKey next{2, "the next key"};
  Rig rig = active_rig(with(HmacMode::Enforce, {next, shared}));
  rig.pass(1_s);
  const auto sent = sent_by(rig, {next});
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].refusal == Refusal::None);
  CHECK(counts(rig, signed_by(rig, shared)));
}

TEST_CASE(
    "what is sent is always newer than what was sent before, also while the clock stands or goes back") {
  Rig rig = active_rig(with(HmacMode::Enforce));
  std::vector<HmacCheck> sent;
  for (int i = 0; i < 300; ++i) {
    rig.now = rig.machine.deadline();
    const WallTime wall{rig.wall().us - i * 1'000'000 - (i > 100 ? i % 7 : 0)};  // it stands, then trembles
    rig.machine.on_timer(rig.now, wall);
    for (const HmacCheck& check : sent_by(rig, {shared})) sent.push_back(check);
  }
  REQUIRE(sent.size() == 300);
  for (std::size_t i = 1; i < sent.size(); ++i) {
    INFO(i);
    const bool newer = sent[i].sent.us > sent[i - 1].sent.us ||
                       (sent[i].sent.us == sent[i - 1].sent.us && sent[i].counter > sent[i - 1].counter);
    CHECK(newer);
  }
}

TEST_CASE("packets of one tick of the trailer's clock, 15 us, are told apart") {
  Rig rig = active_rig(with(HmacMode::Enforce));
  std::vector<HmacCheck> sent;
  for (int i = 0; i < 200; ++i) {
    rig.now = rig.now + 3_us;
    rig.machine.announce_again(rig.now);
    for (const HmacCheck& check : sent_by(rig, {shared})) sent.push_back(check);
  }
  REQUIRE(sent.size() == 200);
  for (std::size_t i = 1; i < sent.size(); ++i) {
    const bool newer = sent[i].sent.us > sent[i - 1].sent.us ||
                       (sent[i].sent.us == sent[i - 1].sent.us && sent[i].counter > sent[i - 1].counter);
    CHECK(newer);
  }
}

TEST_CASE("a clock that was set back by an hour is followed, by sender and receiver") {
  Rig rig = active_rig(with(HmacMode::Enforce));
  const std::int64_t hour = 3'600'000'000;
  rig.now = rig.machine.deadline();
  const WallTime wall{rig.wall().us - hour};
  rig.machine.on_timer(rig.now, wall);
  const auto actions = rig.take();
  REQUIRE(actions.size() == 1);
  CHECK(check_hmac(actions[0].packet, multicast("192.0.2.10"), {shared}, wall, 5_s).refusal == Refusal::None);

  Rig receiver(with(HmacMode::Enforce));
  CHECK(counts(receiver, signed_by(receiver, shared)));
  const std::string back = signed_by(receiver, shared, hour);
  receiver.machine.on_packet(receiver.now, {receiver.wall().us - hour}, 0, back, multicast("192.0.2.20"));
  CHECK(receiver.machine.counters(0).received == 2);
}

TEST_CASE("two machines that enforce elect one Active between them") {
  GroupConfig config_b = with(HmacMode::Enforce);
  config_b.priority = 150;
  config_b.preempt = true;
  config_b.routers[0].source = ip("192.0.2.20");
  Rig a(with(HmacMode::Enforce)), b(config_b);
  for (int i = 0; i < 20'000; ++i) {
    a.pass(1_ms), b.pass(1_ms);
    for (const MachineAction& action : a.take())
      if (action.kind == Kind::Send) b.hear(action.packet, multicast("192.0.2.10"));
    for (const MachineAction& action : b.take())
      if (action.kind == Kind::Send) a.hear(action.packet, multicast("192.0.2.20"));
  }
  CHECK_FALSE(a.active());
  CHECK(b.active());
  CHECK(a.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Stale)] == 0);
  CHECK(a.machine.counters(0).received > 10);
}

TEST_CASE("a signing owner waits for the clock with its first advertisement, and for nothing else") {
  GroupConfig group = with(HmacMode::Enforce);
  group.priority = 255;
  Rig rig(group);
  CHECK(rig.done() == "AN");
  CHECK(rig.machine.deadline() == rig.now);
  rig.pass({});
  CHECK(rig.done() == "S");
  Machine told(group, {});
  told.set_clock({}, rig.wall());
  told.start({});
  CHECK(told.take_actions().front().kind == Kind::Send);
}

TEST_CASE("a prebuilt farewell is newer than every advertisement of the next two seconds") {
  Rig rig = active_rig(with(HmacMode::Enforce));
  const auto farewell = rig.machine.farewell(rig.wall());
  REQUIRE(farewell.size() == 1);
  rig.pass(1'999_ms);
  const auto sent = sent_by(rig, {shared});
  const HmacCheck check = check_hmac(farewell[0].packet, multicast("192.0.2.10"), {shared}, rig.wall(), 5_s);
  CHECK(check.refusal == Refusal::None);
  REQUIRE(!sent.empty());
  CHECK(check.sent.us > sent.back().sent.us);
}

}  // namespace holdfast::vrrp
