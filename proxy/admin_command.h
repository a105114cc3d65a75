// The control socket's protocol: one line "command argument ...\n", then "ok\n" or "error\n", text, and the
// end; "push SIZE\n" is followed by so many bytes of configuration. A function from the bytes received so far to
// the reply; the connection is admin_listener.h's.
#pragma once

#include <optional>
#include <string>

#include "proxy/admin.h"
#include "proxy/base/bytes.h"

namespace holdfast {

inline constexpr std::size_t admin_command_max = 1024;  ///< bytes of the line
inline constexpr std::size_t admin_push_max = 1 << 20;  ///< bytes behind it

/// Empty: more bytes are needed. Never empty beyond admin_command_max bytes without a newline, nor beyond
/// admin_command_max + admin_push_max.
std::optional<AdminReply> answer_command(Bytes so_far, Admin& admin);

/// "2026-11-22T12:00:00.123Z #7 health supervisor/ef-a: up: ...", or the same as JSON; with its newline.
std::string event_line(const Event& event, bool json);

}  // namespace holdfast
