// Whether the data loops turn. The real-time thread asks a few times each detection time; a loop that has not
// turned since may just be idle, so it gets an empty task, and is stalled only if it does not turn for
// `stall` although it has one. A busy loop that turns is fine, however long its queue is, and so is one that
// waits for a processor: that time does not count. Owned by the real-time thread, which makes every call; the
// loops must outlive it.
#pragma once

#include <string>
#include <vector>

#include "vrrp/driver.h"
#include "vrrp/driver_cpu.h"

namespace holdfast::vrrp {

class LoopGate {
 public:
  LoopGate(std::vector<WatchedLoop> loops, Duration stall);

  void set_stall(Duration stall) { stall_ = stall; }
  /// About every 50 ms, and several times each `stall`. True if the answer below changed.
  bool tick(Instant now);
  /// One turn is enough to be fine again.
  bool stalled() const;
  std::string names() const;  ///< of the stalled ones, "loop-1, loop-3"

 private:
  struct Watched {
    WatchedLoop loop;
    CpuShare share;
    std::uint64_t turns = 0;  ///< when last looked at
    bool asked = false;  ///< it has an empty task, and has not turned since
    Duration waited{};
    bool stalled = false;
  };
  bool look(Watched& one, Duration step);

  std::vector<Watched> watched_;
  Duration stall_;
  Instant ticked_ = Instant::never();
};

}  // namespace holdfast::vrrp
