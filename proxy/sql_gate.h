// The limits on SQL sessions (tds/limits.h) of every service, for all loops: a mutex around them, taken at a
// login, at a session's end and at a reload only. Who is let in belongs to some loop; the gate tells all.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tds/limits.h"

namespace holdfast {

class SqlGate {
 public:
  /// Told outside the mutex, on the thread of whoever made room: the tickets of sessions of any loop.
  using Tell = std::function<void(std::vector<std::uint64_t>)>;
  explicit SqlGate(Tell tell) : tell_(std::move(tell)) {}

  void set_bounds(const std::string& service, const tds::LoginLimits::Bounds& bounds);
  tds::LoginLimits::Verdict enter(std::string_view service, std::uint64_t ticket, std::string_view login,
                                  std::string_view application, std::string_view host);
  void leave(std::string_view service, std::uint64_t ticket);

 private:
  void tell(std::vector<std::uint64_t> tickets) const;

  const Tell tell_;
  std::mutex mutex_;
  std::map<std::string, tds::LoginLimits, std::less<>> services_;  ///< guarded by mutex_
};

}  // namespace holdfast
