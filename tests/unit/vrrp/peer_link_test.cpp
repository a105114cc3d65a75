// The link's states and every way between them: proofs of death, silence, pauses, farewells.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/peer_driver.h"

using namespace holdfast;
using namespace holdfast::vrrp;
using Kind = PeerAction::Kind;

TEST_CASE("Absent to Alive takes an introduction and a sign") {
  PeerDriver d;
  CHECK(d.peer.link() == Link::Absent);
  CHECK(d.peer.deadline() == d.now);
  d.tick();
  CHECK(d.taken(Kind::Dial) == 1);
  d.heartbeat();  // nothing can be known of it yet
  d.out_up();
  d.in_up();
  CHECK_FALSE(d.peer.connected());
  d.message(d.hello());
  CHECK(d.peer.connected());
  CHECK(d.peer.link() == Link::Absent);
  SECTION("a heartbeat") { d.heartbeat(); }
  SECTION("a message") { d.state({}); }
  CHECK(d.peer.link() == Link::Alive);
  CHECK(d.peer.link_since() == d.now);
  CHECK(d.count(Kind::LinkChanged) == 1);
  CHECK(d.stories("ef-b is alive: Holdfast 0.2.0") == 1);
  CHECK(d.peer.hello()->boot == 2);
}

TEST_CASE("A refused dial proves nothing of a node never heard") {
  PeerDriver d;
  for (int i = 0; i < 50; ++i) {
    d.pass(1_s);
    d.out_end(ChannelEnd::Refused);
  }
  CHECK(d.peer.link() == Link::Absent);
  CHECK(d.count(Kind::Story) == 0);
  CHECK(d.peer.suspect_at() == Instant::never());
}

namespace {

/// The ways in which the other side's kernel can end a killed process's three sockets.
enum class Order { OutRefusedIn, OutInRefused, InOutRefused, EndOfOutLost, Queued };

void kill(PeerDriver& d, Order order) {
  const bool in_first = order == Order::InOutRefused || order == Order::EndOfOutLost;
  in_first ? d.in_end() : d.out_end();
  if (order == Order::OutInRefused || order == Order::Queued) d.in_end();
  if (in_first) CHECK(d.taken(Kind::Dial) == 0);
  if (order == Order::InOutRefused) d.pass(1_ms), d.out_end();
  if (order == Order::EndOfOutLost) {
    d.pass(5_ms);  // a probe tells
    CHECK(d.taken(Kind::CloseOut) == 1);
  }
  // Its listener may still take connections when its other sockets are closed already.
  for (int i = 0; order == Order::Queued && i < 10; ++i) {
    CHECK(d.taken(Kind::Dial) == 1);
    d.out_end(ChannelEnd::Closed);
  }
  CHECK(d.taken(Kind::Dial) == 1);
  CHECK(d.peer.link() == Link::Alive);
  d.out_end(ChannelEnd::Refused);
  if (order != Order::OutRefusedIn) return;
  CHECK(d.peer.link() == Link::Alive);  // something of it still lives
  d.in_end();
}

}  // namespace

TEST_CASE("Both connections ended and the dial refused is death, in any order of the ends") {
  PeerDriver d;
  d.meet();
  kill(d, GENERATE(Order::OutRefusedIn, Order::OutInRefused, Order::InOutRefused, Order::EndOfOutLost,
                   Order::Queued));
  CHECK(d.peer.link() == Link::Dead);
  CHECK(d.stories("is dead: its process closed the peer channel and its port is refused") == 1);
  CHECK(d.taken(Kind::LinkChanged) == 1);
  SECTION("heartbeats that were on their way do not raise it") {
    d.heartbeat();
    d.peer.vouch(d.now);
    CHECK(d.peer.link() == Link::Dead);
    d.pass(300_ms);
    d.peer.vouch(d.now);
    CHECK(d.peer.link() == Link::Dead);
    d.heartbeat();
    CHECK(d.peer.link() == Link::Alive);
  }
  SECTION("its next process does, and nothing of the former is left") {
    CHECK(d.peer.claim("main") != nullptr);
    d.boot = 3;
    d.its_key = std::string(32, 'c');
    d.sequence = 0;
    d.in_up();
    d.message(d.hello());
    CHECK(d.peer.link() == Link::Dead);
    CHECK(d.peer.claim("main") == nullptr);
    CHECK(d.taken(Kind::StateChanged) == 1);
    d.heartbeat({{"main", Role::Standby, Fitness::Fit, 150, 1}});
    CHECK(d.peer.link() == Link::Alive);
    CHECK(d.peer.claim("main")->epoch == 1);
  }
}

