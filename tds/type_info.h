// TYPE_INFO (MS-TDS 2.2.5.4 to 2.2.5.6): how long a value of a column or parameter is. Nothing here
// interprets values.
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

/// Who wrote it: a client gives a UDT no size, a text no pointer, and only it may send a table.
enum class TypeFrom : std::uint8_t { Server, Client };

/// Reads one, up to and without the column's name. Nullopt if bytes are missing; an unknown type is an
/// error, and the caller can go no further. A table (Tvp) is read up to its name: its columns and rows are
/// part of the value.
Result<std::optional<TypeInfo>> parse_type_info(LittleReader& in, std::uint32_t version,
                                                TypeFrom from = TypeFrom::Server);
/// Writes NVARCHAR of so many bytes, or NVARCHAR(MAX) for 0 (7.2 and later), and INTN(4): what our own
/// requests need.
void append_nvarchar_type(std::string& out, std::uint16_t max_bytes);
void append_int_type(std::string& out);

/// A whole value in one piece of memory: its bytes without lengths; nullopt: null. For PLP the chunks,
/// joined into `scratch`. Result's error: bytes are missing or lengths lie. Tvp values are skipped and
/// yield an empty value; columns of one are read as those of the newest version, which are the same since
/// 7.3.
Result<std::optional<Bytes>> parse_value(LittleReader& in, const TypeInfo& type, std::string& scratch);

/// The chunks of a PLP value (2.2.5.2.3), where they stand.
struct PlpSpan {
  bool null = false;
  Bytes first;                    ///< the first chunk
  std::size_t chunks = 0;
  std::size_t total = 0;          ///< bytes of all chunks
  Bytes raw;                      ///< chunks with their lengths, up to and with the one of no length
};
Result<PlpSpan> parse_plp(LittleReader& in);
/// Joins what parse_plp found; `raw` must come from it.
void append_plp(std::string& out, Bytes raw);

}  // namespace holdfast::tds
