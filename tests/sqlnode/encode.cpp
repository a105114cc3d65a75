#include "tests/sqlnode/encode.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token.h"
#include "tests/sqlnode/scalars.h"

namespace holdfast::sqlnode {
namespace {

using tds::LittleWriter;

bool wide(Kind kind) {
  return kind == Kind::NChar || kind == Kind::NVarChar || kind == Kind::NText || kind == Kind::Xml;
}
bool binary(Kind kind) { return kind == Kind::Binary || kind == Kind::VarBinary || kind == Kind::Image; }
bool single(Kind kind) { return kind == Kind::Char || kind == Kind::VarChar || kind == Kind::Text; }
bool blob(Kind kind) { return kind == Kind::Text || kind == Kind::NText || kind == Kind::Image; }

// The longest a type that is not MAX can be, in its own unit.
std::uint32_t longest(Kind kind) { return wide(kind) ? 4000 : 8000; }

// The type as this version of the protocol can say it.
Type spoken(Type type, std::uint32_t version) {
  if (version < tds::tds_version::v7_3a && version != tds::tds_version::v8_0) {
    const auto as_text = [&](std::uint32_t units) { type = {Kind::NVarChar, units, 0, 0}; };
    if (type.kind == Kind::Date) as_text(10);
    if (type.kind == Kind::Time) as_text(16);
    if (type.kind == Kind::DateTime2) as_text(27);
    if (type.kind == Kind::DateTimeOffset) as_text(34);
  }
  const bool text = wide(type.kind) || binary(type.kind) || single(type.kind);
  if (text && !blob(type.kind) && type.length > longest(type.kind)) type.length = 0;
  if (!tds::tds_version::has_all_headers(version) && text && type.length == 0 && !blob(type.kind))
    type.kind = wide(type.kind) ? Kind::NText : binary(type.kind) ? Kind::Image : Kind::Text;
  return type;
}

bool plp(const Type& type) {
  if (type.kind == Kind::Xml) return true;
  return type.length == 0 && (wide(type.kind) || single(type.kind) || binary(type.kind)) && !blob(type.kind);
}

struct Codes {
  std::uint8_t fixed = 0, nullable = 0;  // type bytes; fixed 0: there is none
  std::uint8_t size = 0;
};

Codes codes_of(const Type& type) {
  switch (type.kind) {
    case Kind::Bit: return {0x32, 0x68, 1};
    case Kind::TinyInt: return {0x30, 0x26, 1};
    case Kind::SmallInt: return {0x34, 0x26, 2};
    case Kind::Int: return {0x38, 0x26, 4};
    case Kind::BigInt: return {0x7F, 0x26, 8};
    case Kind::Real: return {0x3B, 0x6D, 4};
    case Kind::Float: return {0x3E, 0x6D, 8};
    case Kind::Money: return {0x3C, 0x6E, 8};
    case Kind::DateTime: return {0x3D, 0x6F, 8};
    case Kind::SmallDateTime: return {0x3A, 0x6F, 4};
    case Kind::UniqueIdentifier: return {0, 0x24, 16};
    case Kind::Decimal: return {0, 0x6C, static_cast<std::uint8_t>(decimal_size(type.precision))};
    default: return {};
  }
}

std::uint8_t text_code(Kind kind) {
  switch (kind) {
    case Kind::Char: return 0xAF;
    case Kind::VarChar: return 0xA7;
    case Kind::NChar: return 0xEF;
    case Kind::Binary: return 0xAD;
    case Kind::VarBinary: return 0xA5;
    case Kind::Text: return 0x23;
    case Kind::NText: return 0x63;
    case Kind::Image: return 0x22;
    default: return 0xE7;
  }
}

void append_time_type(LittleWriter& w, const Type& type) {
  const auto scale = std::min<std::uint8_t>(type.scale, 7);
  if (type.kind == Kind::Date) w.u8(0x28);
  if (type.kind == Kind::Time) w.u8(0x29).u8(scale);
  if (type.kind == Kind::DateTime2) w.u8(0x2A).u8(scale);
  if (type.kind == Kind::DateTimeOffset) w.u8(0x2B).u8(scale);
}

bool temporal(Kind kind) {
  return kind == Kind::Date || kind == Kind::Time || kind == Kind::DateTime2 || kind == Kind::DateTimeOffset;
}

void append_type(std::string& out, const Type& type, bool nullable) {
  LittleWriter w(out);
  if (temporal(type.kind)) return append_time_type(w, type);
  if (type.kind == Kind::Xml) {
    w.u8(0xF1).u8(0);
    return;
  }
  if (type.kind == Kind::Variant) {
    w.u8(0x62).u32(8009);
    return;
  }
  const Codes codes = codes_of(type);
  if (codes.size != 0) {
    if (!nullable && codes.fixed != 0) {
      w.u8(codes.fixed);
      return;
    }
    w.u8(codes.nullable).u8(codes.size);
    if (type.kind == Kind::Decimal) w.u8(type.precision).u8(type.scale);
    return;
  }
  w.u8(text_code(type.kind));
  if (blob(type.kind))
    w.u32(0x7FFFFFFF);
  else
    w.u16(type.length == 0 ? 0xFFFF : static_cast<std::uint16_t>(type.length * (wide(type.kind) ? 2 : 1)));
  if (!binary(type.kind)) w.bytes(collation);
}

std::string text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* bytes = std::get_if<Blob>(&value)) return bytes->bytes;
  if (const auto* real = std::get_if<double>(&value)) {
    char text[64];
    std::snprintf(text, sizeof text, "%.15g", *real);
    return text;
  }
  return {};
}

