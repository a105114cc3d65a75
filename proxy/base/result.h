// Errors are values. An Error answers the two questions a proxy has about a failure: whose fault is
// it, and may the work be tried again.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace holdfast {

/// Whose fault a failure is. It picks the reply: 400 for the client, 502 or 503 for the server.
enum class Blame : std::uint8_t { Client, Server, Self, Operator };

struct Error {
  Blame blame = Blame::Self;
  bool retryable = false;
  std::string text;  ///< one line, no newline, no secret: it is logged as it stands
};

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

inline std::unexpected<Error> fail(Blame blame, std::string text, bool retryable = false) {
  return std::unexpected<Error>(Error{blame, retryable, std::move(text)});
}

}  // namespace holdfast
