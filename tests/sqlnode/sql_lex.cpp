#include "tests/sqlnode/sql_lex.h"

#include <algorithm>

namespace holdfast::sqlnode {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '#' || (c & 0x80) != 0;
}
bool in_word(char c) { return starts_word(c) || is_digit(c) || c == '$' || c == '@'; }
char up(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

class Lexer {
 public:
  Lexer(std::string_view text, bool quoted_identifier) : text_(text), quoted_(quoted_identifier) {}

  std::vector<Token> all() {
    std::vector<Token> tokens;
    do {
      skip_space();
      Token token;
      token.begin = at_;
      token.line = line_;
      read(token);
      token.end = at_;
      if (token.kind == Lex::Word || token.kind == Lex::Variable) token.upper = upper(token.text);
      tokens.push_back(std::move(token));
    } while (tokens.back().kind != Lex::End);
    return tokens;
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  void skip_space() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0') {
        ++at_;
      } else if (c == '\xC2' && at(at_ + 1) == '\xA0') {
        at_ += 2;
      } else if (c == '-' && at(at_ + 1) == '-') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && at(at_ + 1) == '*') {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (at(at_) == '\n') ++line_;
      if (at(at_) == '/' && at(at_ + 1) == '*') {
        ++depth;
        ++at_;
      } else if (at(at_) == '*' && at(at_ + 1) == '/') {
        ++at_;
        if (--depth == 0) {
          ++at_;
          return;
        }
      }
    }
    fail(113, "Missing end comment mark '*/'.", 15, true);
  }

  void read(Token& token) {
    if (at_ >= text_.size()) return;
    char c = text_[at_];
    if (c == '\'') return quoted(token, '\'', Lex::String);
    if ((c == 'N' || c == 'n') && at(at_ + 1) == '\'') {
      ++at_;
      token.national = true;
      return quoted(token, '\'', Lex::String);
    }
    if (c == '[') return quoted(token, ']', Lex::Quoted);
    if (c == '"') return quoted(token, '"', quoted_ ? Lex::Quoted : Lex::String);
    if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1)))) return number(token);
    if (c == '$' && is_digit(at(at_ + 1))) {
      ++at_;
      return number(token);
    }
    if (starts_word(c) || c == '@') {
      token.kind = c == '@' ? Lex::Variable : Lex::Word;
      std::size_t start = at_++;
      while (in_word(at(at_))) ++at_;
      token.text = text_.substr(start, at_ - start);
      return;
    }
    symbol(token);
  }

  void quoted(Token& token, char close, Lex kind) {
    token.kind = kind;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == close) {
        if (at(at_ + 1) != close) {
          ++at_;
          return;
        }
        ++at_;
      }
      token.text += text_[at_];
    }
    fail(105, "Unclosed quotation mark after the character string '" + token.text + "'.", 15, true);
  }

  void number(Token& token) {
    std::size_t start = at_;
    if (at(at_) == '0' && up(at(at_ + 1)) == 'X') {
      at_ += 2;
      std::size_t digits = at_;
      while (is_digit(at(at_)) || (up(at(at_)) >= 'A' && up(at(at_)) <= 'F')) ++at_;
      token.kind = Lex::Binary;
      token.text = text_.substr(digits, at_ - digits);
      return;
    }
    token.kind = Lex::Integer;
    while (is_digit(at(at_))) ++at_;
    if (at(at_) == '.') {
      token.kind = Lex::Decimal;
      ++at_;
      while (is_digit(at(at_))) ++at_;
    }
    std::size_t sign = at(at_ + 1) == '+' || at(at_ + 1) == '-' ? 2 : 1;
    if (up(at(at_)) == 'E' && is_digit(at(at_ + sign))) {
      token.kind = Lex::Float;
      at_ += sign;
      while (is_digit(at(at_))) ++at_;
    }
    token.text = text_.substr(start, at_ - start);
  }

  void symbol(Token& token) {
    static constexpr std::string_view kPairs[] = {
        "<=", ">=", "<>", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::"};
    token.kind = Lex::Symbol;
    std::string_view two = text_.substr(at_, 2);
    bool pair = std::find(std::begin(kPairs), std::end(kPairs), two) != std::end(kPairs);
    token.text = pair ? two : two.substr(0, 1);
    at_ += token.text.size();
  }

  std::string_view text_;
  bool quoted_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace

void fail(std::uint32_t number, std::string text, std::uint8_t severity, bool fatal) {
  SqlError error;
  error.message.number = number;
  error.message.text = std::move(text);
  error.message.severity = severity;
  error.fatal = fatal;
  throw error;
}

std::vector<Token> lex(std::string_view text, bool quoted_identifier) {
  return Lexer(text, quoted_identifier).all();
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), up);
  return out;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return up(x) == up(y); });
}

}  // namespace holdfast::sqlnode
