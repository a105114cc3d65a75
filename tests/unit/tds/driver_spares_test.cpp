#include "tds/driver_spares.h"

#include <catch2/catch.hpp>

#include "tds/driver_seek.h"
#include "tests/unit/proxy/fake_io.h"
#include "tests/unit/tds/login_words.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

struct NoLog final : AccessLog {
  void log(unsigned, const AccessRecord&) override {}
  void reopen() override {}
  std::uint64_t dropped() const override { return 0; }
};

/// A session that seeks a server.
struct Waiter final : tds::SeekEvents {
  explicit Waiter(tds::TdsContext& context) : seeker(context, record, *this) {}
  void on_server(io::StreamPtr s) override { stream = std::move(s); }
  void on_spare(std::unique_ptr<tds::ServerEntry> e) override { entry = std::move(e); }
  void on_view_changed() override {}
  void on_seek_timeout() override {}

  io::StreamPtr stream;
  std::unique_ptr<tds::ServerEntry> entry;
  tds::SessionRecord record;
  tds::Seeker seeker;
};

/// A service that had instance 0 as its primary and has none now.
struct World {
  explicit World(std::uint32_t spares, std::uint32_t room = 0, unsigned proxy = 0) {
    snapshot->listens.emplace_back().name = "sql";
    conf::Service& config = snapshot->services.emplace_back();
    config.name = "sql";
    config.timeouts.connect = 2_s;
    config.sql.encrypt = conf::TdsEncrypt::None;
    config.sql.spares = spares;
    config.max_connections = room;
    config.send_proxy = static_cast<std::uint8_t>(proxy);
    for (const char* address : {"192.0.2.1:1433", "192.0.2.2:1433"})
      config.instances.emplace_back().address = *Address::parse(address);
    service.emplace(config, [](const Service&, std::size_t, Evidence) { FAIL("spares report nothing"); });
    elect(0);
    context.reset(new tds::TdsContext{loop, sessions, log, 0, snapshot, snapshot->listens[0], nullptr,
                                      *service, metrics.service("sql", 2), metrics.listen("sql"), load, 0});
    context->sql = &metrics.sql("sql");
    context->spares = std::make_unique<tds::Spares>(*context);
    elect(-1);
  }
  void elect(int active) {
    ServiceView view;
    view.epoch = ++epoch;
    view.active = active;
    view.any = active >= 0;
    view.instances = {{active == 0, active != 0, 1}, {active == 1, active != 1, 1}};
    service->publish(view);
  }
  Waiter& waiter() {
    waiters.push_back(std::make_unique<Waiter>(*context));
    waiters.back()->seeker.seek(Instant::never());
    return *waiters.back();
  }
  /// The wire of the newest connection answers PRELOGIN.
  void ready(FakeWire& wire) {
    wire.connected();
    wire.data(tds::login_words::prelogin_from_server(tds::Encryption::NotSupported));
  }
  std::size_t made() const { return loop.wires.size(); }
  FakeWire& last() { return loop.wires.back(); }
  tds::Spares& spares() { return *context->spares; }

  std::shared_ptr<conf::Snapshot> snapshot = std::make_shared<conf::Snapshot>();
  FakeLoop loop;
  NoLog log;
  LoopMetrics metrics;
  tds::InstanceLoad load;
  Sessions sessions;
  std::optional<Service> service;
  std::unique_ptr<tds::TdsContext> context;
  std::vector<std::unique_ptr<Waiter>> waiters;
  std::uint64_t epoch = 0;
};

}  // namespace

