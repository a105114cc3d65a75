#include "conf/units.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::conf;

TEST_CASE("durations are a whole number and a unit") {
  CHECK(parse_duration("250us") == Duration::micros(250));
  CHECK(parse_duration("500ms") == Duration::millis(500));
  CHECK(parse_duration("4s") == Duration::seconds(4));
  CHECK(parse_duration("1m") == Duration::seconds(60));
  CHECK(parse_duration("1h") == Duration::seconds(3600));
  CHECK(parse_duration("1d") == Duration::seconds(86400));
  CHECK(parse_duration("0s") == Duration{});
  for (const char* bad : {"", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "5S", "1.5s", "5sec", "1m30s",
                          "0x5s", "99999999999999999999s", "9223372036854775807d"})
    CHECK_FALSE(parse_duration(bad));
}

TEST_CASE("sizes are a whole number and a unit, in thousands or in 1024s") {
  CHECK(parse_size("512B") == 512);
  CHECK(parse_size("64KiB") == 65536);
  CHECK(parse_size("64KB") == 64000);
  CHECK(parse_size("1MiB") == 1048576);
  CHECK(parse_size("1MB") == 1000000);
  CHECK(parse_size("4GiB") == 4ull << 30);
  CHECK(parse_size("1GB") == 1000000000);
  for (const char* bad : {"", "64", "KiB", "64kb", "64 KiB", "64K", "-1B", "1.5MiB", "18446744073709551616B",
                          "9223372036854775807GiB"})
    CHECK_FALSE(parse_size(bad));
}

TEST_CASE("a value is shown in the largest unit that is exact, and reads back the same") {
  CHECK(format_duration(Duration::seconds(60)) == "1m");
  CHECK(format_duration(Duration::millis(1500)) == "1500ms");
  CHECK(format_duration(Duration{}) == "0s");
  CHECK(format_size(65536) == "64KiB");
  CHECK(format_size(64000) == "64KB");
  CHECK(format_size(1000) == "1KB");
  CHECK(format_size(1025) == "1025B");
  CHECK(format_size(0) == "0B");
  for (const char* text : {"250us", "1500ms", "59s", "90m", "36h", "30d"})
    CHECK(parse_duration(format_duration(*parse_duration(text))) == parse_duration(text));
  for (const char* text : {"1B", "1023B", "1KiB", "1536KiB", "5MB", "3GiB"})
    CHECK(parse_size(format_size(*parse_size(text))) == parse_size(text));
}
