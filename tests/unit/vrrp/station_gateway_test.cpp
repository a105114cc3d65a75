#include "vrrp/station_gateway.h"

#include <catch2/catch.hpp>

#include "tests/unit/vrrp/peer_driver.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

/// A watch next to a peer that was heard every 50 ms: suspect after 100 ms of silence, silent after 200 ms.
struct Case {
  PeerDriver peer;
  GatewayWatch watch{true, 50_ms, peer.now};
  int asked = 0;

  Case() {
    peer.meet();
    update();
    answer();
    asked = 0;
  }
  Instant now() const { return peer.now; }
  void update() { asked += watch.update(now(), &peer.peer) ? 1 : 0; }
  void answer() {
    watch.answered(now());
    update();
  }
  /// The peer is silent, the watch gets its turns; the gateway answers at once if `answering`.
  void pass(Duration time, bool answering) {
    const Instant end = now() + time;
    while (now() < end) {
      peer.pass(1_ms);
      if (now() < watch.deadline()) continue;
      const int before = asked;
      update();
      if (answering && asked > before) answer();
    }
  }
};

}  // namespace

TEST_CASE("gateway: none is configured, none is asked or known") {
  GatewayWatch watch(false, 50_ms, Instant{});
  CHECK_FALSE(watch.update(Instant{}, nullptr));
  watch.answered(Instant{});
  CHECK_FALSE(watch.known());
  CHECK(watch.deadline() == Instant::never());
}

TEST_CASE("gateway: without a suspicion it is asked each second, and its answer proves nothing") {
  GatewayWatch watch(true, 50_ms, Instant{});
  int asked = 0;
  for (Instant now{}; now < Instant{} + 10_s; now = now + 50_ms) asked += watch.update(now, nullptr) ? 1 : 0;
  CHECK(asked == 10);
  CHECK_FALSE(watch.known());
  watch.answered(Instant{} + 10_s);
  CHECK(watch.known());
  CHECK_FALSE(watch.fresh(Instant{} + 10_s));
  CHECK_FALSE(watch.cut_off());
}

TEST_CASE("gateway: a suspicion asks at once and in haste, later at a calmer pace") {
  Case c;
  c.pass(99_ms, true);
  CHECK(c.asked == 0);
  c.pass(1_ms, false);
  CHECK(c.asked == 1);
  CHECK_FALSE(c.watch.fresh(c.now()));  // the answers before do not count
  c.pass(100_ms, true);
  CHECK(c.asked == 11);
  CHECK(c.watch.fresh(c.now()));
  c.pass(2_s, true);
  c.asked = 0;
  c.pass(1_s, true);
  CHECK(c.asked == 40);
  CHECK(c.watch.fresh(c.now()));
  CHECK_FALSE(c.watch.cut_off());
}

TEST_CASE("gateway: peer and gateway both silent is being cut off; the gateway alone is not") {
  Case c;
  SECTION("both") {
    c.pass(299_ms, false);  // suspect at 100 ms, and the time-out of 200 ms once more
    CHECK_FALSE(c.watch.cut_off());
    c.pass(1_ms, false);
    CHECK(c.watch.cut_off());
  }
  SECTION("a gateway that never answered says nothing") {
    c.watch.configure(false, 50_ms);
    c.watch.configure(true, 50_ms);
    c.pass(5_s, false);
    CHECK_FALSE(c.watch.cut_off());
  }
  SECTION("it falls silent after it had answered") {
    c.pass(1_s, true);
    CHECK_FALSE(c.watch.cut_off());
    c.pass(189_ms, false);
    CHECK_FALSE(c.watch.cut_off());
    c.pass(12_ms, false);
    CHECK(c.watch.cut_off());
  }
  SECTION("the peer is heard") {
    for (int i = 0; i < 100; ++i) c.peer.heartbeat(), c.pass(50_ms, false);
    CHECK_FALSE(c.watch.cut_off());
  }
}

TEST_CASE("gateway: after being cut off, the peer has two heartbeats' time to be heard before it counts") {
  Case c;
  c.pass(1_s, false);
  REQUIRE(c.watch.cut_off());
  c.answer();
  CHECK_FALSE(c.watch.cut_off());
  CHECK_FALSE(c.watch.fresh(c.now()));
  c.pass(99_ms, true);
  CHECK_FALSE(c.watch.fresh(c.now()));
  c.pass(1_ms, true);
  CHECK(c.watch.fresh(c.now()));
  SECTION("the peer is heard again: nothing is left of it") {
    c.peer.heartbeat();
    c.update();
    CHECK_FALSE(c.watch.cut_off());
    CHECK_FALSE(c.watch.fresh(c.now()));
  }
}

TEST_CASE("gateway: what it said before a pause of this process proves nothing") {
  Case c;
  c.pass(300_ms, true);
  REQUIRE(c.watch.fresh(c.now()));
  c.asked = 0;
  c.watch.on_resumed(c.now());
  CHECK_FALSE(c.watch.fresh(c.now()));
  c.update();
  CHECK(c.asked == 1);
  CHECK(c.watch.known());
  CHECK_FALSE(c.watch.cut_off());
  c.answer();
  CHECK(c.watch.fresh(c.now()));
}
