// Strong time types. There is no clock here: machines are told `now`, drivers ask their Loop for it.
// Instants count from an arbitrary origin (the loop's monotonic clock); only differences have meaning.
#pragma once

#include <compare>
#include <cstdint>

namespace holdfast {

/// A span of time, in nanoseconds; about 292 years either way.
struct Duration {
  std::int64_t ns = 0;

  static constexpr Duration nanos(std::int64_t n) { return {n}; }
  static constexpr Duration micros(std::int64_t n) { return {n * 1'000}; }
  static constexpr Duration millis(std::int64_t n) { return {n * 1'000'000}; }
  static constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

  constexpr std::int64_t to_micros() const { return ns / 1'000; }
  constexpr std::int64_t to_millis() const { return ns / 1'000'000; }
  constexpr double to_seconds() const { return static_cast<double>(ns) / 1e9; }

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
  friend constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }
};

/// A point on a loop's monotonic clock, in nanoseconds since that clock's origin.
struct Instant {
  std::int64_t ns = 0;

  /// Later than every instant a clock will ever show: "no deadline".
  static constexpr Instant never() { return {INT64_MAX}; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant t, Duration d) {
    return {d.ns > 0 && t.ns > INT64_MAX - d.ns ? INT64_MAX : t.ns + d.ns};
  }
  friend constexpr Instant operator-(Instant t, Duration d) { return {t.ns - d.ns}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
};

/// Wall-clock time for logs, in microseconds since 1970-01-01 UTC. Never used to decide anything.
struct WallTime {
  std::int64_t us = 0;
};

inline namespace literals {
constexpr Duration operator""_us(unsigned long long n) { return Duration::micros(static_cast<std::int64_t>(n)); }
constexpr Duration operator""_ms(unsigned long long n) { return Duration::millis(static_cast<std::int64_t>(n)); }
constexpr Duration operator""_s(unsigned long long n) { return Duration::seconds(static_cast<std::int64_t>(n)); }
}  // namespace literals

}  // namespace holdfast
