#include "vrrp/driver_gate.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

/// Only takes posts, and turns when the test says so.
struct FakeLoop : io::Loop {
  Instant now() override { return {}; }
  WallTime wall() override { return {}; }
  io::StreamPtr connect(const Address&, io::StreamEvents&) override { return {}; }
  io::StreamPtr connect(std::string_view, io::StreamEvents&) override { return {}; }
  Result<io::ListenerPtr> listen(const io::ListenOptions&, io::ListenerEvents&) override { return {}; }
  io::TimerPtr timer(io::TimerEvents&) override { return {}; }
  io::WatchPtr watch(int, io::WatchEvents&) override { return {}; }
  Result<io::ProcessPtr> spawn(const std::vector<std::string>&, io::ProcessEvents&) override { return {}; }
  void post(io::Task) override { ++posted; }
  void on_signal(int, std::move_only_function<void()>) override {}
  void set_turn_end(std::move_only_function<void()>) override {}
  void run() override {}
  void stop() override {}
  std::size_t handles() const override { return 0; }

  void turn() {
    ++turns;
    posted = 0;
  }
  int posted = 0;
  std::uint64_t turns = 0;
};

struct World {
  FakeLoop one, two;
  LoopGate gate{{{"one", &one, [this] { return one.turns; }}, {"two", &two, [this] { return two.turns; }}},
                300_ms};
  Instant now;

  bool tick(Duration step = 50_ms) {
    now = now + step;
    return gate.tick(now);
  }
};

}  // namespace

TEST_CASE("a loop that turns by itself is never given a task") {
  World world;
  for (int i = 0; i < 100; ++i) {
    world.one.turn();
    world.two.turn();
    CHECK_FALSE(world.tick());
  }
  CHECK(world.one.posted == 0);
  CHECK_FALSE(world.gate.stalled());
}

TEST_CASE("an idle loop turns because of its task, and is fine") {
  World world;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(world.tick());
    CHECK(world.one.posted <= 1);
    if (world.one.posted > 0) world.one.turn();
    if (world.two.posted > 0) world.two.turn();
  }
  CHECK_FALSE(world.gate.stalled());
}

TEST_CASE("a loop that does not turn although it has a task is stalled, and fine again after one turn") {
  World world;
  int ticks = 0;
  while (!world.gate.stalled() && ticks < 100) {
    world.one.turn();
    world.tick();
    CHECK(world.two.posted == 1);
    ++ticks;
  }
  CHECK(ticks == 7);  // one that asks, and 300 ms
  CHECK(world.gate.names() == "two");
  world.one.turn();
  CHECK_FALSE(world.tick());
  world.one.turn();
  world.two.turn();
  CHECK(world.tick());
  CHECK_FALSE(world.gate.stalled());
  CHECK(world.gate.names().empty());
}

TEST_CASE("a busy loop that turns now and then, slower than the ticks, is fine") {
  World world;
  for (int i = 0; i < 100; ++i) {
    if (i % 5 == 0) {
      world.one.turn();
      world.two.turn();
    }
    CHECK_FALSE(world.tick());
  }
}

TEST_CASE("after a pause of everything the loops get their chance before they are judged") {
  World world;
  world.tick();
  CHECK(world.one.posted == 1);
  CHECK_FALSE(world.tick(10_s));
  world.one.turn();
  world.two.turn();
  CHECK_FALSE(world.tick());
  CHECK_FALSE(world.gate.stalled());
}

TEST_CASE("both may stall, and a new limit counts at once") {
  World world;
  world.gate.set_stall(100_ms);
  world.tick();
  world.tick();
  CHECK(world.tick());
  CHECK(world.gate.names() == "one, two");
}
