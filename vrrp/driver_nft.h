// Runs the program `nft` with a script, and waits for it: for an errand thread, never for a loop. The script
// is one transaction of the kernel's, so it has worked wholly or changed nothing.
#pragma once

#include <string>

#include "proxy/base/result.h"

namespace holdfast::vrrp {

/// At most 5 s; the error carries the first line that nft wrote.
Status run_nft(const std::string& script);

}  // namespace holdfast::vrrp
