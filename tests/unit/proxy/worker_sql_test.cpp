#include "proxy/worker_sql.h"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using Admission = tds::SqlSight::Admission;

namespace {

class FakeSession final : public tds::SqlSession, public tds::ConversationHost {
 public:
  explicit FakeSession(tds::SqlSight& sight, std::string user = "app")
      : sight_(sight), user_(std::move(user)) {}
  Admission enter() {
    const Admission answer = sight_.admit(*this, why);
    if (answer == Admission::Admitted) admitted();
    return answer;
  }
  void leave() {
    unlink();
    sight_.on_end(*this, false);
  }

  tds::LoginNames names() const override { return {user_, "billing", "web1", "shop"}; }
  Address client() const override { return *Address::parse("192.0.2.7:50112"); }
  std::string_view service() const override { return "sql"; }
  std::string_view instance() const override { return "a"; }
  Instant opened() const override { return Instant{1}; }
  const tds::Conversation* conversation() const override { return talk_.get(); }
  void pause(bool paused, Duration patience) override { this->paused = paused ? patience.to_millis() : -1; }
  void drain_sql() override { ++drains; }
  void kill() override {
    ++kills;
    leave();
  }
  void admitted() override {
    talk_ =
        std::make_unique<tds::Conversation>(*this, tds::ConversationOptions{}, tds::LoginFacts{}, Instant{1});
    sight_.sessions().push_back(*this);
    sight_.on_begin(*this);
  }

  std::string why;
  std::int64_t paused = -1;
  int drains = 0, kills = 0;

 private:
  void to_client(Bytes) override {}
  void to_server(Bytes) override {}
  void want_server() override {}
  void drop_server() override {}
  void end(std::string_view, bool) override {}
  void on_failover_error(std::uint32_t) override {}
  void on_request(const tds::RequestRecord&) override {}

  tds::SqlSight& sight_;
  std::string user_;
  std::unique_ptr<tds::Conversation> talk_;
};

struct World {
  World() {
    conf::Service service;
    service.name = "sql";
    service.sql.digests = 10;
    snapshot.services.push_back(service);
    conf::Listen listen;
    listen.protocol = conf::Protocol::Tds;
    listen.service = "sql";
    snapshot.listens.push_back(listen);
  }
  conf::ServiceSql& sql() { return snapshot.services[0].sql; }
  SqlCounters& counters() { return metrics.sql("sql"); }

  test::FakeLoop loop;
  LoopMetrics metrics;
  conf::Snapshot snapshot;
  std::vector<std::uint64_t> told;
  SqlGate gate{[this](std::vector<std::uint64_t> tickets) { told = std::move(tickets); }};
  SqlSight sight{loop, metrics, &gate, 1, 4};
};

tds::RequestRecord record(std::string_view outcome, std::uint64_t digest = 7) {
  tds::RequestRecord r;
  r.digest = digest;
  r.digest_text = "SELECT ?";
  r.outcome = outcome;
  r.took = 5_ms;
  return r;
}

}  // namespace

TEST_CASE("sql sight: outcomes are counted each by itself, and digests kept") {
  World w;
  w.sight.follow(w.snapshot);
  FakeSession s(w.sight);
  REQUIRE(s.enter() == Admission::Admitted);
  for (const char* outcome : SqlCounters::outcomes) w.sight.on_request(s, record(outcome));
  w.sight.on_request(s, record("session-lost", 8));
  for (std::size_t i = 0; i + 1 < SqlCounters::outcomes.size(); ++i)
    CHECK(w.counters().requests[i].get() == 1);
  CHECK(w.counters().requests.back().get() == 2);
  CHECK(w.counters().digests.get() == 2);
  SqlTables tables;
  w.sight.top({}, tables);
  REQUIRE(tables.contains("sql"));
  CHECK(tables.at("sql").find(7)->count == 10);
  CHECK(tables.at("sql").find(7)->repeated == 1);
  SqlTables none;
  w.sight.top("other", none);
  CHECK(none.empty());
}

