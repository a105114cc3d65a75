// Control with real sockets on the loopback: its fake servers live on the same loop as it does.
#include "proxy/control.h"

#include <catch2/catch.hpp>
#include <deque>
#include <list>

#include "proxy/base/log.h"
#include "tests/unit/proxy/io/tls_certs.h"
#include "tests/unit/proxy/io/uv_bench.h"

using namespace holdfast;

namespace {

// Answers each connection's first bytes with fixed text and closes, or does not.
class FakeServer final : io::ListenerEvents {
 public:
  enum class Manner { Answer, Hang, Reset };

  FakeServer(io::Loop& loop, std::uint16_t port = 0) : loop_(loop) {
    io::ListenOptions options;
    options.address = *Address::from_ip("127.0.0.1", port);
    options.reuse_port = false;
    auto made = loop.listen(options, *this);
    REQUIRE(made);
    listener_ = std::move(*made);
    address = listener_->local();
  }
  void die() {  // as kill -9 leaves it: the port refuses, connections are reset
    listener_.reset();
    for (Connection& c : connections_)
      if (c.stream) c.stream->reset_on_close();
    connections_.clear();
  }

  Address address;
  TlsContextPtr tls;  // null: plain
  Manner manner = Manner::Answer;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";
  std::vector<std::string> requests;

 private:
  struct Connection final : io::StreamEvents {
    FakeServer* server = nullptr;
    io::StreamPtr stream;
    std::string got;

    void on_data(Bytes data) override {
      got.append(data);
      std::size_t head = got.find("\r\n\r\n");
      if (head == std::string::npos) return;
      if (got.starts_with("POST") && got.find("state=") == std::string::npos) return;
      server->requests.push_back(std::exchange(got, {}));
      if (server->manner == Manner::Answer) stream->write(server->answer);
      if (server->manner == Manner::Reset) stream->reset_on_close(), stream.reset();
    }
    void on_end() override { stream.reset(); }
    void on_fault(io::Fault, std::string_view) override { stream.reset(); }
  };

  void on_accept(io::StreamPtr stream) override {
    Connection& c = connections_.emplace_back();
    c.server = this;
    stream->set_events(c);
    if (tls) stream = io::make_tls_stream(loop_, std::move(stream), tls->session(), c);
    c.stream = std::move(stream);
    c.stream->start_reading();
  }

  io::Loop& loop_;
  io::ListenerPtr listener_;
  std::list<Connection> connections_;
};

struct World {
  io::contract::UvBench bench;
  io::Loop* loop = &bench.loop();
  Events events;
  std::deque<FakeServer> servers;
  std::vector<ServiceView> views;
  std::unique_ptr<Control> control;
  conf::Snapshot snapshot;

  explicit World(std::size_t count) {
    set_log_level(LogLevel::Error);  // the story is read from events
    for (std::size_t i = 0; i < count; ++i) servers.emplace_back(*loop);
    conf::Service& s = snapshot.services.emplace_back();
    s.name = "supervisor";
    s.check.kind = conf::CheckKind::Http;
    s.check.method = "GET";
    s.check.path = "/health";
    s.check.status_min = 200;
    s.check.status_max = 299;
    s.check.every = 10_s;
    s.check.every_down = 10_ms;
    s.check.timeout = 50_ms;
    s.check.fall = s.check.rise = 2;
    for (std::size_t i = 0; i < count; ++i) {
      conf::Instance& instance = s.instances.emplace_back();
      instance.name = std::string("ef-") + static_cast<char>('a' + i);
      instance.address = servers[i].address;
      instance.weight = 1;
    }
    make_control();
  }
  ~World() {
    control.reset();
    servers.clear();
    CHECK(bench.until([this] { return loop->handles() == bench.own_handles(); }));
  }
  void make_control() {
    control = std::make_unique<Control>(*loop, events, [this](const std::string& name, const ServiceView& v) {
      REQUIRE(name == "supervisor");
      views.push_back(v);
    });
  }
  conf::Service& service() { return snapshot.services.front(); }
  void apply() { control->apply(std::make_shared<conf::Snapshot>(snapshot)); }
  int active() { return views.empty() ? -1 : views.back().active; }

