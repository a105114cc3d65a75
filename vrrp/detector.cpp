#include "vrrp/detector.h"

#include <algorithm>
#include <cmath>

namespace holdfast::vrrp {
namespace {

// A stall of the other host is the best prediction of the next one, so the largest gap is remembered for much
// longer than the 64 gaps of the average: it loses half of itself in about 700 signs, 35 s at 50 ms.
constexpr std::int64_t fading = 1024;

}  // namespace

void Detector::sign(Instant now) {
  if (last_ == Instant::never()) {
    last_ = mark_ = now;
    return;
  }
  last_ = std::max(last_, now);
  const Duration gap = now - mark_;
  // Signs beside the regular ones (messages, other paths) must not make the regular gap look shorter.
  if (gap < limits_.every / 2) return;
  mark_ = now;
  // Longer than anyone would wait: an outage and not the pace of a living node.
  if (gap > limits_.ceiling) return;
  gaps_[next_] = gap;
  next_ = (next_ + 1) % history;
  filled_ = std::min(filled_ + 1, history);
  worst_ = std::max(gap, worst_ - worst_ / fading);
  timeout_ = reckon();
}

void Detector::reset() { *this = Detector(limits_); }

void Detector::excuse(Instant now) {
  if (last_ != Instant::never()) last_ = mark_ = std::max(last_, now);
}

Instant Detector::deadline() const { return last_ == Instant::never() ? last_ : last_ + timeout(); }

Instant Detector::suspect_at() const { return last_ == Instant::never() ? last_ : last_ + timeout() / 2; }

Duration Detector::reckon() const {
  const Duration ceiling = std::max(limits_.ceiling, limits_.floor);
  if (filled_ < enough) return ceiling;
  const auto count = static_cast<double>(filled_);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < filled_; ++i) sum += static_cast<double>(gaps_[i].ns);
  const double mean = sum / count;
  for (std::size_t i = 0; i < filled_; ++i) {
    const double off = static_cast<double>(gaps_[i].ns) - mean;
    squares += off * off;
  }
  // Four deviations: a false suspicion in some 30,000 gaps if they were normal. They are not; stalls make a
  // heavy tail, for which twice the worst one stands.
  const double likely =
      std::max(mean, static_cast<double>(limits_.every.ns)) + 4 * std::sqrt(squares / count);
  const Duration wanted = std::max(Duration{static_cast<std::int64_t>(likely)}, worst_ * 2);
  return std::clamp(wanted, std::min(limits_.floor, ceiling), ceiling);
}

}  // namespace holdfast::vrrp
