// The monitor's threads against sockets that are no SQL server; the test node's own tests ask a real one.
#include "tds/driver_monitor.h"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/io/uv_bench.h"

using namespace holdfast;

namespace {

/// Accepts and says nothing, or closes at once.
struct Listener final : io::ListenerEvents, io::StreamEvents {
  io::ListenerPtr listener;
  std::vector<io::StreamPtr> streams;
  bool closes = false;

  explicit Listener(io::Loop& loop) {
    io::ListenOptions options;
    options.address = *Address::from_ip("127.0.0.1", 0);
    options.reuse_port = false;
    auto made = loop.listen(options, *this);
    REQUIRE(made);
    listener = std::move(*made);
  }
  void on_accept(io::StreamPtr stream) override {
    stream->set_events(*this);
    if (!closes) streams.push_back(std::move(stream));
  }
  void on_data(Bytes) override {}
  void on_end() override {}
  void on_fault(io::Fault, std::string_view) override {}
};

struct Told final : RoleAsker::Events {
  std::vector<tds::RoleAnswer> answers;
  void on_role(const tds::RoleAnswer& answer) override { answers.push_back(answer); }
  void on_closed() override {}
};

struct World {
  io::contract::UvBench bench;
  Told told;
  tds::SqlMonitors monitors{bench.loop()};
  std::unique_ptr<RoleAsker> asker;

  void watch(const Address& address) {
    conf::Instance instance;
    instance.address = address;
    conf::SqlMonitor monitor;
    monitor.user = "watch";
    monitor.password = Secret("secret");
    monitor.timeout = 1_s;
    asker = monitors.make(instance, monitor, told);
  }
  void ask_until(std::size_t answers) {
    asker->ask();
    REQUIRE(bench.until([&] { return told.answers.size() >= answers; }));
  }
};

}  // namespace

TEST_CASE("a port that nobody listens on is certain") {
  World w;
  w.watch(*Address::from_ip("127.0.0.1", 1));
  w.ask_until(1);
  CHECK(w.told.answers[0].why == "connect refused");
  CHECK(w.told.answers[0].certain);
  CHECK(w.told.answers[0].role == tds::SqlRole::Unknown);
}

TEST_CASE("a server that closes during the login has said no") {
  World w;
  Listener listener(w.bench.loop());
  listener.closes = true;
  w.watch(listener.listener->local());
  w.ask_until(1);
  CHECK(w.told.answers[0].why.find("login failed") == 0);
  CHECK(w.told.answers[0].why.find("secret") == std::string::npos);
}

TEST_CASE("a server that says nothing is given up by FreeTDS, and that is not certain") {
  World w;
  Listener listener(w.bench.loop());
  w.watch(listener.listener->local());
  w.ask_until(1);
  CHECK_FALSE(w.told.answers[0].certain);
}

TEST_CASE("of two questions the last is answered") {
  World w;
  w.watch(*Address::from_ip("127.0.0.1", 1));
  w.asker->ask();
  w.ask_until(1);
  w.bench.pass(20_ms);
  CHECK(w.told.answers.size() == 1);
}

TEST_CASE("a thread that is stuck in FreeTDS outlives its asker, and tells nobody") {
  World w;
  Listener listener(w.bench.loop());
  w.watch(listener.listener->local());
  w.asker->ask();
  REQUIRE(w.bench.until([&] { return listener.streams.size() == 2; }));  // the knock, and the login
  w.asker.reset();
  CHECK(w.monitors.threads() == 1);
  w.bench.pass(1500_ms);
  CHECK(w.told.answers.empty());
  w.watch(*Address::from_ip("127.0.0.1", 1));
  CHECK(w.monitors.threads() == 1);  // the ended one was joined
}
