#include "tests/sqlnode/sql_dates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tests/sqlnode/sql_lex.h"

namespace holdfast::sqlnode {
namespace {

constexpr std::int64_t kSecond = 10'000'000, kDay = 86400 * kSecond;

/// Reads up to `most` digits; -1: none.
int digits(const std::string& text, std::size_t& at, int most) {
  int value = 0, count = 0;
  for (; count < most && at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
    value = value * 10 + text[at] - '0';
  }
  return count == 0 ? -1 : value;
}

bool read_date(const std::string& text, std::size_t& at, Moment& moment) {
  std::size_t start = at;
  int year = digits(text, at, 4), month = 0, day = 0;
  if (at - start != 4) {
    at = start;
    month = digits(text, at, 2);  // mm/dd/yyyy
    if (month < 0 || at >= text.size() || text[at] != '/') return false;
    day = digits(text, ++at, 2);
    if (day < 0 || at >= text.size() || text[at] != '/') return false;
    year = digits(text, ++at, 4);
  } else if (at < text.size() && (text[at] == '-' || text[at] == '/')) {
    month = digits(text, ++at, 2);
    if (at >= text.size() || (text[at] != '-' && text[at] != '/')) return false;
    day = digits(text, ++at, 2);
  } else {
    month = digits(text, at, 2);
    day = digits(text, at, 2);
  }
  int y = 0, m = 0, d = 0;
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  moment.days = days_of(year, month, day);
  civil(moment.days, y, m, d);
  return m == month && d == day;
}

bool read_time(const std::string& text, std::size_t& at, Moment& moment) {
  int hour = digits(text, at, 2), minute = 0, second = 0;
  if (hour < 0 || hour > 23 || at >= text.size() || text[at] != ':') return false;
  minute = digits(text, ++at, 2);
  if (at < text.size() && text[at] == ':') second = digits(text, ++at, 2);
  if (minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  std::int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t unit = kSecond / 10;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction += unit * (text[at] - '0');
  }
  std::string rest = upper(text.substr(at, 3));
  bool pm = rest.find("PM") != std::string::npos, am = rest.find("AM") != std::string::npos;
  if (pm || am) {
    hour = hour % 12 + (pm ? 12 : 0);
    at = std::min(text.size(), text.find_first_of("Mm", at) + 1);
  }
  moment.ticks = (hour * 3600LL + minute * 60LL + second) * kSecond + fraction;
  return true;
}

bool read_offset(const std::string& text, std::size_t& at, Moment& moment) {
  while (at < text.size() && text[at] == ' ') ++at;
  if (at >= text.size()) return true;
  if (text[at] == 'Z') return ++at == text.size();
  int sign = text[at] == '-' ? -1 : 1;
  if (text[at] != '+' && text[at] != '-') return false;
  int hours = digits(text, ++at, 2);
  if (at < text.size() && text[at] == ':') ++at;
  int minutes = digits(text, at, 2);
  moment.offset = sign * (hours * 60 + std::max(minutes, 0));
  return hours >= 0 && hours <= 14 && at == text.size();
}

std::string fraction(std::int64_t ticks, int scale) {
  if (scale == 0) return "";
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, ".%07lld", static_cast<long long>(ticks % kSecond));
  return std::string(buffer, static_cast<std::size_t>(scale) + 1);
}

void normalise(Moment& moment) {
  while (moment.ticks < 0) moment.ticks += kDay, --moment.days;
  while (moment.ticks >= kDay) moment.ticks -= kDay, ++moment.days;
}

std::string part_name(const std::string& given) {
  static constexpr std::array<std::array<const char*, 2>, 26> kShort = {{
      {"YY", "YEAR"},         {"YYYY", "YEAR"},     {"MM", "MONTH"},    {"M", "MONTH"},
      {"DD", "DAY"},          {"D", "DAY"},         {"HH", "HOUR"},     {"MI", "MINUTE"},
      {"N", "MINUTE"},        {"SS", "SECOND"},     {"S", "SECOND"},    {"MS", "MILLISECOND"},
      {"MCS", "MICROSECOND"}, {"NS", "NANOSECOND"}, {"QQ", "QUARTER"},  {"Q", "QUARTER"},
      {"DY", "DAYOFYEAR"},    {"Y", "DAYOFYEAR"},   {"DW", "WEEKDAY"},  {"W", "WEEKDAY"},
      {"WK", "WEEK"},         {"WW", "WEEK"},       {"TZ", "TZOFFSET"}, {"ISOWK", "WEEK"},
      {"ISOWW", "WEEK"},      {"ISO_WEEK", "WEEK"},
  }};
  std::string name = upper(given);
  for (const auto& pair : kShort) {
    if (name == pair[0]) return pair[1];
  }
  return name;
}

std::int64_t unit_of(const std::string& part) {
  if (part == "DAY" || part == "DAYOFYEAR" || part == "WEEKDAY") return kDay;
  if (part == "WEEK") return 7 * kDay;
  if (part == "HOUR") return 3600 * kSecond;
  if (part == "MINUTE") return 60 * kSecond;
  if (part == "SECOND") return kSecond;
  if (part == "MILLISECOND") return kSecond / 1000;
  if (part == "MICROSECOND") return kSecond / 1'000'000;
  return 0;
}

}  // namespace

