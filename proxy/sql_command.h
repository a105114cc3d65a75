// `holdfast sql ...`: what its words mean. A pure function that the command line and the control socket
// share, so that both say the same about a word that is wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/base/time.h"

namespace holdfast {

struct SqlCommand {
  enum class Verb : std::uint8_t { Sessions, Top, Kill, Pause, Resume, Drain };
  static constexpr Duration timeout_max = Duration::seconds(25);
  static constexpr Duration hold_max = Duration::seconds(600);

  Verb verb = Verb::Sessions;
  std::string service, instance;  ///< instance: of `drain`; empty: all of the service
  std::uint64_t number = 0;  ///< of the session, for `kill`
  Duration timeout = Duration::seconds(10);  ///< so long transactions and requests in progress are waited for
  Duration hold = Duration::seconds(30);  ///< a pause ends by itself after this
  bool json = false;
};

/// `words` behind "sql".
Result<SqlCommand> parse_sql_command(std::span<const std::string_view> words);

}  // namespace holdfast
