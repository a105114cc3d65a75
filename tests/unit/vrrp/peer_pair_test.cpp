// Two Peers wired to each other over a bad network: what each believes must be true, soon, and stay so.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/peer_world.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

constexpr std::uint64_t seeds = 60;

NodeState holding(Role role, std::uint64_t epoch) {
  NodeState state;
  state.claims = {{"main", role, Fitness::Fit, 100, epoch}};
  state.generation = epoch;
  return state;
}

void tell(PeerWorld& w, int n, Role role, std::uint64_t epoch) {
  w.peer(n).set_state(w.now, holding(role, epoch));
  w.act(n);
}

/// Both started within `apart`, and met.
void meet(PeerWorld& w) {
  w.start(0);
  w.pass(Duration::millis(w.below(300)));
  w.start(1);
  tell(w, 0, Role::Holder, 3);
  tell(w, 1, Role::Standby, 3);
  w.pass(3_s);
  for (int n : {0, 1}) {
    REQUIRE(w.peer(n).link() == Link::Alive);
    REQUIRE(w.peer(n).connected());
    w.nodes[n].links.clear();
    w.nodes[n].stories.clear();
  }
  REQUIRE(w.peer(1).remote() == holding(Role::Holder, 3));
}

bool was(const PeerWorld& w, int n, Link link) {
  const auto& links = w.nodes[n].links;
  return std::find(links.begin(), links.end(), link) != links.end();
}

}  // namespace

TEST_CASE("Loss, repeats, delay and damage of datagrams move nothing") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    PeerWorld w(seed);
    w.weather = {.loss = 3, .twice = 20, .broken = 3, .late = 60_ms};
    meet(w);
    for (std::uint64_t epoch = 4; epoch < 40; ++epoch) {
      tell(w, static_cast<int>(w.below(2)), w.below(2) == 0 ? Role::Holder : Role::Lingering, epoch);
      w.pass(Duration::millis(w.below(1000)));
    }
    for (int n : {0, 1}) tell(w, n, Role::Standby, 99);
    w.pass(10_ms);
    for (int n : {0, 1}) {
      CHECK(w.peer(n).remote() == holding(Role::Standby, 99));
      CHECK(w.nodes[n].links.empty());
      CHECK(w.peer(n).counters().dials <= 4);
      CHECK(w.peer(n).counters().heartbeats_refused > 0);
    }
    const auto old = [](const std::string& story) { return story.find("old epoch") != std::string::npos; };
    CHECK(std::none_of(w.nodes[0].stories.begin(), w.nodes[0].stories.end(), old));
  }
}

TEST_CASE("A killed process is known dead within milliseconds, once, and its successor alive") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    PeerWorld w(seed);
    w.weather = {.loss = 1, .twice = 10, .broken = 0, .late = 5_ms};
    meet(w);
    w.pass(Duration::micros(w.below(100'000)));
    w.kill(1);
    w.pass(10_ms);
    CHECK(w.nodes[0].links == std::vector<Link>{Link::Dead});
    w.pass(Duration::millis(w.below(2000)));
    CHECK(w.nodes[0].links == std::vector<Link>{Link::Dead});
    w.start(1);
    tell(w, 1, Role::Standby, 1);
    w.pass(20_ms);
    CHECK(w.nodes[0].links == std::vector<Link>{Link::Dead, Link::Alive});
    CHECK(w.peer(0).remote() == holding(Role::Standby, 1));
    w.pass(100_ms);
    CHECK(w.peer(0).connected());
    CHECK(w.peer(1).connected());
  }
}

TEST_CASE("A connection cut on the way is made anew, without doubt of the other and without a quarrel") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    PeerWorld w(seed);
    meet(w);
    const auto dials = w.peer(0).counters().dials + w.peer(1).counters().dials;
    const unsigned which = w.below(3);
    if (which != 1) w.cut(w.nodes[0].out);
    if (which != 0) w.cut(w.nodes[1].out);
    w.pass(150_ms);
    for (int n : {0, 1}) {
      CHECK(w.nodes[n].links.empty());
      CHECK(w.peer(n).connected());
    }
    w.pass(2_s);
    CHECK(w.peer(0).counters().dials + w.peer(1).counters().dials <= dials + 4);
  }
}

TEST_CASE("A partition is silence and never death, and heals at the first sign") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    PeerWorld w(seed);
    meet(w);
    w.parted = true;
    w.pass(Duration::millis(500 + w.below(6000)));
    for (int n : {0, 1}) CHECK(w.nodes[n].links == std::vector<Link>{Link::Silent});
    w.parted = false;
    w.pass(60_ms);
    for (int n : {0, 1}) CHECK(w.nodes[n].links == std::vector<Link>{Link::Silent, Link::Alive});
    w.pass(3_s);
    for (int n : {0, 1}) {
      CHECK(w.peer(n).connected());
      CHECK_FALSE(was(w, n, Link::Dead));
    }
  }
}

TEST_CASE("A frozen node is silent to the other, and does not hold its own sleep against it") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    PeerWorld w(seed);
    meet(w);
    w.freeze(1, Duration::millis(300 + w.below(3000)));
    w.pass(250_ms);
    CHECK(w.nodes[0].links == std::vector<Link>{Link::Silent});
    w.pass(4_s);
    CHECK(w.nodes[0].links == std::vector<Link>{Link::Silent, Link::Alive});
    CHECK(w.nodes[1].links.empty());
    CHECK(w.peer(0).connected());
    CHECK(w.peer(1).connected());
  }
}
