// SQL servers under one ServiceMachine: who is used follows from what they say of themselves.
#include <catch2/catch.hpp>

#include "proxy/control_service.h"

using namespace holdfast;
using tds::RoleAnswer;
using tds::SqlRole;

namespace {

constexpr Instant at(std::int64_t ms) { return Instant{} + Duration::millis(ms); }

conf::Service pair() {
  conf::Service s;
  s.name = "orders";
  s.check.kind = conf::CheckKind::Sql;
  s.check.every = 1_s;
  s.check.every_down = 50_ms;
  s.check.timeout = 1_s;
  s.check.fall = s.check.rise = 1;
  for (const char* name : {"sql-a", "sql-b"}) {
    conf::Instance instance;
    instance.name = name;
    instance.weight = 1;
    s.instances.push_back(instance);
  }
  return s;
}

RoleAnswer says(SqlRole role, bool readable = false) {
  RoleAnswer answer;
  answer.role = role;
  answer.readable = readable;
  answer.certain = true;
  answer.why = std::string("it is ") + std::string(tds::name_of(role));
  return answer;
}

RoleAnswer refuses() {
  RoleAnswer answer;
  answer.certain = true;
  answer.why = "connect refused";
  return answer;
}

RoleAnswer silent() {
  RoleAnswer answer;
  answer.why = "no answer in 1 s";
  return answer;
}

struct Played {
  ServiceMachine machine{pair(), 1, at(0)};
  std::vector<unsigned> asked{0, 0};  // questions begun
  std::vector<std::string> stories;

  Played() {
    machine.start(at(0));
    collect();
    machine.on_timer(at(0));
    collect();
  }
  void collect() {
    ServiceActions a = machine.take_actions();
    for (std::size_t i : a.probes) ++asked[i];
    for (auto& s : a.stories) stories.push_back(s.kind + " " + s.subject + " " + s.text);
  }
  void answer(std::int64_t ms, std::size_t i, const RoleAnswer& a) {
    machine.on_role(at(ms), i, a, 1_ms);
    collect();
  }
  void timer(std::int64_t ms) { machine.on_timer(at(ms)), collect(); }
  void evidence(std::int64_t ms, std::size_t i, Evidence e) {
    machine.on_evidence(at(ms), i, e, 1), collect();
  }
  void closed(std::int64_t ms, std::size_t i) { machine.on_closed(at(ms), i), collect(); }
  int active() const { return machine.view().active; }
  const InstanceView& seen(std::size_t i) const { return machine.view().instances[i]; }
  std::string reason(std::size_t i) const { return machine.status().instances[i].reason; }
  bool told(std::string_view part) const {
    for (const std::string& s : stories)
      if (s.find(part) != std::string::npos) return true;
    return false;
  }
  // a primary, b secondary; the next question to each under way from `ms` on.
  void settle() {
    answer(1, 0, says(SqlRole::Primary));
    answer(1, 1, says(SqlRole::Secondary));
  }
};

}  // namespace

TEST_CASE("the primary is active, and the secondary is not used") {
  Played p;
  p.settle();
  CHECK(p.active() == 0);
  CHECK(p.seen(0).usable);
  CHECK_FALSE(p.seen(1).usable);
  CHECK(p.reason(1) == "it is secondary");
  CHECK(p.machine.status().instances[1].sql.role == SqlRole::Secondary);
}

TEST_CASE("a secondary that takes reads is readable, and what reads there goes on") {
  Played p;
  p.answer(1, 0, says(SqlRole::Primary));
  p.answer(1, 1, says(SqlRole::Secondary, true));
  CHECK(p.seen(1).readable);
  CHECK_FALSE(p.seen(1).usable);
  CHECK_FALSE(p.seen(1).lost);
  p.timer(60);
  p.answer(61, 1, refuses());
  CHECK_FALSE(p.seen(1).readable);
  CHECK(p.seen(1).lost);
}

TEST_CASE("who is not primary is asked every every-down, the primary every `every`") {
  Played p;
  p.settle();
  const auto before = p.asked;
  p.timer(51);
  CHECK(p.asked[1] == before[1] + 1);
  CHECK(p.asked[0] == before[0]);
}

TEST_CASE("a killed primary is known by one refused connect, its successor by one answer") {
  Played p;
  p.settle();
  p.closed(100, 0);
  CHECK(p.asked[0] == 2);
  p.answer(101, 0, refuses());
  CHECK(p.active() == -1);
  CHECK(p.seen(0).lost);
  p.timer(101);
  p.answer(110, 1, says(SqlRole::Primary));
  CHECK(p.active() == 1);
  CHECK(p.told("sql-role orders/sql-b primary, before secondary"));
}

