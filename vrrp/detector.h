// When is silence death? An adaptive time-out over the gaps between signs of life, after the phi-accrual idea
// (Hayashibara et al., 2004) with hard limits: a node that has been heard regularly is missed soon, one whose
// signs came late before is given more time. Pure; owned by the peer machine, one for all paths together.
#pragma once

#include <array>
#include <cstddef>

#include "proxy/base/time.h"

namespace holdfast::vrrp {

class Detector {
 public:
  struct Limits {
    Duration every;  ///< how often a sign is expected
    Duration floor;  ///< never suspect earlier; at least two intervals
    Duration ceiling;  ///< never wait longer
  };
  explicit Detector(Limits limits) : limits_(limits), timeout_(reckon()) {}

  void sign(Instant now);  ///< something authentic was heard
  void reset();  ///< the history says nothing about what comes (new process, after a pause)
  /// The silence up to now was not the other's: this process did not run. Its time begins anew, the history
  /// stays.
  void excuse(Instant now);
  /// Silence until this instant means time-out; never() before the first sign.
  Instant deadline() const;
  /// Half way to the deadline: the moment to ask the gateway.
  Instant suspect_at() const;
  Duration timeout() const { return timeout_; }  ///< between floor and ceiling
  Instant last() const { return last_; }  ///< last sign; never() before the first

 private:
  Duration reckon() const;

  static constexpr std::size_t history = 64;
  static constexpr std::size_t enough = 8;  ///< gaps; with fewer the ceiling holds
  Limits limits_;
  Instant last_ = Instant::never();
  Instant mark_ = Instant::never();  ///< where the gap being measured began
  std::array<Duration, history> gaps_{};
  std::size_t next_ = 0, filled_ = 0;
  Duration worst_{};  ///< the largest gap, fading; see sign()
  Duration timeout_;  ///< reckoned when a gap ends, for it is asked for much more often
};

}  // namespace holdfast::vrrp
