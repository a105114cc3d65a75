// The lexemes of a short T-SQL text, to tell the few fixed shapes that drivers send by themselves ("IF
// @@TRANCOUNT > 0 ROLLBACK TRAN") from all others. Pure; a longer text has no shape.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "tds/lexer.h"

namespace holdfast::tds {

class TextShape {
 public:
  static constexpr std::size_t most = 512;  ///< lexemes; of a text with more none are kept

  /// `utf16` must outlive this. Semicolons do not count.
  explicit TextShape(Bytes utf16);
  std::size_t size() const { return tokens_.size(); }
  /// Whether the text is these words, given in upper case; one that ends with '?' may be missing.
  bool is(std::initializer_list<std::string_view> words) const;
  bool has(char symbol) const;

 private:
  bool matches(const LexToken& token, std::string_view word) const;

  Lexer lexer_;
  std::vector<LexToken> tokens_;
};

/// UTF-8 with its ASCII letters in upper case.
std::string upper_case(Bytes utf16);

}  // namespace holdfast::tds
