#include "proxy/http/fields.h"

#include <bit>
#include <cstring>

#include "proxy/http/rules.h"

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

/// High bit set in each byte of `x` that is a control byte. A borrow can only mark bytes above a true
/// hit, so the lowest mark is exact.
std::uint64_t control_marks(std::uint64_t x) {
  constexpr std::uint64_t ones = 0x0101010101010101u;
  constexpr std::uint64_t high = 0x8080808080808080u;
  std::uint64_t below_space = (x - ones * 0x20) & ~x & high;
  std::uint64_t not_del = x ^ (ones * 0x7f);
  std::uint64_t del = (not_del - ones) & ~not_del & high;
  return below_space | del;
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

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

const char* skip_value(const char* p, const char* end) {
  static_assert(std::endian::native == std::endian::little, "the lowest mark must be the first byte");
  while (end - p >= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    std::uint64_t marks = control_marks(word);
    if (!marks) {
      p += 8;
      continue;
    }
    p += std::countr_zero(marks) / 8;
    if (*p != '\t') return p;
    ++p;
  }
  while (p != end && (!is_control(*p) || *p == '\t')) ++p;
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
  while (p != end && is(*p, kToken)) ++p;
  if (p == end) return &rules::incomplete;
  if (*p != ':' || p == name) return name_fault(p, end, p == name);
  field.name = {name, p};
  do ++p;
  while (p != end && is_blank(*p));
  const char* value = p;
  p = skip_value(p, end);
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return line_fault(p, end);
  const char* last = p;
  while (last != value && is_blank(last[-1])) --last;
  field.value = {value, last};
  field.known = known_of(field.name);
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
