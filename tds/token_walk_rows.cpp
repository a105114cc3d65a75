// Values of rows and of returned parameters: their lengths are read, they are not. At speed: what lies
// whole in the input is stepped over in one loop; only a length that is cut off takes the way byte by byte.
#include <algorithm>

#include "tds/token_walk.h"

namespace holdfast::tds {

namespace {

constexpr std::uint16_t ushort_null = 0xffff;
constexpr std::uint32_t long_null = 0xffffffff, long_max = 0x7fffffff;
constexpr std::uint64_t plp_null = ~std::uint64_t{0};
constexpr std::size_t pointer_timestamp = 8;
constexpr std::size_t not_quick = ~std::size_t{0};

// Written so that compilers make one load of it.
template <class T>
T load(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  return static_cast<T>(value);
}

// A PLP value in one chunk that is all there; SQL Server sends most of them so.
inline std::size_t quick_plp(const char* at, std::size_t left) {
  if (left < 8) return not_quick;
  if (load<std::uint64_t>(at) == plp_null) return 8;
  if (left < 12) return not_quick;
  const std::size_t chunk = load<std::uint32_t>(at + 8);
  if (chunk == 0) return 12;
  if (left < 16 + chunk || load<std::uint32_t>(at + 12 + chunk) != 0) return not_quick;
  return 16 + chunk;
}

// Bytes of the value at `at`, its length included; they may be more than there are.
inline std::size_t quick_size(LengthKind kind, std::size_t fixed, const char* at, std::size_t left) {
  switch (kind) {
    case LengthKind::Fixed: return fixed;
    case LengthKind::Byte: return left < 1 ? not_quick : std::size_t{1} + load<std::uint8_t>(at);
    case LengthKind::Ushort: {
      if (left < 2) return not_quick;
      const auto length = load<std::uint16_t>(at);
      return length == ushort_null ? 2 : std::size_t{2} + length;
    }
    case LengthKind::Long: {
      if (left < 4) return not_quick;
      const auto length = load<std::uint32_t>(at);
      if (length == long_null) return 4;
      return length > long_max ? not_quick : std::size_t{4} + length;
    }
    case LengthKind::Plp: return quick_plp(at, left);
    default: return not_quick;
  }
}

std::unexpected<Error> bad(const char* what) { return fail(Blame::Server, what); }

}  // namespace

void TokenWalk::begin_values(Layout layout) {
  layout_ = layout;
  index_ = 0;
  part_ = Part::Head;
  phase_ = layout == Layout::NullableRow ? Phase::Bitmap : Phase::Values;
  bitmap_.clear();
  switch (layout) {
    case Layout::Row: count_ = steps_.size(); break;
    case Layout::NullableRow: count_ = columns_.size(); break;
    case Layout::Returned: count_ = 1; break;
    case Layout::Compute: break;  // read_alt_row_id knows
  }
}

const TokenWalk::Column* TokenWalk::list() const {
  switch (layout_) {
    case Layout::Row: return steps_.data();
    case Layout::NullableRow: return columns_.data();
    case Layout::Compute: return compute_columns_.data() + first_;
    default: return &returned_;
  }
}

// 2.2.7.15: a bit for each column, the first in the lowest; set: null, and nothing is sent.
void TokenWalk::bitmap(Cursor& c) {
  const std::size_t size = (columns_.size() + 7) / 8;
  const std::size_t n = std::min(size - bitmap_.size(), c.left());
  bitmap_.append(c.at, n);
  take(c, n);
  if (bitmap_.size() == size) phase_ = Phase::Values;
}

bool TokenWalk::is_null(std::size_t index) const {
  return (static_cast<unsigned char>(bitmap_[index / 8]) >> (index % 8) & 1) != 0;
}

Result<bool> TokenWalk::step(Cursor& c) {
  const Column* all = list();
  for (;;) {
    if (!drain(c)) return false;
    if (part_ == Part::Head && number_have_ == 0)
      take(c, static_cast<std::size_t>(step_fast(c.at, c.end, all) - c.at));
    if (run_ > 0) return false;
    if (index_ == count_) break;
    const auto whole = step_value(c, all[index_]);
    if (!whole || !*whole) return whole;
    ++index_;
  }
  phase_ = Phase::End;
  return true;
}

const char* TokenWalk::step_fast(const char* at, const char* end, const Column* all) {
  constexpr char row = '\xd1';
  const bool rows = layout_ == Layout::Row, nullable = layout_ == Layout::NullableRow;
  const std::size_t count = count_;
  std::size_t index = index_;
  for (;;) {
    for (; index < count; ++index) {
      if (nullable && is_null(index)) continue;
      const auto left = static_cast<std::size_t>(end - at);
      const std::size_t size = quick_size(all[index].kind, all[index].size, at, left);
      if (size > left) {
        index_ = size == not_quick ? index : index + 1;
        run_ = size == not_quick ? 0 : size - left;
        return size == not_quick ? at : end;
      }
      at += size;
    }
    if (!rows || at == end || *at != row) break;
    ++at;
    ++rows_;
    index = 0;
  }
  index_ = index;
  return at;
}

Result<bool> TokenWalk::step_value(Cursor& c, const Column& column) {
  for (;;) {
    if (!drain(c)) return false;
    if (part_ == Part::Chunk) {
      if (!number(c, 4)) return false;
      if (number_ == 0) break;
      run_ = number_;
      continue;
    }
    const bool behind = part_ == Part::BehindPointer;
    switch (behind ? LengthKind::Long : column.kind) {
      case LengthKind::Fixed: run_ = column.size; return true;
      case LengthKind::Byte:
        if (!number(c, 1)) return false;
        run_ = number_;
        return true;
      case LengthKind::Ushort:
        if (!number(c, 2)) return false;
        run_ = number_ == ushort_null ? 0 : number_;
        return true;
      case LengthKind::Long:
        if (!number(c, 4)) return false;
        if (number_ != long_null && number_ > long_max) return bad("TDS: a value of an impossible length");
        run_ = number_ == long_null ? 0 : number_;
        part_ = Part::Head;
        return true;
      case LengthKind::TextPtr:
        if (!number(c, 1)) return false;
        if (number_ == 0) return true;
        run_ = number_ + pointer_timestamp;
        part_ = Part::BehindPointer;
        break;
      case LengthKind::Plp:
        if (!number(c, 8)) return false;
        if (number_ == plp_null) return true;
        part_ = Part::Chunk;
        break;
      case LengthKind::Tvp: return bad("TDS: a table in a response");
    }
  }
  part_ = Part::Head;
  return true;
}

bool TokenWalk::number(Cursor& c, unsigned width) {
  if (number_have_ == 0) number_ = 0;
  while (number_have_ < width) {
    if (c.left() == 0) return false;
    number_ |= std::uint64_t{load<std::uint8_t>(c.at)} << (8 * number_have_++);
    take(c, 1);
  }
  number_have_ = 0;
  return true;
}

}  // namespace holdfast::tds
