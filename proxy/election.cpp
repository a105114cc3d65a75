#include "proxy/election.h"

namespace holdfast {

namespace {

bool can_serve(std::span<const Candidate> candidates, int i) {
  return i >= 0 && static_cast<std::size_t>(i) < candidates.size() &&
         candidates[static_cast<std::size_t>(i)].usable();
}

}  // namespace

int Election::best(std::span<const Candidate> candidates) const {
  if (can_serve(candidates, first_choice())) return first_choice();
  if (can_serve(candidates, prefer_)) return prefer_;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].usable()) return static_cast<int>(i);
  return -1;
}

Election::Why Election::reason(std::span<const Candidate> candidates) const {
  if (can_serve(candidates, followed_)) return Why::Followed;
  if (removed_) return Why::ActiveRemoved;
  if (!begun_) return Why::Start;
  if (active_ < 0) return Why::Returned;
  return candidates[static_cast<std::size_t>(active_)].health == HealthState::Up ? Why::ActiveDrained
                                                                                 : Why::ActiveDown;
}

bool Election::decide(Instant now, std::span<const Candidate> candidates) {
  waiting_ = false;
  if (can_serve(candidates, active_) && (active_ == followed_ || !can_serve(candidates, followed_)))
    return false;
  int next = best(candidates);
  std::size_t first = first_choice() >= 0 ? static_cast<std::size_t>(first_choice()) : 0;
  if (!begun_ && now < patient_until_ && first < candidates.size() && !candidates[first].drained &&
      candidates[first].health == HealthState::Unknown) {
    waiting_ = true;
    return false;
  }
  if (next == active_) return false;  // nobody before, nobody now
  why_ = reason(candidates);
  active_ = next;
  begun_ = true;
  removed_ = false;
  last_ = now;
  ++elections_;
  return true;
}

void Election::restore(int active, std::uint64_t elections, Instant last, bool removed) {
  active_ = active;
  elections_ = elections;
  last_ = last;
  begun_ = active >= 0 || elections > 0;
  removed_ = removed;
}

}  // namespace holdfast
