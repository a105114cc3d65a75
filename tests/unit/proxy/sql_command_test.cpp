#include "proxy/sql_command.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace holdfast;
using Verb = SqlCommand::Verb;
using Words = std::vector<std::string_view>;

namespace {

std::string error_of(const Words& words) {
  const auto command = parse_sql_command(words);
  return command ? "none" : command.error().text;
}

}  // namespace

TEST_CASE("sql command: verbs, names and options in any order") {
  const auto pause = parse_sql_command(Words{"pause", "--timeout", "2s", "sql", "--for=1m"});
  REQUIRE(pause);
  CHECK(pause->verb == Verb::Pause);
  CHECK(pause->service == "sql");
  CHECK(pause->timeout == 2_s);
  CHECK(pause->hold == 60_s);
  CHECK(parse_sql_command(Words{"pause", "sql"})->timeout == 10_s);
  CHECK(parse_sql_command(Words{"pause", "sql"})->hold == 30_s);
  CHECK(parse_sql_command(Words{"kill", "17"})->number == 17);
  CHECK(parse_sql_command(Words{"sessions", "--json"})->json);
  CHECK(parse_sql_command(Words{"top", "sql"})->service == "sql");
  const auto drain = parse_sql_command(Words{"drain", "sql", "a"});
  REQUIRE(drain);
  CHECK(drain->instance == "a");
  CHECK(parse_sql_command(Words{"drain", "sql"})->instance.empty());
}

TEST_CASE("sql command: what is wrong is said") {
  CHECK(error_of({}) == "sql takes sessions, top, kill, pause, resume or drain");
  CHECK(error_of({"sesions"}) == "sql takes sessions, top, kill, pause, resume or drain");
  CHECK(error_of({"kill"}) == "usage: sql kill ID");
  CHECK(error_of({"kill", "1x"}) == "usage: sql kill ID");
  CHECK(error_of({"kill", "99999999999999999999"}) == "usage: sql kill ID");
  CHECK(error_of({"resume"}) == "usage: sql resume SERVICE");
  CHECK(error_of({"resume", "sql", "--json"}) == "usage: sql resume SERVICE");
  CHECK(error_of({"top", "a", "b"}) == "usage: sql top [SERVICE] [--json]");
  CHECK(error_of({"pause", "sql", "--timeout"}) == "--timeout needs a time of at most 25s, as in 5s");
  CHECK(error_of({"pause", "sql", "--timeout", "1m"}) == "--timeout needs a time of at most 25s, as in 5s");
  CHECK(error_of({"pause", "sql", "--timeout", "0s"}) == "--timeout needs a time of at most 25s, as in 5s");
  CHECK(error_of({"pause", "sql", "--timeout=-1s"}) == "--timeout needs a time of at most 25s, as in 5s");
  CHECK(error_of({"pause", "sql", "--timeout=9223372036854775807m"}) ==
        "--timeout needs a time of at most 25s, as in 5s");
  CHECK(error_of({"pause", "sql", "--for=1h"}) == "--for needs a time of at most 600s, as in 5s");
}