TEST_CASE("a server that keeps closing the monitor's connection is asked ten times a second at most") {
  Played p;
  p.settle();
  for (std::int64_t ms = 100; ms < 200; ms += 10) {
    p.closed(ms, 0);
    p.answer(ms + 1, 0, says(SqlRole::Primary));
  }
  CHECK(p.asked[0] <= 3);
  CHECK(p.active() == 0);
}

TEST_CASE("a session that was told of another role has the server asked at once, and one answer is enough") {
  Played p;
  p.settle();
  p.evidence(100, 0, Evidence::SqlRole);
  CHECK(p.asked[0] == 2);
  p.answer(101, 0, says(SqlRole::Resolving));
  CHECK(p.active() == -1);
}

TEST_CASE("resets alone do not outweigh what the server says") {
  Played p;
  p.settle();
  for (int i = 0; i < 20; ++i) {
    p.evidence(100 + i, 0, Evidence::Reset);
    p.answer(100 + i, 0, says(SqlRole::Primary));
  }
  CHECK(p.active() == 0);
  CHECK_FALSE(p.seen(0).lost);
}

TEST_CASE("in a failover the old primary is asked before the new one is used") {
  Played p;
  p.settle();
  p.timer(60);
  p.answer(61, 1, says(SqlRole::Primary));
  CHECK(p.active() == 0);
  CHECK_FALSE(p.seen(1).usable);
  CHECK(p.asked[0] == 2);
  CHECK(p.reason(1).find("waits for what sql-a says now") != std::string::npos);
  p.answer(62, 0, says(SqlRole::Secondary));
  CHECK(p.active() == 1);
  CHECK(p.seen(1).usable);
}

TEST_CASE("a claim against a primary that does not answer is believed after one time-out") {
  Played p;
  p.settle();
  p.timer(60);
  p.answer(61, 1, says(SqlRole::Primary));
  p.answer(1061, 0, silent());
  CHECK(p.active() == 1);
}

TEST_CASE("of two that claim at the same time neither is used until one yields") {
  Played p;
  p.settle();
  p.timer(60);
  p.answer(61, 1, says(SqlRole::Primary));
  p.answer(62, 0, says(SqlRole::Primary));
  // Asked after sql-b claimed; sql-b itself has to be asked after sql-a's word began, which it was.
  p.timer(120);
  p.answer(121, 1, says(SqlRole::Primary));
  CHECK(p.active() == -1);
  CHECK_FALSE(p.seen(0).usable);
  CHECK_FALSE(p.seen(1).usable);
  CHECK(p.told("it claims to be primary, as sql-b does: neither is used until one yields"));
  CHECK(p.reason(0).find("as sql-b does") != std::string::npos);
  p.timer(200);
  p.answer(201, 0, says(SqlRole::Secondary));
  CHECK(p.active() == 1);
  CHECK(p.told("no other claims to be primary any more"));
}

TEST_CASE("two that claim from the start are both asked again, and then neither is used") {
  Played p;
  p.answer(1, 0, says(SqlRole::Primary));
  p.answer(1, 1, says(SqlRole::Primary));
  CHECK(p.asked == std::vector<unsigned>{2, 2});
  p.answer(2, 0, says(SqlRole::Primary));
  p.answer(2, 1, says(SqlRole::Primary));
  CHECK(p.active() == -1);
  p.timer(60);
  CHECK(p.asked == std::vector<unsigned>{3, 3});
}

TEST_CASE("servers that are only reachable contend for nothing") {
  Played p;
  p.answer(1, 0, says(SqlRole::Reachable));
  p.answer(1, 1, says(SqlRole::Reachable));
  CHECK(p.active() == 0);
  CHECK(p.seen(1).usable);
}

TEST_CASE("claims are judged by when they were made") {
  auto claim = [](std::int64_t since, std::int64_t asked) { return SqlClaim{true, at(since), at(asked)}; };
  using Claims = std::vector<SqlClaim>;
  auto verdicts = [](const Claims& claims) { return judge_claims(claims); };

  auto v = verdicts({claim(0, 50), claim(60, 59)});
  CHECK(v[0].contest == Contest::None);
  CHECK(v[0].stale);
  CHECK(v[1].contest == Contest::Waits);
  CHECK_FALSE(v[1].stale);

  v = verdicts({claim(0, 61), claim(60, 59)});
  CHECK(v[0].contest == Contest::Both);
  CHECK(v[1].contest == Contest::Both);

  v = verdicts({claim(1, 0), claim(1, 0)});
  CHECK((v[0].stale && v[1].stale));
  CHECK(v[1].contest == Contest::Waits);

  v = verdicts({claim(0, 50), SqlClaim{}});
  CHECK((v[0].contest == Contest::None && !v[0].stale));
}
