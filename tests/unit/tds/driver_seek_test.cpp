#include "tds/driver_seek.h"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using namespace holdfast::test;
using State = tds::Seeker::State;

namespace {

struct NoLog final : AccessLog {
  void log(unsigned, const AccessRecord&) override {}
  void reopen() override {}
  std::uint64_t dropped() const override { return 0; }
};

conf::SnapshotPtr two_instances() {
  auto snapshot = std::make_shared<conf::Snapshot>();
  snapshot->listens.emplace_back().name = "sql";
  conf::Service& service = snapshot->services.emplace_back();
  service.name = "sql";
  service.timeouts.connect = 2_s;
  for (const char* address : {"192.0.2.1:1433", "192.0.2.2:1433"})
    service.instances.emplace_back().address = *Address::parse(address);
  return snapshot;
}

/// A session that seeks again as soon as it has lost its server.
struct World final : tds::SeekEvents {
  conf::SnapshotPtr snapshot = two_instances();
  FakeLoop loop;
  NoLog log;
  LoopMetrics metrics;
  Service service{snapshot->services[0], [](const Service&, std::size_t, Evidence) {}};
  tds::InstanceLoad load;
  Sessions sessions;
  tds::TdsContext context{loop,
                          sessions,
                          log,
                          0,
                          snapshot,
                          snapshot->listens[0],
                          nullptr,
                          service,
                          metrics.service("sql", 2),
                          metrics.listen("sql"),
                          load,
                          0};
  tds::SessionRecord record;
  io::StreamPtr server;
  tds::Seeker seeker{context, record, *this};

  World() { elect(0); }
  void elect(int active) {
    ServiceView view;
    view.epoch = ++epoch;
    view.active = active;
    view.any = active >= 0;
    view.instances = {{true, false, 1}, {true, false, 1}};
    service.publish(view);
  }
  void on_server(io::StreamPtr stream) override { server = std::move(stream); }
  void on_view_changed() override {}
  void on_seek_timeout() override {}

  /// The server lives for so long, then the session wants another. How many connections were begun at once.
  std::size_t die_after(Duration life) {
    loop.wires.back().connected();
    loop.turn(life);
    const std::size_t before = loop.wires.size();
    seeker.release();
    server.reset();
    seeker.seek(Instant::never());
    return loop.wires.size() - before;
  }
  /// Milliseconds until the next connection is begun.
  int waits() {
    const std::size_t before = loop.wires.size();
    for (int ms = 1; ms <= 5000; ++ms) {
      loop.turn(1_ms);
      if (loop.wires.size() != before) return ms;
    }
    return -1;
  }
  std::uint64_t epoch = 0;
};

}  // namespace

TEST_CASE("a server that takes connections and dies at once is left more and more time", "[tds]") {
  World w;
  w.seeker.seek(Instant::never());
  CHECK(w.die_after(10_ms) == 1);  // once may be an accident
  for (const int expected : {50, 100, 200, 400, 800, 1000, 1000}) {
    CHECK(w.die_after(10_ms) == 0);
    CHECK(w.waits() == expected);
  }
}

TEST_CASE("a connection that lasted makes up for those that did not", "[tds]") {
  World w;
  w.seeker.seek(Instant::never());
  w.die_after(1_ms);
  w.die_after(1_ms);
  CHECK(w.waits() == 50);
  CHECK(w.die_after(2_s) == 1);
  CHECK(w.die_after(1_ms) == 1);
  CHECK(w.die_after(1_ms) == 0);
  CHECK(w.waits() == 50);
}

TEST_CASE("another instance is gone to at once, and views do not shorten the wait for the same one",
          "[tds]") {
  World w;
  w.seeker.seek(Instant::never());
  w.die_after(1_ms);
  REQUIRE(w.die_after(1_ms) == 0);
  const std::size_t made = w.loop.wires.size();
  w.elect(0);
  w.elect(-1);
  w.elect(0);
  CHECK(w.loop.wires.size() == made);
  CHECK(w.waits() == 50);
  REQUIRE(w.die_after(1_ms) == 0);
  w.elect(1);
  CHECK(w.loop.wires.size() == made + 2);
  CHECK(w.loop.wires.back().to.text() == "192.0.2.2:1433");
}
