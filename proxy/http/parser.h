// Bytes to heads, strictly. A head is first gathered whole (find_head_end), then judged by our own
// rules (strict.cpp) and by llhttp, which both must accept it. parser.cpp is the only file that
// includes llhttp.h. Bodies are delimited by body.h; they never pass through here.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"

namespace holdfast::http {

/// Why a message was refused. `rule` is stable and short ("bare-lf"), for logs, metrics and tests.
struct Refusal {
  unsigned status = 400;  ///< what to answer a client: 400, 414, 417, 431, 501, 505. A response: always 502
  std::string_view rule;  ///< static
  std::string_view section;  ///< "RFC 9112 section 2.2"; static
};

struct ParseLimits {
  std::size_t start_line = 8192;
  std::size_t head_bytes = 32768;
  std::size_t field_count = 100;
  std::size_t leading_crlf = 4;  ///< bytes of empty lines skipped before a request
};

/// Where a head ends: the offset after its empty line, or 0 if more bytes are needed. `from` is where to
/// go on looking (bytes already seen); it may back up by itself. A head with bare LF line ends is
/// also found, so that it can be refused by name.
std::size_t find_head_end(Bytes bytes, std::size_t from);

/// A head that is not whole yet and already too large: the refusal to answer with.
std::optional<Refusal> too_large(Bytes partial, const ParseLimits& limits);

/// Bytes of empty lines (CRLF, only before a request line; RFC 9112 section 2.2) to skip.
std::size_t leading_empty_lines(Bytes bytes);

/// Parses one whole head, start line to empty line. The object keeps llhttp's state and scratch only;
/// one per loop is enough.
class HeadParser {
 public:
  HeadParser();
  ~HeadParser();

  /// Fills `head`, whose views point into `block`. Refuses by every rule of http.md part D.
  std::expected<void, Refusal> parse_request(Bytes block, const ParseLimits& limits, RequestHead& head);
  /// `to_head`: the request was HEAD, so no body follows whatever the fields say. Likewise 1xx, 204, 304.
  std::expected<void, Refusal> parse_response(Bytes block, const ParseLimits& limits, bool to_head,
                                              ResponseHead& head);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http
