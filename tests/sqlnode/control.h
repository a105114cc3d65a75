// The node's control socket: one command per line, one line of answer ("ok", "error: ..." or JSON). It has
// no protection but the socket file's mode: this is a test program.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "tests/sqlnode/node.h"

namespace holdfast::sqlnode {

inline constexpr const char* control_help =
    "role primary|secondary|readable|resolving; refuse N|off; die now; die at N; hold commit; release; slow "
    "MS; split N|off; "
    "odd packets [on|off]; recoverable 0|1; route HOST:PORT|off; mirror NAME|off; kill SPID; stats";

/// Carries one command out. Never returns from `die now`.
std::string command(Node& node, const std::string& line);
/// Listens at the path on a thread of its own, as long as the process lives.
Status start_control(Node& node, const std::string& path);

}  // namespace holdfast::sqlnode
