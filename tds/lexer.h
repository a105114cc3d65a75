// A T-SQL lexer over UTF-16LE bytes: words, quoted and bracketed names, strings, numbers, comments,
// variables, operators. It is exact about where strings and comments end (nested comments, doubled quotes,
// QUOTED_IDENTIFIER both ways), because what is proved read-only or stripped of literals leans on it. It
// allocates nothing and never fails: from where it is not certain how the server reads the text, all that is
// left is one token Odd (an unclosed quote, a blank that may be a letter, `1FROM`).
#pragma once

#include <cstdint>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

enum class Lexeme : std::uint8_t {
  End,
  Word,
  Quoted,        ///< [x]
  String,        ///< 'x', N'x'
  DoubleQuoted,  ///< "x": a name, or a string while QUOTED_IDENTIFIER is off
  Number,        ///< 1, 1.5e3, $5
  Binary,        ///< 0xAF
  Variable,      ///< @x
  Global,        ///< @@x
  Temporary,     ///< #x, ##x
  Symbol,
  Odd,           ///< the rest of the text: unclosed, or not T-SQL, or not certain
};

struct LexToken {
  Lexeme kind = Lexeme::End;
  std::size_t begin = 0, end = 0;  ///< byte offsets in the text, delimiters included
  char16_t symbol = 0;             ///< Symbol: its (first) character
};

class Lexer {
 public:
  explicit Lexer(Bytes utf16) : text_(utf16) {}
  LexToken next();
  Bytes text(const LexToken& token) const { return text_.substr(token.begin, token.end - token.begin); }
  /// Whether a Word equals an upper-case ASCII keyword, whatever its case.
  bool is(const LexToken& token, std::string_view keyword) const;

 private:
  char16_t at(std::size_t i) const;
  LexToken odd();
  LexToken made(Lexeme kind, std::size_t end);
  bool skip();
  bool skip_line_comment();
  bool skip_block_comment();
  LexToken delimited(Lexeme kind, std::size_t from, char16_t close);
  LexToken number();
  LexToken prefixed(char16_t c);
  std::size_t end_of_name(std::size_t i) const;
  Bytes text_;
  std::size_t at_ = 0;
};

}  // namespace holdfast::tds
