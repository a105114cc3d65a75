// Which SQL servers of one service claim to be primary at the same time. Answers come one after the other,
// so that two claims are no conflict yet: in a failover the old primary's last answer is older than the new
// one's first. A pure function from when each claimed; who doubts a claim asks again. Used by
// ServiceMachine alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast {

struct SqlClaim {
  bool claims = false;  ///< its last answer said primary
  Instant since;  ///< when the first of these answers came
  Instant asked;  ///< when the question behind the last of them was asked
};

enum class Contest : std::uint8_t {
  None,
  Waits,  ///< it claims, but the primary of before has not been asked since
  Both,  ///< another was primary at the same time: neither can be trusted
};

struct ClaimVerdict {
  Contest contest = Contest::None;
  bool stale = false;  ///< to be asked again: another has claimed since
};

/// One verdict for each claim, in their order.
std::vector<ClaimVerdict> judge_claims(std::span<const SqlClaim> claims);

}  // namespace holdfast
