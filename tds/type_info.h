// TYPE_INFO (MS-TDS 2.2.5.4 to 2.2.5.6): how long a value of a column or parameter is. Nothing here interprets values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tds/little.h"

namespace holdfast::tds {

/// How a value says its length.
enum class LengthKind : std::uint8_t {
  Fixed,      ///< TypeInfo::size bytes, none in front
  Byte,       ///< one byte in front; 0: null
  Ushort,     ///< two; FFFF: null
  Long,       ///< four; FFFFFFFF: null (sql_variant: 0)
  TextPtr,    ///< text, ntext, image in rows: pointer and timestamp, then four; null: pointer length 0
  Plp,        ///< eight, then chunks (2.2.5.2.3)
  Tvp,        ///< a table: only in RPC parameters
};

struct TypeInfo {
  std::uint8_t type = 0;
  LengthKind kind = LengthKind::Fixed;
  std::uint32_t size = 0;         ///< largest size; Fixed: the size
  std::uint8_t precision = 0, scale = 0;
  std::string_view collation;     ///< five bytes inside what was parsed, or none
};

/// Reads one, up to and without the column's name. Nullopt if bytes are missing; an unknown type is an error, and the
/// caller can go no further.
Result<std::optional<TypeInfo>> parse_type_info(LittleReader& in, std::uint32_t version);
/// Writes NVARCHAR(max units) or NVARCHAR(MAX) for 0, INTN(4), ...: what our own requests need.
void append_nvarchar_type(std::string& out, std::uint16_t max_bytes);
void append_int_type(std::string& out);

/// A whole value in one piece of memory: its bytes without lengths; nullopt: null. For PLP the chunks, joined into `scratch`.
/// Result's error: bytes are missing or lengths lie. Tvp values are skipped and yield an empty value.
Result<std::optional<Bytes>> parse_value(LittleReader& in, const TypeInfo& type, std::string& scratch);

}  // namespace holdfast::tds
