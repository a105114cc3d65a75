#include "proxy/commands_report.h"

#include <catch2/catch.hpp>

#include "conf/load.h"
#include "proxy/commands.h"

using namespace holdfast;

namespace {

std::vector<ServiceStatus> pair() {
  ServiceStatus s;
  s.name = "supervisor";
  s.active = 0;
  s.instances.resize(2);
  s.instances[0].name = "ef-a";
  s.instances[0].address = "10.0.0.1:80";
  s.instances[0].health = HealthState::Up;
  s.instances[0].active = s.instances[0].usable = true;
  s.instances[0].since = Instant{} + 10_s;
  s.instances[0].reason = "2 of 2 checks passed";
  s.instances[1].name = "ef-b";
  s.instances[1].health = HealthState::Down;
  s.instances[1].reason = "connect refused";
  return {s};
}

}  // namespace

TEST_CASE("health: serving while any instance of any service can take requests") {
  std::vector<ServiceStatus> services = pair();
  CHECK(make_health(services, false).serving);
  CHECK(make_health(services, false).text == "ok");
  CHECK_FALSE(make_health(services, true).serving);
  CHECK(make_health(services, true).text == "draining");
  services[0].instances[0].usable = false;
  services[0].instances[0].drained = true;
  const AdminHealth none = make_health(services, false);
  CHECK_FALSE(none.serving);
  CHECK(none.text.find("supervisor/ef-a: drained") != std::string::npos);
  CHECK(none.text.find("supervisor/ef-b: down, connect refused") != std::string::npos);
  CHECK(make_health({}, false).serving);  // nothing but redirects
}

TEST_CASE("report: counters, states and rates come together") {
  LoopMetrics loop;
  ServiceCounters& counters = loop.service("supervisor", 2);
  const LoopMetrics* loops[] = {&loop};
  RecentPast past;
  past.look(Instant{}, sum(loops));
  counters.requests.add(50);
  counters.replays_unsent.add(2);
  counters.taken_back.add(1);
  for (int i = 0; i < 50; ++i) counters.latency.record(1_ms);
  counters.instances[1]->failures.add(4);
  counters.instances[1]->connect_failures.add(3);
  conf::Snapshot snapshot;
  snapshot.generation = 4;
  conf::Listen listen;
  listen.name = "sql";
  listen.protocol = conf::Protocol::Tds;
  listen.bind = {*Address::parse("127.0.0.1:1433")};
  snapshot.listens = {listen};
  loop.listen("sql").accepted.add(9);
  const Totals totals = sum(loops);
  const StatusReport report = make_report({snapshot, pair(), totals, past, Instant{} + 25_s});
  REQUIRE(report.services.size() == 1);
  const StatusService& s = report.services[0];
  CHECK(s.per_second == Approx(2.0));
  CHECK(s.replays == 2);  // what was taken back is among what was sent or unsent
  CHECK(s.median > 500_us);
  CHECK(s.median < 1100_us);
  CHECK(s.instances[0].active);
  CHECK(s.instances[0].since == 15_s);
  CHECK(s.instances[1].state == "down");
  CHECK(s.instances[1].failures == 7);
  REQUIRE(report.listens.size() == 1);
  CHECK(report.listens[0].protocol == "tds");
  CHECK(report.listens[0].accepted == 9);
  CHECK(report.generation == 4);
  const std::vector<InstanceGauge> gauges = make_gauges(pair());
  REQUIRE(gauges.size() == 2);
  CHECK((gauges[0].up && gauges[0].active && !gauges[1].up));
}

TEST_CASE("the recent past forgets: only the last looks count") {
  LoopMetrics loop;
  ServiceCounters& counters = loop.service("s", 0);
  const LoopMetrics* loops[] = {&loop};
  RecentPast past;
  CHECK(past.rate("s", Instant{}, sum(loops)).per_second == 0);
  counters.requests.add(1000);
  for (int second = 0; second < 30; ++second) past.look(Instant{} + Duration::seconds(second), sum(loops));
  counters.requests.add(30);
  const Instant now = Instant{} + 29_s;
  CHECK(past.rate("s", now, sum(loops)).per_second == Approx(3.0));
  CHECK(past.rate("nobody", now, sum(loops)).per_second == 0);
}

TEST_CASE("the control socket's default is the schema's") {
  const conf::Loaded loaded = conf::load_text(
      "[listen.a]\nbind = [\"127.0.0.1:8080\"]\n[service.s]\ninstances = { a = \"127.0.0.1:8081\" }\n"
      "[[route]]\nservice = \"s\"\npath = \"/*\"\n",
      "t.toml");
  for (const conf::Diagnostic& d : loaded.diagnostics) UNSCOPED_INFO(d.format());
  REQUIRE(loaded.snapshot);
  CHECK(loaded.snapshot->process.control_socket == default_socket);
}
