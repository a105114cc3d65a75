#include "tds/text_shape.h"

#include <algorithm>

#include "tds/little.h"

namespace holdfast::tds {

namespace {

bool is_symbol(const LexToken& token, char symbol) {
  return token.kind == Lexeme::Symbol && token.symbol == static_cast<char16_t>(symbol);
}

}  // namespace

std::string upper_case(Bytes utf16) {
  std::string name = to_utf8(utf16);
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return name;
}

TextShape::TextShape(Bytes utf16) : lexer_(utf16) {
  for (LexToken token = lexer_.next(); token.kind != Lexeme::End; token = lexer_.next()) {
    if (is_symbol(token, ';')) continue;
    if (tokens_.size() == most) {
      tokens_.clear();
      return;
    }
    tokens_.push_back(token);
  }
}

bool TextShape::is(std::initializer_list<std::string_view> words) const {
  std::size_t at = 0;
  for (std::string_view word : words) {
    const bool optional = word.ends_with('?');
    if (optional) word.remove_suffix(1);
    if (at < tokens_.size() && matches(tokens_[at], word))
      ++at;
    else if (!optional)
      return false;
  }
  return at != 0 && at == tokens_.size();
}

bool TextShape::has(char symbol) const {
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [&](const LexToken& token) { return is_symbol(token, symbol); });
}

bool TextShape::matches(const LexToken& token, std::string_view word) const {
  return token.kind == Lexeme::Word ? lexer_.is(token, word) : upper_case(lexer_.text(token)) == word;
}

}  // namespace holdfast::tds
