#include "tests/sqlnode/decode.h"

#include <bit>

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token.h"
#include "tests/sqlnode/scalars.h"

namespace holdfast::sqlnode {
namespace {

using tds::LittleReader;
using tds::TypeInfo;

Kind sized(std::size_t size, Kind one, Kind two, Kind four, Kind eight) {
  return size == 1 ? one : size == 2 ? two : size == 4 ? four : eight;
}

Kind kind_of(const TypeInfo& info) {
  switch (info.type) {
    case 0x32:
    case 0x68: return Kind::Bit;
    case 0x30: return Kind::TinyInt;
    case 0x34: return Kind::SmallInt;
    case 0x38: return Kind::Int;
    case 0x7F: return Kind::BigInt;
    case 0x26: return sized(info.size, Kind::TinyInt, Kind::SmallInt, Kind::Int, Kind::BigInt);
    case 0x3B: return Kind::Real;
    case 0x3E: return Kind::Float;
    case 0x6D: return info.size == 4 ? Kind::Real : Kind::Float;
    case 0x3C:
    case 0x7A:
    case 0x6E: return Kind::Money;
    case 0x3D: return Kind::DateTime;
    case 0x3A: return Kind::SmallDateTime;
    case 0x6F: return info.size == 4 ? Kind::SmallDateTime : Kind::DateTime;
    case 0x24: return Kind::UniqueIdentifier;
    case 0x37:
    case 0x3F:
    case 0x6A:
    case 0x6C: return Kind::Decimal;
    case 0x28: return Kind::Date;
    case 0x29: return Kind::Time;
    case 0x2A: return Kind::DateTime2;
    case 0x2B: return Kind::DateTimeOffset;
    case 0x2D:
    case 0xAD: return Kind::Binary;
    case 0x25:
    case 0xA5:
    case 0xF0: return Kind::VarBinary;
    case 0x2F:
    case 0xAF: return Kind::Char;
    case 0x27:
    case 0xA7: return Kind::VarChar;
    case 0xEF: return Kind::NChar;
    case 0x22: return Kind::Image;
    case 0x23: return Kind::Text;
    case 0x63: return Kind::NText;
    case 0xF1: return Kind::Xml;
    case 0x62: return Kind::Variant;
    default: return Kind::NVarChar;
  }
}

Value integer(Bytes bytes, Kind kind) {
  const std::uint64_t raw = little(bytes);
  if (bytes.size() == 2) return std::int64_t{static_cast<std::int16_t>(raw)};
  if (bytes.size() == 4) return std::int64_t{static_cast<std::int32_t>(raw)};
  if (kind == Kind::Bit) return std::int64_t{raw != 0};
  return static_cast<std::int64_t>(raw);
}

Value real(Bytes bytes) {
  if (bytes.size() == 4) return double{std::bit_cast<float>(static_cast<std::uint32_t>(little(bytes)))};
  return std::bit_cast<double>(little(bytes));
}

// A collation with the UTF-8 flag (2.2.5.1.2) has texts in it, all others here code page 1252.
std::string single_text(const TypeInfo& info, Bytes bytes) {
  const bool utf8 = info.collation.size() == 5 && (static_cast<unsigned char>(info.collation[3]) & 0x04) != 0;
  return utf8 ? std::string(bytes) : from_latin1(bytes);
}

std::string xml_text(Bytes bytes) {
  if (bytes.starts_with("\xFF\xFE")) bytes.remove_prefix(2);
  return tds::to_utf8(bytes);
}

Value variant(Bytes bytes) {
  LittleReader in(bytes);
  TypeInfo info;
  info.type = in.u8().value_or(0);
  const Bytes properties = in.bytes(in.u8().value_or(0)).value_or(Bytes{});
  info.size = static_cast<std::uint32_t>(in.rest().size());
  if ((info.type == 0x6A || info.type == 0x6C) && properties.size() == 2) {
    info.precision = static_cast<std::uint8_t>(properties[0]);
    info.scale = static_cast<std::uint8_t>(properties[1]);
  } else if (!properties.empty()) {
    info.scale = static_cast<std::uint8_t>(properties[0]);
  }
  if (info.type == 0x62) return std::monostate{};
  return value_of(info, in.rest());
}

// The rest of a PLP value in several chunks behind its first (2.2.5.2.3).
Result<std::string> joined(const tds::RpcParameter& parameter, Bytes payload) {
  std::string all(*parameter.value);
  LittleReader in(payload.substr(parameter.value_at + parameter.value->size()));
  while (true) {
    const auto size = in.u32();
    if (!size) return fail(Blame::Client, "a value ends early");
    if (*size == 0) return all;
    const auto chunk = in.bytes(*size);
    if (!chunk) return fail(Blame::Client, "a chunk ends early");
    all += *chunk;
  }
}

}  // namespace

Type type_of(const TypeInfo& info) {
  Type type;
  type.kind = kind_of(info);
  type.precision = info.precision;
  type.scale = info.scale;
  const bool wide = type.kind == Kind::NVarChar || type.kind == Kind::NChar;
  if (info.kind != tds::LengthKind::Plp) type.length = wide ? info.size / 2 : info.size;
  if (info.kind == tds::LengthKind::TextPtr || info.kind == tds::LengthKind::Long) type.length = 0;
  return type;
}

Value value_of(const TypeInfo& info, Bytes bytes) {
  if (info.type == 0x1F) return {};  // NULLTYPE: NULL, of which nothing is sent
  const Kind kind = kind_of(info);
  const int scale = std::min<int>(info.scale, 38), fraction = std::min<int>(info.scale, 7);
  switch (kind) {
    case Kind::Bit:
    case Kind::TinyInt:
    case Kind::SmallInt:
    case Kind::Int:
    case Kind::BigInt: return integer(bytes, kind);
    case Kind::Real:
    case Kind::Float: return real(bytes);
    case Kind::Money: return money_text(bytes);
    case Kind::Decimal: return decimal_text(bytes, scale);
    case Kind::UniqueIdentifier: return guid_text(bytes);
    case Kind::Date: return date_text(bytes);
    case Kind::Time: return time_text(bytes, fraction);
    case Kind::DateTime2: return datetime2_text(bytes, fraction);
    case Kind::DateTimeOffset: return offset_text(bytes, fraction);
    case Kind::DateTime:
    case Kind::SmallDateTime: return datetime_text(bytes);
    case Kind::Binary:
    case Kind::VarBinary:
    case Kind::Image: return Blob{std::string(bytes)};
    case Kind::Char:
    case Kind::VarChar:
    case Kind::Text: return single_text(info, bytes);
    case Kind::Xml: return xml_text(bytes);
    case Kind::Variant: return variant(bytes);
    default: return tds::to_utf8(bytes);
  }
}

Result<Parameter> parameter_of(const tds::RpcParameter& parameter, Bytes payload) {
  if (parameter.type.kind == tds::LengthKind::Tvp)
    return fail(Blame::Client, "Table-valued parameters are not spoken by this test node.");
  Parameter out;
  out.name = tds::to_utf8(parameter.name);
  out.type = type_of(parameter.type);
  out.output = (parameter.status & 1) != 0;
  if (!parameter.value) return out;
  if (!parameter.plp_split) {
    out.value = value_of(parameter.type, *parameter.value);
    return out;
  }
  const auto all = joined(parameter, payload);
  if (!all) return std::unexpected(all.error());
  out.value = value_of(parameter.type, *all);
  return out;
}

namespace {

struct BulkColumns {
  std::vector<TypeInfo> types;
  std::vector<Column> columns;
};

Result<BulkColumns> parse_columns(LittleReader& in, std::uint32_t version) {
  BulkColumns out;
  const bool new_layout = tds::tds_version::has_all_headers(version);
  const std::uint16_t count = in.u16().value_or(0);
  for (std::uint16_t i = 0; i < count && count != 0xFFFF; ++i) {
    if (new_layout)
      in.u32();
    else
      in.u16();
    const std::uint16_t flags = in.u16().value_or(0);
    const auto info = tds::parse_type_info(in, version);
    if (!info) return std::unexpected(info.error());
    if (!*info) return fail(Blame::Client, "COLMETADATA ends early");
    if ((*info)->kind == tds::LengthKind::TextPtr) {
      const unsigned parts = new_layout ? in.u8().value_or(0) : 1;
      for (unsigned part = 0; part < parts; ++part) in.us_varchar();
    }
    const auto name = in.b_varchar();
    if (!name) return fail(Blame::Client, "COLMETADATA ends early");
    out.types.push_back(**info);
    out.columns.push_back({tds::to_utf8(*name), type_of(**info), (flags & 1) != 0});
  }
  return out;
}

Result<std::vector<Value>> parse_row(LittleReader& in, const BulkColumns& columns, bool bitmap) {
  std::vector<Value> row;
  const Bytes bits = bitmap ? in.bytes((columns.types.size() + 7) / 8).value_or(Bytes{}) : Bytes{};
  for (std::size_t i = 0; i < columns.types.size(); ++i) {
    if (i / 8 < bits.size() && (bits[i / 8] >> (i % 8) & 1) != 0) {
      row.emplace_back();
      continue;
    }
    std::string scratch;
    const auto value = tds::parse_value(in, columns.types[i], scratch);
    if (!value) return std::unexpected(value.error());
    row.push_back(*value ? value_of(columns.types[i], **value) : Value{});
  }
  return row;
}

}  // namespace

Result<BulkData> parse_bulk(Bytes payload, std::uint32_t version) {
  LittleReader in(payload);
  BulkData data;
  BulkColumns columns;
  while (!in.rest().empty()) {
    const auto token = static_cast<tds::Token>(in.u8().value_or(0));
    if (token == tds::Token::ColMetadata) {
      auto parsed = parse_columns(in, version);
      if (!parsed) return std::unexpected(parsed.error());
      columns = std::move(*parsed);
    } else if (token == tds::Token::Row || token == tds::Token::NbcRow) {
      auto row = parse_row(in, columns, token == tds::Token::NbcRow);
      if (!row) return std::unexpected(row.error());
      data.rows.push_back(std::move(*row));
    } else if (token == tds::Token::Done) {
      break;
    } else {
      return fail(Blame::Client, "an unknown token in a bulk load");
    }
  }
  data.columns = std::move(columns.columns);
  return data;
}

}  // namespace holdfast::sqlnode
