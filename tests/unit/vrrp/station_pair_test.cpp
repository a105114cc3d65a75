// One Station of a pair, the other node played by hand: what a simulation would put right too soon to see it.
#include <algorithm>
#include <memory>

#include <catch2/catch.hpp>

#include "vrrp/heartbeat.h"
#include "vrrp/station.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

using Kind = StationAction::Kind;

const std::string key(32, 'b');

StationConfig of_pair(std::uint8_t priority = 150) {
  StationConfig c;
  c.own_name = "ef-a", c.peer_name = "ef-b";
  c.paired = true;
  c.own_address = *Address::from_ip("10.0.0.1", 0);
  c.peer_address = *Address::from_ip("10.0.0.2", 0);
  c.peer_addresses = {c.peer_address};
  c.peer.cluster = "ef", c.peer.own_name = "ef-a", c.peer.peer_name = "ef-b";
  c.peer.boot = 1;
  c.peer.heartbeat_key = std::string(32, 'a');
  c.peer.detector = {50_ms, 150_ms, 400_ms};
  RouterConfig router;
  router.vrid = 7;
  router.addresses = {*Address::from_ip("10.0.0.100", 0)};
  router.source = c.own_address;
  GroupConfig group;
  group.name = "vip";
  group.priority = priority;
  group.routers = {router};
  c.groups = {{group, "", 600_s}};
  return c;
}

struct Case {
  Instant now{1'000'000'000};
  Station station{of_pair(), now};
  std::vector<StationAction> actions;  ///< since they were last cleared
  std::uint64_t sequence = 0;

  Case() {
    station.start(now);
    station.set_fitness(now, "vip", Fitness::Fit, "");
    station.on_out_up(now);
    station.on_in_up(now);
    message(Hello{protocol_version, "ef", "ef-b", "0.2.0", 2, key, {}});
  }
  void take() {
    for (StationAction& action : station.take_actions()) actions.push_back(std::move(action));
  }
  void message(const Message& m) { station.on_in_data(now, encode(m)), take(); }
  void heartbeat(Role role, std::uint64_t epoch, std::uint8_t priority = 100) {
    station.on_datagram(
        now, encode(Heartbeat{++sequence, 0, {{"vip", role, Fitness::Fit, priority, epoch}}}, key));
    take();
  }
  void pass(Duration span) {
    const Instant until = now + span;
    while (station.deadline() <= until) {
      now = std::max(now, station.deadline());
      station.on_timer(now, {});
      take();
    }
    now = until;
  }
  /// The peer stands by and says so every 50 ms; this node comes to hold.
  void hold() {
    for (int i = 0; i < 40; ++i) heartbeat(Role::Standby, 0), pass(50_ms);
    heartbeat(Role::Standby, 0);
    REQUIRE(role() == Role::Holder);
    actions.clear();
  }
  /// The peer's advertisement, as its own station would send it.
  void advertisement(std::uint8_t priority) {
    StationConfig c = of_pair(priority);
    c.paired = false;
    c.groups[0].vrrp.routers[0].source = c.peer_address;
    Station other(c, now);
    other.start(now);
    other.set_fitness(now, "vip", Fitness::Fit, "");
    other.on_timer(now + 5_s, {});
    for (const StationAction& a : other.take_actions())
      if (a.kind == Kind::SendVrrp)
        station.on_vrrp(now, {}, "vip", 0, a.bytes, {c.peer_address, a.to, required_ttl});
    take();
  }
  Role role() const { return station.role("vip"); }
  std::uint64_t epoch() const { return station.report().at(0).epoch; }
  Link link() const { return station.peer()->link(); }
  long count(Kind kind) const {
    return std::count_if(actions.begin(), actions.end(), [&](const auto& a) { return a.kind == kind; });
  }
};

}  // namespace

TEST_CASE("pair: a hand-over that is not confirmed is taken back, and announced") {
  Case c;
  c.hold();
  const std::uint64_t before = c.epoch();
  c.station.handover(c.now, "vip", false);
  c.take();
  c.message(Prepared{"vip", before + 1, true, ""});
  CHECK(c.role() == Role::Lingering);
  CHECK(c.count(Kind::Linger) == 1);
  c.actions.clear();
  c.pass(49_ms);
  CHECK(c.role() == Role::Lingering);
  c.pass(1_ms);
  CHECK(c.role() == Role::Holder);
  CHECK(c.epoch() == before + 2);
  CHECK(c.count(Kind::AddAddresses) == 1);
  CHECK(c.count(Kind::Announce) == 1);
}

TEST_CASE("pair: whoever held meanwhile, the holder that remains announces again") {
  Case c;
  c.hold();
  SECTION("a contention was won") {
    c.heartbeat(Role::Holder, 0);
    CHECK(c.role() == Role::Holder);
    c.actions.clear();
    c.pass(20_ms);
    CHECK(c.count(Kind::Announce) == 0);
    c.heartbeat(Role::Standby, 0);
  }
  SECTION("the other held under a later epoch, and gave it up unheard") {
    const std::uint64_t later = c.epoch() + 5;
    c.heartbeat(Role::Standby, later);
    CHECK(c.epoch() == later + 1);
  }
  SECTION("the other is heard again") {
    c.pass(200_ms);
    REQUIRE(c.link() == Link::Silent);
    c.actions.clear();
    c.heartbeat(Role::Standby, 0);
    CHECK(c.link() == Link::Alive);
  }
  SECTION("the other advertises, and loses") {
    c.pass(200_ms);
    REQUIRE(c.link() == Link::Silent);
    c.actions.clear();
    c.advertisement(100);
  }
  c.pass(100_ms);
  CHECK(c.role() == Role::Holder);
  CHECK(c.count(Kind::Announce) >= 1);
}

TEST_CASE("pair: a freeze counts from the last heartbeat before it") {
  Case c;
  c.hold();
  c.pass(50_ms);
  c.now = c.now + 40_ms;
  SECTION("not long enough for the other to take over") {
    c.now = c.now + 95_ms;
    c.station.resumed(c.now, 95_ms);
    CHECK(c.role() == Role::Holder);
  }
  SECTION("just long enough") {
    c.now = c.now + 100_ms;
    c.station.resumed(c.now, 100_ms);
    CHECK(c.role() == Role::Standby);
  }
}

TEST_CASE("pair: advertisements of a peer that claims to stand by do not keep its link alive") {
  Case c;
  c.hold();
  for (int i = 0; i < 5; ++i) c.advertisement(200), c.pass(30_ms);
  CHECK(c.link() == Link::Silent);
  CHECK(c.role() == Role::Holder);
  c.advertisement(200);
  c.pass(99_ms);
  CHECK(c.role() == Role::Holder);  // its heartbeats may come yet
  c.pass(1_ms);
  CHECK(c.role() == Role::Standby);
}
