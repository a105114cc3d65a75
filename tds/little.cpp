#include "tds/little.h"

namespace holdfast::tds {

namespace {

constexpr char32_t replacement = 0xFFFD;

bool is_surrogate(char32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

void append_unit(std::string& out, char32_t unit) {
  out.push_back(static_cast<char>(unit & 0xff));
  out.push_back(static_cast<char>(unit >> 8 & 0xff));
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | (c >> shift & 0x3f))); };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    tail(6), tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    tail(12), tail(6), tail(0);
  }
}

// Takes one code point from the front (RFC 3629 section 4). Of an invalid sequence it takes the bytes that
// could have begun a valid one, so that the next character is not lost with it.
char32_t take_utf8(std::string_view& in) {
  const auto first = static_cast<unsigned char>(in.front());
  in.remove_prefix(1);
  if (first < 0x80) return first;
  const int more = first >= 0xC2 && first < 0xE0   ? 1
                   : first >= 0xE0 && first < 0xF0 ? 2
                   : first >= 0xF0 && first < 0xF5 ? 3
                                                   : 0;
  if (more == 0) return replacement;
  static constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
  char32_t c = first & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    if (in.empty() || (static_cast<unsigned char>(in.front()) & 0xC0) != 0x80) return replacement;
    c = c << 6 | (static_cast<unsigned char>(in.front()) & 0x3fu);
    in.remove_prefix(1);
  }
  return c < least[more] || c > 0x10FFFF || is_surrogate(c) ? replacement : c;
}

}  // namespace

std::string to_utf16(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size() * 2);
  while (!utf8.empty()) {
    const char32_t c = take_utf8(utf8);
    if (c < 0x10000) {
      append_unit(out, c);
    } else {
      append_unit(out, 0xD800 + ((c - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((c - 0x10000) & 0x3ff));
    }
  }
  return out;
}

std::string to_utf8(Bytes utf16) {
  std::string out;
  out.reserve(utf16.size());
  LittleReader in(utf16);
  while (const auto unit = in.u16()) {
    char32_t c = *unit;
    if (is_surrogate(c)) {
      LittleReader ahead(in.rest());
      const char32_t low = ahead.u16().value_or(0);
      if (c < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        (void)in.u16();
      } else {
        c = replacement;
      }
    }
    append_utf8(out, c);
  }
  return out;
}

}  // namespace holdfast::tds
