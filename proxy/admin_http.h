// The admin listener's HTTP: GET or HEAD of /metrics, /healthz and /status, one request a connection.
// A function from the bytes received so far to the whole response; the connection is admin_listener.h's.
#pragma once

#include <optional>
#include <string>

#include "proxy/admin.h"
#include "proxy/base/bytes.h"
#include "proxy/http/parser.h"

namespace holdfast {

inline constexpr std::size_t admin_http_head_max = 8192;  ///< bytes of a request head

/// Empty: more bytes are needed. Never empty beyond admin_http_head_max bytes.
std::optional<std::string> answer_http(Bytes so_far, http::HeadParser& parser, Admin& admin);

}  // namespace holdfast
