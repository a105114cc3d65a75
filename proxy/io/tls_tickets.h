// The keys that seal session tickets. One random set serves the whole process, so that a client resumes on
// any loop and after a reload; it dies with the process. Or they come from a secret and the date, so that a
// client resumes at the other node of a pair. Either way they rotate by themselves and are never written
// anywhere. Pure but for its source of randomness; tls_tickets.cpp joins it to OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::io {

struct TicketKey {
  std::array<unsigned char, 16> name{};  ///< travels in the ticket, in clear
  std::array<unsigned char, 32> cipher{};
  std::array<unsigned char, 32> mac{};
};

/// Safe from any thread. Times are seconds: of any clock that only rises, or since 1970 with a secret.
class TicketKeys {
 public:
  /// A key seals for this long, and opens for as long again.
  static constexpr std::int64_t rotation = 12 * 3600;

  TicketKeys() = default;  ///< random keys
  explicit TicketKeys(std::string secret) : secret_(std::move(secret)) {}
  ~TicketKeys();

  /// The key for new tickets. Empty when there is no randomness to make one.
  std::optional<TicketKey> sealing(std::int64_t now);
  struct Found {
    TicketKey key;
    bool stale = false;  ///< not the key of now: replace the ticket
  };
  std::optional<Found> opening(std::string_view name, std::int64_t now);

 private:
  bool rotate(std::int64_t now);
  void derive(std::int64_t now);

  std::mutex mutex_;
  std::string secret_;  ///< empty: random keys
  std::optional<TicketKey> current_, previous_;
  std::optional<TicketKey> next_;  ///< only with a secret: the other node's clock may be ahead
  std::int64_t since_ = 0;  ///< when current_ was made, or when its period began
};

}  // namespace holdfast::io
