#include "proxy/admin_command.h"

#include <catch2/catch.hpp>

#include "proxy/base/log.h"
#include "tests/unit/proxy/admin_fake.h"

using namespace holdfast;

namespace {

std::string ask(FakeAdmin& admin, const std::string& request) {
  std::optional<AdminReply> reply = answer_command(request, admin);
  if (!reply) return "more";
  if (!reply->begin) return reply->text;
  std::string told = "later";
  reply->begin([&](Result<std::string> r) { told = r ? *r : r.error().text; });
  return told;
}

}  // namespace

TEST_CASE("control: each command is answered, and its failure said") {
  FakeAdmin admin;
  CHECK(ask(admin, "version\n") == "ok\n9.9\n");
  CHECK(ask(admin, "metrics\n") == "ok\nmetric 1\n");
  CHECK(ask(admin, "config\n") == "ok\na.toml\nef-a\ntext\n");
  CHECK(ask(admin, "status\n").starts_with("ok\nholdfast 9.9"));
  CHECK(ask(admin, "status --json\n").starts_with("ok\n{\"version\":\"9.9\""));
  CHECK(ask(admin, "reload\n") == "ok\nreloaded\n");
  CHECK(ask(admin, "drain web/a\n") == "ok\nweb/a is drained: it gets nothing new\n");
  CHECK(ask(admin, "ready web/a\n") == "ok\nweb/a is ready\n");
  CHECK(admin.asked == "reload;web|a|drain;web|a|ready;");
  admin.good = false;
  CHECK(ask(admin, "reload\n") == "error\na.toml:1:1: error: bad\n");
  CHECK(ask(admin, "drain web/b\n") == "error\nthere is no such instance\n");
}

TEST_CASE("control: what is not a command does nothing") {
  FakeAdmin admin;
  for (const char* line : {"\n",
                           "   \n",
                           "stop\n",
                           "drain\n",
                           "drain web\n",
                           "drain web/\n",
                           "drain /a\n",
                           "drain web/a web/b\n",
                           "reload now\n",
                           "status --all\n",
                           "events --since x\n",
                           "events --since\n",
                           "events --since 1x\n",
                           "re\x01load\n",
                           "reload\r\n",
                           "handover a b\n",
                           "handover --forced\n",
                           "push x\n",
                           "push 0\n",
                           "push 1 2\n",
                           "push 1048577\n",
                           "push 18446744073709551616\n",
                           "\xff\n"}) {
    INFO(line);
    CHECK(ask(admin, line).starts_with("error\n"));
  }
  CHECK(admin.asked.empty());
}

TEST_CASE("control: a line may come in any pieces, but not without end") {
  FakeAdmin admin;
  const std::string line = "status --json\n";
  for (std::size_t n = 0; n < line.size(); ++n) CHECK(ask(admin, line.substr(0, n)) == "more");
  CHECK(ask(admin, std::string(admin_command_max - 1, 'a')) == "more");
  CHECK(ask(admin, std::string(admin_command_max, 'a')).starts_with("error\n"));
  CHECK(ask(admin, std::string(admin_command_max, 'a') + "\n").starts_with("error\n"));
}

TEST_CASE("control: events are told from where one asks, and can be followed") {
  set_log_level(LogLevel::Error);
  FakeAdmin admin;
  admin.events_.add("health", "web/a", "up: \x1b[2J");
  admin.events_.add("election", "web", "a is active");
  set_log_level(LogLevel::Info);
  const std::string all = ask(admin, "events\n");
  CHECK(all.find(" #1 health web/a: up: ?[2J\n") != std::string::npos);
  CHECK(all.find(" #2 election web: a is active\n") != std::string::npos);
  const std::optional<AdminReply> later = answer_command("events --since 1 --follow --json\n", admin);
  REQUIRE(later);
  CHECK(later->follow);
  CHECK(later->json);
  CHECK(later->after == 2);
  CHECK(later->text.find("\"number\":1,") == std::string::npos);
  CHECK(later->text.find("\"number\":2,") != std::string::npos);
  CHECK(answer_command("events --since 2\n", admin)->text == "ok\n");
}

TEST_CASE("control: a hand-over and a push begin now and are answered later") {
  FakeAdmin admin;
  CHECK(ask(admin, "handover\n") == "moved");
  CHECK(ask(admin, "handover front --force\n") == "moved");
  admin.good = false;
  CHECK(ask(admin, "handover --force\n") == "the other node is not heard");
  CHECK(ask(admin, "push\n") == "both nodes have it");
  CHECK(admin.pushed == "");
  CHECK(admin.asked == "handover|;handover|front|force;handover||force;push|0;");
}

TEST_CASE("control: a pushed text is taken whole, whatever is in it, and not before it is there") {
  FakeAdmin admin;
  const std::string text = std::string("a = 1\n\0\xff", 8) + std::string(5000, '\n');
  const std::string request = "push " + std::to_string(text.size()) + "\n" + text;
  for (std::size_t n : {std::size_t{3}, std::size_t{10}, request.size() - 1})
    CHECK(ask(admin, request.substr(0, n)) == "more");
  CHECK(admin.asked.empty());
  CHECK(ask(admin, request + "\n") == "both nodes have it");
  CHECK(admin.pushed == text);
  CHECK(ask(admin, "push " + std::to_string(admin_push_max) + "\n") == "more");
}
