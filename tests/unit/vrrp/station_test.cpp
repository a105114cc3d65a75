// What the simulation cannot show as well: exact orders of actions, texts, the blob of an upgrade, reloads.
#include "vrrp/station.h"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

using Kind = StationAction::Kind;

StationConfig alone() {
  StationConfig c;
  c.own_name = "ef-a";
  c.own_address = *Address::from_ip("10.0.0.1", 0);
  c.peer.detector = {50_ms, 150_ms, 400_ms};
  RouterConfig router;
  router.vrid = 7;
  router.addresses = {*Address::from_ip("10.0.0.100", 0)};
  router.source = c.own_address;
  GroupConfig group;
  group.name = "vip";
  group.routers = {router};
  c.groups = {{group, "", 600_s}};
  return c;
}

struct Case {
  Instant now{1'000'000'000};
  StationConfig config = alone();
  std::unique_ptr<Station> station;
  std::vector<StationAction> actions;

  void boot(std::string_view handed = "") {
    station = std::make_unique<Station>(config, now);
    station->adopt(now, handed);
    station->start(now);
    if (handed.empty()) station->set_fitness(now, "vip", Fitness::Fit, "");
    take();
  }
  void take() { actions = station->take_actions(); }
  void pass(Duration span) {
    const Instant until = now + span;
    std::vector<StationAction> all;
    while (station->deadline() <= until) {
      now = std::max(now, station->deadline());
      station->on_timer(now, {});
      take();
      all.insert(all.end(), actions.begin(), actions.end());
    }
    now = until;
    actions = std::move(all);
  }
  long count(Kind kind) const {
    return std::count_if(actions.begin(), actions.end(), [&](const auto& a) { return a.kind == kind; });
  }
  std::size_t place(Kind kind) const {
    auto found = std::find_if(actions.begin(), actions.end(), [&](const auto& a) { return a.kind == kind; });
    return static_cast<std::size_t>(found - actions.begin());
  }
};

}  // namespace

TEST_CASE("station: alone, VRRP decides; advertisement, addresses, role and announcement in that order") {
  Case c;
  c.boot();
  c.pass(5_s);
  CHECK(c.station->role("vip") == Role::Holder);
  CHECK(c.place(Kind::SendVrrp) < c.place(Kind::AddAddresses));
  CHECK(c.place(Kind::AddAddresses) < c.place(Kind::Announce));
  CHECK(c.count(Kind::AddAddresses) == 1);
  CHECK(c.count(Kind::RoleChanged) == 1);
  const GroupReport report = c.station->report().at(0);
  CHECK(report.epoch == 1);
  CHECK(report.because.find("VRRP decides by itself") == 0);
  CHECK_FALSE(report.moves_if.empty());
}

TEST_CASE("station: an unfit node lets go in the same turn, with its reason and a farewell") {
  Case c;
  c.boot();
  c.pass(5_s);
  CHECK(c.station->farewell({}).size() == 1);
  c.station->set_fitness(c.now, "vip", Fitness::Unfit, "data loop 1 stalls");
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 1);
  REQUIRE(c.count(Kind::SendVrrp) == 1);
  CHECK(c.actions[c.place(Kind::SendVrrp)].bytes.at(2) == 0);
  CHECK(c.station->report().at(0).because.find("data loop 1 stalls") != std::string::npos);
  CHECK(c.station->farewell({}).empty());
}

TEST_CASE(
    "station: after a long freeze a holder drops before it says anything; a short one changes nothing") {
  Case c;
  c.boot();
  c.pass(5_s);
  c.station->resumed(c.now, 3_s);
  c.take();
  CHECK(c.actions.empty());
  c.station->resumed(c.now, 4_s);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 1);
  CHECK(c.count(Kind::SendVrrp) == 0);
  CHECK(c.station->role("vip") == Role::Standby);
}

TEST_CASE("station: an upgrade keeps role and epoch without a word of change") {
  Case c;
  c.boot();
  c.pass(5_s);
  const std::string handed = c.station->abdicate(c.now, 2_s);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 0);
  CHECK(c.station->deadline() == Instant::never());
  c.boot(handed);
  CHECK(c.station->role("vip") == Role::Holder);
  CHECK(c.station->report().at(0).epoch == 1);
  CHECK(c.count(Kind::RoleChanged) == 0);
  CHECK(c.count(Kind::AddAddresses) == 1);
  CHECK(c.count(Kind::Announce) == 1);
}

TEST_CASE("station: what another program hands over is not believed") {
  Case c;
  for (const char* text : {"nonsense", "holdfast-vip 1\nholder", "holdfast-vip 1\nholder x - other\n\n"}) {
    c.boot(text);
    CHECK(c.station->role("vip") == Role::Standby);
  }
}

TEST_CASE("station: carrier decides at once, and its return announces nothing that is not held") {
  Case c;
  c.boot();
  c.pass(5_s);
  c.station->set_carrier(c.now, false);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 1);
  c.station->set_carrier(c.now, true);
  c.take();
  CHECK(c.count(Kind::Announce) == 0);
}

TEST_CASE("station: a stop gives up and is stopped") {
  Case c;
  c.boot();
  c.pass(5_s);
  c.station->stop(c.now);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 1);
  CHECK(c.station->stopped());
  CHECK(c.station->deadline() == Instant::never());
}

TEST_CASE("station: a reload keeps a group of the same addresses, and gives up what is gone") {
  Case c;
  c.boot();
  c.pass(5_s);
  c.config.groups[0].vrrp.priority = 120;
  c.station->reconfigure(c.now, c.config);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 0);
  CHECK(c.station->role("vip") == Role::Holder);
  c.config.groups[0].vrrp.routers[0].addresses = {*Address::from_ip("10.0.0.101", 0)};
  c.station->reconfigure(c.now, c.config);
  c.take();
  CHECK(c.count(Kind::DropAddresses) == 1);
  CHECK(c.station->role("vip") == Role::Standby);
}

TEST_CASE("station: a command for nothing is answered") {
  Case c;
  c.boot();
  for (const char* group : {"", "other"}) {
    c.station->handover(c.now, group, false);
    c.take();
    REQUIRE(c.count(Kind::HandoverResult) == 1);
    CHECK_FALSE(c.actions[c.place(Kind::HandoverResult)].ok);
  }
}
