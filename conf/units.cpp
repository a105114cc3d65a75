#include "conf/units.h"

#include <charconv>
#include <span>

namespace holdfast::conf {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t value;
};

// Largest first: formatting takes the first that divides.
constexpr Unit kDurations[] = {{"d", 86'400'000'000'000}, {"h", 3'600'000'000'000}, {"m", 60'000'000'000},
                               {"s", 1'000'000'000},      {"ms", 1'000'000},        {"us", 1'000}};
constexpr Unit kSizes[] = {{"GiB", 1ull << 30},
                           {"GB", 1'000'000'000},
                           {"MiB", 1ull << 20},
                           {"MB", 1'000'000},
                           {"KiB", 1ull << 10},
                           {"KB", 1'000},
                           {"B", 1}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > static_cast<std::uint64_t>(INT64_MAX) / unit.value) return std::nullopt;
    return number * unit.value;
  }
  return std::nullopt;
}

std::string format(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
  if (value == 0) return std::string(zero);
  for (const Unit& unit : units)
    if (value % unit.value == 0) return std::to_string(value / unit.value) + std::string(unit.name);
  return std::to_string(value) + "ns";
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const auto ns = parse(text, kDurations);
  if (!ns) return std::nullopt;
  return Duration::nanos(static_cast<std::int64_t>(*ns));
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse(text, kSizes); }

std::string format_duration(Duration duration) {
  return format(static_cast<std::uint64_t>(duration.ns), kDurations, "0s");
}

std::string format_size(std::uint64_t bytes) { return format(bytes, kSizes, "0B"); }

}  // namespace holdfast::conf
