// How many sessions a login, an application and a client's host may have at once, and the queue of those that
// wait for room. A pure machine: who enters, who leaves, and who is let in because of it. One for each
// service in the whole process; its owner guards it with a mutex that is taken at a login and at its end only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdfast::tds {

class LoginLimits {
 public:
  /// Sessions at once; 0: no limit. `queue`: logins that may wait for room.
  struct Bounds {
    std::uint32_t per_login = 0, per_application = 0, per_host = 0, queue = 0;
    friend bool operator==(const Bounds&, const Bounds&) = default;
  };
  enum class Answer : std::uint8_t { Admitted, Waits, Refused };
  struct Verdict {
    Answer answer = Answer::Admitted;
    std::string why = {};  ///< unless admitted: one sentence
  };

  /// Returns whom the new bounds let in. Nobody is thrown out.
  std::vector<std::uint64_t> set_bounds(const Bounds& bounds);
  /// `ticket` is the caller's name for the session, in use for no other. Letter case of names does not count.
  Verdict enter(std::uint64_t ticket, std::string_view login, std::string_view application,
                std::string_view host);
  /// A session ended, or one that waited gave up; an unknown ticket is ignored. Returns whom that lets in,
  /// in the order in which they came.
  std::vector<std::uint64_t> leave(std::uint64_t ticket);

  std::size_t inside() const { return inside_.size(); }
  std::size_t waiting() const { return queue_.size(); }

 private:
  struct Keys {
    std::string login, application, host;
  };
  using Counts = std::unordered_map<std::string, std::uint32_t>;
  /// The counts that a session is in: they stay where they are until they are 0.
  struct Place {
    Counts::value_type *login, *application, *host;
  };
  struct Waiter {
    std::uint64_t ticket;
    Keys keys;
  };

  /// What is full; empty: there is room.
  std::string_view full(const Keys& keys) const;
  void take(std::uint64_t ticket, const Keys& keys);
  std::vector<std::uint64_t> let_in();

  Bounds bounds_;
  Counts logins_, applications_, hosts_;
  std::unordered_map<std::uint64_t, Place> inside_;
  std::deque<Waiter> queue_;
};

}  // namespace holdfast::tds
