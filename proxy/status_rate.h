// What happened lately: counters only ever grow, so the recent past is the difference between two looks at
// them. One look a second is kept for ten seconds. Pure; it is told the time.
#pragma once

#include <deque>
#include <string>

#include "proxy/base/time.h"
#include "proxy/metrics_sum.h"

namespace holdfast {

class RecentPast {
 public:
  static constexpr Duration look_every = Duration::seconds(1);
  static constexpr std::size_t looks_max = 11;

  struct Rate {
    double per_second = 0;
    Duration median{}, percentile99{};
  };

  void look(Instant now, Totals totals);
  /// Between the oldest look that is kept and `totals` at `now`. Zero before the first look.
  Rate rate(const std::string& service, Instant now, const Totals& totals) const;

 private:
  struct Look {
    Instant at;
    Totals totals;
  };
  std::deque<Look> looks_;
};

}  // namespace holdfast
