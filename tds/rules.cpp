#include "tds/rules.h"

#include <algorithm>
#include <charconv>

namespace holdfast::tds {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; }
bool alike(char a, char b) { return lower(a) == lower(b); }

bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), alike);
}

/// 16 hex digits; what is not a digest fits nothing.
bool is_digest(std::string_view hex, std::uint64_t digest) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  return error == std::errc() && end == hex.data() + hex.size() && value != 0 && value == digest;
}

}  // namespace

bool fits(std::string_view pattern, std::string_view text) {
  const bool any_before = pattern.starts_with('*');
  if (any_before) pattern.remove_prefix(1);
  const bool any_after = pattern.ends_with('*');
  if (any_after) pattern.remove_suffix(1);
  if (pattern.empty()) return true;
  if (text.size() < pattern.size()) return false;
  if (any_before && any_after)
    return std::search(text.begin(), text.end(), pattern.begin(), pattern.end(), alike) != text.end();
  if (any_before) return equal(text.substr(text.size() - pattern.size()), pattern);
  if (any_after) return equal(text.substr(0, pattern.size()), pattern);
  return equal(text, pattern);
}

bool in_window(unsigned from, unsigned to, unsigned minute) {
  if (from == to) return true;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

const conf::SqlRule* first_match(const std::vector<conf::SqlRule>& rules, const RuleQuestion& q) {
  for (const conf::SqlRule& rule : rules) {
    if (!rule.digest.empty() && !is_digest(rule.digest, q.digest)) continue;
    if (!fits(rule.application, q.application) || !fits(rule.login, q.login)) continue;
    if (in_window(rule.from_minute, rule.to_minute, q.minute)) return &rule;
  }
  return nullptr;
}

}  // namespace holdfast::tds
