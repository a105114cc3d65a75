// The SQL node's T-SQL lexer: UTF-8 in, tokens out, names and strings already unquoted. It throws SqlError
// for what is not closed. Test code: the product's own lexer (tds/lexer.h) is another, so that the two do
// not share mistakes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

/// What a statement fails with; `fatal`: the rest of the batch is not run.
struct SqlError {
  Message message;
  bool fatal = false;
};
[[noreturn]] void fail(std::uint32_t number, std::string text, std::uint8_t severity = 16,
                       bool fatal = false);

enum class Lex : std::uint8_t {
  End,
  Word,
  Quoted,
  String,
  Integer,
  Decimal,
  Float,
  Binary,
  Variable,
  Symbol
};

struct Token {
  Lex kind = Lex::End;
  std::string text;  ///< unquoted; a word as written; a symbol as itself ("<=", "+=", "(")
  std::string upper;  ///< Word and Variable ("@@ROWCOUNT", "@ID"): in upper case
  bool national = false;  ///< N'...'
  std::size_t begin = 0, end = 0;
  std::uint32_t line = 1;
};

/// All tokens, the last one End.
std::vector<Token> lex(std::string_view text, bool quoted_identifier);
std::string upper(std::string_view text);
bool same(std::string_view a, std::string_view b);  ///< whatever the (ASCII) case

}  // namespace holdfast::sqlnode
