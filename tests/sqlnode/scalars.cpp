#include "tests/sqlnode/scalars.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tds/little.h"

namespace holdfast::sqlnode {
namespace {

__extension__ typedef unsigned __int128 Wide;

// Digits of `text` as an integer of 10^-scale, rounded half up; exponents are not read.
Wide scaled_digits(Bytes text, int scale, bool& negative) {
  Wide value = 0;
  int seen = -1;  // digits behind the point; -1: no point yet
  negative = false;
  for (const char c : text) {
    if (c == '-') negative = true;
    if (c == '.') seen = 0;
    if (c < '0' || c > '9') continue;
    if (seen == scale) {
      if (c >= '5') ++value;
      return value;
    }
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (seen >= 0) ++seen;
  }
  for (int i = std::max(seen, 0); i < scale; ++i) value *= 10;
  return value;
}

std::string print_scaled(Wide value, int scale, bool negative) {
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value > 0 || static_cast<int>(text.size()) <= scale);
  if (scale > 0) text.insert(static_cast<std::size_t>(scale), 1, '.');
  if (negative) text.push_back('-');
  std::reverse(text.begin(), text.end());
  return text;
}

// What code page 1252 has at 0x80 to 0x9F.
constexpr std::array<std::uint16_t, 32> windows = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

}  // namespace

std::uint64_t little(Bytes bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string to_little(std::uint64_t value, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size && i < 8; ++i) out[i] = static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::size_t decimal_size(int precision) {
  return precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17;
}

std::string decimal_bytes(Bytes text, int scale, std::size_t size) {
  bool negative = false;
  Wide value = scaled_digits(text, scale, negative);
  std::string out(1, negative ? '\0' : '\1');
  for (std::size_t i = 1; i < size; ++i, value >>= 8) out.push_back(static_cast<char>(value & 0xff));
  return out;
}

std::string decimal_text(Bytes bytes, int scale) {
  if (bytes.empty()) return "0";
  Wide value = 0;
  for (std::size_t i = bytes.size(); i-- > 1;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return print_scaled(value, scale, bytes[0] == 0 && value != 0);
}

std::string money_bytes(Bytes text) {
  bool negative = false;
  const auto units = static_cast<std::uint64_t>(scaled_digits(text, 4, negative));
  const std::uint64_t value = negative ? ~units + 1 : units;
  return to_little(value >> 32, 4) + to_little(value, 4);  // 2.2.5.5.1.4: the high half first
}

std::string money_text(Bytes bytes) {
  std::int64_t value = 0;
  if (bytes.size() == 8)
    value = static_cast<std::int64_t>(little(bytes.substr(0, 4)) << 32 | little(bytes.substr(4)));
  else
    value = static_cast<std::int32_t>(little(bytes));
  const std::uint64_t size =
      value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  return print_scaled(size, 4, value < 0);
}

// The first three groups are little-endian integers, the rest bytes in order.
constexpr std::array<std::size_t, 16> guid_order = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

std::string guid_bytes(Bytes text) {
  std::string plain, out(16, '\0');
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9'                 ? c - '0'
                      : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                           : -1;
    if (digit >= 0) plain.push_back(static_cast<char>(digit));
  }
  plain.resize(32, '\0');
  for (std::size_t i = 0; i < 16; ++i)
    out[guid_order[i]] = static_cast<char>(plain[2 * i] << 4 | plain[2 * i + 1]);
  return out;
}

std::string guid_text(Bytes bytes) {
  std::string out;
  for (std::size_t i = 0; i < 16 && bytes.size() == 16; ++i) {
    char two[4];
    std::snprintf(two, sizeof two, "%02X",
                  static_cast<unsigned>(static_cast<unsigned char>(bytes[guid_order[i]])));
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out += two;
  }
  return out;
}

std::string to_latin1(Bytes utf8) {
  if (std::all_of(utf8.begin(), utf8.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return std::string(utf8);
  const std::string units = tds::to_utf16(utf8);
  std::string out;
  for (std::size_t i = 0; i + 1 < units.size(); i += 2) {
    const auto unit = static_cast<std::uint16_t>(little(Bytes(units).substr(i, 2)));
    const auto found = std::find(windows.begin(), windows.end(), unit);
    if (unit < 0x80 || (unit >= 0xA0 && unit <= 0xFF))
      out.push_back(static_cast<char>(unit));
    else
      out.push_back(found == windows.end() ? '?' : static_cast<char>(0x80 + (found - windows.begin())));
  }
  return out;
}

std::string from_latin1(Bytes bytes) {
  std::string units;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const std::uint16_t unit = byte >= 0x80 && byte < 0xA0 ? windows[byte - 0x80] : byte;
    units += to_little(unit, 2);
  }
  return tds::to_utf8(units);
}

}  // namespace holdfast::sqlnode
