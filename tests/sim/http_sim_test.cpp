// The whole data path in the simulated world: worker, control, two instances that die, freeze and come
// back, clients that never stop asking. Under every seed: idempotent requests succeed, nothing that is not
// idempotent is executed twice, each request has one answer, and it is the right one.
#include <algorithm>

#include "conf/load.h"
#include "proxy/control.h"
#include "proxy/worker.h"
#include "tests/sim/http_world.h"

#undef CHECK  // ours; Catch has its own
#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::sim;

namespace {

conf::SnapshotPtr configure(int a, int b, int proxy, const std::string& more) {
  const std::string text =
      "[listen.web]\nbind = [\"" + SimWorld::address_of(proxy, 8080).text() + "\"]\n" +
      "[service.app]\ninstances = { a = \"" + SimWorld::address_of(a, 80).text() + "\", b = \"" +
      SimWorld::address_of(b, 80).text() + "\" }\n" +
      "check = { get = \"/blob/1\", every = \"500ms\", timeout = \"500ms\", fall = 2, rise = 2 }\n" +
      "timeouts = { connect = \"1s\", response = \"20s\" }\nretry-budget = { percent = 100, min-per-second = "
      "1000 }\n" +
      more + "[[route]]\npath = \"/*\"\nservice = \"app\"\ndeadline = \"60s\"\nattempts = 50\n";
  auto loaded = conf::load_text(text, "sim.toml");
  for (const auto& d : loaded.diagnostics) INFO(d.format());
  REQUIRE(loaded.snapshot);
  return loaded.snapshot;
}

/// The proxy's process: one worker and the control loop, joined by messages as in the engine.
struct Proxy {
  Proxy(SimWorld& world, int host) : control_loop(world.make_loop(host)), loop(world.make_loop(host)) {
    Worker::Setup setup;
    setup.access = access.get();
    setup.metrics = &metrics;
    setup.load = [this](const conf::Service&) -> tds::InstanceLoad& { return load; };
    setup.doorman = [this](const conf::Listen&) -> Doorman& { return door; };
    setup.report = [this](std::vector<EvidenceReport> reports) {
      control_loop->post([this, r = std::move(reports)] {
        for (const EvidenceReport& e : r) control->evidence(e.service, e.instance, e.evidence, e.count);
      });
    };
    worker = std::make_unique<Worker>(*loop, std::move(setup));
    control = std::make_unique<Control>(*control_loop, events,
                                        [this](const std::string& name, const ServiceView& view) {
                                          loop->post([this, name, view] { worker->publish(name, view); });
                                        });
  }
  void follow(conf::SnapshotPtr snapshot) {
    auto plan = Plan::make(snapshot);
    REQUIRE(plan);
    REQUIRE(worker->prepare(**plan, {}));
    worker->commit(*plan);
    control->apply(snapshot);
  }

  Events events;
  LoopMetrics metrics;
  tds::InstanceLoad load;
  Doorman door{[] {}};
  std::unique_ptr<AccessLog> access = AccessLog::open("", conf::LogFormat::Json, 1);
  std::unique_ptr<io::Loop> control_loop, loop;
  std::unique_ptr<Worker> worker;
  std::unique_ptr<Control> control;
};

std::vector<Request> make_requests(Random& random, int client, int count) {
  static const std::size_t sizes[] = {0, 1, 100, 1000, 20000, 40000, 300000, 1500000};
  std::vector<Request> out;
  for (int i = 0; i < count; ++i) {
    Request r;
    r.id = std::to_string(client) + "-" + std::to_string(i);
    const std::size_t size = sizes[random.below(std::size(sizes))];
    switch (random.below(5)) {
      case 4: r.method = "GET", r.path = "/own/" + std::to_string(size); break;
      case 0: r.method = "GET", r.path = "/blob/" + std::to_string(size); break;
      case 1: r.method = "GET", r.path = "/stream/" + std::to_string(size); break;
      case 2: r.method = "PUT", r.path = "/put", r.body = blob(size); break;
      default: r.method = "POST", r.path = "/post", r.body = blob(size); break;
    }
    r.chunked = random.chance(0.3);
    out.push_back(std::move(r));
  }
  return out;
}

void check(const Request& request, const Outcome& outcome, const Journal& journal, int host_a, int host_b) {
  INFO(request.id << " " << request.method << " " << request.path << " " << request.body.size() << " -> "
                  << outcome.status << (outcome.cut ? " cut" : ""));
  REQUIRE(outcome.answers <= 1);
  auto it = journal.executed.find(request.id);
  const int executed = it == journal.executed.end() ? 0 : it->second;
  if (request.method == "POST") {
    REQUIRE(executed <= 1);  // no key, so never twice
    if (outcome.status != 200) {
      REQUIRE((outcome.status == 502 || outcome.status == 504 || outcome.status == 503));
      return;
    }
  }
  REQUIRE(outcome.status == 200);  // whatever happened to the instances
  if (request.path.starts_with(
          "/own/")) {  // one instance's bytes, all or a part that is visibly cut, and no mixture
    const std::size_t size = std::stoull(request.path.substr(5));
    const std::string one = blob(size, static_cast<std::uint32_t>(host_a)),
                      other = blob(size, static_cast<std::uint32_t>(host_b));
    if (!outcome.cut) REQUIRE((outcome.body == one || outcome.body == other));
    REQUIRE((one.starts_with(outcome.body) || other.starts_with(outcome.body)));
    return;
  }
  REQUIRE_FALSE(outcome.cut);
  if (request.method == "GET") {
    REQUIRE(outcome.body == blob(std::stoull(request.path.substr(request.path.rfind('/') + 1))));
  } else {
    REQUIRE(executed >= 1);
    REQUIRE(outcome.body == request.method + " " + std::to_string(request.body.size()));
  }
}

void run_world(std::uint64_t seed, bool rough, bool chaos, int clients, const std::string& mode) {
  SimWorld world(seed);
  Journal journal;
  auto a = std::make_unique<Origin>(world, -1, journal), b = std::make_unique<Origin>(world, -1, journal);
  const int host_a = a->host(), host_b = b->host();
  int proxy_host = 0;
  {
    auto probe = world.make_loop();
    proxy_host = SimWorld::host_of(*probe);
  }
  auto proxy = std::make_unique<Proxy>(world, proxy_host);
  const conf::SnapshotPtr snapshot = configure(host_a, host_b, proxy_host, mode);
  proxy->follow(snapshot);
  world.run_for(2_s);
  if (rough) world.faults = SimFaults::rough();
  if (chaos)
    world.faults.latency_min = 2_ms, world.faults.latency_max = 20_ms;  // large responses take a while

  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < clients; ++i)
    all.push_back(std::make_unique<Client>(world, SimWorld::address_of(proxy_host, 8080),
                                           make_requests(world.random, i, 12)));
  auto done = [&] { return std::all_of(all.begin(), all.end(), [](const auto& c) { return c->done(); }); };

