// SQL checks through Control, with an asker in place of FreeTDS and a clock moved by hand.
#include "proxy/check_driver_sql.h"

#include <catch2/catch.hpp>
#include <map>

#include "proxy/base/log.h"
#include "proxy/control.h"
#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using tds::RoleAnswer;
using tds::SqlRole;

namespace {

struct FakeAsker final : RoleAsker {
  explicit FakeAsker(RoleAsker::Events& asking) : events(asking) {}
  void ask() override { ++asked; }
  RoleAsker::Events& events;
  int asked = 0;
};

RoleAnswer says(SqlRole role) {
  RoleAnswer answer;
  answer.role = role;
  answer.certain = true;
  answer.why = tds::name_of(role);
  return answer;
}

struct World {
  test::FakeLoop loop;
  Events events;
  std::map<std::string, FakeAsker*> askers;  ///< by instance; the newest
  int made = 0;
  conf::Snapshot snapshot;
  std::unique_ptr<Control> control;

  World() {
    set_log_level(LogLevel::Error);
    conf::Service& s = snapshot.services.emplace_back();
    s.name = "orders";
    s.check.kind = conf::CheckKind::Sql;
    s.check.every = 1_s;
    s.check.every_down = 50_ms;
    s.check.timeout = 500_ms;
    s.monitor.emplace().user = "watch";
    for (const char* name : {"sql-a", "sql-b"}) s.instances.emplace_back().name = name;
    control = std::make_unique<Control>(
        loop, events, [](const std::string&, const ServiceView&) {},
        [this](const conf::Instance& i, const conf::SqlMonitor&, RoleAsker::Events& e) {
          auto asker = std::make_unique<FakeAsker>(e);
          askers[i.name] = asker.get();
          ++made;
          return asker;
        });
    apply();
    loop.turn();
  }
  void apply() { control->apply(std::make_shared<const conf::Snapshot>(snapshot)); }
  void answer(const char* name, SqlRole role) { askers[name]->events.on_role(says(role)); }
  std::string active() { return control->actives().at(0).instance; }
  InstanceStatus status(std::size_t i) { return control->status().at(0).instances.at(i); }
};

}  // namespace

TEST_CASE("each instance is asked over an asker of its own, and its answer elects") {
  World w;
  CHECK(w.made == 2);
  CHECK(w.askers["sql-a"]->asked == 1);
  w.answer("sql-a", SqlRole::Secondary);
  w.answer("sql-b", SqlRole::Primary);
  CHECK(w.active() == "sql-b");
  CHECK(w.status(0).sql.role == SqlRole::Secondary);
}

TEST_CASE("a question that nobody answers is given up by the clock, and its late answer is nothing") {
  World w;
  w.answer("sql-a", SqlRole::Primary);
  w.answer("sql-b", SqlRole::Secondary);
  w.loop.turn(1_s);  // both are asked again
  w.loop.turn(500_ms);
  CHECK(w.status(0).health == HealthState::Down);
  CHECK(w.status(0).last_check_why == "no answer in 0.5 s");
  w.answer("sql-a", SqlRole::Primary);
  CHECK(w.status(0).health == HealthState::Down);
  w.loop.turn(60_ms);
  w.answer("sql-a", SqlRole::Primary);
  CHECK(w.active() == "sql-a");
}

TEST_CASE("the end of the monitor's connection has the server asked at once") {
  World w;
  w.answer("sql-a", SqlRole::Primary);
  w.answer("sql-b", SqlRole::Secondary);
  const int before = w.askers["sql-a"]->asked;
  w.askers["sql-a"]->events.on_closed();
  CHECK(w.askers["sql-a"]->asked == before + 1);
  w.askers["sql-a"]->events.on_closed();  // under the question it tells nothing new
  CHECK(w.askers["sql-a"]->asked == before + 1);
}

TEST_CASE("evidence of a session has the server asked at once") {
  World w;
  w.answer("sql-a", SqlRole::Primary);
  w.answer("sql-b", SqlRole::Secondary);
  const int before = w.askers["sql-a"]->asked;
  w.control->evidence("orders", "sql-a", Evidence::SqlRole);
  CHECK(w.askers["sql-a"]->asked == before + 1);
}

TEST_CASE("a reload makes new askers if the monitor's login changed, and keeps who is active") {
  World w;
  w.answer("sql-a", SqlRole::Primary);
  w.answer("sql-b", SqlRole::Secondary);
  w.apply();
  CHECK(w.made == 2);
  w.snapshot.services[0].monitor->password = Secret("new");
  w.apply();
  CHECK(w.made == 4);
  CHECK(w.active() == "sql-a");
}
