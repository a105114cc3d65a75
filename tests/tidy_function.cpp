#include <algorithm>
#include <cctype>

#include "tests/tidy_check.h"

namespace holdfast::tidy {
namespace {

enum class In { Code, Line, Block, String, Char, Raw };

/// Blanks everything but code and line breaks, one character at a time.
class Stripper {
 public:
  explicit Stripper(std::string_view text) : text_(text), out_(text) {}

  std::string run() {
    for (at_ = 0; at_ < text_.size(); ++at_) step();
    return out_;
  }

 private:
  bool here(std::string_view s) const { return text_.substr(at_).starts_with(s); }
  bool digit_separator() const {  // 1'000
    return at_ > 0 && std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }
  void blank(std::size_t n = 1) {
    for (; n > 0 && at_ < text_.size(); --n, ++at_)
      if (text_[at_] != '\n') out_[at_] = ' ';
    --at_;
  }

  void step() {
    if (in_ != In::Code) return inside();
    if (here("//"))
      in_ = In::Line;
    else if (here("/*"))
      in_ = In::Block;
    else if (here("R\""))
      raw();
    else if (text_[at_] == '"')
      in_ = In::String;
    else if (text_[at_] == '\'' && !digit_separator())
      in_ = In::Char;
    if (in_ == In::Line || in_ == In::Block) blank(2);
  }
  void raw() {
    const std::size_t open = text_.find('(', at_);
    if (open == text_.npos) return;
    end_ = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    in_ = In::Raw;
    blank(open + 1 - at_);
  }
  void inside() {
    const char c = text_[at_];
    if (in_ == In::Line && c == '\n')
      in_ = In::Code;
    else if (in_ == In::Block && here("*/"))
      finish(2);
    else if (in_ == In::Raw && here(end_))
      finish(end_.size());
    else if ((in_ == In::String || in_ == In::Char) && c == '\\')
      blank(2);
    else if ((in_ == In::String && c == '"') || (in_ == In::Char && c == '\''))
      in_ = In::Code;
    else
      blank();
  }
  void finish(std::size_t n) {
    blank(n);
    in_ = In::Code;
  }

  std::string_view text_;
  std::string out_;
  std::string end_;
  std::size_t at_ = 0;
  In in_ = In::Code;
};

bool has_word(std::string_view s, std::string_view word) {
  const std::size_t at = s.find(word);
  return at != s.npos && (at == 0 || !std::isalnum(static_cast<unsigned char>(s[at - 1])));
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back()))) s.remove_suffix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front()))) s.remove_prefix(1);
  return s;
}

/// Whether the text before a '{' at class or namespace level begins a function's body.
bool begins_function(std::string_view head) {
  head = trim(head);
  if (head.empty() || head.find('(') == head.npos) return false;
  if (std::string_view("=,(").find(head.back()) != std::string_view::npos) return false;
  return !has_word(head, "namespace ") && !has_word(head, "enum ");
}

std::string name_of(std::string_view head) {
  head = trim(head);
  head = trim(head.substr(0, head.find('(')));
  const std::size_t space = head.find_last_of(" \n*&");
  return std::string(space == head.npos ? head : head.substr(space + 1));
}

}  // namespace

std::string strip(std::string_view text) { return Stripper(text).run(); }

std::vector<Function> functions(std::string_view text) {
  const std::string code = strip(text);
  std::vector<Function> out;
  std::size_t head = 0;       // where the declaration before the next brace begins
  unsigned line = 1, depth = 0, body_depth = 0;  // body_depth: 0 outside of any function
  for (std::size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '\n') ++line;
    if (c == '{') {
      const std::string_view before = std::string_view(code).substr(head, i - head);
      ++depth;
      if (body_depth == 0 && begins_function(before)) {
        body_depth = depth;
        const std::size_t first = static_cast<std::size_t>(trim(before).data() - code.data());
        const auto breaks = std::count(code.begin() + static_cast<std::ptrdiff_t>(first),
                                       code.begin() + static_cast<std::ptrdiff_t>(i), '\n');
        out.push_back({name_of(before), line - static_cast<unsigned>(breaks), 0});
      }
    }
    if (c == '}' && depth > 0) {
      if (depth == body_depth) {
        out.back().lines = line - out.back().line + 1;
        body_depth = 0;
      }
      --depth;
    }
    if (c == '{' || c == '}' || c == ';') head = i + 1;
  }
  return out;
}

}  // namespace holdfast::tidy