std::int64_t integer_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* real = std::get_if<double>(&value)) return static_cast<std::int64_t>(*real);
  return std::strtoll(text_of(value).c_str(), nullptr, 10);
}

double real_of(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
  return std::strtod(text_of(value).c_str(), nullptr);
}

std::string decimal_source(const Value& value, int scale) {
  const auto* real = std::get_if<double>(&value);
  if (real == nullptr) return text_of(value);
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", scale, *real);
  return text;
}

std::string moment_value(const Type& type, const Value& value) {
  const Moment moment = parse_moment(text_of(value)).value_or(Moment{});
  const int scale = std::min<int>(type.scale, 7);
  switch (type.kind) {
    case Kind::Date: return date_bytes(moment);
    case Kind::Time: return time_bytes(moment, scale);
    case Kind::DateTime2: return datetime2_bytes(moment, scale);
    case Kind::DateTimeOffset: return offset_bytes(moment, scale);
    case Kind::SmallDateTime: return smalldatetime_bytes(moment);
    default: return datetime_bytes(moment);
  }
}

std::string padded(std::string bytes, std::size_t size, Bytes with) {
  while (bytes.size() < size) bytes += with;
  return bytes;
}

// The value's bytes, without a length. Not for null.
std::string bytes_of(const Type& type, const Value& value) {
  switch (type.kind) {
    case Kind::Bit: return to_little(integer_of(value) != 0 ? 1 : 0, 1);
    case Kind::TinyInt:
    case Kind::SmallInt:
    case Kind::Int:
    case Kind::BigInt: return to_little(static_cast<std::uint64_t>(integer_of(value)), codes_of(type).size);
    case Kind::Real: return to_little(std::bit_cast<std::uint32_t>(static_cast<float>(real_of(value))), 4);
    case Kind::Float: return to_little(std::bit_cast<std::uint64_t>(real_of(value)), 8);
    case Kind::Decimal:
      return decimal_bytes(decimal_source(value, type.scale), type.scale, decimal_size(type.precision));
    case Kind::Money: return money_bytes(decimal_source(value, 4));
    case Kind::UniqueIdentifier: return guid_bytes(text_of(value));
    case Kind::Char: return padded(to_latin1(text_of(value)), type.length, " ");
    case Kind::NChar: return padded(tds::to_utf16(text_of(value)), std::size_t{type.length} * 2, {" \0", 2});
    case Kind::Binary: return padded(text_of(value), type.length, {"\0", 1});
    case Kind::VarChar:
    case Kind::Text: return to_latin1(text_of(value));
    case Kind::NVarChar:
    case Kind::NText:
    case Kind::Xml: return tds::to_utf16(text_of(value));
    case Kind::VarBinary:
    case Kind::Image: return text_of(value);
    default: return moment_value(type, value);
  }
}

// sql_variant (2.2.5.5.4): base type, its properties, the value.
std::string variant_of(const Value& value) {
  std::string out;
  LittleWriter w(out);
  if (std::holds_alternative<std::int64_t>(value)) {
    const std::int64_t number = integer_of(value);
    const bool small = number == static_cast<std::int32_t>(number);
    w.u8(small ? 0x38 : 0x7F).u8(0).bytes(to_little(static_cast<std::uint64_t>(number), small ? 4 : 8));
  } else if (std::holds_alternative<double>(value)) {
    w.u8(0x3E).u8(0).bytes(bytes_of({Kind::Float, 8, 0, 0}, value));
  } else if (const auto* bytes = std::get_if<Blob>(&value)) {
    w.u8(0xA5).u8(2).u16(8000).bytes(bytes->bytes);
  } else {
    w.u8(0xE7).u8(7).bytes(collation).u16(8000).bytes(tds::to_utf16(text_of(value)));
  }
  return out;
}

