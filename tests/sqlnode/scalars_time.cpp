#include <algorithm>
#include <cstdio>

#include "tests/sqlnode/scalars.h"

namespace holdfast::sqlnode {
namespace {

constexpr std::int32_t days_1900 = 693595;
constexpr std::int64_t ticks_per_second = 10'000'000, ticks_per_minute = 60 * ticks_per_second;
constexpr std::int64_t ticks_per_day = 24 * 60 * ticks_per_minute;

std::int64_t power10(int n) {
  std::int64_t value = 1;
  while (n-- > 0) value *= 10;
  return value;
}

std::int32_t days_before_year(int year) {
  const int past = year - 1;
  return past * 365 + past / 4 - past / 100 + past / 400;
}

bool leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int year, int month) {
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : lengths[month - 1];
}

// Decimal digits at `at`, at most `most` of them.
std::optional<int> digits(Bytes text, std::size_t& at, std::size_t most) {
  const std::size_t from = at;
  int value = 0;
  while (at < text.size() && at - from < most && text[at] >= '0' && text[at] <= '9')
    value = value * 10 + (text[at++] - '0');
  if (at == from) return std::nullopt;
  return value;
}

bool skip(Bytes text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

bool read_date(Bytes text, std::size_t& at, Moment& moment) {
  const auto year = digits(text, at, 4);
  if (!year || !skip(text, at, '-')) return false;
  const auto month = digits(text, at, 2);
  if (!month || !skip(text, at, '-')) return false;
  const auto day = digits(text, at, 2);
  if (!day || *year < 1 || *month < 1 || *month > 12 || *day < 1 || *day > days_in_month(*year, *month))
    return false;
  moment.days = days_before_year(*year) + *day - 1;
  for (int m = 1; m < *month; ++m) moment.days += days_in_month(*year, m);
  return true;
}

bool read_time(Bytes text, std::size_t& at, Moment& moment) {
  const auto hour = digits(text, at, 2);
  if (!hour || !skip(text, at, ':')) return false;
  const auto minute = digits(text, at, 2);
  if (!minute || *hour > 23 || *minute > 59) return false;
  int second = 0;
  if (skip(text, at, ':')) second = digits(text, at, 2).value_or(0);
  moment.ticks = (*hour * 60 + *minute) * ticks_per_minute + second * ticks_per_second;
  if (skip(text, at, '.')) {
    const std::size_t from = at;
    const int fraction = digits(text, at, 7).value_or(0);
    moment.ticks += fraction * power10(7 - static_cast<int>(at - from));
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  }
  return true;
}

// Clock ticks of a scale, rounded; a whole day too many stays below midnight.
std::uint64_t scaled(std::int64_t ticks, int scale) {
  const std::int64_t unit = power10(7 - scale);
  const std::int64_t rounded = (ticks + unit / 2) / unit;
  return static_cast<std::uint64_t>(std::min(rounded, ticks_per_day / unit - 1));
}

std::size_t time_size(int scale) { return scale <= 2 ? 3 : scale <= 4 ? 4 : 5; }

}  // namespace

std::optional<Moment> parse_moment(Bytes text) {
  Moment moment;
  std::size_t at = 0;
  if (text.find('-') == 4) {
    if (!read_date(text, at, moment)) return std::nullopt;
    if (at == text.size()) return moment;
    if (!skip(text, at, ' ') && !skip(text, at, 'T')) return std::nullopt;
  }
  if (!read_time(text, at, moment)) return std::nullopt;
  skip(text, at, ' ');
  if (at == text.size() || text[at] == 'Z') return moment;
  const bool west = text[at++] == '-';
  const auto hours = digits(text, at, 2);
  skip(text, at, ':');
  const auto minutes = digits(text, at, 2);
  if (!hours) return std::nullopt;
  const int offset = *hours * 60 + minutes.value_or(0);
  moment.offset_minutes = static_cast<std::int16_t>(west ? -offset : offset);
  return moment;
}

std::string print_date(std::int32_t days) {
  int year = days / 366 + 1;
  while (days_before_year(year + 1) <= days) ++year;
  int day = days - days_before_year(year), month = 1;
  while (month < 12 && day >= days_in_month(year, month)) day -= days_in_month(year, month++);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day + 1);
  return text;
}

