// What passes between the two: dialling, introductions, states, heartbeats, refusals.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/peer_driver.h"

using namespace holdfast;
using namespace holdfast::vrrp;
using Kind = PeerAction::Kind;

namespace {

Claim claim(std::uint64_t epoch, Role role = Role::Holder) {
  return {"main", role, Fitness::Fit, 150, epoch};
}

NodeState own_state(std::uint64_t generation, std::vector<Claim> claims) {
  NodeState state;
  state.claims = std::move(claims);
  state.generation = generation;
  return state;
}

}  // namespace

TEST_CASE("Failed dials are repeated at a growing pace") {
  PeerDriver d;
  std::vector<std::int64_t> gaps;
  Instant last = d.now;
  d.tick();
  for (int i = 0; i < 6; ++i) {
    CHECK(d.taken(Kind::Dial) == 1);
    d.out_end(ChannelEnd::Unreachable);
    d.now = d.peer.deadline();
    d.tick();
    gaps.push_back((d.now - last).to_millis());
    last = d.now;
  }
  CHECK(gaps == std::vector<std::int64_t>{100, 200, 400, 800, 1000, 1000});
}

TEST_CASE("A dial without any answer is dropped and repeated") {
  PeerDriver d;
  d.tick();
  d.pass(1700_ms);
  CHECK(d.count(Kind::CloseOut) == 1);
  CHECK(d.count(Kind::Dial) == 2);
}

TEST_CASE("Haste has an end, also against a node that hangs up at once") {
  PeerDriver d;
  d.meet();
  std::size_t dials = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    d.out_end();
    dials += d.taken(Kind::Dial);
    d.pass(1_ms, false);
    dials += d.taken(Kind::Dial);
    d.heartbeat();
  }
  CHECK(dials >= 20);
  CHECK(dials <= 30);
  CHECK(d.peer.link() == Link::Alive);
}

TEST_CASE("The first words are the introduction and the state, then each second and at each change") {
  PeerDriver d;
  d.peer.set_state(d.now, own_state(1, {claim(3)}));
  d.tick();
  CHECK(d.written().empty());
  CHECK(d.count(Kind::Heartbeat) == 0);  // nobody could understand it
  d.out_up();
  auto first = d.written();
  REQUIRE(first.size() == 2);
  CHECK(std::get<Hello>(first[0]).node == "ef-a");
  CHECK(std::get<StateMessage>(first[1]).state == own_state(1, {claim(3)}));
  CHECK(d.count(Kind::Heartbeat) == 1);
  d.actions.clear();
  d.pass(1_s);
  CHECK(d.written().size() == 1);
  CHECK(d.taken(Kind::Heartbeat) == 20);
  d.actions.clear();
  d.pass(10_ms);
  d.peer.set_state(d.now, own_state(2, {claim(3)}));
  d.take();
  CHECK(d.written().size() == 1);
  CHECK(d.count(Kind::Heartbeat) == 0);  // claims are as before
  d.peer.set_state(d.now, own_state(2, {claim(4)}));
  d.peer.set_state(d.now, own_state(2, {claim(4)}));
  d.take();
  CHECK(d.written().size() == 2);
  REQUIRE(d.count(Kind::Heartbeat) == 1);
  auto beat = decode_heartbeat(d.actions.back().bytes, std::string(32, 'a'));
  REQUIRE(beat);
  CHECK(beat->claims == std::vector<Claim>{claim(4)});
}

TEST_CASE("Heartbeats go on while the connection is down; messages do not") {
  PeerDriver d;
  d.meet();
  d.out_end();
  d.in_end();
  d.actions.clear();
  d.peer.say(d.now, Request{"main"});
  d.pass(1_s, true);
  CHECK(d.written().empty());
  CHECK(d.count(Kind::Heartbeat) == 20);
}

TEST_CASE("After our farewell nothing more is sent or dialled") {
  PeerDriver d;
  d.meet();
  d.peer.say(d.now, Bye{});
  d.take();
  CHECK(d.written().size() == 1);
  d.actions.clear();
  d.peer.set_state(d.now, own_state(9, {claim(9)}));
  d.out_end();
  d.in_end();
  d.pass(60_s);
  d.in_up();
  d.message(d.hello());
  d.pass(60_s);
  CHECK(d.count(Kind::Dial) + d.count(Kind::Write) + d.count(Kind::Heartbeat) == 0);
}

TEST_CASE("Strangers are refused and dialled no more for a while") {
  PeerDriver d;
  d.tick();
  d.out_up();
  d.in_up();
  d.actions.clear();
  const Hello right = d.hello();
  const auto [why, change] = GENERATE(table<std::string, void (*)(Hello&)>({
      {"cluster xy", [](Hello& h) { h.cluster = "xy"; }},
      {"version 2", [](Hello& h) { h.version = 2; }},
      {"as this node does", [](Hello& h) { h.node = "ef-a"; }},
      {"ef-c", [](Hello& h) { h.node = "ef-c"; }},
  }));
  Hello hello = right;
  change(hello);
  d.message(hello);
  CHECK(d.count(Kind::CloseIn) == 1);
  CHECK(d.stories(why) == 1);
  CHECK_FALSE(d.peer.hello());
  CHECK(d.peer.counters().rejected == 1);
  d.out_end();
  d.pass(4900_ms);
  CHECK(d.count(Kind::Dial) == 0);
  d.in_up();
  d.message(hello);
  CHECK(d.count(Kind::CloseIn) == 2);
  CHECK(d.count(Kind::Story) == 1);
  d.in_up();  // until the right one comes
  d.message(right);
  d.tick();
  CHECK(d.count(Kind::Dial) == 1);
}

