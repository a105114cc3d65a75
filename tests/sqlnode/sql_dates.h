// Dates and times as SQL Server's functions see them: parsed from and printed to ISO texts, 100 ns exact.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

struct Moment {
  std::int64_t days = 0;   ///< since 1970-01-01
  std::int64_t ticks = 0;  ///< 100 ns since midnight
  int offset = 0;          ///< minutes
};

/// ISO and a few usual forms ("2026-11-22", "20261122", "2026-11-22T10:00:00.123+01:00", "10:00"); false:
/// not a date.
bool parse_moment(const std::string& text, Moment& moment);
std::string moment_text(const Moment& moment, const Type& type);
/// CONVERT(varchar, d, style).
std::string styled_text(const Moment& moment, int style, const Type& source);
Moment now_utc();
Moment now_local();
/// part: YEAR, MONTH, DAY, HOUR, ... or the usual short names; false: no such part.
bool date_part(const std::string& part, const Moment& moment, std::int64_t& out);
bool date_add(const std::string& part, std::int64_t count, Moment& moment);
bool date_diff(const std::string& part, const Moment& from, const Moment& to, std::int64_t& out);
void civil(std::int64_t days, int& year, int& month, int& day);
std::int64_t days_of(int year, int month, int day);

}  // namespace holdfast::sqlnode
