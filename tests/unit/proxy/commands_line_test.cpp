#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "proxy/commands.h"

using namespace holdfast;

namespace {

std::string error_of(const std::vector<std::string>& words) {
  const Result<CommandLine> line = parse_command_line(words);
  return line ? "none" : line.error().text;
}

}  // namespace

TEST_CASE("command line: options in any place and either form") {
  const Result<CommandLine> run = parse_command_line({"run", "-c", "a.toml", "--node=ef-b", "--core"});
  REQUIRE(run);
  CHECK(run->command == "run");
  CHECK(run->config == "a.toml");
  CHECK(run->node == "ef-b");
  CHECK(run->core);
  const Result<CommandLine> drain = parse_command_line({"drain", "--socket", "/s", "web/a"});
  REQUIRE(drain);
  CHECK(drain->target == "web/a");
  CHECK(drain->socket == "/s");
  CHECK(drain->config == "/etc/holdfast/holdfast.toml");
  const Result<CommandLine> events = parse_command_line({"events", "--since", "7", "--follow", "--json"});
  REQUIRE(events);
  CHECK(events->since == "7");
  CHECK((events->follow && events->json));
  const Result<CommandLine> handover = parse_command_line({"handover", "--force", "front"});
  REQUIRE(handover);
  CHECK(handover->target == "front");
  CHECK(handover->force);
  CHECK(parse_command_line({"handover"})->target == "");
  CHECK_FALSE(parse_command_line({"push"})->config_given);
  CHECK(parse_command_line({"push", "--config=a.toml"})->config_given);
  CHECK(parse_command_line({"--version"})->command == "version");
  CHECK(parse_command_line({"-h"})->command == "help");
  CHECK(parse_command_line({"drain", "--help"})->command == "help");
}

TEST_CASE("command line: what is wrong is said") {
  CHECK(error_of({}) == "no command");
  CHECK(error_of({"staus"}) == "there is no command staus; did you mean \"status\"?");
  CHECK(error_of({"nonsense"}) == "there is no command nonsense");
  CHECK(error_of({"run", "--nod", "x"}) == "there is no option --nod; did you mean \"--node\"?");
  CHECK(error_of({"run", "--json"}) == "run does not take --json");
  CHECK(error_of({"run", "-c"}) == "-c needs a value");
  CHECK(error_of({"run", "--config="}) == "--config needs a value");
  CHECK(error_of({"check", "--diff=yes"}) == "--diff takes no value");
  CHECK(error_of({"status", "web/a"}) == "status takes no web/a");
  CHECK(error_of({"drain"}) == "drain needs SERVICE/INSTANCE");
  CHECK(error_of({"drain", "web"}) == "drain needs SERVICE/INSTANCE");
  CHECK(error_of({"drain", "web/"}) == "drain needs SERVICE/INSTANCE");
  CHECK(error_of({"ready", "/a"}) == "ready needs SERVICE/INSTANCE");
  CHECK(error_of({"handover", "a", "b"}) == "handover takes one GROUP");
  CHECK(error_of({"drain", "web/a", "--force"}) == "drain does not take --force");
  CHECK(error_of({"push", "a.toml"}) == "push takes no a.toml");
  CHECK(error_of({"ready", "web/a", "web/b"}) == "ready takes one SERVICE/INSTANCE");
}

TEST_CASE("command line: the usage names each command") {
  for (const char* name : {"run", "check", "reference", "status", "drain", "ready", "reload", "handover",
                           "push", "events", "metrics", "version", "help"}) {
    INFO(name);
    CHECK(usage().find(std::string("\n  ") + name) != std::string::npos);
  }
}

TEST_CASE("command line: the systemd unit speaks it") {
  std::ifstream unit(HOLDFAST_SOURCE_DIR "/conf/holdfast.service");
  std::vector<std::string> seen;
  for (std::string line; std::getline(unit, line);) {
    if (!line.starts_with("Exec")) continue;
    INFO(line);
    std::istringstream rest(line.substr(line.find('=') + 1));
    const std::vector<std::string> words{std::istream_iterator<std::string>(rest), {}};
    REQUIRE(words.size() > 1);
    CHECK(words[0] == "/usr/bin/holdfast");
    CHECK(error_of({words.begin() + 1, words.end()}) == "none");
    seen.push_back(words[1]);
  }
  CHECK(seen == std::vector<std::string>{"run", "reload"});
}
