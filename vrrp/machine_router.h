// One virtual router of a group: its timers, its table of who else speaks for it, and what makes a packet
// worth listening to. Internal to machine*.cpp; it knows nothing of states and decides nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vrrp/machine.h"

namespace holdfast::vrrp {

inline constexpr std::size_t speakers_max = 16;
inline constexpr Duration quiet_for = 600_s;  ///< one log line for each kind of refusal in this time
inline constexpr Duration farewell_good_for = 2_s;

/// A source whose advertisements were accepted. Forged ones can fill the table; the oldest entry goes first.
struct Machine::Speaker {
  Address source;
  std::uint8_t priority = 0;
  Duration interval{};
  Instant heard_at;
  std::optional<Checksum> checksum;  ///< version 3, IPv4
  std::optional<Instant> answered_at;  ///< by an advertisement out of turn
  std::optional<WallTime> sent;  ///< of the newest signed packet
  std::uint16_t counter = 0;
  std::vector<Instant> regular;  ///< its last three advertisements that kept its pace

  /// Three advertisements, none closer than half an interval, within three intervals: more than a stray
  /// packet.
  bool persistent() const;
  void note(Instant now, const Advert& advert);
};

struct Machine::Router {
  struct Outgoing {
    Envelope envelope;
    std::string packet;
  };

  explicit Router(RouterConfig config);

  Duration own_interval() const { return on_the_wire(config.version, config.interval); }
  Duration skew(std::uint8_t priority, Duration active_interval) const;
  Duration down_interval(std::uint8_t priority, Duration active_interval) const;
  bool fresh(Instant now, const Speaker& speaker, std::uint8_t own_priority) const;

  /// Checks all that can be checked without knowing the state, and keeps the books. Null: not to be listened
  /// to, and `log` may say why. The pointer lives until the next call.
  Speaker* accept(Instant now, WallTime wall, Bytes payload, const Envelope& envelope, std::string& log);

  bool signs() const;
  /// Unsigned packets of one advertisement: one for each unicast peer, or the multicast group; two where
  /// listeners are known to differ in how they read the checksum.
  std::vector<Outgoing> packets(std::uint8_t priority) const;
  void sign(Outgoing& outgoing, WallTime wall);

  RouterConfig config;
  RouterCounters counters;
  Duration active_interval{};  ///< Active_Adver_Interval: learned (version 3), or our own
  Instant down_due = Instant::never();  ///< Active_Down_Timer
  Instant advert_due = Instant::never();  ///< Adver_Timer
  std::vector<Speaker> speakers;

 private:
  Refusal judge(const Decoded& decoded, const Envelope& envelope) const;
  Refusal authenticate(const Decoded& decoded, WallTime wall, Bytes payload, const Envelope& envelope,
                       HmacCheck& check) const;
  const Speaker* find(const Address& source) const;
  Speaker& speaker(const Address& source);
  std::string note(Instant now, Refusal reason, std::string text);
  Envelope envelope_to(const Address& to) const { return {config.source, to, required_ttl}; }

  std::optional<Instant> noted_[16];
  WallTime signed_at_;
  std::uint16_t signed_counter_ = 0;
};

/// What comes to the state machine, apart from the steering that it can look up.
struct Machine::Event {
  enum class Kind : std::uint8_t { Startup, Shutdown, Steered, Advert, Timer };
  Kind kind = Kind::Timer;
  Instant now;
  std::size_t router = 0;
  Speaker* speaker = nullptr;  ///< Advert: who, and what it said last
};

inline bool same_host(const Address& a, const Address& b) {
  return a.family == b.family && a.bytes == b.bytes;
}

}  // namespace holdfast::vrrp
