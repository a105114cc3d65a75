// The smallest pieces of HTTP text: characters, lists, one field line. Everything here is a pure
// function over borrowed bytes; what a field means is decided in strict.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"
#include "proxy/http/parser.h"

namespace holdfast::http {

enum CharClass : std::uint8_t { kToken = 1, kTarget = 2, kHost = 4, kDigit = 8 };
extern const std::array<std::uint8_t, 256> char_class;
extern const std::array<char, 256> lower_case;

inline bool is(char c, CharClass which) { return (char_class[static_cast<unsigned char>(c)] & which) != 0; }
inline char lower(char c) { return lower_case[static_cast<unsigned char>(c)]; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool all(std::string_view text, CharClass which);  ///< true for empty text
/// Whether `size` bytes are the same but for ASCII case.
bool same_letters(const char* a, const char* b, std::size_t size);
/// Whether `small`, in which no letter is large, is `text` with its letters made small.
bool is_lowered(const char* text, const char* small, std::size_t size);
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_letters(a.data(), b.data(), a.size());
}
std::string_view trim(std::string_view text);  ///< spaces and tabs off both ends

/// The first byte that cannot be in a field value, or `end`.
const char* skip_value(const char* p, const char* end);

/// Reads one field line at `p` and moves past its CRLF. `end` bounds the section, whose empty line the
/// caller has recognised. A rule if it is not exactly `name:OWS value OWS CRLF`; null if it is.
const Refusal* read_field(const char*& p, const char* end, Field& field);

/// What a line that stopped at `p` with a byte it may not hold is refused for.
const Refusal* line_fault(const char* p, const char* end);

/// Takes the next element of a comma-separated list (RFC 9110 section 5.6.1) off `list`; empty elements
/// are skipped. Quoted strings are not understood. False at the end.
bool next_element(std::string_view& list, std::string_view& element);

}  // namespace holdfast::http
