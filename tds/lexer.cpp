#include "tds/lexer.h"

#include <array>

namespace holdfast::tds {
namespace {

constexpr std::size_t unit = 2;  // bytes

enum Class : std::uint8_t { kBlank = 1, kDigit = 2, kLetter = 4, kHex = 8, kPart = 16, kSymbol = 32 };

/// Of ASCII. Blanks are those that every version takes for blanks: others (U+00A0, U+3000, control
/// characters) may be blanks or may be letters, so they are odd.
constexpr std::array<std::uint8_t, 128> classes = [] {
  std::array<std::uint8_t, 128> out{};
  auto mark = [&](std::string_view characters, unsigned what) {
    for (char c : characters) out[static_cast<std::size_t>(c)] |= static_cast<std::uint8_t>(what);
  };
  mark(" \t\n\r", kBlank);
  mark("0123456789", kDigit | kHex | kPart);
  mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", kLetter | kPart);
  mark("ABCDEFabcdef", kHex);
  mark("@#$", kPart);
  mark("!%&()*+,-./:;<=>?^{|}~", kSymbol);
  return out;
}();

bool is_of(char16_t c, Class what) { return c < 0x80 && (classes[c] & what) != 0; }
bool is_blank(char16_t c) { return is_of(c, kBlank); }
bool is_digit(char16_t c) { return is_of(c, kDigit); }
bool is_hex(char16_t c) { return is_of(c, kHex); }

struct Range {
  char16_t first, last;
};
/// Letters of living scripts. Left out on purpose: what a collation may fold into an ASCII keyword (long s,
/// the Kelvin sign, full-width letters), combining marks, and whatever is invisible. Dotless and dotted i are
/// letters that Turkish names need; where they would spell a keyword, Items (vocabulary.h) calls them odd.
constexpr Range letters[] = {{0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x131},    {0x132, 0x17E},
                             {0x180, 0x24F},   {0x386, 0x386},   {0x388, 0x3CE},   {0x400, 0x481},
                             {0x48A, 0x52F},   {0x531, 0x556},   {0x561, 0x587},   {0x5D0, 0x5EA},
                             {0x620, 0x64A},   {0x10D0, 0x10FA}, {0xE01, 0xE30},   {0x1EA0, 0x1EF9},
                             {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA5}, {0xAC00, 0xD7A3}};

bool is_letter(char16_t c) {
  if (c < 0x80) return is_of(c, kLetter);
  for (const Range& r : letters)
    if (c >= r.first && c <= r.last) return true;
  return false;
}
bool is_part(char16_t c) { return c < 0x80 ? is_of(c, kPart) : is_letter(c); }

bool is_symbol(char16_t c) { return is_of(c, kSymbol); }

/// Characters of which it is not certain whether they end a line.
bool may_end_line(char16_t c) {
  return c == 0 || c == 0xB || c == 0xC || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

char16_t Lexer::at(std::size_t i) const {
  if (i + 1 >= text_.size()) return 0;
  return static_cast<char16_t>(static_cast<unsigned char>(text_[i]) | static_cast<unsigned char>(text_[i + 1])
                                                                          << 8);
}

LexToken Lexer::odd() {
  const std::size_t begin = at_;
  at_ = text_.size();
  return {Lexeme::Odd, begin, at_, 0};
}

LexToken Lexer::made(Lexeme kind, std::size_t end) {
  const std::size_t begin = at_;
  at_ = end;
  return {kind, begin, end, 0};
}

bool Lexer::skip_line_comment() {
  std::size_t i = at_;
  for (; i + 1 < text_.size(); i += unit) {
    const char16_t c = at(i);
    if (c == '\n') break;
    if (may_end_line(c) || (c == '\r' && at(i + unit) != '\n')) return false;
  }
  at_ = i;
  return true;
}

bool Lexer::skip_block_comment() {
  std::size_t depth = 0;
  std::size_t i = at_;
  while (i + 3 < text_.size()) {
    const char16_t c = at(i), d = at(i + unit);
    if (c == '/' && d == '*') {
      if (at(i + 2 * unit) == '/') return false;  // "/*/": opened, or opened and closed?
      ++depth;
      i += 2 * unit;
    } else if (c == '*' && d == '/') {
      i += 2 * unit;
      if (--depth == 0) {
        at_ = i;
        return true;
      }
    } else {
      i += unit;
    }
  }
  return false;
}

/// Blanks and comments; false: a comment without a certain end.
bool Lexer::skip() {
  while (at_ + 1 < text_.size()) {
    const char16_t c = at(at_);
    if (is_blank(c)) {
      at_ += unit;
    } else if (c == '-' && at(at_ + unit) == '-') {
      if (!skip_line_comment()) return false;
    } else if (c == '/' && at(at_ + unit) == '*') {
      if (!skip_block_comment()) return false;
    } else {
      break;
    }
  }
  return true;
}

/// From the character after the opening one at `from`; the closing one, doubled, stands for itself.
LexToken Lexer::delimited(Lexeme kind, std::size_t from, char16_t close) {
  for (std::size_t i = from; i + 1 < text_.size(); i += unit) {
    if (at(i) != close) continue;
    if (i + 3 < text_.size() && at(i + unit) == close)
      i += unit;
    else
      return made(kind, i + unit);
  }
  return odd();
}

std::size_t Lexer::end_of_name(std::size_t i) const {
  while (i + 1 < text_.size() && is_part(at(i))) i += unit;
  return i;
}

/// `1FROM` is two tokens to the server, `1E` one and `1EXEC` who knows: a letter that touches a number is
/// odd.
LexToken Lexer::number() {
  std::size_t i = at_;
  if (at(i) == '0' && (at(i + unit) | 0x20) == 'x') {
    i += 2 * unit;
    while (is_hex(at(i))) i += unit;
    return is_part(at(i)) || at(i) == '\\' ? odd() : made(Lexeme::Binary, i);
  }
  if (at(i) == '$') i += unit;
  while (is_digit(at(i))) i += unit;
  if (at(i) == '.') i += unit;
  while (is_digit(at(i))) i += unit;
  if ((at(i) | 0x20) == 'e') {
    i += unit;
    if (at(i) == '+' || at(i) == '-') i += unit;
    if (!is_digit(at(i))) return odd();
    while (is_digit(at(i))) i += unit;
  }
  return is_part(at(i)) ? odd() : made(Lexeme::Number, i);
}

LexToken Lexer::prefixed(char16_t c) {
  const char16_t second = at(at_ + unit);
  if (c == '$') {
    if (is_digit(second)) return number();
    return is_letter(second) ? made(Lexeme::Word, end_of_name(at_ + unit)) : odd();
  }
  const bool twice = second == c;
  const std::size_t from = at_ + (twice ? 2 * unit : unit);
  const char16_t first = at(from);
  if (!is_letter(first) && !is_digit(first)) return odd();
  const Lexeme kind = c == '#' ? Lexeme::Temporary : twice ? Lexeme::Global : Lexeme::Variable;
  return made(kind, end_of_name(from));
}

LexToken Lexer::next() {
  if (!skip()) return odd();
  if (at_ >= text_.size()) return {Lexeme::End, text_.size(), text_.size(), 0};
  if (at_ + 1 == text_.size()) return odd();  // half a character
  const char16_t c = at(at_);
  if ((c | 0x20) == 'n' && at(at_ + unit) == '\'') return delimited(Lexeme::String, at_ + 2 * unit, '\'');
  if (is_letter(c)) return made(Lexeme::Word, end_of_name(at_));
  if (c == '\'') return delimited(Lexeme::String, at_ + unit, '\'');
  if (c == '"') return delimited(Lexeme::DoubleQuoted, at_ + unit, '"');
  if (c == '[') return delimited(Lexeme::Quoted, at_ + unit, ']');
  if (is_digit(c) || (c == '.' && is_digit(at(at_ + unit)))) return number();
  if (c == '@' || c == '#' || c == '$') return prefixed(c);
  if (!is_symbol(c)) return odd();
  LexToken token = made(Lexeme::Symbol, at_ + unit);
  token.symbol = c;
  return token;
}

bool Lexer::is(const LexToken& token, std::string_view keyword) const {
  if (token.kind != Lexeme::Word || token.end - token.begin != keyword.size() * unit) return false;
  for (std::size_t i = 0; i < keyword.size(); ++i) {
    char16_t c = at(token.begin + i * unit);
    if (c >= 'a' && c <= 'z') c = static_cast<char16_t>(c - 0x20);
    if (c != static_cast<unsigned char>(keyword[i])) return false;
  }
  return true;
}

}  // namespace holdfast::tds
