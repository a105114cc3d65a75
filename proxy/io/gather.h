// Whether a loop should wait a moment before it polls, so that one wake-up brings many events. Under load each
// wake-up costs a few microseconds of the kernel's time, which 50 us of patience save for a dozen events at
// once; with few events a moment waited is only a moment lost. So: only where events come fast enough, and
// only as long as waiting is seen to gather them. Pure; one belongs to one loop.
#pragma once

#include <cstdint>

#include "proxy/base/time.h"

namespace holdfast::io {

class Gather {
 public:
  static constexpr Duration nap = Duration::micros(50);
  static constexpr Duration window = Duration::millis(1);  ///< over which the rate is taken
  static constexpr std::uint32_t expected = 4;  ///< events that a nap must promise by the present rate
  static constexpr std::uint32_t wanted = 8;  ///< events that a nap must bring, and ...
  static constexpr std::uint32_t times = 3;  ///< ... so many times those of a turn without one
  static constexpr std::uint32_t sample = 16;  ///< each such turn goes without a nap, to know those
  static constexpr std::uint32_t rest_min = 64, rest_max = 65536;  ///< turns without a nap after some in vain

  /// Before each poll: how many events the turn that ends now had, and when it began. True: wait `nap` first.
  bool before_poll(std::uint32_t events, Instant now) {
    count(events, now);
    if (napped_)
      judge(events);
    else
      plain_ += events * 8 - plain_ / 8;
    if (rest_ > 0) --rest_;
    return napped_ = fast_ && rest_ == 0 && ++turns_ % sample != 0;
  }

 private:
  void count(std::uint32_t events, Instant now) {
    events_ += events;
    const Duration passed = now - since_;
    if (passed < window) return;
    fast_ = passed < window * 4 && events_ * static_cast<std::uint64_t>(nap.ns) >=
                                       expected * static_cast<std::uint64_t>(passed.ns);
    events_ = 0;
    since_ = now;
  }
  /// An average over about eight naps decides: single ones vary.
  void judge(std::uint32_t events) {
    gathered_ += events * 8 - gathered_ / 8;
    if (gathered_ / 64 >= wanted && gathered_ >= times * plain_) {
      if (streak_ < 255) ++streak_;
      if (streak_ == 255) back_off_ = rest_min;
      return;
    }
    streak_ = 0;
    rest_ = back_off_;
    back_off_ = back_off_ < rest_max ? back_off_ * 2 : rest_max;
    gathered_ = 64 * wanted > times * plain_ ? 64 * wanted : times * plain_;  // the next is judged by itself, nearly
  }

  Instant since_{};
  std::uint64_t events_ = 0;
  std::uint32_t gathered_ = 64 * wanted, plain_ = 0;  ///< 64 times the average after a nap, and without
  std::uint32_t turns_ = 0;
  std::uint32_t rest_ = 0, back_off_ = rest_min, streak_ = 0;
  bool fast_ = false, napped_ = false;
};

}  // namespace holdfast::io
