#include "tds/driver_opaque.h"

#include <catch2/catch.hpp>

#include <utility>

#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

struct Seen {
  std::string outcome, instance, reasons, client;
  unsigned attempts = 0;
  std::uint64_t in = 0, out = 0;
  Duration parked{};
};

struct FakeLog final : AccessLog {
  std::vector<Seen> seen;
  void log(unsigned, const AccessRecord& r) override {
    seen.push_back({std::string(r.outcome), std::string(r.instance), std::string(r.reasons), r.client.text(),
                    r.attempts, r.bytes_in, r.bytes_out, r.parked});
  }
  void reopen() override {}
  std::uint64_t dropped() const override { return 0; }
};

conf::SnapshotPtr make_snapshot(conf::Mode mode) {
  auto snapshot = std::make_shared<conf::Snapshot>();
  conf::Listen listen;
  listen.name = "sql";
  listen.tds.mode = conf::TdsMode::Opaque;
  listen.tds_connect_deadline = 10_s;
  listen.tds_idle = 60_s;
  listen.timeouts.handshake = 5_s;
  snapshot->listens.push_back(listen);
  conf::Service service;
  service.name = "sql";
  service.mode = mode;
  service.timeouts.connect = 2_s;
  for (const char* name : {"sql-1", "sql-2"}) {
    conf::Instance instance;
    instance.name = name;
    instance.address = *Address::parse(std::string("192.0.2.") + name[4] + ":1433");
    service.instances.push_back(instance);
  }
  snapshot->services.push_back(service);
  return snapshot;
}

/// One listener before two instances. The test is the election, the client and the servers.
struct World {
  std::shared_ptr<conf::Snapshot> snapshot;
  FakeLoop loop;
  FakeLog log;
  LoopMetrics metrics;
  std::vector<std::pair<std::size_t, Evidence>> evidence;
  Service service;
  tds::InstanceLoad load;
  Sessions sessions;
  tds::TdsContext context;
  std::uint64_t epoch = 0;

  explicit World(conf::Mode mode = conf::Mode::ActiveStandby)
      : snapshot(std::const_pointer_cast<conf::Snapshot>(make_snapshot(mode))),
        service(snapshot->services[0], [this](const Service&, std::size_t instance,
                                              Evidence e) { evidence.emplace_back(instance, e); }),
        context{loop,
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
                0} {
    loop.set_turn_end([this] { sessions.reap(); });
  }
  ~World() {  // the context outlives the sessions, as the Worker has it
    sessions.cut_all();
    sessions.reap();
  }

  void elect(int active, bool first_lost = false) {
    ServiceView view;
    view.epoch = ++epoch;
    view.active = active;
    view.any = active >= 0;
    view.instances = {{!first_lost, first_lost, 1}, {true, false, 1}};
    service.publish(view);
  }
  FakeWire& accept() {
    auto stream = loop.accept();
    FakeWire& wire = loop.wires.back();
    tds::accept_tds(std::move(stream), {}, context);
    return wire;
  }
  FakeWire& last() { return loop.wires.back(); }
  const Seen& only_record() {
    REQUIRE(log.seen.size() == 1);
    loop.turn();
    CHECK(sessions.size() == 0);
    CHECK(context.sessions_alive == 0);
    CHECK(metrics.service("sql", 2).parked_now.get() == 0);
    CHECK(metrics.service("sql", 2).instances[0]->outstanding.get() == 0);
    CHECK(metrics.service("sql", 2).instances[1]->outstanding.get() == 0);
    CHECK(metrics.listen("sql").open.get() == 0);
    return log.seen.front();
  }
};

}  // namespace

