// Which instance of an active-standby service is active: a pure machine that is shown every instance's
// health and decides. The control loop owns one per service and passes time in.
//
// The choice is sticky: the active instance stays until it is down or drained, and one that comes back
// waits its turn. Otherwise the first choice (`prefer`, else the first in the file) is taken if it is up and
// not drained, else the first such in the file. Nothing up: nobody is active, and the first to come up is, at
// once. Only at the start does the machine wait, for at most `patience`, for the first choice's first
// check, so that a race between two healthy instances does not decide where the service lives.
// The standby node of a pair follows: what the holder of the virtual IP chose is elected wherever it is usable, and
// is the first choice meanwhile; the rule above holds while it is not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/time.h"
#include "proxy/health.h"

namespace holdfast {

struct Candidate {
  HealthState health = HealthState::Unknown;
  bool drained = false;

  bool usable() const { return health == HealthState::Up && !drained; }
};

class Election {
 public:
  enum class Why : std::uint8_t {
    Start,  ///< first election
    ActiveDown,  ///< the active one went down
    ActiveDrained,  ///< it was moved away from by hand
    ActiveRemoved,  ///< a reload took it out
    Returned,  ///< nobody was active, one came up or was made ready
    Followed,  ///< the holder of the virtual IP chose it
  };
  static constexpr Duration patience = Duration::millis(500);

  /// `prefer`: index of the first choice; -1: the first in the file.
  Election(int prefer, Instant now) : prefer_(prefer), patient_until_(now + patience) {}

  /// The holder's choice; -1: there is none to follow, and the present one stays. Then decide().
  void follow(int instance) { followed_ = instance; }
  /// Judges anew; true if active() changed. Call after any change and at the deadline.
  bool decide(Instant now, std::span<const Candidate> candidates);
  Instant deadline() const { return waiting_ ? patient_until_ : Instant::never(); }

  int active() const { return active_; }  ///< -1: none
  Why why() const { return why_; }  ///< of the last change
  Instant last() const { return last_; }  ///< when it was
  std::uint64_t elections() const { return elections_; }  ///< changes so far

  /// Continues from a choice made before a reload or an upgrade; -1 with `removed`: its instance is gone.
  void restore(int active, std::uint64_t elections, Instant last, bool removed = false);

 private:
  int first_choice() const { return followed_ >= 0 ? followed_ : prefer_; }
  int best(std::span<const Candidate> candidates) const;
  Why reason(std::span<const Candidate> candidates) const;

  int prefer_;
  int followed_ = -1;
  Instant patient_until_;
  int active_ = -1;
  bool begun_ = false;  // a first election was held or restored
  bool removed_ = false;
  bool waiting_ = false;
  Why why_ = Why::Start;
  Instant last_;
  std::uint64_t elections_ = 0;
};

}  // namespace holdfast
