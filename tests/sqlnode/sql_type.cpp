#include "tests/sqlnode/sql_type.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/sqlnode/sql_dates.h"
#include "tests/sqlnode/sql_lex.h"

namespace holdfast::sqlnode {
namespace {

struct Named {
  const char* name;
  Kind kind;
};
constexpr std::array kNames = {
    Named{"BIT", Kind::Bit},
    Named{"TINYINT", Kind::TinyInt},
    Named{"SMALLINT", Kind::SmallInt},
    Named{"INT", Kind::Int},
    Named{"BIGINT", Kind::BigInt},
    Named{"REAL", Kind::Real},
    Named{"FLOAT", Kind::Float},
    Named{"DECIMAL", Kind::Decimal},
    Named{"MONEY", Kind::Money},
    Named{"CHAR", Kind::Char},
    Named{"VARCHAR", Kind::VarChar},
    Named{"NCHAR", Kind::NChar},
    Named{"NVARCHAR", Kind::NVarChar},
    Named{"TEXT", Kind::Text},
    Named{"NTEXT", Kind::NText},
    Named{"BINARY", Kind::Binary},
    Named{"VARBINARY", Kind::VarBinary},
    Named{"IMAGE", Kind::Image},
    Named{"UNIQUEIDENTIFIER", Kind::UniqueIdentifier},
    Named{"DATE", Kind::Date},
    Named{"TIME", Kind::Time},
    Named{"DATETIME", Kind::DateTime},
    Named{"SMALLDATETIME", Kind::SmallDateTime},
    Named{"DATETIME2", Kind::DateTime2},
    Named{"DATETIMEOFFSET", Kind::DateTimeOffset},
    Named{"XML", Kind::Xml},
    Named{"SQL_VARIANT", Kind::Variant},
    Named{"INTEGER", Kind::Int},
    Named{"NUMERIC", Kind::Decimal},
    Named{"DEC", Kind::Decimal},
    Named{"SMALLMONEY", Kind::Money},
    Named{"CHARACTER", Kind::Char},
    Named{"TIMESTAMP", Kind::Binary},
    Named{"ROWVERSION", Kind::Binary},
    Named{"DECIMALTEXT", Kind::Decimal},
};

bool sized(Kind kind) {
  return kind == Kind::Char || kind == Kind::VarChar || kind == Kind::NChar || kind == Kind::NVarChar ||
         kind == Kind::Binary || kind == Kind::VarBinary;
}
bool scaled(Kind kind) {
  return kind == Kind::Time || kind == Kind::DateTime2 || kind == Kind::DateTimeOffset;
}

}  // namespace

Type make_type(Kind kind, std::uint32_t length, std::uint8_t precision, std::uint8_t scale) {
  Type type;
  type.kind = kind;
  type.length = length;
  type.precision = precision;
  type.scale = scale;
  return type;
}

bool named_type(const std::string& name, std::int64_t first, std::int64_t second, bool wide, Type& type) {
  std::string wanted = upper(name);
  if (wanted == "SYSNAME") {
    type = make_type(Kind::NVarChar, 128);
    return true;
  }
  for (const Named& named : kNames) {
    if (wanted != named.name) continue;
    type = make_type(named.kind);
    if (sized(type.kind)) {
      bool row_version = wanted == "TIMESTAMP" || wanted == "ROWVERSION";
      type.length = first == -1 || first == 0 ? 0
                                              : static_cast<std::uint32_t>(first > 0     ? first
                                                                           : row_version ? 8
                                                                           : wide        ? 30
                                                                                         : 1);
    } else if (type.kind == Kind::Decimal) {
      type.precision = static_cast<std::uint8_t>(first > 0 ? first : 18);
      type.scale = static_cast<std::uint8_t>(second > 0 ? second : 0);
    } else if (type.kind == Kind::Money) {
      type.precision = 19;
      type.scale = 4;
    } else if (scaled(type.kind)) {
      type.scale = static_cast<std::uint8_t>(first >= 0 && first <= 7 && first != -2 ? first : 7);
    } else if (type.kind == Kind::Float && first > 0 && first <= 24) {
      type.kind = Kind::Real;
    }
    return true;
  }
  return false;
}

std::string type_text(const Type& type) {
  std::string text = kNames[static_cast<std::size_t>(type.kind)].name;
  if (sized(type.kind)) return text + (type.length == 0 ? "(MAX)" : "(" + std::to_string(type.length) + ")");
  if (type.kind == Kind::Decimal) {
    return text + "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  return scaled(type.kind) ? text + "(" + std::to_string(type.scale) + ")" : text;
}

std::string stored_type(const Type& type) {
  std::string text = type_text(type);
  if (std::size_t max = text.find("MAX"); max != std::string::npos) return text.replace(max, 3, "0");
  return type.kind == Kind::Decimal && type.precision > 15 ? "DECIMALTEXT" + text.substr(7) : text;
}

bool parse_type(const std::string& text, Type& type) {
  std::vector<Token> tokens;
  try {
    tokens = lex(text, true);
  } catch (const SqlError&) {
    return false;
  }
  std::int64_t numbers[2] = {-2, -2};
  int count = 0;
  for (const Token& token : tokens) {
    if (token.kind == Lex::Integer && count < 2) numbers[count++] = std::atoll(token.text.c_str());
    if (token.kind == Lex::Word && token.upper == "MAX" && count < 2) numbers[count++] = -1;
  }
  return (tokens[0].kind == Lex::Word || tokens[0].kind == Lex::Quoted) &&
         named_type(tokens[0].text, numbers[0], numbers[1], false, type);
}

std::int64_t type_code(const Type& type) {
  return static_cast<std::int64_t>(type.kind) | static_cast<std::int64_t>(type.precision) << 8 |
         static_cast<std::int64_t>(type.scale) << 16 | static_cast<std::int64_t>(type.length) << 24;
}

Type type_of_code(std::int64_t code) {
  return make_type(static_cast<Kind>(code & 0xff), static_cast<std::uint32_t>(code >> 24),
                   static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code >> 16));
}

bool is_integer(Kind kind) {
  return kind == Kind::Bit || kind == Kind::TinyInt || kind == Kind::SmallInt || kind == Kind::Int ||
         kind == Kind::BigInt;
}
bool is_number(Kind kind) { return kind <= Kind::Money; }
bool is_text(Kind kind) { return (kind >= Kind::Char && kind <= Kind::NText) || kind == Kind::Xml; }
bool is_binary(Kind kind) { return kind == Kind::Binary || kind == Kind::VarBinary || kind == Kind::Image; }
bool is_date(Kind kind) { return kind >= Kind::Date && kind <= Kind::DateTimeOffset; }
bool is_national(Kind kind) {
  return kind == Kind::NChar || kind == Kind::NVarChar || kind == Kind::NText || kind == Kind::Xml;
}

std::size_t utf16_length(const std::string& text) {
  std::size_t units = 0;
  for (char c : text) {
    if ((c & 0xC0) != 0x80) ++units;
    if ((c & 0xF8) == 0xF0) ++units;
  }
  return units;
}

std::string utf16_prefix(const std::string& text, std::size_t units) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t width = (text[at] & 0xF8) == 0xF0 ? 2 : 1;
    if (units < width) break;
    units -= width;
    for (++at; at < text.size() && (text[at] & 0xC0) == 0x80;) ++at;
  }
  return text.substr(0, at);
}

bool parse_number(const std::string& text, double& number) {
  std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  if (first == std::string::npos) return false;
  if (text[first] == '+') ++first;
  const char* end = text.data() + last + 1;
  auto [rest, error] = std::from_chars(text.data() + first, end, number);
  return error == std::errc() && rest == end && std::isfinite(number);
}

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string unhex(const std::string& text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  std::string digits = text.size() % 2 == 0 ? text : "0" + text, out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out += static_cast<char>(digit(digits[i]) * 16 + digit(digits[i + 1]));
  }
  return out;
}

}  // namespace holdfast::sqlnode
