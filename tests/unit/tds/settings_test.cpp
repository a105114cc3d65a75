#include "tds/settings.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

using namespace holdfast::tds;

namespace {

Settings logged_in() {
  Settings settings;
  settings.login(to_utf16("home"), to_utf16("us_english"), "", {});
  return settings;
}

void say(Settings& settings, const char* text, bool failed = false) {
  settings.apply(facts_of(to_utf16(text)), failed);
}

std::string batch(const Settings& settings) {
  return settings.restoring_batch(to_utf16("home"), to_utf16("us_english"));
}

bool lacks(const Settings& settings, Unrecoverable what, bool attested = false) {
  return (settings.unrecoverable(attested) & static_cast<UnrecoverableSet>(what)) != 0;
}

}  // namespace

TEST_CASE("settings: a new login is told what was set, the last word of each, in the order it was said") {
  Settings settings = logged_in();
  CHECK(batch(settings).empty());
  say(settings, "SET DATEFIRST 3");
  say(settings, "SET ARITHABORT ON");
  say(settings, "SET DATEFIRST 5");
  const std::string text = batch(settings);
  CHECK(text.find("DATEFIRST 3") == std::string::npos);
  REQUIRE(text.find("DATEFIRST 5") != std::string::npos);
  REQUIRE(text.find("ARITHABORT ON") != std::string::npos);
  CHECK(text.find("ARITHABORT") < text.find("DATEFIRST"));
}

TEST_CASE(
    "settings: the database is said only if the login does not lead there, and its name cannot break out") {
  Settings settings = logged_in();
  settings.database(to_utf16("o]dd; DROP"));
  CHECK(batch(settings) == "USE [o]]dd; DROP];\n");
  CHECK(settings.restoring_batch(to_utf16("o]dd; DROP"), to_utf16("us_english")).empty());
}

TEST_CASE("settings: a reset forgets all but the isolation level") {
  Settings settings = logged_in();
  say(settings, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
  say(settings, "SET NOCOUNT ON");
  say(settings, "CREATE TABLE #a (x int)");
  settings.database(to_utf16("away"));
  CHECK(batch(settings).find("NOCOUNT") != std::string::npos);
  CHECK(lacks(settings, Unrecoverable::TemporaryTable));
  settings.reset();
  CHECK(batch(settings).find("NOCOUNT") == std::string::npos);
  CHECK(settings.unrecoverable(false) == 0);
  CHECK(batch(settings).find("SERIALIZABLE") != std::string::npos);
  CHECK(batch(settings).find("USE") == std::string::npos);
  CHECK(settings.isolation_batch().find("SERIALIZABLE") != std::string::npos);
}

TEST_CASE("settings: temporary tables are there until they are dropped, and an error drops none") {
  Settings settings = logged_in();
  say(settings, "CREATE TABLE #a (x int)");
  say(settings, "CREATE TABLE #b (x int)");
  say(settings, "DROP TABLE #a");
  CHECK(lacks(settings, Unrecoverable::TemporaryTable));
  say(settings, "DROP TABLE #b", true);
  CHECK(lacks(settings, Unrecoverable::TemporaryTable));
  say(settings, "DROP TABLE #b");
  CHECK_FALSE(lacks(settings, Unrecoverable::TemporaryTable));
}

TEST_CASE("settings: a batch that failed leaves it open which of its settings were reached") {
  Settings settings = logged_in();
  say(settings, "SET ARITHABORT ON; SELECT x FROM nowhere", true);
  CHECK(lacks(settings, Unrecoverable::UnknownSetting));
}

TEST_CASE("settings: the server's word on settings is better than ours, and ours stands for the rest") {
  Settings settings = logged_in();
  settings.add(Unrecoverable::UnknownSetting);
  settings.add(Unrecoverable::Cursor);
  CHECK_FALSE(lacks(settings, Unrecoverable::UnknownSetting, true));
  CHECK(lacks(settings, Unrecoverable::Cursor, true));
  settings.session_state({1, true, {{7, "\x02"}}});
  settings.session_state({2, false, {{9, "abc"}}});
  CHECK(lacks(settings, Unrecoverable::UnknownSetting, true));
  settings.session_state({3, true, {{9, "abd"}}});
  CHECK_FALSE(lacks(settings, Unrecoverable::UnknownSetting, true));
  const auto data = parse_recovery_data(settings.recovery_data());
  REQUIRE(data);
  REQUIRE(data->second.states.size() == 2);
  CHECK(data->second.states[1].value == "abd");
}

TEST_CASE("settings: what is kept has a limit, and over it the session is known not to be whole") {
  Settings settings = logged_in();
  StatementFacts many;
  for (std::size_t i = 0; i <= Settings::settings_max; ++i)
    many.settings.push_back({"KEY" + std::to_string(i), "SET KEY" + std::to_string(i) + " ON"});
  settings.apply(many, false);
  CHECK(lacks(settings, Unrecoverable::UnknownSetting));
  Settings state = logged_in();
  state.session_state({1, true, {{1, std::string(Settings::state_max + 1, 'x')}}});
  CHECK(state.memory() < Settings::state_max);
  CHECK(lacks(state, Unrecoverable::UnknownSetting));
}
