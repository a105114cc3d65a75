#include "proxy/retry_budget.h"

#include <algorithm>
#include <cmath>

namespace holdfast {

namespace {

constexpr double memory_seconds = 10;
constexpr double one = 1 - 1e-6;  // five times 0.2 is not 1
constexpr Duration grain = Duration::millis(10);  // finer steps would cost an exp() a request

double floor_max(double rate) { return rate > 0 ? std::max(rate, 1.0) : 0; }

}  // namespace

RetryBudget::RetryBudget(unsigned percent, double floor_per_second, Instant now)
    : share_(percent / 100.0),
      floor_rate_(floor_per_second),
      floor_(floor_max(floor_per_second)),
      then_(now) {}

void RetryBudget::set_limits(unsigned percent, double floor_per_second) {
  share_ = percent / 100.0;
  floor_rate_ = floor_per_second;
  floor_ = std::min(floor_, floor_max(floor_rate_));
}

void RetryBudget::advance(Instant now) {
  Duration passed = now - then_;
  if (passed < grain) return;
  then_ = now;
  earned_ *= std::exp(-passed.to_seconds() / memory_seconds);
  floor_ = std::min(floor_max(floor_rate_), floor_ + floor_rate_ * passed.to_seconds());
}

void RetryBudget::on_request(Instant now) {
  advance(now);
  earned_ += share_;
}

bool RetryBudget::take(Instant now) {
  advance(now);
  double& from = floor_ >= one ? floor_ : earned_;
  if (from < one) return false;
  from = std::max(from - 1, 0.0);
  return true;
}

}  // namespace holdfast
