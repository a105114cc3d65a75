#include "proxy/control_service_claims.h"

namespace holdfast {

namespace {

/// A server that claims was primary at some time between question and answer of its first claim, and all
/// the time from that answer to its last question.
bool at_once(const SqlClaim& a, const SqlClaim& b) { return a.since <= b.asked && b.since <= a.asked; }

void judge_pair(const SqlClaim& older, const SqlClaim& newer, ClaimVerdict& of_older,
                ClaimVerdict& of_newer) {
  if (at_once(older, newer)) {
    of_older.contest = of_newer.contest = Contest::Both;
    return;
  }
  of_older.stale = of_older.stale || older.asked < newer.since;
  of_newer.stale = of_newer.stale || newer.asked < older.since;
  if (of_newer.contest == Contest::None) of_newer.contest = Contest::Waits;
}

}  // namespace

std::vector<ClaimVerdict> judge_claims(std::span<const SqlClaim> claims) {
  std::vector<ClaimVerdict> verdicts(claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i)
    for (std::size_t k = i + 1; k < claims.size(); ++k) {
      if (!claims[i].claims || !claims[k].claims) continue;
      const bool in_order = claims[i].since <= claims[k].since;
      const std::size_t older = in_order ? i : k, newer = in_order ? k : i;
      judge_pair(claims[older], claims[newer], verdicts[older], verdicts[newer]);
    }
  return verdicts;
}

}  // namespace holdfast
