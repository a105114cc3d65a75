#include "proxy/http/fields.h"

#include <bit>
#include <cstring>

#include "proxy/http/rules.h"
#include "proxy/http/scan.h"

namespace holdfast::http {
namespace {

constexpr bool alpha(unsigned c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool digit(unsigned c) { return c >= '0' && c <= '9'; }

consteval std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    char ch = static_cast<char>(c);
    unsigned bits = 0;
    bool alnum = alpha(c) || digit(c);
    if (alnum || (c && std::string_view("!#$%&'*+-.^_`|~").contains(ch))) bits |= kToken;
    if (c > 0x20 && c < 0x7f && c != '#') bits |= kTarget;
    // A registered name in practice: RFC 3986 would also allow sub-delimiters and percent escapes, which
    // no resolver knows and which mean something in the lists and quoted strings this name is put into.
    if (alnum || (c && std::string_view("-._~").contains(ch))) bits |= kHost;
    if (digit(c)) bits |= kDigit;
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}

consteval std::array<char, 256> make_lower() {
  std::array<char, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 0x20 : c);
  return table;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

constexpr std::uint64_t ones = 0x0101010101010101u;

/// The letters A to Z among eight bytes made small; all other bytes stay.
inline std::uint64_t lower_letters(std::uint64_t x) {
  constexpr std::uint64_t high = ones * 0x80;
  const std::uint64_t low = x & ~high;
  const std::uint64_t from_a = low + ones * (0x80 - 'A'), beyond_z = low + ones * (0x7f - 'Z');
  return x | (~x & high & (from_a ^ beyond_z)) >> 2;
}

template <class T>
inline T load(const char* p) {
  T word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// Up to eight bytes as one word, some of them twice; the same bytes give the same word.
inline std::uint64_t short_word(const char* p, std::size_t size) {
  if (size >= 8) return load<std::uint64_t>(p);
  if (size >= 4) return std::uint64_t{load<std::uint32_t>(p)} << 32 | load<std::uint32_t>(p + size - 4);
  if (size >= 2) return std::uint64_t{load<std::uint16_t>(p)} << 32 | load<std::uint16_t>(p + size - 2);
  return size ? static_cast<unsigned char>(*p) : 0;
}

inline bool same_words(std::uint64_t a, std::uint64_t b) {
  return a == b || lower_letters(a) == lower_letters(b);
}

const Refusal* name_fault(const char* p, const char* end, bool empty) {
  if (*p == ':') return &rules::empty_name;
  if (is_blank(*p)) return empty ? &rules::obs_fold : &rules::space_in_name;
  if (*p == '\r' && p + 1 != end && p[1] == '\n') return &rules::missing_colon;
  return is_control(*p) ? line_fault(p, end) : &rules::bad_name;
}

}  // namespace

constexpr std::array<std::uint8_t, 256> char_class = make_classes();
constexpr std::array<char, 256> lower_case = make_lower();

bool all(std::string_view text, CharClass which) {
  for (char c : text)
    if (!is(c, which)) return false;
  return true;
}

bool same_letters(const char* a, const char* b, std::size_t size) {
  if (size <= 8) return same_words(short_word(a, size), short_word(b, size));
  for (std::size_t i = 0; i + 8 < size; i += 8)
    if (!same_words(load<std::uint64_t>(a + i), load<std::uint64_t>(b + i))) return false;
  return same_words(load<std::uint64_t>(a + size - 8), load<std::uint64_t>(b + size - 8));
}

bool is_lowered(const char* text, const char* small, std::size_t size) {
  if (size <= 8) return lower_letters(short_word(text, size)) == short_word(small, size);
  for (std::size_t i = 0; i + 8 < size; i += 8)
    if (lower_letters(load<std::uint64_t>(text + i)) != load<std::uint64_t>(small + i)) return false;
  return lower_letters(load<std::uint64_t>(text + size - 8)) == load<std::uint64_t>(small + size - 8);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

const char* skip_value(const char* p, const char* end) {
  for (; end - p >= scan_width; p += scan_width)
    if (const unsigned marks = forbidden_marks(p)) return p + std::countr_zero(marks);
  while (p != end && !is_forbidden(*p)) ++p;
  return p;
}

const Refusal* line_fault(const char* p, const char* end) {
  if (p == end) return &rules::incomplete;
  if (*p == '\n') return &rules::bare_lf;
  if (*p == '\r') return p + 1 == end ? &rules::incomplete : &rules::bare_cr;
  return &rules::control_byte;
}

const Refusal* read_field(const char*& p, const char* end, Field& field) {
  const char* name = p;
  const char* colon = find_byte(p, end, ':');
  field.name = {name, colon};
  field.known = known_of(field.name);  // a known name needs no other proof that it is a token
  if (colon == end || colon == name || (field.known == Known::Other && !all(field.name, kToken))) {
    while (p != end && is(*p, kToken)) ++p;
    return p == end ? &rules::incomplete : name_fault(p, end, p == name);
  }
  p = colon;
  do ++p;
  while (p != end && is_blank(*p));
  const char* value = p;
  p = skip_value(p, end);
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return line_fault(p, end);
  const char* last = p;
  while (last != value && is_blank(last[-1])) --last;
  field.value = {value, last};
  field.tidy = value == colon + 2 && colon[1] == ' ' && last == p;
  p += 2;
  return nullptr;
}

bool next_element(std::string_view& list, std::string_view& element) {
  while (!list.empty()) {
    std::size_t comma = list.find(',');
    element = trim(list.substr(0, comma));
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
    if (!element.empty()) return true;
  }
  return false;
}

}  // namespace holdfast::http
