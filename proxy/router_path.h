// The one reading of a path that routes are matched against, so that "/public/../admin" or "/%61dmin"
// cannot slip past a route for "/admin". Pure functions. The request is forwarded as it came: what an
// instance would read in another way than this is refused here instead of being rewritten.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

/// Whether normalise() might change or refuse this path; one pass, no allocation. False for nearly all.
bool needs_normalising(std::string_view path);

/// Percent-encoded unreserved characters decoded (RFC 3986 section 6.2.2.2), other escapes in upper case
/// (6.2.2.1), dot segments removed (5.2.4), runs of '/' made one. Empty, so that the caller answers 400,
/// for a broken escape, an encoded NUL, a path that climbs above the root, a dot segment hidden behind an
/// encoded slash, a backslash or a path parameter ("..%2f", "..\", "..;x"): servers differ on those.
std::optional<std::string> normalise(std::string_view path);

}  // namespace holdfast
