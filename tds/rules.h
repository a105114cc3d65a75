// Guard rules over SQL statements: which of an operator's rules (conf::SqlRule) a request falls under. Pure;
// the driver asks before a request is sent, and refuses or logs it as the rule says.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"

namespace holdfast::tds {

struct RuleQuestion {
  std::uint64_t digest = 0;  ///< 0: not text; falls under no rule that names a digest
  std::string_view application, login;  ///< UTF-8, of LOGIN7
  unsigned minute = 0;  ///< of the day, local time: 0 to 1439
};

/// The first rule, in their order, all of whose conditions hold; null: none.
const conf::SqlRule* first_match(const std::vector<conf::SqlRule>& rules, const RuleQuestion& question);

/// Whether `text` is `pattern`, which may have * at either end; ASCII letters in either case. An empty
/// pattern or * fits all.
bool fits(std::string_view pattern, std::string_view text);
/// A window that ends before it begins goes over midnight; `to` is not in it; equal ends mean always.
bool in_window(unsigned from_minute, unsigned to_minute, unsigned minute);

}  // namespace holdfast::tds
