// T-SQL types as text and as a number (for the functions SQLite calls), and conversion of values between
// them with SQL Server's error numbers. Dates are handled in sql_dates.
#pragma once

#include <string>

#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

/// "NVARCHAR(50)", "DECIMAL(10,2)", "VARBINARY(MAX)".
std::string type_text(const Type& type);
/// As a column's declared type in SQLite: MAX is 0, and decimals of more digits than a double holds get
/// text affinity.
std::string stored_type(const Type& type);
/// The other way round, whatever the case; false: not one of ours. Lengths not given: 1, or 30 in casts
/// (`wide`).
bool parse_type(const std::string& text, Type& type);
Type make_type(Kind kind, std::uint32_t length = 0, std::uint8_t precision = 0, std::uint8_t scale = 0);
/// The type with this name and these numbers (-1: MAX or not given); false: no such type.
bool named_type(const std::string& name, std::int64_t first, std::int64_t second, bool wide, Type& type);
std::int64_t type_code(const Type& type);
Type type_of_code(std::int64_t code);

bool is_text(Kind kind);
bool is_integer(Kind kind);
bool is_number(Kind kind);
bool is_date(Kind kind);
bool is_binary(Kind kind);
bool is_national(Kind kind);

/// Converts as CAST (or, with `store`, as an assignment to a column: too long is error 2628). Throws
/// SqlError 8114, 245, 220, 8115, 241, 8169. `style` as of CONVERT.
Value convert(const Value& value, const Type& type, int style = 0, bool store = false);
/// A value as text, as PRINT or concatenation would show it.
std::string text_of(const Value& value);
/// Number of UTF-16 units of a UTF-8 text, and its first `units`.
std::size_t utf16_length(const std::string& text);
std::string utf16_prefix(const std::string& text, std::size_t units);
/// `value` with exactly `scale` digits behind the point.
std::string decimal_text(const std::string& number, int scale);
bool parse_number(const std::string& text, double& number);
std::string hex(const std::string& bytes);
std::string unhex(const std::string& text);

}  // namespace holdfast::sqlnode
