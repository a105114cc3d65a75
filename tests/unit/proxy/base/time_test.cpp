#include "proxy/base/time.h"

#include <catch2/catch.hpp>

using namespace holdfast;

TEST_CASE("durations convert and add without surprise") {
  CHECK(1_s == 1000_ms);
  CHECK(1_ms == 1000_us);
  CHECK((1500_us).to_millis() == 1);
  CHECK((2_s - 500_ms).to_seconds() == Approx(1.5));
  CHECK(10_ms * 3 == 30_ms);
  CHECK(10_ms / 4 == 2500_us);
}

TEST_CASE("never is later than any instant, and stays never") {
  Instant now{123};
  CHECK(now + Duration{INT64_MAX - 1000} < Instant::never());
  CHECK(Instant::never() + 1_s == Instant::never());
  CHECK(now + Duration{INT64_MAX} == Instant::never());
  CHECK(now + 1_s - now == 1_s);
  CHECK(now - 1_s < now);
}
