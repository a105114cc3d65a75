// When to dial the peer: at an even, growing pace, and in haste when a connection has just ended, because the
// answer then tells whether the peer's process is dead. It keeps the state of the outgoing connection and
// judges nothing else. Pure; owned by the peer machine, which dials when due() has come.
#pragma once

#include <cstdint>

#include "proxy/base/time.h"

namespace holdfast::vrrp {

class Dialler {
 public:
  static constexpr Duration pace_min = 100_ms, pace_max = 1_s;
  static constexpr Duration dial_max = 1500_ms;  ///< beyond the driver's own patience with a handshake
  static constexpr int hasty_dials = 20;  ///< in one haste, which lasts no longer than `haste_max`
  static constexpr Duration haste_max = 100_ms, haste_gap = 5_ms;
  /// A listener that is just being closed may drop a SYN without a word, and the next one would follow after a second.
  static constexpr Duration haste_patience = 15_ms;
  static constexpr Duration invited_gap = 20_ms;  ///< after a failure, and for a dial under way
  static constexpr Duration haste_again =
      1_s;  ///< from one haste to the next, unless a connection stood in between

  explicit Dialler(Instant now) : due_(now) {}

  bool up() const { return state_ == State::Up; }
  bool dialling() const { return state_ == State::Dialling; }
  /// The peer machine must dial at this time, dropping what is under way. never() while the connection
  /// stands.
  Instant due() const { return due_; }
  Instant since() const { return since_; }  ///< of the present state: when it dialled, if it is dialling
  Instant overdue_at() const { return since_ + patience_; }  ///< a dial under way has failed by then

  void dialled(Instant now);
  void connected(Instant now);
  /// A dial failed or the connection ended. `at_once`: the next one may tell something now; otherwise, in
  /// haste, it follows after haste_gap.
  void failed(Instant now, bool at_once);
  /// The other side shows itself: no need to wait for the pace, nor for an old dial.
  void invite(Instant now);
  /// As soon as allowed; replaces what is under way.
  void hasten(Instant now);
  void replace(Instant now) { plan(now); }  ///< the same, whatever was dialled before
  void forgive() { hasted_ = false; }  ///< another process is there: what was dialled for the former is over
  /// No dial before `until`, whatever happens.
  void hold_off(Instant until);
  void end_hold_off() { held_until_ = Instant{INT64_MIN}; }

 private:
  enum class State : std::uint8_t { Down, Dialling, Up };

  bool may_haste(Instant now) const;
  void plan(Instant at);

  State state_ = State::Down;
  Instant due_;
  Instant held_until_{INT64_MIN};
  Instant since_{};  ///< in `state_`
  Duration patience_ = dial_max;  // with the dial under way
  Duration pace_ = pace_min;
  bool hasted_ = false;
  Instant haste_began_{};
  int haste_dials_ = 0;
};

}  // namespace holdfast::vrrp
