// Whether a loop should wait a moment before it polls, so that one wake-up brings many events. Under load each
// wake-up costs the kernel a few microseconds, on both sides; with few events a moment waited is only a moment
// lost. Nobody can know beforehand which it is, so it is tried: a few short windows with naps and as many without,
// and what cost less processor time an event, at no loss of events, stays for a while. Pure; one belongs to one loop.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/base/time.h"

namespace holdfast::io {

class Gather {
 public:
  static constexpr Duration nap = Duration::micros(50);
  static constexpr std::uint32_t full = 24;    ///< a turn with so many events goes on without a nap: more are there
  static constexpr Duration window = Duration::millis(5);
  static constexpr std::uint32_t trial = 8;    ///< windows, every other one with naps, and then ...
  static constexpr std::uint32_t hold = 192;   ///< ... so many as was found better: about a second
  static constexpr std::int64_t busy = 2;      ///< only where the loop has work for more than 1/busy of its time, ...
  static constexpr std::int64_t idle = 4;      ///< and with naps still for more than 1/idle
  static constexpr std::int64_t gain = 32;     ///< naps must spare more than 1/gain of the processor time an event ...
  static constexpr std::int64_t loss = 32;     ///< ... and lose no more than 1/loss of the events in the same time

  /// Before each poll: how many events the turn that ends now had. `cpu` gives the thread's processor time; it is
  /// called once a window, for it is a system call. True: wait `nap` first.
  template <class Cpu>
  bool before_poll(std::uint32_t events, Instant now, Cpu&& cpu) {
    events_ += events;
    if (const Duration passed = now - since_; passed >= window) end_window({events_, passed.ns, cpu()}, now);
    return napping_ && events < full;
  }

 private:
  struct Sum {
    std::int64_t events = 0, wall = 0, cpu = 0;  ///< ns
  };

  void end_window(Sum sum, Instant now) {
    const std::int64_t cpu_total = sum.cpu;
    sum.cpu -= cpu_before_;
    cpu_before_ = cpu_total;
    since_ = now;
    events_ = 0;
    if (sum.wall > 2 * window.ns || (!napping_ && sum.cpu * busy < sum.wall)) return rest();
    if (napping_ && sum.cpu * idle < sum.wall) {  // the callers wait for us, or are gone
      napping_ = false;
      count_ = trial;
      return;
    }
    if (count_ < trial) add(sums_[napping_], sum);
    ++count_;
    if (count_ < trial) napping_ = !napping_;
    if (count_ == trial) napping_ = naps_pay();
    if (count_ == trial + hold) begin_trial();
  }

  static void add(Sum& to, const Sum& sum) {
    to.events += sum.events;
    to.wall += sum.wall;
    to.cpu += sum.cpu;
  }

  bool naps_pay() const {
    const Sum &plain = sums_[false], &napped = sums_[true];
    const bool cheaper = napped.cpu * plain.events * gain < plain.cpu * napped.events * (gain - 1);
    const bool as_many = napped.events * plain.wall * loss > plain.events * napped.wall * (loss - 1);
    return cheaper && as_many;
  }

  void begin_trial() {
    sums_ = {};
    count_ = 0;
    napping_ = !napping_;  // what was done last is the other half of the first pair
  }

  /// Too little to do: every event is answered at once.
  void rest() {
    sums_ = {};
    count_ = 0;
    napping_ = false;
  }

  Instant since_{};
  std::int64_t events_ = 0, cpu_before_ = 0;
  std::array<Sum, 2> sums_;  ///< of the trial: without naps, with naps
  std::uint32_t count_ = 0;  ///< windows since the trial began
  bool napping_ = false;
};

}  // namespace holdfast::io
