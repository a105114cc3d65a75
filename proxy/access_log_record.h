// An AccessRecord as bytes for the ring: its numbers as they stand in memory, then its strings. It
// never leaves the process, so that the layout is nobody's business. Strings are cut to a length that
// keeps one hostile request from filling the ring.
#pragma once

#include <string>

#include "proxy/access_log.h"
#include "proxy/base/bytes.h"

namespace holdfast {

inline constexpr std::size_t access_string_max = 4096;  ///< bytes of each string that are kept

/// Into `out`, whose content goes and whose room is used again.
void pack(const AccessRecord& record, std::string& out);
/// The opposite; views point into `packed`.
AccessRecord unpack(Bytes packed);

}  // namespace holdfast
