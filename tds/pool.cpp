#include "tds/pool.h"

#include <algorithm>
#include <utility>

namespace holdfast::tds {

void Pool::sit(PoolSeat& seat, const Digest& key) {
  PoolGroup& group = groups_[key];
  group.key = key;
  ++group.seats;
  seat.group_ = &group;
  seat.holds_ = seat.called_ = seat.joins_ = false;
}

void Pool::leave(PoolSeat& seat) {
  dropped(seat);
  PoolGroup& group = *std::exchange(seat.group_, nullptr);
  --group.seats;
  forget_if_empty(group);
}

void Pool::forget_if_empty(PoolGroup& group) {
  if (group.seats == 0 && group.free.empty()) groups_.erase(group.key);
}

// Not for longer than a connection lives, nor once there is none.
bool Pool::believed(const PoolGroup& group, Instant now) const {
  return group.places != 0 && !group.answer.empty() && now < group.accepted + limits_.lifetime;
}

Pool::Answer Pool::want(PoolSeat& seat, bool joins, Instant now) {
  PoolGroup& group = *seat.group_;
  if (seat.holds_) return {Way::Open};
  seat.unlink();
  seat.joins_ = joins;
  const bool shares = limits_.mode == conf::SqlPool::Transaction;
  const bool called = std::exchange(seat.called_, false);
  const bool first = called || group.waiting.empty();
  if (!group.free.empty() && (first || !shares)) {
    Answer answer{Way::Free, std::move(group.free.back())};
    group.free.pop_back();
    --free_;
    seat.holds_ = true;
    return answer;
  }
  if (!shares || (first && group.places < limits_.max)) {
    ++group.places;
    seat.holds_ = true;
    return {Way::Open};
  }
  if (joins && believed(group, now)) return {Way::Believed};
  if (PoolSeat* victim = first ? group.idle.pop_front() : nullptr) {
    victim->holds_ = false;
    seat.holds_ = true;
    return {Way::Steal, nullptr, victim};
  }
  group.waiting.push_back(seat);
  wake(group);
  return {Way::Wait};
}

void Pool::accepted(PoolSeat& seat, Instant now) {
  seat.group_->accepted = now;
  wake(*seat.group_);
}

void Pool::mark(PoolSeat& seat, bool lendable) {
  if (!seat.holds_) return;
  if (!lendable || limits_.mode != conf::SqlPool::Transaction) return seat.unlink();
  if (seat.linked()) return;
  seat.group_->idle.push_back(seat);
  wake(*seat.group_);
}

void Pool::dropped(PoolSeat& seat) {
  seat.unlink();
  if (!std::exchange(seat.holds_, false)) return;
  --seat.group_->places;
  wake(*seat.group_);
}

PooledPtr Pool::put(PoolSeat& seat, PooledPtr server, Instant now) {
  PoolGroup& group = *seat.group_;
  const bool shares = limits_.mode == conf::SqlPool::Transaction;
  const bool full = shares ? group.places > limits_.max : group.free.size() >= limits_.max;
  if (limits_.mode == conf::SqlPool::Off || full || aged(*server, now)) {
    dropped(seat);
    return server;
  }
  seat.unlink();
  seat.holds_ = false;
  server->freed = now;
  group.free.push_back(std::move(server));
  ++free_;
  wake(group);
  return nullptr;
}

void Pool::gone(PoolGroup& group) {
  --free_;
  --group.places;
  wake(group);
}

PooledPtr Pool::take_out(const PooledServer& server) {
  std::vector<PooledPtr> out = sweep([&](const PooledServer& one) { return &one == &server; });
  return out.empty() ? nullptr : std::move(out.front());
}

Instant Pool::deadline() const {
  Instant first = Instant::never();
  for (const auto& [key, group] : groups_)
    for (const PooledPtr& one : group.free)
      first = std::min({first, one->freed + limits_.idle, one->born + limits_.lifetime});
  return first;
}

// ---- the queue ----

void Pool::wake(PoolGroup& group) {
  if (!group.waiting.empty() && !group.linked()) woken_.push_back(group);
}

bool Pool::available(const PoolGroup& group, Instant now) const {
  return !group.free.empty() || group.places < limits_.max || !group.idle.empty() ||
         limits_.mode != conf::SqlPool::Transaction ||
         (group.waiting.front()->joins_ && believed(group, now));
}

PoolSeat* Pool::next(Instant now) {
  while (PoolGroup* group = woken_.front()) {
    if (!group->waiting.empty() && available(*group, now)) {
      PoolSeat* seat = group->waiting.pop_front();
      seat->called_ = true;
      return seat;
    }
    group->unlink();
  }
  return nullptr;
}

}  // namespace holdfast::tds
