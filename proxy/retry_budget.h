// How many extra attempts a service may be given: a share of its requests over the last ten seconds or so,
// and a floor per second that is always there. It keeps a sick pair from being beaten to death by its own
// retries. Pure; one per service and data loop, so the floor is divided by the number of loops.
#pragma once

#include "proxy/base/time.h"

namespace holdfast {

class RetryBudget {
 public:
  /// `percent`: extra attempts per 100 requests; `floor_per_second`: those always allowed on top.
  RetryBudget(unsigned percent, double floor_per_second, Instant now);

  void on_request(Instant now);   ///< a new request, not an attempt
  bool take(Instant now);         ///< one extra attempt; false: the budget is spent
  /// After a reload; what was saved up is kept.
  void set_limits(unsigned percent, double floor_per_second);

 private:
  void advance(Instant now);

  double share_;        // tokens per request
  double floor_rate_;   // tokens per second
  double earned_ = 0;   // by requests; fades with a time constant of 10 s
  double floor_ = 0;    // at most one second's worth, at least one token
  Instant then_;
};

}  // namespace holdfast