TEST_CASE("tds: bytes go to the active instance and back", "[tds]") {
  World w;
  w.elect(1);
  FakeWire& client = w.accept();
  FakeWire& server = w.last();
  CHECK(server.to.text() == "192.0.2.2:1433");
  client.data("prelogin");  // before the connection stands: held
  CHECK(server.written.empty());
  server.connected();
  CHECK(server.written == "prelogin");
  server.data("answer");
  CHECK(client.written == "answer");
  client.end();
  CHECK(server.finished);
  server.end();
  const Seen& record = w.only_record();
  CHECK(record.outcome == "ok");
  CHECK(record.instance == "sql-2");
  CHECK(record.client == "198.51.100.9:1234");
  CHECK(record.attempts == 1);
  CHECK(record.in == 8);
  CHECK(record.out == 6);
  CHECK(w.evidence.empty());
}

TEST_CASE("tds: a refused connect is reported and goes to the next active one", "[tds]") {
  World w;
  w.elect(0);
  FakeWire& client = w.accept();
  w.last().fault(io::Fault::Refused);
  REQUIRE(w.evidence == std::vector<std::pair<std::size_t, Evidence>>{{0, Evidence::Refused}});
  w.elect(1, true);
  CHECK(w.last().to.text() == "192.0.2.2:1433");
  w.last().connected();
  client.end();
  w.last().end();
  const Seen& record = w.only_record();
  CHECK(record.attempts == 2);
  CHECK(record.reasons == "refused");
}

TEST_CASE("tds: the same instance is tried again after a while", "[tds]") {
  World w;
  w.elect(0);
  w.accept();
  w.last().fault(io::Fault::Refused);
  std::size_t made = w.loop.wires.size();
  w.loop.turn(49_ms);
  CHECK(w.loop.wires.size() == made);
  w.loop.turn(1_ms);
  CHECK(w.loop.wires.size() == made + 1);
  w.last().connected();
  CHECK(w.evidence.back() == std::pair<std::size_t, Evidence>{0, Evidence::Success});
}

TEST_CASE("tds: connecting has a time-out", "[tds]") {
  World w;
  w.elect(0);
  w.accept();
  FakeWire& first = w.last();
  w.loop.turn(2_s);
  CHECK(first.disposed);
  CHECK(w.evidence.back() == std::pair<std::size_t, Evidence>{0, Evidence::ConnectTimeout});
}

TEST_CASE("tds: with no instance a client waits, and the election wakes it", "[tds]") {
  World w;
  w.elect(-1);
  FakeWire& client = w.accept();
  CHECK(client.reading);
  CHECK(w.metrics.service("sql", 2).parked_now.get() == 1);
  w.loop.turn(3_s);
  w.elect(0);
  CHECK(w.last().to.text() == "192.0.2.1:1433");
  w.last().connected();
  client.end();
  w.last().end();
  CHECK(w.only_record().parked == 3_s);
}

TEST_CASE("tds: the wait ends at the deadline", "[tds]") {
  World w;
  w.elect(-1);
  FakeWire& client = w.accept();
  w.loop.turn(9999_ms);
  CHECK_FALSE(client.disposed);
  w.loop.turn(1_ms);
  CHECK(client.disposed);
  CHECK(w.only_record().outcome == "deadline");
}

TEST_CASE("tds: a waiting client that leaves is forgotten at once", "[tds]") {
  for (bool reset : {false, true}) {
    World w;
    w.elect(-1);
    FakeWire& client = w.accept();
    if (reset)
      client.fault(io::Fault::Reset);
    else
      client.end();
    CHECK(client.disposed);
    CHECK(w.only_record().outcome == "client-gone");
    w.elect(0);
    CHECK(w.loop.wires.size() == 1);
  }
}

TEST_CASE("tds: what a waiting client sends is bounded", "[tds]") {
  World w;
  w.elect(-1);
  FakeWire& client = w.accept();
  client.data(std::string(tds::TdsSession::held_max - 1, 'x'));
  CHECK(client.reading);
  client.data("x");
  CHECK_FALSE(client.reading);
  w.elect(0);
  w.last().connected();
  CHECK(client.reading);
  CHECK(w.last().written.size() == tds::TdsSession::held_max);
}