  bool until_active(int instance) {
    return bench.until([=, this] { return active() == instance; });
  }
  bool told(const std::string& kind, const std::string& part) {
    for (const Event& e : events.since(0))
      if (e.kind == kind && (e.subject + " " + e.text).find(part) != std::string::npos) return true;
    return false;
  }
};

}  // namespace

TEST_CASE("the first checks elect the first choice") {
  World w(2);
  w.apply();
  CHECK(w.views.size() == 1);
  CHECK(w.active() == -1);
  REQUIRE(w.until_active(0));
  CHECK(w.told("election", "ef-a is active: the first election"));
  REQUIRE(w.bench.until([&] { return w.views.back().instances[1].usable; }));
  CHECK(w.servers[0].requests.front() == "GET /health HTTP/1.1\r\nHost: " + w.servers[0].address.text() +
                                             "\r\nUser-Agent: holdfast-check\r\nConnection: close\r\n"
                                             "Accept: */*\r\n\r\n");
  for (std::size_t i = 1; i < w.views.size(); ++i) CHECK(w.views[i].epoch == w.views[i - 1].epoch + 1);
}

TEST_CASE("a killed instance is given up within milliseconds of the first reset") {
  World w(2);
  w.apply();
  REQUIRE(w.bench.until([&] { return w.active() == 0 && w.views.back().instances[1].usable; }));
  w.servers[0].die();
  Instant began = w.loop->now();
  w.control->evidence("supervisor", "ef-a", Evidence::Reset);
  CHECK(w.active() == 0);
  REQUIRE(w.until_active(1));
  CHECK(w.loop->now() - began < 50_ms);  // a round trip; the next regular check is 10 s away
  CHECK(w.views.back().instances[0].lost);
  CHECK(w.told("health", "then a check failed: connect refused"));
}

TEST_CASE("a hung instance is found by its checks, and both down recover by themselves") {
  World w(2);
  w.service().check.every = 10_ms;
  w.apply();
  REQUIRE(w.until_active(0));
  w.servers[0].manner = FakeServer::Manner::Hang;
  REQUIRE(w.until_active(1));
  CHECK(w.told("health", "ef-a down: 2 of 2 checks failed: no answer in 0.05 s"));
  std::uint16_t port = w.servers[1].address.port;
  w.servers[1].die();
  REQUIRE(w.until_active(-1));
  FakeServer back(*w.loop, port);
  REQUIRE(w.until_active(1));
  CHECK(w.told("health", "ef-b up: a check passed, and nothing else is up"));
}

TEST_CASE("what an instance answers decides, and the reason says so") {
  World w(1);
  w.service().check.body_contains = "ready";
  std::string part;
  SECTION("status") {
    w.servers[0].answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
    part = "status 503, not 200 to 299";
  }
  SECTION("body") {
    w.servers[0].answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nidle";
    part = "the expected text is not in its body";
  }
  SECTION("reset") {
    w.servers[0].manner = FakeServer::Manner::Reset;
    part = "connection lost: ";
  }
  w.apply();
  REQUIRE(w.bench.until([&] { return w.told("health", "down: the first check failed: " + part); }));
  w.servers[0].manner = FakeServer::Manner::Answer;
  w.servers[0].answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready";
  REQUIRE(w.until_active(0));
}

TEST_CASE("a TCP check asks for a connection only") {
  World w(1);
  w.service().check.kind = conf::CheckKind::Tcp;
  w.apply();
  REQUIRE(w.until_active(0));
  CHECK(w.servers[0].requests.empty());
}

TEST_CASE("an instance behind send-proxy gets its header before the check") {
  World w(1);
  w.service().send_proxy = 1;
  w.apply();
  REQUIRE(w.until_active(0));
  CHECK_THAT(w.servers[0].requests.front(), Catch::StartsWith("PROXY UNKNOWN\r\nGET /health HTTP/1.1\r\n"));
}

