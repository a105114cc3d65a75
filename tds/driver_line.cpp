#include "tds/driver_line.h"

#include <utility>

namespace holdfast::tds {

bool LoginLine::enter(Member& member, bool awaited) {
  if (member.inside) return true;
  if (member.linked()) return false;
  // A new view comes to all of them one by one: those that nobody waits for leave the room to who comes after.
  if (inside_ < (awaited ? at_once : 1)) {
    ++inside_;
    member.inside = true;
    return true;
  }
  (awaited ? awaited_ : others_).push_back(member);
  return false;
}

void LoginLine::leave(Member& member) {
  member.unlink();
  if (!std::exchange(member.inside, false)) return;
  --inside_;
  if (std::exchange(calling_, true)) return;  // one called in below cannot go on: the loop calls the next
  while (inside_ < at_once) {
    Member* next = awaited_.empty() ? others_.pop_front() : awaited_.pop_front();
    if (!next) break;
    ++inside_;
    next->inside = true;
    next->on_turn();
  }
  calling_ = false;
}

}  // namespace holdfast::tds
