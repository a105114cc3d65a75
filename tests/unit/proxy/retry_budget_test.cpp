#include "proxy/retry_budget.h"

#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

constexpr Instant at(std::int64_t ms) { return Instant{} + Duration::millis(ms); }

int take_all(RetryBudget& b, Instant now) {
  int n = 0;
  while (n < 100'000 && b.take(now)) ++n;
  return n;
}

}  // namespace

TEST_CASE("the floor is there from the start and refills by the second") {
  RetryBudget b(0, 10, at(0));
  CHECK(take_all(b, at(0)) == 10);
  CHECK(take_all(b, at(500)) == 5);
  CHECK(take_all(b, at(60'000)) == 10);
}

TEST_CASE("a floor under one a second still gives one in time") {
  RetryBudget b(0, 0.5, at(0));
  CHECK(take_all(b, at(0)) == 1);
  CHECK(take_all(b, at(1000)) == 0);
  CHECK(take_all(b, at(2000)) == 1);
}

TEST_CASE("requests earn their share") {
  RetryBudget b(20, 0, at(0));
  for (int i = 0; i < 99; ++i) b.on_request(at(0));
  CHECK(take_all(b, at(0)) == 19);
  b.on_request(at(0));
  CHECK(take_all(b, at(0)) == 1);
}

TEST_CASE("what was earned fades, and a steady rate keeps about ten seconds of it") {
  RetryBudget b(20, 0, at(0));
  for (int ms = 0; ms < 100'000; ++ms) b.on_request(at(ms));  // 1,000 a second
  int burst = take_all(b, at(100'000));
  CHECK(burst > 1900);
  CHECK(burst <= 2001);
  for (int i = 0; i < 100; ++i) b.on_request(at(100'000));
  CHECK(take_all(b, at(200'000)) == 0);
}

TEST_CASE("a service that only fails gets its share and its floor, no more") {
  RetryBudget b(20, 5, at(0));
  int extra = 0, requests = 0;
  for (int ms = 0; ms < 30'000; ms += 10) {
    b.on_request(at(ms));
    ++requests;
    for (int k = 0; k < 3; ++k) extra += b.take(at(ms));
  }
  CHECK(extra <= requests / 5 + 5 * 31);
  CHECK(extra >= requests / 5 + 5 * 28);
}

TEST_CASE("nothing allowed is nothing, and limits change by reload") {
  RetryBudget b(0, 0, at(0));
  for (int i = 0; i < 1000; ++i) b.on_request(at(i));
  CHECK_FALSE(b.take(at(1000)));
  b.set_limits(0, 2);
  CHECK(take_all(b, at(3000)) == 2);
  b.set_limits(0, 0);
  CHECK_FALSE(b.take(at(9000)));
}