  for (int round = 0; chaos && round < 8 && !done(); ++round) {
    world.run_for(world.random.between(100_ms, 1500_ms));
    const bool first = world.random.chance(0.5);
    std::unique_ptr<Origin>& victim = first ? a : b;
    const int host = first ? host_a : host_b;
    switch (world.random.below(5)) {
      case 0:
        world.kill(host);
        victim.reset();
        world.run_for(world.random.between(10_ms, 3_s));
        victim = std::make_unique<Origin>(world, host, journal);
        break;
      case 1: world.freeze(host, world.random.between(100_ms, 5_s)); break;
      case 2: proxy->follow(snapshot); break;  // a reload in the middle of everything
      case 3: proxy->worker->ask_to_close(round % 2 == 0); break;
      default:
        (void)proxy->control->drain("app", first ? "a" : "b");
        world.run_for(500_ms);
        (void)proxy->control->ready("app", first ? "a" : "b");
        break;
    }
  }
  REQUIRE(world.run_until(done, 600_s));
  for (const auto& client : all)
    for (std::size_t i = 0; i < client->requests().size(); ++i)
      check(client->requests()[i], client->outcomes()[i], journal, host_a, host_b);

  all.clear();
  proxy->worker->drain();
  REQUIRE(world.run_until([&] { return proxy->worker->sessions() == 0; }, 60_s));
  REQUIRE(proxy->metrics.retained_bytes.get() == 0);
  REQUIRE(proxy->metrics.spilled_bytes.get() == 0);
  proxy.reset();
  a.reset();
  b.reset();
  world.run_for(10_s);
  REQUIRE(world.leftovers() == "");
}

}  // namespace

TEST_CASE("clean world: every request is answered rightly") {
  for_each_seed(5, [](std::uint64_t seed) { run_world(seed, false, false, 4, ""); });
}

TEST_CASE("rough world: one-byte reads, short writes, stalls and late timers change nothing") {
  for_each_seed(15, [](std::uint64_t seed) { run_world(seed, true, false, 3, ""); });
}

TEST_CASE("instances die, freeze, return; reloads and switch-overs in between") {
  for_each_seed(50, [](std::uint64_t seed) { run_world(seed, seed % 3 == 0, true, 6, ""); });
}

TEST_CASE("the same with both instances in use") {
  for_each_seed(20, [](std::uint64_t seed) { run_world(seed, false, true, 6, "mode = \"balance\"\n"); });
}

TEST_CASE("asked to close: each response is its connection's last, in progress or not, and nothing is lost") {
  SimWorld world(1);
  Journal journal;
  Origin origin(world, -1, journal);
  auto probe = world.make_loop();
  const int host = SimWorld::host_of(*probe);
  Proxy proxy(world, host);
  proxy.follow(configure(origin.host(), SimWorld::host_of(*world.make_loop()), host, ""));
  world.run_for(2_s);
  const std::vector<Request> requests(6, Request{"", "GET", "/blob/1000", "", false});
  const ListenCounters& counters = proxy.metrics.listen("web");
  const auto connections_of_six = [&](bool busy) {
    const std::uint64_t before = counters.accepted.get();
    Client client(world, SimWorld::address_of(host, 8080), requests);
    if (busy) {
      REQUIRE(world.run_until([&] { return counters.accepted.get() > before; }, 10_s));
      proxy.worker->ask_to_close(true);
    }
    REQUIRE(world.run_until([&] { return client.done(); }, 60_s));
    for (const Outcome& outcome : client.outcomes()) REQUIRE((outcome.status == 200 && !outcome.cut));
    return counters.accepted.get() - before;
  };
  REQUIRE(connections_of_six(false) == 1);
  REQUIRE(connections_of_six(true) == 6);
  REQUIRE(connections_of_six(false) == 6);
  proxy.worker->ask_to_close(false);
  REQUIRE(connections_of_six(false) == 1);
}
