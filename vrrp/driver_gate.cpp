#include "vrrp/driver_gate.h"

#include <algorithm>

namespace holdfast::vrrp {

LoopGate::LoopGate(std::vector<WatchedLoop> loops, Duration stall) : stall_(stall) {
  for (WatchedLoop& loop : loops) {
    const std::uint64_t turns = loop.turns();
    CpuShare share(loop.thread);
    watched_.push_back({std::move(loop), std::move(share), turns});
  }
}

/// A turn takes all that was posted, so one that is over shows that no task of ours is outstanding any more:
/// at most one is.
bool LoopGate::look(Watched& one, Duration step) {
  const bool before = one.stalled;
  const std::uint64_t turns = one.loop.turns();
  if (turns != one.turns) {
    one.turns = turns;
    one.asked = one.stalled = false;
  } else if (!one.asked) {
    one.asked = true;
    one.waited = {};
    one.loop.loop->post([] {});
  } else {
    one.waited = one.waited + one.share.of(step);
    one.stalled = one.waited >= stall_;
  }
  return one.stalled != before;
}

/// A tick that comes late counts for little: whatever held this thread up (a frozen process, a paused
/// machine) held the loops up too, and they get their chance first.
bool LoopGate::tick(Instant now) {
  constexpr Duration late = 100_ms;
  const Duration step = ticked_ == Instant::never() ? Duration{} : std::min(now - ticked_, late);
  ticked_ = now;
  bool changed = false;
  for (Watched& one : watched_) changed = look(one, step) || changed;
  return changed;
}

bool LoopGate::stalled() const {
  return std::any_of(watched_.begin(), watched_.end(), [](const Watched& one) { return one.stalled; });
}

std::string LoopGate::names() const {
  std::string names;
  for (const Watched& one : watched_)
    if (one.stalled) names += (names.empty() ? "" : ", ") + one.loop.name;
  return names;
}

}  // namespace holdfast::vrrp
