// What a thread of this process could have run. A thread that waits for a processor is starved, not stuck; so
// of a stretch of time only that counts in which it ran or slept. Read from /proc/self/task; one object a
// thread, used by one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/time.h"

namespace holdfast::vrrp {

class CpuShare {
 public:
  /// The first thread of that name (at most 15 bytes) in this process; without one, all time counts.
  explicit CpuShare(const std::string& thread_name);

  /// How much counts of the last `step`, which is the time since the last call.
  Duration of(Duration step);

 private:
  std::string folder_;  ///< of the thread; empty: none
  std::optional<std::uint64_t> ran_;  ///< nanoseconds, at the last call
};

}  // namespace holdfast::vrrp