TEST_CASE("sql sight: a reload keeps what was counted, and goes by the new rules") {
  World w;
  w.sight.follow(w.snapshot);
  FakeSession s(w.sight);
  s.enter();
  w.sight.on_request(s, record("ok", 1));
  w.sight.on_request(s, record("ok", 2));
  std::string why;
  CHECK(w.sight.allow(s, record("ok"), why));
  conf::SqlRule rule;
  rule.name = "nightly";
  rule.deny = true;
  rule.application = "bill*";
  w.sql().rules.push_back(rule);
  w.sql().digests = 5;
  w.sight.follow(w.snapshot);
  SqlTables tables;
  w.sight.top("sql", tables);
  CHECK(tables.at("sql").size() == 2);
  CHECK(w.counters().digests.get() == 2);
  CHECK_FALSE(w.sight.allow(s, record("ok"), why));
  CHECK(why == "The rule nightly does not allow this statement.");
  w.sql().rules[0].deny = false;
  w.sight.follow(w.snapshot);
  CHECK(w.sight.allow(s, record("ok"), why));
}

TEST_CASE("sql sight: numbers are of this loop alone; list, pause, drain and kill") {
  World w;
  w.sight.follow(w.snapshot);
  FakeSession a(w.sight), b(w.sight);
  a.enter();
  b.enter();
  CHECK(a.number == 5);
  CHECK(b.number == 9);
  std::vector<SqlSessionRow> rows;
  w.sight.list({}, rows);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].login == "app");
  CHECK(rows[0].client == "192.0.2.7:50112");
  CHECK(rows[1].number == 9);
  CHECK_FALSE(w.sight.paused(a));
  w.sight.pause("sql", 40_s);
  CHECK((a.paused == 40'000 && b.paused == 40'000));
  CHECK(w.sight.paused(a) == 40_s);
  w.sight.pause("sql", std::nullopt);
  CHECK(a.paused == -1);
  CHECK_FALSE(w.sight.paused(a));
  w.sight.drain("sql");
  CHECK((a.drains == 1 && b.drains == 1));
  CHECK_FALSE(w.sight.kill(4));
  CHECK(w.sight.kill(9));
  CHECK((a.kills == 0 && b.kills == 1));
  CHECK(w.counters().sessions.get() == 1);
  SqlSurvey survey;
  w.sight.survey("sql", {}, Instant::never(), survey);
  CHECK(survey.sessions == 1);
  SqlSurvey elsewhere;
  w.sight.survey("sql", "b", Instant::never(), elsewhere);
  w.sight.survey("sql", {}, Instant{1}, elsewhere);
  CHECK(elsewhere.sessions == 0);
}

TEST_CASE("sql sight: who waits at a limit comes in when another goes") {
  World w;
  w.sql().max_per_login = 1;
  w.sql().queue = 1;
  w.sight.follow(w.snapshot);
  FakeSession first(w.sight), second(w.sight, "APP"), third(w.sight), other(w.sight, "sa");
  CHECK(first.enter() == Admission::Admitted);
  CHECK(second.enter() == Admission::Waits);
  CHECK(third.enter() == Admission::Refused);
  CHECK(third.why == "This login has as many sessions as it may have.");
  CHECK(other.enter() == Admission::Admitted);
  CHECK(w.counters().waiting.get() == 1);
  CHECK(w.counters().limited.get() == 1);
  third.leave();
  CHECK(w.told.empty());
  first.leave();
  CHECK(w.told == std::vector<std::uint64_t>{second.number});
  w.sight.let_in(w.told);
  CHECK(second.conversation() != nullptr);
  CHECK(w.counters().waiting.get() == 0);
  CHECK(w.counters().sessions.get() == 2);
}

TEST_CASE("sql sight: who gives up waiting leaves the queue; being let in late harms nobody") {
  World w;
  w.sql().max_per_host = 1;
  w.sql().queue = 2;
  w.sight.follow(w.snapshot);
  FakeSession first(w.sight), gone(w.sight);
  first.enter();
  CHECK(gone.enter() == Admission::Waits);
  first.leave();
  CHECK(w.told == std::vector<std::uint64_t>{gone.number});
  gone.leave();  // before the loop heard of its luck
  w.sight.let_in(w.told);
  CHECK(gone.conversation() == nullptr);
  CHECK(w.counters().limited.get() == 1);
  FakeSession next(w.sight);
  CHECK(next.enter() == Admission::Admitted);
}
