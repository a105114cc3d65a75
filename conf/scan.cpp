#include "conf/scan.h"

#include <algorithm>
#include <array>

namespace holdfast::conf {
namespace {

struct Quote {
  std::string_view mark;
  bool escapes;
};
constexpr Quote kQuotes[] = {{"\"\"\"", true}, {"'''", false}, {"\"", true}, {"'", false}};

/// What the next character is in; neither: it is bare.
struct State {
  const Quote* quote = nullptr;
  bool comment = false;
};

/// Bytes of the first character, 0 if they are none of UTF-8 (RFC 3629 section 4).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;   // no overlong forms
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;  // no surrogates, no end beyond
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

std::string hex(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
}

/// Nearly all of a file: it is allowed everywhere and begins and ends nothing.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned char c = ' '; c < 0x7f; ++c) plain[c] = c != '"' && c != '\'' && c != '#' && c != '\\';
  return plain;
}();

std::size_t plain_length(std::string_view text) {
  const auto end = std::ranges::find_if(text, [](char c) { return !kPlain[static_cast<unsigned char>(c)]; });
  return static_cast<std::size_t>(end - text.begin());
}

/// What is wrong with the first character, `length` bytes long, or empty.
std::string trouble(std::string_view text, std::size_t length, const State& state) {
  const char c = text[0];
  if (length == 0) return "byte 0x" + hex(c) + " is not UTF-8: save the file in that encoding";
  if (length > 1 && !state.quote && !state.comment)
    return "\"" + std::string(text.substr(0, length)) + "\" is not ASCII: quote the name or value it is in";
  const bool line_end = c == '\n' || (c == '\r' && text.starts_with("\r\n"));
  if (length > 1 || c == '\t' || line_end || (c >= ' ' && c != 0x7f)) return {};
  return "control byte 0x" + hex(c) + " cannot stand here: remove it" +
         (state.quote && state.quote->escapes ? ", or write \\u00" + hex(c) : "");
}

/// Takes one ASCII character, or a quotation mark as a whole, and returns its length.
std::size_t step(std::string_view text, State& state) {
  const bool lines = state.quote && state.quote->mark.size() == 3;
  if (text[0] == '\n' && !lines) {
    state = {};
  } else if (state.quote) {
    if (text[0] == '\\' && state.quote->escapes && (text.starts_with("\\\"") || text.starts_with("\\\\"))) return 2;
    if (text[0] != state.quote->mark[0] || !text.starts_with(state.quote->mark)) return 1;
    // A string of several lines may end in one or two quotes of its own before its mark.
    const std::size_t run = std::min(text.find_first_not_of(text[0]), text.size());
    state.quote = nullptr;
    return lines ? std::min<std::size_t>(run, 5) : 1;
  } else if (!state.comment) {
    state.comment = text[0] == '#';
    if (text[0] != '"' && text[0] != '\'') return 1;  // most are neither
    for (const Quote& quote : kQuotes) {
      if (text[0] != quote.mark[0] || !text.starts_with(quote.mark)) continue;
      state.quote = &quote;
      return quote.mark.size();
    }
  }
  return 1;
}

}  // namespace

Refusal refused_character(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark has no place
  State state;
  Place place{1, 1};
  while (!text.empty()) {
    if (const std::size_t plain = plain_length(text); plain > 0) {
      place.column += static_cast<unsigned>(plain);
      text.remove_prefix(plain);
      continue;
    }
    const bool usual = text[0] == '\n' || (text[0] >= ' ' && text[0] < 0x7f);  // allowed everywhere
    const std::size_t length = usual ? 1 : character_length(text);
    if (std::string error = usual ? "" : trouble(text, length, state); !error.empty())
      return {std::move(error), place};
    const std::size_t characters = length > 1 ? 1 : step(text, state);
    place.column += static_cast<unsigned>(characters);
    if (text[0] == '\n') place = {place.line + 1, 1};
    text.remove_prefix(length > 1 ? length : characters);
  }
  return {};
}

}  // namespace holdfast::conf
