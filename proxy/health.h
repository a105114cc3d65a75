// Whether one instance is up: a machine over check results and evidence from real traffic. It is told
// the time and says when it wants a check; it opens no socket and knows no other instance. The control
// loop owns one per instance.
//
//              first check passes                 `fall` checks fail, or one while suspicious,
//   Unknown ------------------------>  Up  ----------------------------------------> Down
//      |                               ^    or refused, unreachable, connect time-out    |
//      +--- first check fails ---------|-------------------------------------------> ----+
//                                      +--- `rise` checks pass (one if nothing else is up)
//
// Suspicion: a reset, a response time-out, a bad or withheld answer, a TLS failure. It asks for a check at
// once, whose single failure is enough, so that a killed process is known within a round trip; a check
// that passes clears it. But three resets or response time-outs within 10 s that no successful request
// interrupts take an instance down whatever its checks say: one that only answers checks is not up.
// A SQL server's own word is certain: one answer is enough either way, and no count of resets outweighs it.
// Without checks (kind none) an instance begins Up, any three suspicions do, and it is tried again after
// `every_down`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/base/time.h"
#include "proxy/service_view.h"

namespace holdfast {

enum class HealthState : std::uint8_t { Unknown, Up, Down };
std::string_view name_of(HealthState state);

class Health {
 public:
  struct Step {
    bool changed = false;  ///< state() and reason() are new
    bool probe = false;    ///< begin a check now; one under way is abandoned
    bool cleared = false;  ///< a suspicion proved unfounded: who withholds an answer need not any more
  };

  /// `seed` decides the jitter. The first check is due at `now`.
  Health(const conf::Check& check, std::uint64_t seed, Instant now);

  HealthState state() const { return state_; }
  Instant since() const { return since_; }
  const std::string& reason() const { return reason_; }  ///< "2 of 2 checks failed: connect refused"
  /// When on_deadline() is due; never() while a check is under way.
  Instant deadline() const { return due_; }

  Step on_deadline(Instant now);
  /// The check that was asked for last ended. `why` says what failed: "connect refused". `certain`: neither
  /// `fall` nor `rise` is waited for, and `why` is the reason in either case.
  Step on_check(Instant now, bool ok, std::string_view why, bool certain = false);
  Step on_evidence(Instant now, Evidence evidence, unsigned count);
  /// Something else speaks against an instance that is up: a check is asked for, unless one is under way.
  Step doubt(Instant now, std::string_view why);
  /// While true checks follow each other as if it were down.
  void hurry(Instant now, bool on);
  /// While true no other instance is up, so one passed check brings this one up: a doubtful server is
  /// better than none.
  Step set_alone(Instant now, bool alone);
  /// Takes over what was known before a reload or an upgrade, until a check says otherwise.
  void assume(HealthState state, Instant since, std::string_view reason);

 private:
  Step enter(Instant now, HealthState state, std::string reason);
  Step suspect(Instant now, Evidence evidence, unsigned count);
  Step passed(Instant now, std::string_view why, bool certain);
  Step failed(Instant now, std::string_view why, bool certain);
  bool checked() const { return check_.kind != conf::CheckKind::None; }
  Step begin_probe(Instant now);
  void schedule(Instant now);
  Duration interval();

  conf::Check check_;
  std::uint64_t random_;
  HealthState state_ = HealthState::Unknown;
  Instant since_;
  std::string reason_;
  Instant due_;
  Instant began_;               // of the last check
  bool probing_ = false;
  bool alone_ = false;
  bool hurried_ = false;
  bool suspicious_ = false;
  std::string suspicion_;       // why, as the beginning of a sentence
  Instant quiet_until_;         // a suspicion before this waits for it
  unsigned passes_ = 0;         // in a row
  unsigned failures_ = 0;       // in a row
  unsigned marks_ = 0;          // suspicions, kind none
  Instant first_mark_;
};

}  // namespace holdfast
