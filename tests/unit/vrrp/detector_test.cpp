// The adaptive time-out: regular signs, jitter, stalls, outages, signs beside the regular ones.
#include "vrrp/detector.h"

#include <catch2/catch.hpp>
#include <cstdint>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

constexpr Detector::Limits limits{50_ms, 120_ms, 1_s};
constexpr Instant start{1'000'000'000};

/// Signs each 50 ms, off by up to `jitter` either way; returns the last.
Instant regular(Detector& detector, Instant from, int count, Duration jitter = {}) {
  std::uint64_t random = 42;
  Instant last = from;
  for (int i = 0; i < count; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const auto off = static_cast<std::int64_t>(random >> 33) % (2 * jitter.ns + 1) - jitter.ns;
    last = from + 50_ms * i + Duration{off};
    detector.sign(last);
  }
  return last;
}

}  // namespace

TEST_CASE("Before the first sign nothing is late, and few signs get the whole time") {
  Detector detector(limits);
  CHECK(detector.last() == Instant::never());
  CHECK(detector.deadline() == Instant::never());
  CHECK(detector.suspect_at() == Instant::never());
  Instant last = regular(detector, start, 5);
  CHECK(detector.last() == last);
  CHECK(detector.deadline() == last + 1_s);
  CHECK(detector.suspect_at() == last + 500_ms);
}

TEST_CASE("Regular signs are missed at the floor") {
  Detector detector(limits);
  Instant last = regular(detector, start, 100);
  CHECK(detector.timeout() == 120_ms);
  CHECK(detector.deadline() == last + 120_ms);
  CHECK(detector.suspect_at() == last + 60_ms);
}

TEST_CASE("Jitter widens the time-out, and steadiness narrows it again") {
  Detector detector(limits);
  Instant last = regular(detector, start, 200, 40_ms);
  const Duration jittery = detector.timeout();
  CHECK(jittery > 180_ms);
  CHECK(jittery < 300_ms);
  regular(detector, last + 50_ms, 2000);
  CHECK(detector.timeout() == 120_ms);
}

TEST_CASE("A stall doubles itself into the time-out and is remembered beyond the average") {
  Detector detector(limits);
  Instant last = regular(detector, start, 100) + 300_ms;
  detector.sign(last);
  CHECK(detector.timeout() == 600_ms);
  last = regular(detector, last + 50_ms, 100);
  CHECK(detector.timeout() > 500_ms);
  last = regular(detector, last + 50_ms, 1400);
  CHECK(detector.timeout() < 160_ms);
}

TEST_CASE("The ceiling holds, and an outage beyond it is no pace") {
  Detector detector(limits);
  Instant last = regular(detector, start, 100) + 900_ms;
  detector.sign(last);
  CHECK(detector.timeout() == 1_s);

  Detector other(limits);
  last = regular(other, start, 100) + 20_s;
  other.sign(last);
  CHECK(other.timeout() == 120_ms);
  CHECK(other.deadline() == last + 120_ms);
}

TEST_CASE("Signs beside the regular ones do not shorten the time-out") {
  Detector detector({50_ms, 20_ms, 1_s});
  Instant at = start;
  for (int i = 0; i < 200; ++i) {
    detector.sign(at);
    detector.sign(at);
    detector.sign(at + 1_ms);
    detector.sign(at + 10_ms);
    at = at + 50_ms;
  }
  CHECK(detector.last() == at - 40_ms);
  CHECK(detector.timeout() >= 100_ms);
}

TEST_CASE("A clock read late on another path does not move the last sign back") {
  Detector detector(limits);
  Instant last = regular(detector, start, 20);
  detector.sign(last - 30_ms);
  CHECK(detector.last() == last);
}

TEST_CASE("Reset forgets, excuse only begins the silence anew") {
  Detector detector(limits);
  Instant last = regular(detector, start, 100);
  detector.excuse(last + 5_s);
  CHECK(detector.deadline() == last + 5_s + 120_ms);
  detector.sign(last + 5_s + 50_ms);
  CHECK(detector.timeout() == 120_ms);
  detector.reset();
  CHECK(detector.deadline() == Instant::never());
  CHECK(detector.timeout() == 1_s);
  detector.excuse(last + 9_s);
  CHECK(detector.deadline() == Instant::never());
}
