// ENVCHANGE (MS-TDS 2.2.7.9): each kind lays its two values out in its own way.
#include "tds/little.h"
#include "tds/token.h"

namespace holdfast::tds {

namespace {

enum class Layout : std::uint8_t { Text, Counted, Descriptor, Routing, Promote };

// Kinds 3, 5 and 6 belong to 7.0 and are texts.
Layout layout_of(EnvKind kind) {
  switch (kind) {
    case EnvKind::Begin:
    case EnvKind::Commit:
    case EnvKind::Rollback:
    case EnvKind::Enlist:
    case EnvKind::Defect:
    case EnvKind::Ended: return Layout::Descriptor;
    case EnvKind::Collation:
    case EnvKind::TmAddress:
    case EnvKind::ResetAck: return Layout::Counted;
    case EnvKind::Routing:
    case EnvKind::EnhancedRouting: return Layout::Routing;
    case EnvKind::Promote: return Layout::Promote;
    default: return Layout::Text;
  }
}

std::optional<Bytes> read_value(LittleReader& in, Layout layout) {
  if (layout == Layout::Text) return in.b_varchar();
  const auto length = layout == Layout::Routing ? in.u16() : std::optional<std::uint16_t>(in.u8());
  if (!length) return std::nullopt;
  if (layout == Layout::Descriptor && *length != 0 && *length != 8) return std::nullopt;
  return in.bytes(*length);
}

void write_value(LittleWriter& to, Layout layout, Bytes value) {
  switch (layout) {
    case Layout::Text: to.b_varchar(value); break;
    case Layout::Routing: to.u16(static_cast<std::uint16_t>(value.size())).bytes(value); break;
    default: to.u8(static_cast<std::uint8_t>(value.size())).bytes(value);
  }
}

// The length in front of kind 15 covers its type byte only; the value has four bytes of length of its own.
std::optional<EnvChange> read_promote(LittleReader& in) {
  const auto length = in.u32();
  const auto value = length ? in.bytes(*length) : std::nullopt;
  if (!value || in.rest().size() != 1) return std::nullopt;
  return EnvChange{EnvKind::Promote, *value, {}};
}

}  // namespace

std::optional<EnvChange> parse_env_change(Bytes token) {
  LittleReader in(token);
  const auto type = in.u8();
  const auto length = in.u16();
  const std::size_t behind = in.rest().size();
  const auto raw = in.u8();
  if (in.failed() || Token{*type} != Token::EnvChange) return std::nullopt;
  const EnvKind kind{*raw};
  const Layout layout = layout_of(kind);
  if (layout == Layout::Promote && *length == 1) return read_promote(in);
  if (*length != behind) return std::nullopt;
  if (layout == Layout::Promote) return read_promote(in);
  EnvChange change{kind, {}, {}};
  const auto now = read_value(in, layout);
  if (!now) return std::nullopt;
  change.new_value = *now;
  if (in.rest().empty()) return change;  // OldValue may be left out
  // Some kinds have one zero byte here whatever their new value looks like; so has a value of no length.
  if (in.rest() == Bytes("\0", 1)) return change;
  const auto before = read_value(in, layout);
  if (!before || !in.rest().empty()) return std::nullopt;
  if (layout != Layout::Routing) change.old_value = *before;
  return change;
}

void append_env_change(std::string& out, EnvKind kind, Bytes new_value, Bytes old_value) {
  const Layout layout = layout_of(kind);
  std::string body;
  LittleWriter to(body);
  to.u8(static_cast<std::uint8_t>(kind));
  if (layout == Layout::Promote) {
    to.u32(static_cast<std::uint32_t>(new_value.size())).bytes(new_value).u8(0);
  } else {
    write_value(to, layout, new_value);
    write_value(to, layout, layout == Layout::Routing ? Bytes{} : old_value);
  }
  const std::size_t length = layout == Layout::Promote ? 1 : body.size();
  LittleWriter(out)
      .u8(static_cast<std::uint8_t>(Token::EnvChange))
      .u16(static_cast<std::uint16_t>(length))
      .bytes(body);
}

}  // namespace holdfast::tds
