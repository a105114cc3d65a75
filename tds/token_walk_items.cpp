// The small parts of tokens that must be read: lengths, columns, heads. Each reader is given the bytes from
// where its item begins and either has all it needs, or changes nothing.
#include <algorithm>

#include "tds/login7.h"
#include "tds/token_walk.h"

namespace holdfast::tds {

namespace {

constexpr std::uint16_t no_metadata = 0xffff;

std::unexpected<Error> bad(const char* what) { return fail(Blame::Server, what); }

// Of a text, ntext or image column (2.2.7.4): parts since 7.2, one name before.
void read_table_name(LittleReader& in, bool parts) {
  const unsigned count = parts ? in.u8().value_or(0) : 1;
  for (unsigned part = 0; part < count && !in.failed(); ++part) in.us_varchar();
}

}  // namespace

Result<std::size_t> TokenWalk::read_item(Bytes b) {
  switch (phase_) {
    case Phase::ShortLength: return read_length(b, false);
    case Phase::LongLength: return read_length(b, true);
    case Phase::EnvHead: return read_env_head(b);
    case Phase::Feature: return read_feature(b);
    case Phase::ColumnCount: return read_column_count(b);
    case Phase::Column: return read_column(b, false);
    case Phase::AltHead: return read_alt_head(b);
    case Phase::AltColumn: return read_column(b, true);
    case Phase::AltRowId: return read_alt_row_id(b);
    case Phase::ReturnHead: return read_return_head(b);
    default: return read_classification(b);
  }
}

std::size_t TokenWalk::read_length(Bytes b, bool wide) {
  LittleReader in(b);
  const std::uint64_t length = wide ? in.u32().value_or(0) : in.u16().value_or(0);
  if (in.failed()) return 0;
  skip(length, Phase::End);
  return in.at();
}

// 2.2.7.9: the length of kind 15 covers its type byte only; a value with a length of four bytes and a byte
// follow.
std::size_t TokenWalk::read_env_head(Bytes b) {
  LittleReader in(b);
  const auto length = in.u16();
  const std::size_t head = in.failed() || *length == 0 ? 2 : 3;
  const auto kind = head == 3 ? in.u8() : std::uint8_t{0};
  std::uint64_t behind = length.value_or(0) + std::size_t{2} - head;
  if (!in.failed() && EnvKind{*kind} == EnvKind::Promote && *length == 1)
    behind = std::uint64_t{in.u32().value_or(0)} + 1;
  if (in.failed()) return 0;
  skip(behind, Phase::End);
  return in.at();
}

std::size_t TokenWalk::read_feature(Bytes b) {
  constexpr std::uint8_t terminator = 0xff;
  LittleReader in(b);
  const auto id = in.u8();
  const std::uint32_t length = id && *id != terminator ? in.u32().value_or(0) : 0;
  if (in.failed()) return 0;
  skip(length, *id == terminator ? Phase::End : Phase::Feature);
  return in.at();
}

Result<std::size_t> TokenWalk::read_column_count(Bytes b) {
  LittleReader in(b);
  const auto count = in.u16();
  if (!count) return std::size_t{0};
  const std::size_t known = *count == no_metadata ? 0 : *count;
  if (known > columns_max) return bad("TDS: too many columns");
  columns_.clear();
  steps_.clear();
  computes_.clear();
  compute_columns_.clear();
  remaining_ = known;
  phase_ = known == 0 ? Phase::End : Phase::Column;
  return in.at();
}

Result<std::size_t> TokenWalk::read_column(Bytes b, bool compute) {
  const bool newer = tds_version::has_all_headers(version_);
  LittleReader in(b);
  if (compute) in.bytes(3);  // Op, Operand
  in.bytes(newer ? 6 : 4);  // UserType, Flags
  const auto type = parse_type_info(in, version_);
  if (!type) return std::unexpected(type.error());
  if (!*type) return std::size_t{0};
  if ((*type)->kind == LengthKind::TextPtr) read_table_name(in, newer);
  in.b_varchar();
  if (in.failed()) return std::size_t{0};
  // Totals of no size would make a server's three bytes cost as many steps as there are columns.
  if (compute && (*type)->kind == LengthKind::Fixed && (*type)->size == 0)
    return bad("TDS: a total of no type");
  (compute ? compute_columns_ : columns_).push_back({(*type)->kind, (*type)->size});
  if (--remaining_ == 0) {
    if (!compute) after_columns();
    phase_ = Phase::End;
  }
  return in.at();
}

void TokenWalk::after_columns() {
  for (const Column& column : columns_) {
    const bool joins =
        column.kind == LengthKind::Fixed && !steps_.empty() && steps_.back().kind == column.kind;
    if (joins)
      steps_.back().size += column.size;
    else
      steps_.push_back(column);
  }
}

Result<std::size_t> TokenWalk::read_alt_head(Bytes b) {
  LittleReader in(b);
  const auto count = in.u16(), id = in.u16();
  const auto by_columns = in.u8();
  if (by_columns) in.bytes(std::size_t{*by_columns} * 2);
  if (in.failed()) return std::size_t{0};
  if (*count == 0 || *count + compute_columns_.size() > columns_max) return bad("TDS: too many or no totals");
  computes_.push_back({*id, compute_columns_.size(), *count});
  remaining_ = *count;
  phase_ = Phase::AltColumn;
  return in.at();
}

Result<std::size_t> TokenWalk::read_alt_row_id(Bytes b) {
  LittleReader in(b);
  const auto id = in.u16();
  if (!id) return std::size_t{0};
  const auto found =
      std::find_if(computes_.begin(), computes_.end(), [&](const Compute& each) { return each.id == *id; });
  if (found == computes_.end()) return bad("TDS: totals without their columns");
  first_ = found->first;
  count_ = found->count;
  begin_values(Layout::Compute);
  return in.at();
}

// Once a value may be large it is not shown: what was gathered passes.
Result<std::size_t> TokenWalk::read_return_head(Bytes b) {
  LittleReader in(b);
  in.u16();  // ParamOrdinal
  in.b_varchar();
  in.bytes(tds_version::has_all_headers(version_) ? 7 : 5);  // Status, UserType, Flags
  const auto type = parse_type_info(in, version_);
  if (!type) return std::unexpected(type.error());
  if (!*type) return std::size_t{0};
  returned_ = {(*type)->kind, (*type)->size};
  const bool small = returned_.kind == LengthKind::Fixed || returned_.kind == LengthKind::Byte ||
                     returned_.kind == LengthKind::Ushort;
  gathering_ = gathering_ && small;
  begin_values(Layout::Returned);
  return in.at();
}

// 2.2.7.5, of which nothing says how long it is: labels, information types, a rank since version 2,
// columns.
std::size_t TokenWalk::read_classification(Bytes b) {
  LittleReader in(b);
  const bool ranked = classification_ >= 2;
  switch (phase_) {
    case Phase::LabelCount: return read_classified_count(b, Phase::Label, Phase::InformationCount, 2);
    case Phase::InformationCount:
      return read_classified_count(b, Phase::Information, ranked ? Phase::Rank : Phase::ClassifiedCount, 2);
    case Phase::ClassifiedCount: return read_classified_count(b, Phase::Classified, Phase::End, 1);
    case Phase::Rank:
      if (!in.u32()) return 0;
      phase_ = Phase::ClassifiedCount;
      return in.at();
    case Phase::Classified: {
      const auto properties = in.u16();
      if (!properties) return 0;
      skip(std::uint64_t{*properties} * (ranked ? 8 : 4), --remaining_ == 0 ? Phase::End : phase_);
      return in.at();
    }
    default: break;  // a name or an identifier
  }
  if (!in.b_varchar()) return 0;
  if (--remaining_ > 0) return in.at();
  if (phase_ == Phase::Label)
    phase_ = Phase::InformationCount;
  else
    phase_ = ranked ? Phase::Rank : Phase::ClassifiedCount;
  return in.at();
}

std::size_t TokenWalk::read_classified_count(Bytes b, Phase each, Phase next, std::size_t times) {
  LittleReader in(b);
  const auto count = in.u16();
  if (!count) return 0;
  remaining_ = *count * times;
  phase_ = remaining_ > 0 ? each : next;
  return in.at();
}

}  // namespace holdfast::tds