TEST_CASE("Nonsense closes the connection and moves nothing") {
  PeerDriver d;
  d.meet();
  const NodeState before = d.peer.remote();
  SECTION("garbage") { d.data("GET / HTTP/1.1\r\n\r\n"); }
  SECTION("a second introduction") { d.message(d.hello()); }
  SECTION("words before the introduction") {
    d.in_up();
    d.state({claim(99)});
  }
  CHECK(d.count(Kind::CloseIn) == 1);
  CHECK(d.count(Kind::Story) == 1);
  CHECK(d.peer.remote() == before);
  CHECK(d.peer.link() == Link::Alive);
  d.data(encode(Bye{}));  // what was still on its way
  CHECK(d.peer.link() == Link::Alive);
  d.in_up();
  d.data("more of it");
  CHECK(d.count(Kind::CloseIn) == 2);
  CHECK(d.count(Kind::Story) == 1);
}

TEST_CASE("Another key is told once and tried every five seconds") {
  PeerDriver d;
  d.meet();
  d.out_end();
  d.in_end();
  d.taken(Kind::Dial);
  d.out_end(ChannelEnd::Rejected);
  for (int i = 0; i < 5; ++i) {
    d.pass(5_s, true);
    CHECK(d.taken(Kind::Dial) == 1);
    d.out_end(ChannelEnd::Rejected);
  }
  CHECK(d.stories("does not prove the same secret") == 1);
  CHECK(d.peer.link() == Link::Alive);
}

TEST_CASE("Heartbeats count once, rising, under the right key") {
  PeerDriver d;
  d.meet();
  const auto received = d.peer.counters().heartbeats_received;
  const std::string next = encode(Heartbeat{d.sequence + 2, 0, {claim(6)}}, d.its_key);
  d.datagram(next);
  CHECK(d.taken(Kind::StateChanged) == 1);
  CHECK(d.peer.claim("main")->epoch == 6);
  d.pass(150_ms);
  d.datagram(next);
  d.datagram(encode(Heartbeat{d.sequence + 1, 0, {claim(7)}}, d.its_key));
  CHECK(d.peer.counters().heartbeats_received == received + 1);
  CHECK(d.peer.counters().heartbeats_refused == 0);
  CHECK(d.peer.claim("main")->epoch == 6);
  d.pass(50_ms);
  CHECK(d.peer.link() == Link::Silent);  // repeats are no signs of life
  const std::string other = encode(Heartbeat{d.sequence + 9, 0, {claim(9)}}, std::string(32, 'x'));
  for (int i = 0; i < 20; ++i) d.datagram(other);
  CHECK(d.peer.link() == Link::Silent);
  CHECK(d.peer.counters().heartbeats_refused == 20);
  CHECK(d.stories("not ef-b's heartbeats") == 1);
}

TEST_CASE("An old epoch of the same process is refused") {
  PeerDriver d;
  d.meet();
  d.heartbeat({claim(4)});
  d.heartbeat({claim(3)});
  d.state({claim(2, Role::Standby)}, d.sequence);
  CHECK(*d.peer.claim("main") == claim(5));
  CHECK(d.stories("old epoch of main") == 1);
  CHECK(d.count(Kind::StateChanged) == 0);
}

TEST_CASE("Channel and datagrams may overtake each other") {
  PeerDriver d;
  d.meet();
  const std::uint64_t n = d.sequence;
  d.state({claim(5, Role::Lingering)}, n + 3);
  CHECK(d.peer.claim("main")->role == Role::Lingering);
  d.datagram(encode(Heartbeat{n + 3, 0, {claim(5, Role::Holder)}}, d.its_key));  // sent before that state
  CHECK(d.peer.claim("main")->role == Role::Lingering);
  d.datagram(encode(Heartbeat{n + 5, 0, {claim(7, Role::Holder)}}, d.its_key));
  d.state({claim(6, Role::Standby)}, n + 4);  // was delayed
  CHECK(*d.peer.claim("main") == claim(7));
  CHECK(d.stories("old epoch") == 0);
  d.state({}, n + 5);
  CHECK(d.peer.claim("main") == nullptr);
}

TEST_CASE("A state replaces everything, and messages for the station are passed on") {
  PeerDriver d;
  d.meet();
  StateMessage told;
  told.state = own_state(4, {claim(6)});
  told.state.services = {{"ivr", "ivr-b"}};
  told.state.config_hash = "00ff";
  d.message(told);
  CHECK(d.peer.remote() == told.state);
  CHECK(d.taken(Kind::StateChanged) == 1);
  d.message(told);
  CHECK(d.taken(Kind::StateChanged) == 0);
  d.message(Take{"main", 7});
  REQUIRE(d.count(Kind::Deliver) == 1);
  CHECK(std::get<Take>(*d.actions.back().message).epoch == 7);
}

TEST_CASE("The other's clock is compared for the logs") {
  PeerDriver d;
  d.meet();
  CHECK(d.peer.clock_offset_us() == 0);
  d.peer.set_wall(d.now, WallTime{5'000'000});
  d.datagram(encode(Heartbeat{d.sequence + 1, 7'000'000, {}}, d.its_key));
  CHECK(d.peer.clock_offset_us() == 2'000'000);
}
