// HTTP messages as plain structs. The views point into the block that was parsed; a Head never owns
// bytes, and whoever keeps one keeps its block.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace holdfast::http {

enum class Method : std::uint8_t {
  Get, Head, Post, Put, Delete, Options, Trace, Patch, Connect, Query,
  Other,
};
std::string_view name_of(Method method);  ///< "OTHER" for Other: use RequestHead::method_text
Method method_of(std::string_view text);
/// RFC 9110 section 9.2.2 (and RFC 10008 for QUERY).
bool is_idempotent(Method method);

/// Fields the proxy looks at. Found once, while parsing, by a perfect hash over the name.
enum class Known : std::uint8_t {
  Host, Connection, KeepAlive, ProxyConnection, ContentLength, TransferEncoding, Te, Trailer, Upgrade, Expect,
  Forwarded, XForwardedFor, XForwardedProto, XForwardedHost, Via, XRequestId, IdempotencyKey, Cookie,
  Range, IfRange, ETag, LastModified, ContentRange, AcceptRanges, ContentType, ContentEncoding, RetryAfter,
  SetCookie,
  Date, Server, Authorization, ProxyAuthorization, ProxyAuthenticate, HoldfastAttempt,
  UserAgent,
  Other,
};
inline constexpr std::size_t known_count = static_cast<std::size_t>(Known::Other);
Known known_of(std::string_view name);  ///< case-insensitive

struct Field {
  std::string_view name;   ///< as received
  std::string_view value;  ///< without surrounding white space
  Known known = Known::Other;
  bool tidy = false;       ///< it stood in its block exactly as `name: value CRLF`, and may be copied from there
};

/// How a body is delimited, RFC 9112 section 6.3.
enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };

struct HeadBase {
  std::uint8_t version_minor = 1;     ///< HTTP/1.x
  std::vector<Field> fields;          ///< in order; the capacity is reused from message to message
  /// Index + 1 of the first field of each known name; 0: absent.
  std::array<std::uint16_t, known_count> first{};
  Framing framing = Framing::None;
  std::uint64_t content_length = 0;   ///< with Framing::Length; in a response to HEAD, what was announced
  bool keep_alive = true;             ///< by version and Connection field alone
  bool names_fields = false;          ///< Connection names fields that end at this hop

  const Field* find(Known known) const {
    std::uint16_t i = first[static_cast<std::size_t>(known)];
    return i ? &fields[i - 1u] : nullptr;
  }
  std::string_view value(Known known) const {
    const Field* f = find(known);
    return f ? f->value : std::string_view{};
  }
  bool has(Known known) const { return first[static_cast<std::size_t>(known)] != 0; }
};

struct RequestHead : HeadBase {
  Method method = Method::Get;
  std::string_view method_text;
  std::string_view target;     ///< origin-form ("/a?b"), or "*" for OPTIONS; absolute-form is reduced to it
  std::string_view path;       ///< the target up to '?'
  std::string_view host;       ///< Host without port; from an absolute-form target if there was one
  std::string_view authority;  ///< Host with port, as it is forwarded
  bool expect_continue = false;
  bool upgrade = false;        ///< Upgrade field named by Connection
};

struct ResponseHead : HeadBase {
  unsigned status = 0;
  std::string_view reason;
};

}  // namespace holdfast::http