TEST_CASE("draining by hand, and names that nobody has") {
  World w(2);
  w.apply();
  REQUIRE(w.bench.until([&] { return w.active() == 0 && w.views.back().instances[1].usable; }));
  CHECK(w.control->drain("supervisor", "ef-a"));
  CHECK(w.active() == 1);
  CHECK_FALSE(w.views.back().instances[0].lost);
  CHECK(w.control->ready("supervisor", "ef-a"));
  CHECK(w.active() == 1);
  CHECK(w.control->drain("nobody", "ef-a").error().text == "no service is named \"nobody\"");
  CHECK(w.control->drain("supervisor", "x").error().text ==
        "service \"supervisor\" has no instance named \"x\"");
  w.control->evidence("nobody", "ef-a", Evidence::Refused);
  w.control->evidence("supervisor", "x", Evidence::Refused);
  CHECK(w.active() == 1);
}

TEST_CASE("a reload leaves what did not change alone and keeps what it can of the rest") {
  World w(2);
  w.apply();
  REQUIRE(w.bench.until([&] { return w.active() == 0 && w.views.back().instances[1].usable; }));
  std::size_t views = w.views.size(), asked = w.servers[0].requests.size();
  for (int i = 0; i < 100; ++i) w.apply();
  w.bench.pass(20_ms);
  CHECK(w.views.size() == views);
  CHECK(w.servers[0].requests.size() == asked);
  w.service().check.rise = 3;
  w.apply();
  CHECK(w.views.size() == views + 1);
  CHECK(w.active() == 0);
  CHECK(w.views.back().epoch == w.views[views - 1].epoch + 1);
  REQUIRE(w.bench.until([&] { return w.servers[0].requests.size() == asked + 1; }));
  w.service().instances.erase(w.service().instances.begin());
  w.apply();
  REQUIRE(w.until_active(0));
  CHECK(w.told("election", "ef-b is active: the active instance left the configuration"));
  w.snapshot.services.clear();
  w.apply();
  CHECK(w.control->status().empty());
  CHECK(w.control->view("supervisor").epoch == 0);
}

TEST_CASE("a new binary goes on with the old one's choice before any check") {
  World w(2);
  w.apply();
  REQUIRE(w.bench.until([&] { return w.active() == 0 && w.views.back().instances[1].usable; }));
  CHECK(w.control->drain("supervisor", "ef-a"));
  std::string state = w.control->export_state();
  std::uint64_t epoch = w.views.back().epoch;
  w.make_control();
  CHECK_FALSE(w.control->import_state("nonsense"));
  REQUIRE(w.control->import_state(state));
  w.apply();
  CHECK(w.active() == 1);
  CHECK(w.views.back().epoch > epoch);
  CHECK(w.control->status()[0].instances[0].drained);
}

TEST_CASE("hooks tell each instance its role, and their results are events") {
  World w(2);
  w.service().on_active.post = "/role";
  w.service().on_active.timeout = 1_s;
  w.service().on_standby.command = {"/bin/sh", "-c",
                                    "test {service}/{instance}/{state} = supervisor/ef-b/standby"};
  w.service().on_standby.timeout = 5_s;
  w.apply();
  REQUIRE(w.until_active(0));
  REQUIRE(w.bench.until(
      [&] { return w.told("hook", "supervisor/ef-a active: the POST to /role was accepted"); }));
  REQUIRE(w.bench.until(
      [&] { return w.told("hook", "supervisor/ef-b standby: the command /bin/sh succeeded"); }));
  CHECK_THAT(w.servers[0].requests.back(), Catch::EndsWith("service=supervisor&instance=ef-a&state=active"));
  w.control->evidence("supervisor", "ef-a", Evidence::Refused);
  CHECK(w.active() == 1);
  REQUIRE(w.bench.until(
      [&] { return w.told("hook", "ef-a standby: the command /bin/sh failed with exit code 1"); }));
}

