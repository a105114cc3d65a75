#include "vrrp/dialler.h"

#include <algorithm>

namespace holdfast::vrrp {

void Dialler::dialled(Instant now) {
  state_ = State::Dialling;
  since_ = now;
  const bool hasty = may_haste(now);
  if (hasty) ++haste_dials_;
  patience_ = hasty ? haste_patience : dial_max;
  due_ = overdue_at();
}

void Dialler::connected(Instant now) {
  state_ = State::Up;
  since_ = now;
  due_ = Instant::never();
}

void Dialler::failed(Instant now, bool at_once) {
  // A connection that stood for a while was wanted by the other side: no reason to be slow about the next.
  if (state_ == State::Up && now - since_ >= haste_max) {
    pace_ = pace_min;
    hasted_ = false;
  }
  state_ = State::Down;
  since_ = now;
  if (may_haste(now)) return plan(at_once ? now : now + haste_gap);
  plan(now + pace_);
  pace_ = std::min(pace_ * 2, pace_max);
}

void Dialler::invite(Instant now) {
  if (state_ != State::Up) plan(std::min(due_, std::max(now, since_ + invited_gap)));
}

void Dialler::hasten(Instant now) {
  if (!hasted_ || now - haste_began_ >= haste_again) {
    hasted_ = true;
    haste_began_ = now;
    haste_dials_ = 0;
    pace_ = pace_min;
  }
  if (may_haste(now)) plan(now);
}

void Dialler::hold_off(Instant until) {
  held_until_ = std::max(held_until_, until);
  if (state_ != State::Up) plan(due_);
}

bool Dialler::may_haste(Instant now) const {
  return hasted_ && now - haste_began_ <= haste_max && haste_dials_ < hasty_dials;
}

void Dialler::plan(Instant at) { due_ = std::max(at, held_until_); }

}  // namespace holdfast::vrrp
