// The front of an RPC that is too long to be kept whole: its first call's procedure and the parameters that
// are all there, so that a statement with a large value in it is still known by its text or handle.
#pragma once

#include <vector>

#include "proxy/base/result.h"
#include "tds/rpc.h"

namespace holdfast::tds {

/// As parse_rpc(), of the first bytes of a message: one call. An error if not even its procedure can be read.
Result<std::vector<RpcCall>> parse_rpc_front(Bytes front, std::uint32_t version);

}  // namespace holdfast::tds
