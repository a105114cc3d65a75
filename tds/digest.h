// A statement's digest: its text with literals and parameters' values taken out, comments dropped, blanks and
// case of keywords made alike, lists of literals of any length made one. The same question with other values
// has the same digest.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

struct StatementDigest {
  std::uint64_t hash = 0;   ///< of the normalised text before it was cut; 0 is never a digest
  std::string text;         ///< UTF-8, at most `longest` bytes, cut at a character
};

/// No literal survives in `text`, whatever the input: what the lexer finds odd becomes `?` to the end.
StatementDigest digest_of(Bytes utf16, std::size_t longest = 1024);
/// Only the hash: no allocation.
std::uint64_t digest_hash(Bytes utf16);

}  // namespace holdfast::tds
