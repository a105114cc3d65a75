#include "tests/sqlnode/faults.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace holdfast::sqlnode {

void Faults::die_at(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes == 0) ::_exit(9);
  dies_ = true;
  until_death_ = bytes;
}

void Faults::hold_commits() {
  const std::lock_guard lock(mutex_);
  hold_ = true;
}

void Faults::release() {
  const std::lock_guard lock(mutex_);
  hold_ = false;
  released_.notify_all();
}

void Faults::wait_while_held(const std::function<bool()>& gone) {
  std::unique_lock lock(mutex_);
  if (!hold_) return;
  ++held;
  while (hold_ && !gone()) released_.wait_for(lock, std::chrono::milliseconds(20));
  --held;
}

std::string Faults::route() const {
  const std::lock_guard lock(mutex_);
  return route_;
}

std::string Faults::mirror() const {
  const std::lock_guard lock(mutex_);
  return mirror_;
}

void Faults::set_route(std::string to) {
  const std::lock_guard lock(mutex_);
  route_ = std::move(to);
}

void Faults::set_mirror(std::string to) {
  const std::lock_guard lock(mutex_);
  mirror_ = std::move(to);
}

std::size_t Faults::allowance(std::size_t want) {
  const std::lock_guard lock(mutex_);
  if (!dies_) return want;
  const std::uint64_t left = std::min<std::uint64_t>(want, until_death_);
  until_death_ -= left;
  return static_cast<std::size_t>(left);
}

bool Faults::deliver(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t piece =
        split.load() == 0 ? bytes.size() : std::min<std::size_t>(split.load(), bytes.size());
    const std::size_t allowed = allowance(piece);
    Bytes now = bytes.substr(0, allowed);
    while (!now.empty()) {
      const auto n = ::send(fd, now.data(), now.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      sent += static_cast<std::uint64_t>(n);
      now.remove_prefix(static_cast<std::size_t>(n));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (allowed < piece) ::_exit(9);
  }
  const std::lock_guard lock(mutex_);
  if (dies_ && until_death_ == 0) ::_exit(9);
  return true;
}

}  // namespace holdfast::sqlnode