TEST_CASE("tds: a lost instance ends its connections at once", "[tds]") {
  World w;
  w.elect(0);
  FakeWire& client = w.accept();
  FakeWire& server = w.last();
  server.connected();
  w.elect(1);  // a planned switch leaves what is established
  CHECK_FALSE(client.disposed);
  w.elect(1, true);
  CHECK((client.disposed && client.reset));
  CHECK((server.disposed && server.reset));
  CHECK(w.only_record().outcome == "instance-lost");
}

TEST_CASE("tds: an attempt at a lost instance goes to the survivor", "[tds]") {
  World w;
  w.elect(0);
  w.accept();
  FakeWire& first = w.last();
  w.elect(1, true);
  CHECK(first.disposed);
  CHECK(w.last().to.text() == "192.0.2.2:1433");
}

TEST_CASE("tds: a server's reset reaches the client and makes the instance suspect", "[tds]") {
  World w;
  w.elect(0);
  FakeWire& client = w.accept();
  w.last().connected();
  w.last().fault(io::Fault::Reset);
  CHECK(client.reset);
  CHECK(w.evidence.back() == std::pair<std::size_t, Evidence>{0, Evidence::Reset});
  CHECK(w.only_record().outcome == "server-reset");
}

TEST_CASE("tds: an idle connection is ended", "[tds]") {
  World w;
  w.elect(0);
  FakeWire& client = w.accept();
  w.last().connected();
  w.loop.turn(59_s);
  CHECK_FALSE(client.disposed);
  w.loop.turn(1_s);
  CHECK(client.disposed);
  CHECK(w.only_record().outcome == "idle");
}

TEST_CASE("tds: balance spreads by connections, and a full instance is passed over", "[tds]") {
  World w(conf::Mode::Balance);
  w.snapshot->services[0].max_connections = 2;
  w.elect(-1);
  std::vector<std::string> went;
  for (int i = 0; i < 4; ++i) {
    w.accept();
    went.push_back(w.last().to.text());
    w.last().connected();
  }
  CHECK(went ==
        std::vector<std::string>{"192.0.2.1:1433", "192.0.2.2:1433", "192.0.2.1:1433", "192.0.2.2:1433"});
  FakeWire& fifth = w.accept();
  CHECK(&w.last() == &fifth);  // nothing was connected for it
  FakeWire& first_server = w.loop.wires[1];
  first_server.fault(io::Fault::Reset);
  w.loop.turn(50_ms);
  CHECK(w.last().to.text() == "192.0.2.1:1433");
}

TEST_CASE("tds: PROXY headers in and out", "[tds]") {
  World w;
  w.snapshot->listens[0].proxy_protocol.accept = true;
  w.snapshot->services[0].send_proxy = 1;
  w.elect(0);
  FakeWire& client = w.accept();
  CHECK(w.loop.wires.size() == 1);
  client.data("PROXY TCP4 192.0.2.77 198.51.100.2 5 1433\r\nhello");
  REQUIRE(w.loop.wires.size() == 2);
  w.last().connected();
  CHECK(w.last().written == "PROXY TCP4 192.0.2.77 198.51.100.2 5 1433\r\nhello");
  World silent;
  silent.snapshot->listens[0].proxy_protocol.accept = true;
  FakeWire& quiet = silent.accept();
  silent.loop.turn(5_s);
  CHECK(quiet.disposed);
  CHECK(silent.only_record().outcome == "handshake-timeout");
  World stranger;
  stranger.snapshot->listens[0].proxy_protocol = {true, {*Network::parse("10.0.0.0/8")}};
  CHECK(stranger.accept().disposed);
  CHECK(stranger.only_record().outcome == "refused:proxy-not-trusted");
}

TEST_CASE("tds: cut ends in every state", "[tds]") {
  for (int state : {0, 1, 2}) {
    World w;
    w.elect(state == 0 ? -1 : 0);
    FakeWire& client = w.accept();
    if (state == 2) w.last().connected();
    w.sessions.drain_all();
    CHECK_FALSE(client.disposed);
    w.sessions.cut_all();
    CHECK((client.disposed && client.reset));
    CHECK(w.only_record().outcome == "cut");
  }
}
