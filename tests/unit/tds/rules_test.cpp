#include "tds/rules.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::tds;

namespace {

conf::SqlRule rule(std::string name) {
  conf::SqlRule r;
  r.name = std::move(name);
  return r;
}

std::string name_of_match(const std::vector<conf::SqlRule>& rules, const RuleQuestion& q) {
  const conf::SqlRule* match = first_match(rules, q);
  return match ? match->name : "";
}

}  // namespace

TEST_CASE("rules: patterns") {
  struct Row {
    const char *pattern, *text;
    bool fits;
  };
  const Row rows[] = {
      {"", "", true},
      {"", "a", true},
      {"*", "", true},
      {"**", "a", true},
      {"app", "App", true},
      {"app", "app2", false},
      {"app", "", false},
      {"app*", "APPLICATION", true},
      {"app*", "app", true},
      {"app*", "anapp", false},
      {"*app", "MyApp", true},
      {"*app", "apple", false},
      {"*pp*", "apple", true},
      {"*pp*", "ape", false},
      {"a*b", "a*b", true},
      {"a*b", "axb", false},
      {"\xc3\xa9*", "\xc3\xa9t\xc3\xa9", true},
  };
  for (const Row& row : rows) {
    INFO(row.pattern << " " << row.text);
    CHECK(fits(row.pattern, row.text) == row.fits);
  }
}

TEST_CASE("rules: windows") {
  CHECK(in_window(0, 0, 700));
  CHECK(in_window(480, 480, 0));
  CHECK(in_window(480, 1080, 480));
  CHECK(in_window(480, 1080, 1079));
  CHECK_FALSE(in_window(480, 1080, 1080));
  CHECK_FALSE(in_window(480, 1080, 479));
  CHECK(in_window(1320, 360, 1400));
  CHECK(in_window(1320, 360, 0));
  CHECK_FALSE(in_window(1320, 360, 360));
}

TEST_CASE("rules: the first that fits in all of its conditions") {
  conf::SqlRule digest = rule("digest"), app = rule("app"), login = rule("login"), night = rule("night");
  digest.digest = "00000000000000Ff";
  app.application = "report*";
  app.login = "sa";
  login.login = "sa";
  night.from_minute = 1320;
  night.to_minute = 360;
  const std::vector<conf::SqlRule> rules = {digest, app, login, night};
  CHECK(name_of_match(rules, {255, "x", "y", 720}) == "digest");
  CHECK(name_of_match(rules, {254, "x", "y", 720}) == "");
  CHECK(name_of_match(rules, {0, "Reporting", "SA", 720}) == "app");
  CHECK(name_of_match(rules, {0, "Reporting", "bob", 720}) == "");
  CHECK(name_of_match(rules, {0, "x", "sa", 720}) == "login");
  CHECK(name_of_match(rules, {0, "x", "y", 5}) == "night");
  CHECK(first_match({}, {}) == nullptr);
}

TEST_CASE("rules: what is no digest fits none, not all") {
  for (const char* text : {"x", "0", "0000000000000000", "ff ", "-1", "1ffffffffffffffff"}) {
    conf::SqlRule r = rule("r");
    r.digest = text;
    CHECK(first_match({r}, {0, "", "", 0}) == nullptr);
    CHECK(first_match({r}, {255, "", "", 0}) == nullptr);
  }
}