std::string print_time(std::int64_t ticks, int scale) {
  const auto seconds = static_cast<int>(ticks / ticks_per_second);
  char text[40];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%07d", seconds / 3600 % 24, seconds / 60 % 60,
                seconds % 60, static_cast<int>(ticks % ticks_per_second));
  const std::string whole = text;
  return whole.substr(0, scale == 0 ? 8 : 9 + static_cast<std::size_t>(scale));
}

std::string print_offset(std::int16_t minutes) {
  const int distance = minutes < 0 ? -minutes : minutes;
  char text[16];
  std::snprintf(text, sizeof text, "%c%02d:%02d", minutes < 0 ? '-' : '+', distance / 60 % 100,
                distance % 60);
  return text;
}

std::string date_bytes(const Moment& moment) { return to_little(static_cast<std::uint32_t>(moment.days), 3); }

std::string time_bytes(const Moment& moment, int scale) {
  return to_little(scaled(moment.ticks, scale), time_size(scale));
}

std::string datetime2_bytes(const Moment& moment, int scale) {
  return time_bytes(moment, scale) + date_bytes(moment);
}

std::string offset_bytes(const Moment& moment, int scale) {
  Moment utc = moment;
  utc.ticks -= moment.offset_minutes * ticks_per_minute;
  if (utc.ticks < 0) utc.ticks += ticks_per_day, --utc.days;
  if (utc.ticks >= ticks_per_day) utc.ticks -= ticks_per_day, ++utc.days;
  return datetime2_bytes(utc, scale) + to_little(static_cast<std::uint16_t>(moment.offset_minutes), 2);
}

std::string datetime_bytes(const Moment& moment) {
  const std::int64_t clock = (moment.ticks * 300 + ticks_per_second / 2) / ticks_per_second;
  return to_little(static_cast<std::uint32_t>(moment.days - days_1900), 4) +
         to_little(static_cast<std::uint64_t>(clock), 4);
}

std::string smalldatetime_bytes(const Moment& moment) {
  return to_little(static_cast<std::uint32_t>(moment.days - days_1900), 2) +
         to_little(static_cast<std::uint64_t>(moment.ticks / ticks_per_minute), 2);
}

std::string date_text(Bytes bytes) { return print_date(static_cast<std::int32_t>(little(bytes))); }

std::string time_text(Bytes bytes, int scale) {
  return print_time(static_cast<std::int64_t>(little(bytes)) * power10(7 - scale), scale);
}

std::string datetime2_text(Bytes bytes, int scale) {
  if (bytes.size() < 6) return "0001-01-01 00:00:00";
  return date_text(bytes.substr(bytes.size() - 3)) + " " +
         time_text(bytes.substr(0, bytes.size() - 3), scale);
}

std::string offset_text(Bytes bytes, int scale) {
  if (bytes.size() < 8) return "0001-01-01 00:00:00 +00:00";
  const auto minutes = static_cast<std::int16_t>(little(bytes.substr(bytes.size() - 2)));
  const Bytes date = bytes.substr(bytes.size() - 5, 3);
  auto days = static_cast<std::int32_t>(little(date));
  std::int64_t ticks =
      static_cast<std::int64_t>(little(bytes.substr(0, bytes.size() - 5))) * power10(7 - scale);
  ticks += minutes * ticks_per_minute;
  if (ticks < 0) ticks += ticks_per_day, --days;
  if (ticks >= ticks_per_day) ticks -= ticks_per_day, ++days;
  return print_date(days) + " " + print_time(ticks, scale) + " " + print_offset(minutes);
}

std::string datetime_text(Bytes bytes) {
  if (bytes.size() == 4) {
    const auto minutes = static_cast<std::int64_t>(little(bytes.substr(2)));
    return print_date(days_1900 + static_cast<std::int32_t>(little(bytes.substr(0, 2)))) + " " +
           print_time(minutes * ticks_per_minute, 0);
  }
  if (bytes.size() != 8) return "1900-01-01 00:00:00.000";
  const auto days = static_cast<std::int32_t>(little(bytes.substr(0, 4)));
  const auto clock = static_cast<std::int64_t>(little(bytes.substr(4)));
  const std::int64_t milliseconds = (clock * 10 + 1) / 3;  // 1/300 s print as .000, .003 and .007
  return print_date(days_1900 + days) + " " + print_time(milliseconds * 10'000, 3);
}

}  // namespace holdfast::sqlnode
