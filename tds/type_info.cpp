#include "tds/type_info.h"

#include "tds/login7.h"
#include "tds/tvp.h"

namespace holdfast::tds {

namespace {

constexpr std::size_t collation_size = 5;
constexpr std::uint16_t ushort_max_size = 0xffff;  // of a column's size: the value is PLP
constexpr std::uint64_t plp_null = ~std::uint64_t{0}, plp_unknown = plp_null - 1;

struct Known {
  LengthKind kind;
  std::uint8_t fixed;      // Fixed: the size; else bytes of the size in TYPE_INFO
  bool collation, precision, scale;
};

// MS-TDS 2.2.5.4.1 to 2.2.5.4.4. UDT, XML and TVP have more than these fields and are read on their own.
std::optional<Known> known(std::uint8_t type) {
  using enum LengthKind;
  switch (type) {
    case 0x1f: return Known{Fixed, 0, false, false, false};
    case 0x30:
    case 0x32: return Known{Fixed, 1, false, false, false};
    case 0x34: return Known{Fixed, 2, false, false, false};
    case 0x38:
    case 0x3a:
    case 0x3b:
    case 0x7a: return Known{Fixed, 4, false, false, false};
    case 0x3c:
    case 0x3d:
    case 0x3e:
    case 0x7f: return Known{Fixed, 8, false, false, false};
    case 0x24:
    case 0x26:
    case 0x68:
    case 0x6d:
    case 0x6e:
    case 0x6f:  // GUID, INTN, BITN, FLTN, MONEYN, DATETIMN
    case 0x25:
    case 0x27:
    case 0x2d:
    case 0x2f: return Known{Byte, 1, false, false, false};
    case 0x37:
    case 0x3f:
    case 0x6a:
    case 0x6c: return Known{Byte, 1, false, true, true};
    case 0x28: return Known{Byte, 0, false, false, false};             // DATE
    case 0x29:
    case 0x2a:
    case 0x2b: return Known{Byte, 0, false, false, true};
    case 0xa5:
    case 0xad: return Known{Ushort, 2, false, false, false};
    case 0xa7:
    case 0xaf:
    case 0xe7:
    case 0xef: return Known{Ushort, 2, true, false, false};
    case 0xf5: return Known{Ushort, 2, false, false, true};            // VECTOR
    case 0x22: return Known{TextPtr, 4, false, false, false};
    case 0x23:
    case 0x63: return Known{TextPtr, 4, true, false, false};
    case 0x62: return Known{Long, 4, false, false, false};             // sql_variant
    case 0xf0:
    case 0xf1:
    case 0xf4: return Known{Plp, 0, false, false, false};
    case 0xf3: return Known{Tvp, 0, false, false, false};
    default: return std::nullopt;
  }
}

// Sizes of what has none in TYPE_INFO because its scale says it (2.2.5.4.3).
std::uint32_t size_by_scale(std::uint8_t type, std::uint8_t scale) {
  const std::uint32_t time = scale <= 2 ? 3 : scale <= 4 ? 4 : 5;
  switch (type) {
    case 0x28: return 3;
    case 0x29: return time;
    case 0x2a: return time + 3;
    default: return time + 5;
  }
}

std::uint32_t read_size(LittleReader& in, unsigned width) {
  switch (width) {
    case 1: return in.u8().value_or(0);
    case 2: return in.u16().value_or(0);
    default: return in.u32().value_or(0);
  }
}

// 2.2.5.5.2 and 2.2.5.5.3.
void read_udt(LittleReader& in, TypeFrom from) {
  if (from == TypeFrom::Server) in.u16();
  for (int name = 0; name < 3; ++name) in.b_varchar();
  if (from == TypeFrom::Server) in.us_varchar();
}

void read_xml(LittleReader& in) {
  if (in.u8().value_or(0) == 0) return;
  in.b_varchar();
  in.b_varchar();
  in.us_varchar();
}

std::unexpected<Error> bad(const char* what) { return fail(Blame::Server, what); }

}  // namespace

Result<std::optional<TypeInfo>> parse_type_info(LittleReader& in, std::uint32_t version, TypeFrom from) {
  const auto type = in.u8();
  if (!type) return std::optional<TypeInfo>{};
  const auto how = known(*type);
  if (!how || (how->kind == LengthKind::Tvp && from == TypeFrom::Server))
    return bad("TDS: a type that is not known");
  TypeInfo info;
  info.type = *type;
  info.kind = how->kind;
  if (how->kind == LengthKind::Fixed) {
    info.size = how->fixed;
    return std::optional{info};
  }
  if (how->fixed != 0) info.size = read_size(in, how->fixed);
  if (how->precision) info.precision = in.u8().value_or(0);
  if (how->scale) info.scale = in.u8().value_or(0);
  if (how->kind == LengthKind::Byte && how->fixed == 0) info.size = size_by_scale(*type, info.scale);
  if (how->collation && version != tds_version::v7_0)
    info.collation = in.bytes(collation_size).value_or(Bytes{});
  if (*type == 0xf0) read_udt(in, from);
  if (*type == 0xf1) read_xml(in);
  if (*type == 0xf3) read_tvp_name(in);
  if (in.failed()) return std::optional<TypeInfo>{};
  const bool may_be_max = *type == 0xa5 || *type == 0xa7 || *type == 0xe7;
  if (may_be_max && info.size == ushort_max_size && tds_version::has_all_headers(version))
    info.kind = LengthKind::Plp;
  if (info.kind == LengthKind::TextPtr && from == TypeFrom::Client) info.kind = LengthKind::Long;
  return std::optional{info};
}

void append_nvarchar_type(std::string& out, std::uint16_t max_bytes) {
  // Latin1_General, case-insensitive, sort order 52: what an installation has by default. For Unicode any
  // will do.
  constexpr Bytes collation("\x09\x04\xd0\x00\x34", collation_size);
  LittleWriter(out).u8(0xe7).u16(max_bytes == 0 ? ushort_max_size : max_bytes).bytes(collation);
}

void append_int_type(std::string& out) { LittleWriter(out).u8(0x26).u8(4); }

Result<PlpSpan> parse_plp(LittleReader& in) {
  const auto length = in.u64();
  if (!length) return bad("TDS: a value is cut off");
  PlpSpan plp;
  plp.null = *length == plp_null;
  if (plp.null) return plp;
  const Bytes start = in.rest();
  const std::size_t from = in.at();
  for (;;) {
    const auto size = in.u32();
    const auto chunk = size ? in.bytes(*size) : std::nullopt;
    if (!chunk) return bad("TDS: a value is cut off");
    if (chunk->empty()) break;
    if (plp.chunks++ == 0) plp.first = *chunk;
    plp.total += chunk->size();
  }
  plp.raw = start.substr(0, in.at() - from);
  if (*length != plp_unknown && *length != plp.total) return bad("TDS: chunks do not add up to their value");
  return plp;
}

void append_plp(std::string& out, Bytes raw) {
  LittleReader in(raw);
  for (auto size = in.u32(); size && *size != 0; size = in.u32())
    out.append(in.bytes(*size).value_or(Bytes{}));
}

namespace {

Result<std::optional<Bytes>> counted(LittleReader& in, std::optional<std::uint32_t> length,
                                     std::uint32_t null) {
  if (length && *length == null) return std::optional<Bytes>{};
  const auto value = length ? in.bytes(*length) : std::nullopt;
  if (!value) return bad("TDS: a value is cut off");
  return std::optional{*value};
}

Result<std::optional<Bytes>> behind_pointer(LittleReader& in) {
  constexpr std::size_t timestamp = 8;
  const auto pointer = in.u8();
  if (pointer && *pointer == 0) return std::optional<Bytes>{};
  if (pointer) in.bytes(*pointer + timestamp);
  return counted(in, in.u32(), 0xffffffff);
}

Result<std::optional<Bytes>> joined(LittleReader& in, std::string& scratch) {
  const auto plp = parse_plp(in);
  if (!plp) return std::unexpected(plp.error());
  if (plp->null) return std::optional<Bytes>{};
  if (plp->chunks <= 1) return std::optional{plp->first};
  scratch.clear();
  scratch.reserve(plp->total);
  append_plp(scratch, plp->raw);
  return std::optional<Bytes>{scratch};
}

}  // namespace

Result<std::optional<Bytes>> parse_value(LittleReader& in, const TypeInfo& type, std::string& scratch) {
  switch (type.kind) {
    case LengthKind::Fixed: return counted(in, type.size, 0xffffffff);
    case LengthKind::Byte: return counted(in, in.u8(), 0);
    case LengthKind::Ushort: return counted(in, in.u16(), 0xffff);
    case LengthKind::Long: {
      const auto length = in.u32();
      if (type.type == 0x62) return counted(in, length, 0);
      return counted(in, length, 0xffffffff);
    }
    case LengthKind::TextPtr: return behind_pointer(in);
    case LengthKind::Plp: return joined(in, scratch);
    case LengthKind::Tvp: break;
  }
  if (auto skipped = skip_tvp(in); !skipped) return std::unexpected(skipped.error());
  return std::optional<Bytes>{Bytes{}};
}

}  // namespace holdfast::tds