TEST_CASE("A dial into a port that is just closing is not waited for") {
  PeerDriver d;
  d.meet();
  d.in_end();
  d.out_end();
  CHECK(d.taken(Kind::Dial) == 1);
  d.pass(14_ms);
  CHECK(d.taken(Kind::Dial) == 0);
  d.pass(10_ms);  // its SYN went nowhere
  CHECK(d.taken(Kind::Dial) == 1);
  d.out_end(ChannelEnd::Refused);
  CHECK(d.peer.link() == Link::Dead);
}

TEST_CASE("A process that dies soon after its predecessor did is dialled in haste as well") {
  PeerDriver d;
  d.meet();
  kill(d, Order::OutInRefused);
  d.pass(500_ms);
  d.boot = 3;
  d.its_key = std::string(32, 'c');
  d.in_up();
  d.message(d.hello());
  d.out_up();
  d.state({});
  d.pass(60_ms);
  CHECK(d.peer.link() == Link::Alive);
  d.taken(Kind::Dial);
  kill(d, Order::OutInRefused);
  CHECK(d.peer.link() == Link::Dead);
}

TEST_CASE("A node that comes back ends the dial to its predecessor, and only that one") {
  PeerDriver d;
  d.meet();
  d.pass(5_s);  // its host died
  d.out_end(ChannelEnd::Unreachable);
  d.taken(Kind::Dial);
  while (d.taken(Kind::Dial) == 0) d.pass(10_ms);
  d.boot = 3;
  SECTION("a new process") {
    d.pass(1_ms);
    d.in_up();
    CHECK(d.taken(Kind::Dial) == 0);
    d.pass(1_ms);
    d.message(d.hello());
    CHECK(d.taken(Kind::Dial) == 1);
    d.pass(1_s);
    CHECK(d.taken(Kind::Dial) == 0);
  }
  SECTION("a new process, and it was dialled after it came") {
    d.pass(30_ms);
    d.in_up();
    CHECK(d.taken(Kind::Dial) == 1);
    d.pass(1_ms);
    d.message(d.hello());
    CHECK(d.taken(Kind::Dial) == 0);
  }
  SECTION("the same process") {
    d.boot = 2;
    d.pass(1_ms);
    d.in_up();
    d.pass(1_ms);
    d.message(d.hello());
    CHECK(d.taken(Kind::Dial) == 0);
  }
}

TEST_CASE("A refusal is no proof while the node is heard") {
  PeerDriver d;
  d.meet();
  SECTION("its own connection stands: it moved its port") {
    d.out_end();
    for (int i = 0; i < 30; ++i) {
      d.out_end(ChannelEnd::Refused);
      d.pass(100_ms, true);
    }
  }
  SECTION("heartbeats come after both ends: something answers in its place") {
    d.out_end(ChannelEnd::Unreachable);
    d.in_end();
    d.pass(100_ms, true);
    for (int i = 0; i < 30; ++i) {
      d.out_end(ChannelEnd::Refused);
      d.pass(100_ms, true);
    }
  }
  SECTION("no answer is no refusal") {
    d.out_end();
    d.in_end();
    d.out_end(ChannelEnd::Unreachable);
    d.pass(1500_ms, true);
  }
  CHECK(d.peer.link() == Link::Alive);
}

TEST_CASE("A refusal after silence is death, whatever still seems to stand") {
  PeerDriver d;
  d.meet();
  d.out_end();
  d.out_end(ChannelEnd::Refused);
  d.pass(220_ms);
  CHECK(d.peer.link() == Link::Silent);
  d.out_end(ChannelEnd::Refused);
  CHECK(d.peer.link() == Link::Dead);
  CHECK(d.taken(Kind::CloseIn) == 1);
  CHECK(d.stories("nothing is heard of it and its port is refused") == 1);
}

TEST_CASE("Silence is a time-out, and any sign ends it") {
  PeerDriver d;
  d.meet();
  CHECK(d.peer.timeout() == 200_ms);
  CHECK(d.peer.suspect_at() == d.now + 100_ms);
  d.pass(199_ms);
  CHECK(d.peer.link() == Link::Alive);
  d.pass(1_ms);
  CHECK(d.peer.link() == Link::Silent);
  CHECK(d.stories("silent: nothing heard on any path for 200 ms") == 1);
  CHECK(d.peer.suspect_at() == Instant::never());
  d.pass(200_ms);
  SECTION("a heartbeat") { d.heartbeat(); }
  SECTION("a message") { d.state({}); }
  SECTION("its advertisement") { d.peer.vouch(d.now), d.take(); }
  SECTION("the same process dials again") { d.in_up(), d.message(d.hello()); }
  CHECK(d.peer.link() == Link::Alive);
  CHECK(d.stories("heard again after 400 ms") == 1);
}

