// A machine with a clock that the test turns, and neighbours that say what the test wants.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/vrrp/advert_bytes.h"
#include "vrrp/machine.h"

namespace holdfast::vrrp {

using Kind = MachineAction::Kind;

inline RouterConfig router_of(std::uint8_t vrid, std::string_view source = "192.0.2.10",
                              std::string_view vip = "192.0.2.100") {
  RouterConfig router;
  router.vrid = vrid;
  router.addresses = {ip(vip)};
  router.source = ip(source);
  return router;
}

inline GroupConfig group_of(std::uint8_t priority = 100,
                            std::vector<RouterConfig> routers = {router_of(51)}) {
  GroupConfig group;
  group.name = "vip";
  group.priority = priority;
  group.routers = std::move(routers);
  return group;
}

/// What a neighbour says; by default what fits router_of(51).
struct Say {
  std::string_view from = "192.0.2.20";
  std::uint8_t priority = 200;
  Duration interval = 1_s;
  std::size_t router = 0;
  Checksum checksum = Checksum::PseudoHeader;
};

struct Rig {
  explicit Rig(GroupConfig config, Steering steering = Steering::Free) : machine(std::move(config), now) {
    machine.steer(now, steering);
    machine.start(now);
  }

  Advert advert(const Say& say) const {
    const RouterConfig& router = machine.config().routers[say.router];
    return {router.version, router.vrid, say.priority, say.interval, router.addresses};
  }
  std::string packet(const Say& say) const { return encode(advert(say), multicast(say.from), say.checksum); }
  void hear(const Say& say) { hear(packet(say), multicast(say.from), say.router); }
  void hear(const std::string& bytes, const Envelope& envelope, std::size_t router = 0) {
    machine.on_packet(now, wall(), router, bytes, envelope);
  }

  WallTime wall() const { return {1'790'000'000'000'000 + now.ns / 1000}; }
  /// Lets time pass, with the timer called when it is due.
  void pass(Duration span) {
    const Instant end = now + span;
    while (machine.deadline() <= end) {
      now = std::max(now, machine.deadline());
      machine.on_timer(now, wall());
    }
    now = end;
  }

  /// The kinds of what was done since the last call, one letter each: Send, Active, Backup, aNnounce.
  std::string done() {
    std::string letters;
    for (const MachineAction& action : take()) {
      if (action.kind == Kind::Story) continue;
      letters += action.kind == Kind::Send           ? (action.packet[2] == 0 ? '0' : 'S')
                 : action.kind == Kind::BecomeActive ? 'A'
                 : action.kind == Kind::BecomeBackup ? 'B'
                                                     : 'N';
    }
    return letters;
  }
  std::vector<MachineAction> take() { return machine.take_actions(); }
  std::vector<std::string> stories() {
    std::vector<std::string> out;
    for (MachineAction& action : take())
      if (action.kind == Kind::Story) out.push_back(std::move(action.text));
    return out;
  }
  bool active() const { return machine.state() == State::Active; }

  Instant now{1'000'000'000};
  Machine machine;
};

/// A machine that is Active because nobody else was there.
inline Rig active_rig(GroupConfig config) {
  Rig rig(std::move(config));
  rig.pass(4_s);
  rig.take();
  return rig;
}

}  // namespace holdfast::vrrp
