#include "tests/sqlnode/sql_parse.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

// Words that cannot be an alias or a plain name: what ends a clause or starts a statement.
constexpr std::string_view kReserved[] = {
    "ADD",        "ALL",     "ALTER",      "AND",      "ANY",     "AS",     "ASC",        "BEGIN",
    "BETWEEN",    "BREAK",   "BY",         "CASE",     "CHECK",   "COMMIT", "CONSTRAINT", "CONTINUE",
    "CREATE",     "CROSS",   "DECLARE",    "DEFAULT",  "DELETE",  "DESC",   "DISTINCT",   "DROP",
    "ELSE",       "END",     "EXCEPT",     "EXEC",     "EXECUTE", "EXISTS", "FOR",        "FOREIGN",
    "FROM",       "FULL",    "GOTO",       "GROUP",    "HAVING",  "IF",     "IN",         "INDEX",
    "INNER",      "INSERT",  "INTERSECT",  "INTO",     "IS",      "JOIN",   "KEY",        "LEFT",
    "LIKE",       "MERGE",   "NOT",        "NULL",     "ON",      "OPTION", "OR",         "ORDER",
    "OUTER",      "OUTPUT",  "OVER",       "PRIMARY",  "PRINT",   "PROC",   "PROCEDURE",  "RAISERROR",
    "REFERENCES", "RETURN",  "RIGHT",      "ROLLBACK", "SAVE",    "SELECT", "SET",        "TABLE",
    "THEN",       "TOP",     "TRUNCATE",   "UNION",    "UNIQUE",  "UPDATE", "USE",        "VALUES",
    "VIEW",       "WAITFOR", "WHEN",       "WHERE",    "WHILE",   "WITH",   "GRANT",      "REVOKE",
    "DENY",       "KILL",    "CHECKPOINT", "BULK",     "DBCC",    "BACKUP", "RESTORE",    "SOME",
    "PIVOT",      "UNPIVOT", "TABLESAMPLE"};

bool reserved(const std::string& word) {
  return std::find(std::begin(kReserved), std::end(kReserved), word) != std::end(kReserved);
}

}  // namespace

Parser::Parser(const std::string& text, bool quoted_identifier)
    : text_(text), tokens_(lex(text, quoted_identifier)) {}

Batch Parser::batch() {
  Batch out;
  for (;;) {
    while (take_symbol(";")) {}
    if (peek().kind == Lex::End) return out;
    out.push_back(statement());
  }
}

QueryPtr Parser::whole_query() {
  QueryPtr out = query();
  while (take_symbol(";")) {}
  if (peek().kind != Lex::End) bad();
  return out;
}

ExprPtr Parser::whole_expression() {
  ExprPtr out = expression();
  if (peek().kind != Lex::End) bad();
  return out;
}

std::vector<ParameterDef> Parser::parameters() {
  std::vector<ParameterDef> out;
  while (peek().kind == Lex::Variable) {
    ParameterDef parameter;
    parameter.name = tokens_[at_++].text;
    take("AS");
    parameter.type = type();
    if (take_symbol("=")) parameter.fallback = expression();
    if (take("OUTPUT") || take("OUT")) parameter.output = true;
    take("READONLY");
    out.push_back(std::move(parameter));
    if (!take_symbol(",")) break;
  }
  return out;
}

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}
bool Parser::is(const char* word, std::size_t ahead) const {
  return peek(ahead).kind == Lex::Word && peek(ahead).upper == word;
}
bool Parser::symbol(const char* text, std::size_t ahead) const {
  return peek(ahead).kind == Lex::Symbol && peek(ahead).text == text;
}
bool Parser::take(const char* word) {
  if (!is(word)) return false;
  ++at_;
  return true;
}
bool Parser::take_symbol(const char* text) {
  if (!symbol(text)) return false;
  ++at_;
  return true;
}
void Parser::expect(const char* word) {
  if (!take(word)) bad();
}
void Parser::expect_symbol(const char* text) {
  if (!take_symbol(text)) bad();
}

void Parser::bad() const {
  const Token& token = peek();
  SqlError error;
  error.message.line = token.line;
  error.message.severity = 15;
  error.fatal = true;
  bool keyword = token.kind == Lex::Word && reserved(token.upper);
  error.message.number = keyword ? 156 : 102;
  std::string near = token.kind == Lex::End && at_ > 0 ? tokens_[at_ - 1].text : token.text;
  error.message.text =
      keyword ? "Incorrect syntax near the keyword '" + near + "'." : "Incorrect syntax near '" + near + "'.";
  throw error;
}

bool Parser::at_name() const {
  return peek().kind == Lex::Quoted || (peek().kind == Lex::Word && !reserved(peek().upper));
}

std::string Parser::name() {
  if (!at_name()) bad();
  return tokens_[at_++].text;
}

std::string Parser::alias() {
  if (take("AS")) {
    if (peek().kind == Lex::String) return tokens_[at_++].text;
    return name();
  }
  return at_name() && !starts_statement() ? name() : peek().kind == Lex::String ? tokens_[at_++].text : "";
}

Path Parser::path() {
  Path out;
  if (peek().kind == Lex::Variable) return {tokens_[at_++].text};
  out.push_back(name());
  while (take_symbol(".")) {
    if (symbol(".")) {
      out.emplace_back();
    } else if (peek().kind == Lex::Word || peek().kind == Lex::Quoted) {
      out.push_back(tokens_[at_++].text);
    } else {
      --at_;
      break;
    }
  }
  return out;
}

std::vector<std::string> Parser::names() {
  std::vector<std::string> out;
  expect_symbol("(");
  do {
    out.push_back(name());
    if (!take("ASC")) take("DESC");
  } while (take_symbol(","));
  expect_symbol(")");
  return out;
}

Type Parser::type(bool wide) {
  if (peek().kind != Lex::Word && peek().kind != Lex::Quoted) bad();
  std::string word = tokens_[at_++].text;
  if (same(word, "sys") && take_symbol(".")) word = tokens_[at_++].text;
  if (same(word, "national")) {
    word = "N" + tokens_[at_++].text;
    if (same(word, "NCHARACTER")) word = "NCHAR";
  }
  if (take("VARYING"))
    word = same(word, "NCHAR") ? "NVARCHAR" : same(word, "BINARY") ? "VARBINARY" : "VARCHAR";
  if (same(word, "double") && take("PRECISION")) word = "FLOAT";
  std::int64_t numbers[2] = {-2, -2};
  if (take_symbol("(")) {
    for (int i = 0; i < 2; ++i) {
      if (take("MAX"))
        numbers[i] = -1;
      else if (peek().kind == Lex::Integer)
        numbers[i] = std::atoll(tokens_[at_++].text.c_str());
      else
        bad();
      if (!take_symbol(",")) break;
    }
    expect_symbol(")");
  }
  Type out;
  if (!named_type(word, numbers[0], numbers[1], wide, out)) {
    fail(2715, "Column, parameter, or variable: Cannot find data type " + word + ".", 16, true);
  }
  return out;
}

}  // namespace holdfast::sqlnode