TEST_CASE("a hook that hangs is ended in time and holds up nothing") {
  World w(1);
  w.service().on_active.command = {"/bin/sleep", "30"};
  w.service().on_active.timeout = 20_ms;
  w.apply();
  REQUIRE(w.until_active(0));
  REQUIRE(w.bench.until([&] { return w.told("hook", "the command /bin/sleep was killed after 20 ms"); }));
}

TEST_CASE("a hook's command that does not exist is an event") {
  World w(1);
  w.service().on_active.command = {"/does/not/exist"};
  w.service().on_active.timeout = 1_s;
  w.apply();
  REQUIRE(w.until_active(0));
  REQUIRE(w.bench.until([&] { return w.told("hook", "the command /does/not/exist could not be started"); }));
}

TEST_CASE("each instance is checked over TLS against its own name; a stranger's certificate is down") {
  const auto& files = test::TestCertificates::get();
  World w(3);
  w.service().tls.emplace();
  const char* names[] = {"one.test", "a.wild.test", "wrong.test"};
  std::vector<TlsContextPtr> each;
  for (std::size_t i = 0; i < 3; ++i) {
    io::TlsServerOptions server;
    server.certificates = {files.file(i == 1 ? "wild" : "one")};
    server.keys = {files.key(i == 1 ? "wild" : "one")};
    w.servers[i].tls = *io::TlsContext::server(server);
    io::TlsClientOptions client;
    client.ca = files.ca();
    client.name = names[i];
    each.push_back(*io::TlsContext::client(client));
  }
  SECTION("HTTP") { w.service().check.kind = conf::CheckKind::Http; }
  SECTION("TCP: the handshake is part of the check") { w.service().check.kind = conf::CheckKind::Tcp; }
  w.control->apply(std::make_shared<conf::Snapshot>(w.snapshot), {{"supervisor", each}});
  REQUIRE(w.bench.until([&] {
    auto& seen = w.views.back().instances;
    return seen[0].usable && seen[1].usable && seen[2].lost;
  }));
  CHECK(w.active() == 0);
  CHECK(w.told("health", "ef-c down: the first check failed: connect failed: "));
}

TEST_CASE("a standby node follows the holder's choice until it holds, over a reload too") {
  World w(2);
  w.apply();
  REQUIRE(w.bench.until([&] { return w.active() == 0 && w.views.back().instances[1].usable; }));
  CHECK(w.control->actives() == std::vector<ActiveChoice>{{"supervisor", "ef-a"}});
  w.control->follow({{"other", "x"}, {"supervisor", "ef-b"}}, true);
  CHECK(w.active() == 1);
  CHECK(w.told("election", "ef-b is active: the holder chose it"));
  w.service().check.every = 5_s;  // makes the service anew
  w.service().prefer = "ef-a";
  w.apply();
  CHECK(w.active() == 1);
  w.control->follow({{"supervisor", "ef-a"}}, false);
  CHECK(w.active() == 1);
  CHECK(w.control->actives() == std::vector<ActiveChoice>{{"supervisor", "ef-b"}});
  w.control->follow({{"supervisor", "gone"}}, true);
  w.control->follow({{"supervisor", ""}}, true);
  CHECK(w.active() == 1);
}

TEST_CASE("changes are told on a later turn, once for all of a turn, and Control may be asked then") {
  World w(2);
  unsigned told = 0;
  std::vector<ActiveChoice> seen;
  w.control->on_change([&] {
    ++told;
    seen = w.control->actives();
  });
  w.apply();
  CHECK(told == 0);
  REQUIRE(w.bench.until([&] { return !seen.empty() && seen[0].instance == "ef-a"; }));
  REQUIRE(w.bench.until([&] { return w.views.back().instances[1].usable; }));
  for (int i = 0; i < 3; ++i) w.bench.pass(1_ms);
  const unsigned before = told;
  REQUIRE(w.control->drain("supervisor", "ef-a"));
  REQUIRE(w.control->ready("supervisor", "ef-a"));
  REQUIRE(w.control->drain("supervisor", "ef-b"));
  CHECK(told == before);
  REQUIRE(w.bench.until([&] { return told > before; }));
  CHECK(told == before + 1);
}
