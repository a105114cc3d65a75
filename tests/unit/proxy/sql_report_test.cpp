#include "proxy/sql_report.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

SqlSessionRow row() {
  SqlSessionRow r;
  r.number = 17;
  r.client = "192.0.2.7:50112";
  r.login = "app";
  r.application = "billing";
  r.host = "web1";
  r.database = "shop";
  r.service = "sql";
  r.instance = "ef-a";
  r.state = "idle";
  r.since = 3_s;
  r.age = 60_s;
  r.requests = 12;
  r.survived = 1;
  r.prepared = 2;
  r.last_digest = "SELECT * FROM t WHERE id = ?";
  return r;
}

}  // namespace

TEST_CASE("sql sessions: a table whose columns stand below their headings") {
  CHECK(sql_sessions_text({}) == "no SQL sessions\n");
  SqlSessionRow odd = row();
  odd.number = 4;
  odd.instance.clear();
  odd.in_transaction = true;
  odd.unrecoverable = "temporary table, cursor";
  odd.pool = "pinned: temporary table";
  CHECK(
      sql_sessions_text({row(), odd}) ==
      "ID  CLIENT           LOGIN  APPLICATION  DATABASE  INSTANCE  STATE  SINCE  TRAN  POOL                   "
      "  RECOVERY"
      "                     PREPARED  REQUESTS  SURVIVED  LAST\n"
      "17  192.0.2.7:50112  app    billing      shop      sql/ef-a  idle   3.0s   -     -                        proxy"
      "                        2         12        1         SELECT * FROM t WHERE id = ?\n"
      "4   192.0.2.7:50112  app    billing      shop      sql/-     idle   3.0s   yes   pinned: temporary table"
      "  no: temporary table, cursor  2         12        1         SELECT * FROM t WHERE id = ?\n");
}

TEST_CASE("sql sessions: a client's names forge neither a line nor JSON") {
  SqlSessionRow hostile = row();
  hostile.application = "x\n99  forged\x1b[2J\"},{\"id\":99";
  const std::string text = sql_sessions_text({hostile});
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find('\x1b') == text.npos);
  const std::string json = sql_sessions_json({hostile});
  CHECK(json.find("x\\n99  forged\\u001b[2J\\\"},{\\\"id\\\":99") != json.npos);
  CHECK(std::count(json.begin(), json.end(), '\n') == 1);
}

TEST_CASE("sql sessions: JSON has every field") {
  CHECK(sql_sessions_json({}) == "[]\n");
  CHECK(sql_sessions_json({row()}) ==
        "[{\"id\":17,\"client\":\"192.0.2.7:50112\",\"login\":\"app\",\"application\":\"billing\",\"host\":"
        "\"web1\","
        "\"database\":\"shop\",\"service\":\"sql\",\"instance\":\"ef-a\",\"state\":\"idle\",\"since_"
        "seconds\":3,"
        "\"age_seconds\":60,\"in_transaction\":false,\"unrecoverable\":\"\",\"pool\":\"\",\"recovery_by_server\":false,"
        "\"prepared\":2,\"requests\":12,\"survived\":1,\"last\":\"SELECT * FROM t WHERE id = ?\"}]\n");
}

TEST_CASE("sql top: by total time, with each statement's share") {
  CHECK(sql_top_text({}) == "no SQL statements yet\n");
  SqlTables tables;
  tds::DigestTable& table = tables.emplace("sql", tds::DigestTable(10)).first->second;
  tds::DigestSample slow{1, "SELECT slow FROM t", true, false, 30_ms, {}, 5, 10, 20};
  tds::DigestSample fast{2, "SELECT fast FROM t", false, true, 10_ms, 1_ms, 1, 1, 1};
  table.record(fast, Instant{1});
  table.record(slow, Instant{2});
  const std::string text = sql_top_text(tables);
  CHECK(text.find("75%") < text.find("25%"));
  CHECK(text.find("SELECT slow") < text.find("SELECT fast"));
  CHECK(text.find("0000000000000001") != text.npos);
  const std::string json = sql_top_json(tables);
  CHECK(json.starts_with(
      "[{\"service\":\"sql\",\"digest\":\"0000000000000001\",\"statement\":\"SELECT slow FROM t\","
      "\"count\":1,\"errors\":1,\"repeated\":0,\"held\":0,\"rows\":5,\"bytes_in\":10,"
      "\"bytes_out\":20,\"total_ms\":30,"));
}
