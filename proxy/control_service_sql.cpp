// What SQL servers say of themselves: their roles, and claims to be primary that contradict each other.
#include <utility>

#include "proxy/base/check.h"
#include "proxy/control_service.h"

namespace holdfast {

namespace {

// A server that closes the monitor's connection each time is not asked more often than this for that alone.
constexpr Duration quiet_after_close = Duration::millis(100);

}  // namespace

void ServiceMachine::on_role(Instant now, std::size_t i, const tds::RoleAnswer& answer, Duration took) {
  CHECK(i < members_.size());
  Member& m = members_[i];
  const bool answered = answer.role != tds::SqlRole::Unknown;
  count_check(i, answered, answered ? std::string_view() : std::string_view(answer.why), took);
  note_role(now, m, i, answer);
  apply_step(now, i, m.health.on_check(now, answer.usable(), answer.why, answer.certain));
  settle(now);
}

void ServiceMachine::on_closed(Instant now, std::size_t i) {
  CHECK(i < members_.size());
  Member& m = members_[i];
  if (now < m.quiet_until) return;
  m.quiet_until = now + quiet_after_close;
  apply_step(now, i, m.health.doubt(now, "it closed the monitor's connection"));
  settle(now);
}

void ServiceMachine::note_role(Instant now, Member& m, std::size_t i, const tds::RoleAnswer& answer) {
  const bool claims = answer.role == tds::SqlRole::Primary;
  if (claims && !m.claim.claims) m.claim.since = now;
  m.claim.claims = claims;
  m.claim.asked = m.asked;
  const tds::SqlRole before = m.sql.role;
  m.sql = answer;
  if (before == answer.role) return;
  tell("sql-role", i,
       std::string(tds::name_of(answer.role)).append(", before ").append(tds::name_of(before)) +
           (answer.why.empty() ? "" : ": " + answer.why));
}

/// A server that is down, for whatever reason, claims nothing; what it said before has no meaning any more.
void ServiceMachine::drop_claims() {
  for (Member& m : members_) {
    if (m.health.state() != HealthState::Down || !m.sql.usable()) continue;
    m.sql = {};
    m.claim = {};
  }
}

void ServiceMachine::settle_claims(Instant now) {
  if (config_.check.kind != conf::CheckKind::Sql) return;
  drop_claims();
  std::vector<SqlClaim> claims;
  for (const Member& m : members_) claims.push_back(m.claim);
  const std::vector<ClaimVerdict> verdicts = judge_claims(claims);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& m = members_[i];
    const Contest before = std::exchange(m.contest, verdicts[i].contest);
    if (m.contest == Contest::Both && before != Contest::Both) tell("sql-role", i, contest_text(i));
    if (m.contest == Contest::None && before == Contest::Both && m.claim.claims)
      tell("sql-role", i, "no other claims to be primary any more");
    m.health.hurry(now, m.contest != Contest::None);
    if (verdicts[i].stale) apply_step(now, i, m.health.doubt(now, "another claims to be primary"));
  }
}

std::string ServiceMachine::contest_text(std::size_t i) const {
  std::string others;
  for (std::size_t k = 0; k < members_.size(); ++k)
    if (k != i && members_[k].claim.claims)
      others += (others.empty() ? "" : " and ") + config_.instances[k].name;
  if (members_[i].contest == Contest::Waits)
    return "it claims to be primary, and waits for what " + others + " says now";
  return "it claims to be primary, as " + others + (members_.size() > 2 ? " do" : " does") +
         ": neither is used until one yields";
}

}  // namespace holdfast
