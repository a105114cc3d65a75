// Host and request-target: which server and which resource a request is for. Both decide routing, so
// a value that two readers could read differently is refused here and never repaired.
#pragma once

#include <string_view>

#include "proxy/http/message.h"
#include "proxy/http/parser.h"

namespace holdfast::http {

struct Authority {
  std::string_view host;  ///< "a.example", "192.0.2.1", "[2001:db8::1]"
  std::string_view text;  ///< with ":port" if one was given
};

/// Reads `host[:port]`: a name of letters, digits and "-._~", an IPv4 address or a bracketed IPv6
/// address; port 1 to 65535. No user information. At most 255 bytes of host.
bool read_authority(std::string_view text, Authority& out);

/// Sets target, path and, for absolute-form, host and authority. `head.method` must be known.
const Refusal* read_target(std::string_view text, RequestHead& head);

/// The Host field against the version and the target's authority (RFC 9112 sections 3.2 and 3.2.2).
const Refusal* check_host(bool repeated, RequestHead& head);

}  // namespace holdfast::http
