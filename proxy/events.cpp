#include "proxy/events.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "proxy/base/log.h"

namespace holdfast {

namespace {

WallTime wall_now() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {static_cast<std::int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1'000};
}

}  // namespace

void Events::add(std::string kind, std::string subject, std::string text) {
  log_info("event", {{"kind", kind}, {"subject", subject}, {"text", text}});
  std::lock_guard lock(mutex_);
  if (events_.size() == kept_max) events_.pop_front();
  events_.push_back({++last_, wall_now(), std::move(kind), std::move(subject), std::move(text)});
}

std::vector<Event> Events::since(std::uint64_t number) const {
  std::lock_guard lock(mutex_);
  // Numbers have no gaps, so the distance to the newest is how many are asked for.
  const std::uint64_t wanted = number < last_ ? last_ - number : 0;
  const std::size_t count = std::min<std::uint64_t>(wanted, events_.size());
  return {events_.end() - static_cast<std::ptrdiff_t>(count), events_.end()};
}

}  // namespace holdfast
