// The story: each health change, election, replay burst, reload, with its reason. A bounded ring that
// `holdfast events` prints; each entry also goes to the process log. Safe from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast {

struct Event {
  std::uint64_t number = 0;   ///< from 1, without gaps
  WallTime at;
  std::string kind;           ///< "health", "election", "replay", "reload", "drain", "hook", "start", ...
  std::string subject;        ///< "supervisor/ef-a"; may be empty
  std::string text;           ///< one sentence: what and why
};

class Events {
 public:
  void add(std::string kind, std::string subject, std::string text);
  std::vector<Event> since(std::uint64_t number) const;  ///< those after it, oldest first

 private:
  static constexpr std::size_t kept_max = 1000;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
};

}  // namespace holdfast
