#include "tds/tvp.h"

#include <utility>
#include <vector>

#include "tds/login7.h"
#include "tds/type_info.h"

namespace holdfast::tds {

namespace {

constexpr std::uint8_t end_token = 0x00, row_token = 0x01, order_unique_token = 0x10,
                       column_ordering_token = 0x11;
constexpr std::uint16_t no_columns = 0xffff, flag_default = 0x200;
constexpr std::uint8_t null_type = 0x1f;

struct TvpColumn {
  TypeInfo type;
  bool is_default = false;  // its values are not sent
};

std::unexpected<Error> bad(const char* what) { return fail(Blame::Client, what); }

Result<std::vector<TvpColumn>> read_columns(LittleReader& in) {
  const auto count = in.u16();
  if (!count) return bad("TDS: a table parameter is cut off");
  std::vector<TvpColumn> columns;
  if (*count == no_columns) return columns;
  if (*count > tvp_columns_max) return bad("TDS: a table parameter has too many columns");
  for (unsigned i = 0; i < *count; ++i) {
    in.u32();  // UserType
    const auto flags = in.u16();
    const auto type = parse_type_info(in, tds_version::v7_4, TypeFrom::Client);
    if (!type) return std::unexpected(type.error());
    in.b_varchar();  // ColName
    if (!*type || in.failed()) return bad("TDS: a table parameter is cut off");
    if ((*type)->kind == LengthKind::Tvp || (*type)->type == null_type)
      return bad("TDS: a table parameter has a column of a type that is not allowed there");
    columns.push_back({**type, (*flags & flag_default) != 0});
  }
  return columns;
}

// Values come in the order that the ordinals say; each column is named once.
Status reorder(LittleReader& in, std::vector<TvpColumn>& columns) {
  const auto count = in.u16();
  if (!count || *count != columns.size())
    return bad("TDS: a table parameter's order does not fit its columns");
  std::vector<TvpColumn> sorted;
  std::vector<bool> seen(columns.size());
  for (unsigned i = 0; i < *count; ++i) {
    const auto ordinal = in.u16();
    if (!ordinal || *ordinal == 0 || *ordinal > columns.size() || seen[*ordinal - 1u])
      return bad("TDS: a table parameter's order does not fit its columns");
    seen[*ordinal - 1u] = true;
    sorted.push_back(columns[*ordinal - 1u]);
  }
  columns = std::move(sorted);
  return {};
}

Status read_options(LittleReader& in, std::vector<TvpColumn>& columns) {
  for (;;) {
    const auto token = in.u8();
    if (!token) return bad("TDS: a table parameter is cut off");
    if (*token == end_token) return {};
    if (*token == order_unique_token) {
      const auto count = in.u16();
      if (!count || !in.bytes(std::size_t{*count} * 3)) return bad("TDS: a table parameter is cut off");
    } else if (*token == column_ordering_token) {
      if (auto done = reorder(in, columns); !done) return done;
    } else {
      return bad("TDS: a table parameter has a part that is not known");
    }
  }
}

Status skip_value(LittleReader& in, const TypeInfo& type) {
  if (type.kind == LengthKind::Plp) {
    const auto plp = parse_plp(in);
    return plp ? Status{} : std::unexpected(plp.error());
  }
  std::string scratch;
  const auto value = parse_value(in, type, scratch);
  return value ? Status{} : std::unexpected(value.error());
}

}  // namespace

void read_tvp_name(LittleReader& in) {
  for (int name = 0; name < 3; ++name) in.b_varchar();
}

Status skip_tvp(LittleReader& in) {
  auto columns = read_columns(in);
  if (!columns) return std::unexpected(columns.error());
  if (auto options = read_options(in, *columns); !options) return options;
  std::erase_if(*columns, [](const TvpColumn& column) { return column.is_default; });
  for (;;) {
    const auto token = in.u8();
    if (!token) return bad("TDS: a table parameter is cut off");
    if (*token == end_token) return {};
    if (*token != row_token) return bad("TDS: a table parameter has a row that is none");
    for (const TvpColumn& column : *columns)
      if (auto skipped = skip_value(in, column.type); !skipped) return skipped;
  }
}

}  // namespace holdfast::tds
