// Between the engine's texts (ISO dates, decimals, GUIDs, UTF-8) and the bytes that TDS has for them
// (MS-TDS 2.2.5.5). Pure functions. What does not parse becomes a zero of its kind on the way out: the
// engine is trusted, not a client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast::sqlnode {

/// A date, a time of day, or both.
struct Moment {
  std::int32_t days = 693595;  ///< since 0001-01-01; 693595 is 1900-01-01
  std::int64_t ticks = 0;  ///< of 100 ns since midnight
  std::int16_t offset_minutes = 0;  ///< local minus UTC
};
/// "2026-11-22", "10:00:00.5", "2026-11-22 10:00:00.1234567 +01:00", T in place of the blank.
std::optional<Moment> parse_moment(Bytes text);
std::string print_date(std::int32_t days);
std::string print_time(std::int64_t ticks, int scale);  ///< scale 0..7: digits of a second's fraction
std::string print_offset(std::int16_t minutes);

std::string date_bytes(const Moment& moment);  ///< three bytes
std::string time_bytes(const Moment& moment, int scale);  ///< three to five
std::string datetime2_bytes(const Moment& moment, int scale);
std::string offset_bytes(const Moment& moment, int scale);  ///< DATETIMEOFFSET: UTC, then minutes
std::string datetime_bytes(const Moment& moment);  ///< eight: days since 1900, 1/300 s
std::string smalldatetime_bytes(const Moment& moment);  ///< four: days, minutes

/// `bytes` are of DATEN, TIMEN, DATETIME2N, DATETIMEOFFSETN, or (scale unused) of DATETIMN with eight or
/// four.
std::string date_text(Bytes bytes);
std::string time_text(Bytes bytes, int scale);
std::string datetime2_text(Bytes bytes, int scale);
std::string offset_text(Bytes bytes, int scale);
std::string datetime_text(Bytes bytes);

/// Sign and magnitude, `size` 5, 9, 13 or 17.
std::string decimal_bytes(Bytes text, int scale, std::size_t size);
std::string decimal_text(Bytes bytes, int scale);
std::size_t decimal_size(int precision);
std::string money_bytes(Bytes text);  ///< eight
std::string money_text(Bytes bytes);  ///< eight or four

std::string guid_bytes(Bytes text);
std::string guid_text(Bytes bytes);  ///< upper case

/// Code page 1252, the node's only one for CHAR, VARCHAR and TEXT.
std::string to_latin1(Bytes utf8);
std::string from_latin1(Bytes bytes);

std::uint64_t little(Bytes bytes);  ///< up to eight
std::string to_little(std::uint64_t value, std::size_t size);

}  // namespace holdfast::sqlnode