TEST_CASE("An outgoing connection from before a long silence is replaced, once") {
  PeerDriver d;
  d.meet();
  d.pass(1190_ms);
  CHECK(d.taken(Kind::Dial) == 0);
  d.pass(10_ms);
  CHECK(d.taken(Kind::CloseOut) == 1);
  CHECK(d.taken(Kind::Dial) == 1);
  d.out_up();
  d.pass(10_s);
  CHECK(d.taken(Kind::Dial) == 0);
}

TEST_CASE("After our own sleep the peer gets its whole time") {
  PeerDriver d;
  d.meet();
  d.now = d.now + 5_s;
  d.peer.on_resumed(d.now);
  d.take();
  CHECK(d.actions.empty());  // not a byte before the station has judged
  d.tick();
  CHECK(d.peer.link() == Link::Alive);
  d.pass(199_ms);
  CHECK(d.peer.link() == Link::Alive);
  d.pass(1_ms);
  CHECK(d.peer.link() == Link::Silent);
}

TEST_CASE("A pause is waited out, and proves or disproves nothing") {
  PeerDriver d;
  d.meet();
  d.message(Pause{5000});
  CHECK(d.peer.link() == Link::Paused);
  CHECK(d.stories("5000 ms of patience") == 1);
  d.heartbeat();  // the process that asked is still there for a moment
  d.out_end();
  d.in_end();
  d.pass(1_s);
  d.out_end(ChannelEnd::Refused);
  d.pass(3900_ms);
  CHECK(d.peer.link() == Link::Paused);
  SECTION("no one comes") {
    d.pass(100_ms);
    CHECK(d.peer.link() == Link::Silent);
    CHECK(d.stories("did not come back") == 1);
    d.out_end(ChannelEnd::Refused);
    CHECK(d.peer.link() == Link::Dead);
  }
  SECTION("the process itself goes on") {
    d.heartbeat();
    CHECK(d.peer.link() == Link::Paused);
    d.pass(100_ms);
    CHECK(d.peer.link() == Link::Alive);
  }
  SECTION("its successor comes, and its claims stand until it tells its own") {
    d.boot = 3;
    d.its_key = std::string(32, 'c');
    d.in_up();
    d.message(d.hello());
    CHECK(d.peer.link() == Link::Alive);
    CHECK(d.peer.claim("main")->role == Role::Holder);
    d.state({{"main", Role::Standby, Fitness::Fit, 150, 1}});
    CHECK(d.peer.claim("main")->role == Role::Standby);
    d.pass(999_ms);
    CHECK(d.peer.link() == Link::Alive);
    d.pass(1_ms);
    CHECK(d.peer.link() == Link::Silent);
  }
}

TEST_CASE("A pause of nothing ends a pause") {
  PeerDriver d;
  d.meet();
  d.message(Pause{5000});
  d.message(Pause{0});
  CHECK(d.peer.link() == Link::Alive);
}

TEST_CASE("A farewell is no death, and its last words are heard") {
  PeerDriver d;
  d.meet();
  d.message(Bye{});
  CHECK(d.peer.link() == Link::Left);
  CHECK_FALSE(d.peer.connected());
  d.heartbeat();
  d.state({});
  CHECK(d.peer.link() == Link::Left);
  d.message(Gone{"main"});
  CHECK(d.taken(Kind::Deliver) == 1);
  d.message(Take{"main", 9});
  CHECK(d.taken(Kind::Deliver) == 0);
  d.in_end();
  d.out_end();
  d.out_end(ChannelEnd::Refused);
  d.pass(10_s);
  CHECK(d.peer.link() == Link::Left);
  d.boot = 3;
  d.in_up();
  d.message(d.hello());
  d.state({});
  CHECK(d.peer.link() == Link::Alive);
}

TEST_CASE("A process that starts anew before its death was seen voids what it said") {
  PeerDriver d;
  d.meet();
  d.boot = 3;
  d.in_up();
  d.message(d.hello());
  CHECK(d.peer.link() == Link::Alive);
  CHECK(d.peer.claim("main") == nullptr);
  CHECK(d.taken(Kind::StateChanged) == 1);
  CHECK(d.stories("started anew") == 1);
  d.pass(1_s);
  CHECK(d.peer.link() == Link::Silent);
}