void append_null(LittleWriter& w, const Type& type, const Codes& codes, bool nullable) {
  if (plp(type))
    w.u64(~std::uint64_t{0});
  else if (type.kind == Kind::Variant)
    w.u32(0);
  else if (blob(type.kind) || temporal(type.kind) || (codes.size != 0 && (nullable || codes.fixed == 0)))
    w.u8(0);
  else if (codes.size != 0)
    w.bytes(std::string(codes.size, '\0'));  // a column that cannot be null has no way to say it
  else
    w.u16(0xFFFF);
}

void append_plp(LittleWriter& w, Bytes bytes) {
  constexpr std::size_t chunk = 32 * 1024;
  w.u64(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += chunk) {
    const Bytes piece = bytes.substr(at, chunk);
    w.u32(static_cast<std::uint32_t>(piece.size())).bytes(piece);
  }
  w.u32(0);
}

void append_value(std::string& out, const Type& type, bool nullable, const Value& value) {
  LittleWriter w(out);
  const Codes codes = codes_of(type);
  if (std::holds_alternative<std::monostate>(value)) return append_null(w, type, codes, nullable);
  if (type.kind == Kind::Variant) {
    const std::string bytes = variant_of(value);
    w.u32(static_cast<std::uint32_t>(bytes.size())).bytes(bytes);
    return;
  }
  const std::string bytes = bytes_of(type, value);
  if (plp(type)) return append_plp(w, bytes);
  if (blob(type.kind)) {
    w.u8(16)
        .bytes(std::string(16, 'p'))
        .bytes(std::string(8, 't'))
        .u32(static_cast<std::uint32_t>(bytes.size()));
  } else if (codes.size != 0 || temporal(type.kind)) {
    if (nullable || codes.fixed == 0) w.u8(static_cast<std::uint8_t>(bytes.size()));
  } else {
    w.u16(static_cast<std::uint16_t>(bytes.size()));
  }
  w.bytes(bytes);
}

void append_user_type(LittleWriter& w, std::uint32_t version) {
  if (tds::tds_version::has_all_headers(version))
    w.u32(0);
  else
    w.u16(0);
}

}  // namespace

void append_columns(std::string& out, std::uint32_t version, const std::vector<Column>& columns) {
  LittleWriter w(out);
  w.u8(static_cast<std::uint8_t>(tds::Token::ColMetadata)).u16(static_cast<std::uint16_t>(columns.size()));
  for (const Column& column : columns) {
    const Type type = spoken(column.type, version);
    append_user_type(w, version);
    w.u16(column.nullable ? 0x0009 : 0x0008);  // fNullable, usUpdateable: unknown
    append_type(out, type, column.nullable);
    if (blob(type.kind)) {
      const std::string table = tds::to_utf16("t");
      if (tds::tds_version::has_all_headers(version)) w.u8(1);
      w.us_varchar(table);
    }
    const std::string name = tds::to_utf16(column.name);
    w.b_varchar(Bytes(name).substr(0, 256));
  }
}

void append_row(std::string& out, std::uint32_t version, const std::vector<Column>& columns,
                const std::vector<Value>& row) {
  const auto null = [&](std::size_t i) {
    return i >= row.size() || std::holds_alternative<std::monostate>(row[i]);
  };
  bool any = false;
  for (std::size_t i = 0; i < columns.size(); ++i) any = any || null(i);
  const bool bitmap = any && (version >= tds::tds_version::v7_3b || version == tds::tds_version::v8_0);
  out.push_back(static_cast<char>(bitmap ? tds::Token::NbcRow : tds::Token::Row));
  if (bitmap) {
    std::string bits((columns.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (null(i)) bits[i / 8] = static_cast<char>(bits[i / 8] | 1 << (i % 8));
    out += bits;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (bitmap && null(i)) continue;
    append_value(out, spoken(columns[i].type, version), columns[i].nullable, null(i) ? Value{} : row[i]);
  }
}

void append_return_value(std::string& out, std::uint32_t version, std::uint16_t ordinal,
                         const Parameter& parameter) {
  Type type = spoken(parameter.type, version);
  if (blob(type.kind)) {  // not allowed here: the widest that every version takes
    const bool wide_text = type.kind == Kind::NText;
    type = {type.kind == Kind::Image ? Kind::VarBinary
            : wide_text              ? Kind::NVarChar
                                     : Kind::VarChar,
            wide_text ? 4000U : 8000U, 0, 0};
  }
  LittleWriter w(out);
  w.u8(static_cast<std::uint8_t>(tds::Token::ReturnValue)).u16(ordinal);
  const std::string name = tds::to_utf16(parameter.name);
  w.b_varchar(Bytes(name).substr(0, 256)).u8(1);
  append_user_type(w, version);
  w.u16(0x0001);
  append_type(out, type, true);
  append_value(out, type, true, parameter.value);
}

}  // namespace holdfast::sqlnode
