#include "proxy/events.h"

#include <catch2/catch.hpp>

#include "proxy/base/log.h"

using namespace holdfast;

namespace {

struct QuietLog {
  QuietLog() { set_log_level(LogLevel::Error); }
  ~QuietLog() { set_log_level(LogLevel::Info); }
};

}  // namespace

TEST_CASE("events: numbers start at one and have no gaps") {
  QuietLog quiet;
  Events events;
  CHECK(events.since(0).empty());
  events.add("start", "", "version 1");
  events.add("health", "supervisor/ef-a", "up: two checks passed");
  const auto all = events.since(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].number == 1);
  CHECK(all[1].number == 2);
  CHECK(all[1].kind == "health");
  CHECK(all[1].subject == "supervisor/ef-a");
  CHECK(all[1].text == "up: two checks passed");
  CHECK(all[1].at.us > 1'600'000'000'000'000);
  CHECK(events.since(1).size() == 1);
  CHECK(events.since(2).empty());
  CHECK(events.since(99).empty());
}

TEST_CASE("events: the oldest give way, the numbers go on") {
  QuietLog quiet;
  Events events;
  for (int i = 0; i < 1010; ++i) events.add("health", "s/i", std::to_string(i));
  const auto all = events.since(0);
  REQUIRE(all.size() == 1000);
  CHECK(all.front().number == 11);
  CHECK(all.front().text == "10");
  CHECK(all.back().number == 1010);
  const auto last = events.since(1008);
  REQUIRE(last.size() == 2);
  CHECK(last[0].number == 1009);
}
