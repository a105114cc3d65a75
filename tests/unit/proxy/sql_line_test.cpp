// `holdfast sql ...` from the shell's words to the running process.
#include <catch2/catch.hpp>

#include "proxy/admin_command.h"
#include "proxy/commands.h"
#include "tests/unit/proxy/admin_fake.h"

using namespace holdfast;

TEST_CASE("sql: words and options reach the process as they were given") {
  const auto pause =
      parse_command_line({"sql", "pause", "--for", "1m", "sql", "--timeout=2s", "--socket", "/s"});
  REQUIRE(pause);
  CHECK(pause->command == "sql");
  CHECK(pause->socket == "/s");
  CHECK(sql_words(*pause) == "pause sql --timeout 2s --for 1m");
  CHECK(sql_words(*parse_command_line({"sql", "drain", "sql", "a"})) == "drain sql a");
  CHECK(sql_words(*parse_command_line({"sql", "--json", "top"})) == "top --json");
}

TEST_CASE("sql: a wrong word is said before the process is asked") {
  const auto error_of = [](const std::vector<std::string>& words) {
    const auto line = parse_command_line(words);
    return line ? std::string("none") : line.error().text;
  };
  CHECK(error_of({"sql"}) == "sql takes sessions, top, kill, pause, resume or drain");
  CHECK(error_of({"sql", "kill", "x"}) == "usage: sql kill ID");
  CHECK(error_of({"sql", "resume", "sql", "--timeout", "1s"}) == "usage: sql resume SERVICE");
  CHECK(error_of({"status", "--timeout", "1s"}) == "status does not take --timeout");
  CHECK(usage().find("sql pause SERVICE") != std::string::npos);
}

TEST_CASE("sql: the control socket waits as long as the command may take") {
  FakeAdmin admin;
  auto reply = answer_command("sql pause sql --timeout 20s\n", admin);
  REQUIRE(reply);
  REQUIRE(reply->begin);
  CHECK(reply->patience > 20_s);
  std::string told;
  reply->begin([&](Result<std::string> r) { told = r ? *r : r.error().text; });
  CHECK(told == "this process relays no SQL");
  CHECK(answer_command("sql\n", admin)->text ==
        "error\nsql takes sessions, top, kill, pause, resume or drain\n");
  CHECK(answer_command("sql kill 1 2\n", admin)->text == "error\nusage: sql kill ID\n");
}
