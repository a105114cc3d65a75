// Durations and sizes as an operator writes them. Every one has a unit; a bare number is refused,
// because half of all readers would take it for another unit than the writer meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/time.h"

namespace holdfast::conf {

/// "250us", "500ms", "4s", "1m", "1h", "1d": a whole number and its unit.
std::optional<Duration> parse_duration(std::string_view text);
/// "512B", "64KiB", "1MiB", "4GiB", and "64KB", "1MB", "1GB" in thousands.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// In the largest unit that is exact: 60000 ms is "1m".
std::string format_duration(Duration duration);
std::string format_size(std::uint64_t bytes);

}  // namespace holdfast::conf