TEST_CASE("spares: one for each who waits, and after the election only the login is left", "[tds]") {
  World w(2);
  CHECK(w.made() == 0);
  Waiter& first = w.waiter();
  REQUIRE(w.made() == 1);
  CHECK(w.last().to.text() == "192.0.2.2:1433");  // not the one that was the primary
  Waiter& second = w.waiter();
  CHECK(w.made() == 1);  // the first one goes alone
  Waiter& third = w.waiter();
  w.ready(w.loop.wires[0]);
  REQUIRE(w.made() == 2);
  w.ready(w.loop.wires[1]);
  CHECK(w.made() == 2);
  CHECK(w.metrics.sql("sql").spares.get() == 2);
  w.elect(1);
  CHECK((first.entry && second.entry && !third.entry));
  CHECK(w.made() == 3);  // the third connects for itself
  CHECK(w.metrics.sql("sql").spares.get() == 0);
  CHECK(w.metrics.sql("sql").spares_used.get() == 2);
  CHECK(first.seeker.instance() == 1);
  CHECK(first.record.attempts == 1);
  // The login itself.
  struct Nothing final : tds::ServerEntry::Events {
    void on_answer(Bytes) override {}
    void on_entry_failed(std::optional<Evidence>, std::string_view) override {}
  } nothing;
  first.entry->set_events(nothing);
  const std::size_t before = w.loop.wires[0].written.size();
  first.entry->say(tds::login_words::sample(), 0);
  const std::string said = w.loop.wires[0].written.substr(before);
  CHECK(said.front() == static_cast<char>(tds::PacketType::Login7));
}

TEST_CASE("spares: a server that refuses is left more and more time", "[tds]") {
  World w(8);
  for (int i = 0; i < 5; ++i) w.waiter();
  for (const int expected : {100, 200, 400, 800, 1000, 1000}) {
    REQUIRE_FALSE(w.last().disposed);
    const std::size_t made = w.made();
    w.last().fault(io::Fault::Refused);
    CHECK(w.last().disposed);
    int ms = 0;
    while (w.made() == made && ms < 5000) w.loop.turn(1_ms), ++ms;
    CHECK(ms == expected);
    CHECK(w.made() == made + 1);  // never more than one
  }
  w.ready(w.last());
  CHECK(w.spares().size() == 5);
  CHECK(w.metrics.sql("sql").spares_failed.get() == 6);
}

TEST_CASE("spares: one that says nothing is given up after five seconds", "[tds]") {
  World w(1);
  w.waiter();
  FakeWire& first = w.last();
  first.connected();
  w.loop.turn(4999_ms);
  CHECK_FALSE(first.disposed);
  w.loop.turn(1_ms);
  CHECK(first.disposed);
}

TEST_CASE("spares: one that the server ends is made again, later", "[tds]") {
  World w(1);
  w.waiter();
  w.ready(w.last());
  w.last().end();
  CHECK(w.loop.wires[0].disposed);
  w.loop.turn(99_ms);
  CHECK(w.made() == 1);
  w.loop.turn(1_ms);
  CHECK(w.made() == 2);
}

TEST_CASE("spares: what nobody takes is closed, and its place is free again", "[tds]") {
  World w(2, 2);
  w.waiter();
  w.waiter();
  w.ready(w.last());
  w.ready(w.last());
  REQUIRE(w.spares().size() == 2);
  CHECK_FALSE(w.load.take(1, 2));  // limits.connections counts them
  SECTION("another instance is elected") {
    w.elect(0);
    CHECK(w.spares().size() == 0);
  }
  SECTION("the sessions end") {
    w.waiters.pop_back();
    CHECK(w.spares().size() == 1);
    w.waiters.clear();
    CHECK(w.spares().size() == 0);
  }
  SECTION("the session that would have taken it ends just after") {
    w.waiters.clear();
    w.waiter();
    w.ready(w.last());
    w.waiters.back()->seeker.release();  // as one does that reads elsewhere
    CHECK(w.spares().size() == 0);
  }
  w.waiters.clear();
  CHECK((w.load.take(1, 2) && w.load.take(1, 2)));
}

TEST_CASE("spares: what is left of them after the election goes two seconds later", "[tds]") {
  World w(2);
  w.waiter();
  w.waiter();
  w.ready(w.last());
  w.loop.wires[1].connected();  // still under way when the election comes
  w.elect(1);
  REQUIRE(w.made() == 3);
  w.last().connected();  // of a session that found none
  CHECK(w.spares().size() == 1);
  w.loop.turn(1999_ms);
  CHECK(w.spares().size() == 1);
  w.loop.turn(1_ms);
  CHECK(w.spares().size() == 0);
  CHECK(w.loop.wires[1].disposed);
}

TEST_CASE("spares: none where they cannot be", "[tds]") {
  World none(0), with_header(4, 0, 2);
  none.waiter();
  with_header.waiter();
  CHECK(none.made() == 0);
  CHECK(with_header.made() == 0);
}
