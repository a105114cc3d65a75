// The keys that seal session tickets: one set for the whole process, so that a client resumes on any
// loop and after a reload. They rotate by themselves, are never written anywhere and die with the
// process. Pure but for its source of randomness; tls_tickets.cpp joins it to OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace holdfast::io {

struct TicketKey {
  std::array<unsigned char, 16> name{};  ///< travels in the ticket, in clear
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
};

/// Safe from any thread. Times are seconds on any clock that only rises.
class TicketKeys {
 public:
  /// A key seals for this long, and opens for as long again.
  static constexpr std::int64_t rotation = 12 * 3600;

  /// The key for new tickets. Empty when there is no randomness to make one.
  std::optional<TicketKey> sealing(std::int64_t now);
  struct Found {
    TicketKey key;
    bool stale = false;  ///< the previous key: replace the ticket
  };
  std::optional<Found> opening(std::string_view name, std::int64_t now);

 private:
  bool rotate(std::int64_t now);

  std::mutex mutex_;
  std::optional<TicketKey> current_, previous_;
  std::int64_t since_ = 0;  ///< when current_ was made
};

}  // namespace holdfast::io
