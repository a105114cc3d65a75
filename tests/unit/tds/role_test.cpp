#include "tds/role.h"

#include <catch2/catch.hpp>

using namespace holdfast::tds;

namespace {

using Row = AnswerTable::Row;
using Tables = std::vector<AnswerTable>;

Tables server(const char* hadr, const char* clustered) {
  return {{"hadr", {Row{hadr, clustered, "SQL-A", "16.0.4100.1"}}}};
}
Tables operator+(Tables a, AnswerTable b) {
  a.push_back(std::move(b));
  return a;
}
AnswerTable database(std::optional<std::string> status, std::optional<std::string> updateability) {
  return {"status", {Row{std::move(status), std::move(updateability)}}};
}
AnswerTable replica(const char* role, std::optional<std::string> state = "2") {
  return {"replica", {Row{"1", role, std::move(state)}}};
}
AnswerTable one(const char* name, std::optional<std::string> value) {
  return {name, {Row{std::move(value)}}};
}

const AnswerTable well = database("ONLINE", "READ_WRITE");
const AnswerTable reads = database("ONLINE", "READ_ONLY");

struct Case {
  const char* what;
  const char* database;
  Tables tables;
  SqlRole role;
  bool readable;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table = {
      {"the primary of a group", "shop", server("1", "0") + well + replica("1") + one("is_primary", "1"),
       SqlRole::Primary, false},
      {"no database is named", "", server("1", "0") + replica("1"), SqlRole::Primary, false},
      {"a secondary that nobody may read", "shop",
       server("1", "0") + reads + one("readable", "0") + replica("2") + one("is_primary", "0"),
       SqlRole::Secondary, false},
      {"a secondary that takes reads", "shop",
       server("1", "0") + reads + one("readable", "2") + replica("2") + one("is_primary", "0"),
       SqlRole::Secondary, true},
      {"whether it takes reads is not told", "shop",
       server("1", "0") + reads + one("readable", std::nullopt) + replica("2"), SqlRole::Secondary, false},
      {"it takes reads, but is not online", "shop",
       server("1", "0") + database("RECOVERING", std::nullopt) + one("readable", "2") + replica("2"),
       SqlRole::Secondary, false},
      {"resolving", "shop", server("1", "0") + well + replica("0", std::nullopt), SqlRole::Resolving, false},
      {"a primary that is not online yet", "shop", server("1", "0") + well + replica("1", "1"),
       SqlRole::Resolving, false},
      {"a primary whose state is not told", "shop", server("1", "0") + well + replica("1", std::nullopt),
       SqlRole::Resolving, false},
      {"a primary whose database takes no writes", "shop", server("1", "0") + reads + replica("1"),
       SqlRole::ReadOnly, false},
      {"a primary whose database recovers", "shop",
       server("1", "0") + database("RECOVERING", std::nullopt) + replica("1"), SqlRole::Resolving, false},
      {"two groups: the database's is secondary here", "shop",
       server("1", "0") + reads + AnswerTable{"replica", {Row{"1", "1", "2"}, Row{"1", "2", "2"}}} +
           one("is_primary", "0"),
       SqlRole::Secondary, false},
      {"two groups: the database's is primary here", "shop",
       server("1", "0") + well + AnswerTable{"replica", {Row{"1", "2", "2"}, Row{"1", "1", "2"}}} +
           one("is_primary", "1"),
       SqlRole::Primary, false},
      {"two groups, no database: the lesser role counts", "",
       server("1", "0") + AnswerTable{"replica", {Row{"1", "1", "2"}, Row{"1", "2", "2"}}},
       SqlRole::Secondary, false},
      {"no VIEW SERVER STATE: the database takes writes", "shop", server("1", "0") + well, SqlRole::Primary,
       false},
      {"no VIEW SERVER STATE: it takes none", "shop", server("1", "0") + reads, SqlRole::Secondary, false},
      {"no VIEW SERVER STATE and no database", "", server("1", "0"), SqlRole::Unknown, false},
      {"groups are enabled, but there is none", "shop",
       server("1", "0") + well + AnswerTable{"replica", {}} + one("is_primary", std::nullopt),
       SqlRole::Reachable, false},
      {"the owner of a failover cluster", "shop", server("0", "1") + well, SqlRole::Primary, false},
      {"a failover cluster whose database recovers", "shop",
       server("0", "1") + database("RECOVERY_PENDING", std::nullopt), SqlRole::Resolving, false},
      {"a plain server", "", server("0", "0"), SqlRole::Reachable, false},
      {"a plain server whose database takes no writes", "shop", server("0", "0") + reads, SqlRole::ReadOnly,
       false},
      {"a server that has no such database", "shop", server("0", "0") + database(std::nullopt, std::nullopt),
       SqlRole::Unknown, false},
      {"nothing at all", "shop", {}, SqlRole::Unknown, false},
      {"an empty row", "shop", {{"hadr", {Row{}}}}, SqlRole::Unknown, false},
  };
  return table;
}

}  // namespace

TEST_CASE("the role follows from the rows of the answer") {
  for (const Case& c : cases()) {
    INFO(c.what);
    const RoleAnswer answer = judge_role(c.database, c.tables, "");
    CHECK(name_of(answer.role) == name_of(c.role));
    CHECK(answer.readable == c.readable);
    CHECK(answer.certain);
    CHECK_FALSE(answer.why.empty());
    CHECK(answer.usable() == (c.role == SqlRole::Primary || c.role == SqlRole::Reachable));
  }
}

TEST_CASE("who answered is told, and what the server complained of") {
  const RoleAnswer plain = judge_role("", server("0", "0"), "");
  CHECK(plain.node == "SQL-A");
  CHECK(plain.version == "16.0.4100.1");
  CHECK(judge_role("", server("1", "0"), "error 300: denied").why.find("error 300: denied") !=
        std::string::npos);
  CHECK(judge_role("", {}, "error 4060").why.find("error 4060") != std::string::npos);
}

TEST_CASE("a database's name cannot leave its quotes") {
  const std::string batch = role_batch("it's; DROP TABLE x--");
  CHECK(batch.find("N'it''s; DROP TABLE x--'") != std::string::npos);
  CHECK(role_batch("").find("DATABASEPROPERTYEX") == std::string::npos);
}