std::int64_t days_of(int year, int month, int day) {
  year -= month <= 2;
  std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  std::int64_t yoe = year - era * 400, doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil(std::int64_t days, int& year, int& month, int& day) {
  days += 719468;
  std::int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
  std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  year = static_cast<int>(yoe + era * 400 + (month <= 2));
}

bool parse_moment(const std::string& text, Moment& moment) {
  moment = Moment{};
  moment.days = days_of(1900, 1, 1);
  std::size_t at = text.find_first_not_of(' ');
  if (at == std::string::npos) return true;
  std::size_t start = at;
  if (text.find(':') != std::string::npos && text.find(':') <= start + 2) {
    return read_time(text, at, moment) && read_offset(text, at, moment);
  }
  if (!read_date(text, at, moment)) return false;
  if (at == text.size()) return true;
  if (text[at] == 'T' || text[at] == ' ') {
    while (++at < text.size() && text[at] == ' ') {}
    if (at >= text.size()) return true;
    if (text[at] != '+' && text[at] != '-' && !read_time(text, at, moment)) return false;
  }
  return read_offset(text, at, moment);
}

std::string moment_text(const Moment& given, const Type& type) {
  Moment moment = given;
  int scale = type.scale;
  std::int64_t unit = 1;
  for (int i = scale; i < 7; ++i) unit *= 10;
  if (type.kind == Kind::DateTime) {
    std::int64_t thirds = (moment.ticks % kSecond * 3 + 50'000) / 100'000;  // 1/300 s
    moment.ticks = moment.ticks / kSecond * kSecond + (thirds * 10'000 + 1) / 3 * 10;
    moment.ticks = (moment.ticks + 5'000) / 10'000 * 10'000;
    scale = 3;
  } else if (type.kind == Kind::SmallDateTime) {
    moment.ticks = (moment.ticks + 30 * kSecond) / (60 * kSecond) * 60 * kSecond;
    scale = 0;
  } else if (type.kind != Kind::Date) {
    moment.ticks = (moment.ticks + unit / 2) / unit * unit;
    if (type.kind == Kind::Time && moment.ticks >= kDay) moment.ticks = 0;
  }
  normalise(moment);
  int year = 0, month = 0, day = 0;
  civil(moment.days, year, month, day);
  std::int64_t seconds = moment.ticks / kSecond;
  char date[40], time[40];
  std::snprintf(date, sizeof date, "%04d-%02d-%02d", year, month, day);
  if (type.kind == Kind::Date) return date;
  std::snprintf(time, sizeof time, "%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string clock = time + fraction(moment.ticks, scale);
  if (type.kind == Kind::Time) return clock;
  std::string out = date + std::string(" ") + clock;
  if (type.kind != Kind::DateTimeOffset) return out;
  int offset = std::abs(moment.offset);
  std::snprintf(time, sizeof time, " %c%02d:%02d", moment.offset < 0 ? '-' : '+', offset / 60, offset % 60);
  return out + time;
}

std::string styled_text(const Moment& moment, int style, const Type&) {
  Type full;
  full.kind = Kind::DateTime2;
  full.scale = style == 126 || style == 127 || style == 121 || style == 25 || style == 21 ? 3 : 0;
  std::string text = moment_text(moment, full), date = text.substr(0, 10), time = text.substr(11);
  std::string year = date.substr(0, 4), month = date.substr(5, 2), day = date.substr(8, 2);
  switch (style) {
    case 23: return date;
    case 112: return year + month + day;
    case 101: return month + "/" + day + "/" + year;
    case 103: return day + "/" + month + "/" + year;
    case 104: return day + "." + month + "." + year;
    case 111: return year + "/" + month + "/" + day;
    case 108:
    case 8:
    case 24: return time;
    case 126:
    case 127: return date + "T" + time;
    default: return text;
  }
}

Moment now_utc() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  std::int64_t ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() / 100;
  return Moment{ticks / kDay, ticks % kDay, 0};
}

Moment now_local() { return now_utc(); }

bool date_part(const std::string& given, const Moment& moment, std::int64_t& out) {
  std::string part = part_name(given);
  int year = 0, month = 0, day = 0;
  civil(moment.days, year, month, day);
  std::int64_t seconds = moment.ticks / kSecond, of_year = moment.days - days_of(year, 1, 1);
  if (part == "YEAR")
    out = year;
  else if (part == "MONTH")
    out = month;
  else if (part == "DAY")
    out = day;
  else if (part == "QUARTER")
    out = (month + 2) / 3;
  else if (part == "DAYOFYEAR")
    out = of_year + 1;
  else if (part == "WEEKDAY")
    out = ((moment.days + 4) % 7 + 7) % 7 + 1;
  else if (part == "WEEK")
    out = (of_year + ((days_of(year, 1, 1) + 4) % 7 + 7) % 7) / 7 + 1;
  else if (part == "HOUR")
    out = seconds / 3600;
  else if (part == "MINUTE")
    out = seconds / 60 % 60;
  else if (part == "SECOND")
    out = seconds % 60;
  else if (part == "MILLISECOND")
    out = moment.ticks % kSecond / 10'000;
  else if (part == "MICROSECOND")
    out = moment.ticks % kSecond / 10;
  else if (part == "NANOSECOND")
    out = moment.ticks % kSecond * 100;
  else if (part == "TZOFFSET")
    out = moment.offset;
  else
    return false;
  return true;
}

bool date_add(const std::string& given, std::int64_t count, Moment& moment) {
  std::string part = part_name(given);
  if (part == "YEAR" || part == "QUARTER" || part == "MONTH") {
    int year = 0, month = 0, day = 0;
    civil(moment.days, year, month, day);
    std::int64_t months = year * 12LL + month - 1 + count * (part == "YEAR" ? 12 : part == "QUARTER" ? 3 : 1);
    auto y = static_cast<int>(months / 12), m = static_cast<int>(months % 12 + 1);
    std::int64_t length = days_of(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1) - days_of(y, m, 1);
    moment.days = days_of(y, m, static_cast<int>(std::min<std::int64_t>(day, length)));
    return true;
  }
  if (part == "NANOSECOND") {
    moment.ticks += count / 100;
    normalise(moment);
    return true;
  }
  std::int64_t unit = unit_of(part);
  if (unit == 0) return false;
  moment.days += unit >= kDay ? count * (unit / kDay) : count / (kDay / unit);
  if (unit < kDay) moment.ticks += count % (kDay / unit) * unit;
  normalise(moment);
  return true;
}

bool date_diff(const std::string& given, const Moment& from, const Moment& to, std::int64_t& out) {
  std::string part = part_name(given);
  std::int64_t a = 0, b = 0, ya = 0, yb = 0;
  if (part == "YEAR" || part == "QUARTER" || part == "MONTH") {
    date_part("YEAR", from, ya);
    date_part("YEAR", to, yb);
    std::int64_t per_year = part == "YEAR" ? 0 : part == "QUARTER" ? 4 : 12;
    if (per_year == 0) {
      out = yb - ya;
      return true;
    }
    date_part(part, from, a);
    date_part(part, to, b);
    out = (yb - ya) * per_year + b - a;
    return true;
  }
  std::int64_t unit = part == "NANOSECOND" ? 1 : unit_of(part);
  if (unit == 0) return false;
  if (unit == 7 * kDay) {
    out = (to.days + 4) / 7 - (from.days + 4) / 7;
  } else if (unit == kDay) {
    out = to.days - from.days;
  } else {
    out = (to.days - from.days) * (kDay / unit) + to.ticks / unit - from.ticks / unit;
    if (part == "NANOSECOND") out *= 100;
  }
  return true;
}

}  // namespace holdfast::sqlnode
