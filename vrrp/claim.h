// What one node of the pair says of itself, group by group, and of its services: the vocabulary shared by the
// heartbeat (claims only), the peer channel (all of it) and the verdict.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::vrrp {

enum class Role : std::uint8_t {
  Standby,
  Holder,  ///< answers for the addresses
  Lingering,  ///< handed over; serves established connections until they end
};

/// How well a node could serve a group's addresses now. Ordered: more is better.
enum class Fitness : std::uint8_t {
  Unfit,  ///< must not hold: a data loop stalls, the link is down, the process ends
  Degraded,  ///< Holdfast works, but a service behind these addresses has no instance it can reach
  Fit,
};

struct Claim {
  std::string group;
  Role role = Role::Standby;
  Fitness fitness = Fitness::Unfit;
  std::uint8_t priority = 100;
  std::uint64_t epoch = 0;  ///< rises by at least one with each change of holder; the greater one is right
  friend bool operator==(const Claim&, const Claim&) = default;
};

struct ActiveInstance {
  std::string service, instance;  ///< instance empty: none
  friend bool operator==(const ActiveInstance&, const ActiveInstance&) = default;
};

/// The whole of it, as sent over the peer channel at each change and once a second.
struct NodeState {
  std::vector<Claim> claims;
  std::vector<ActiveInstance> services;
  std::string config_hash;  ///< of the file in use, 16 hexadecimal digits
  std::uint64_t generation = 0;
  friend bool operator==(const NodeState&, const NodeState&) = default;
};

}  // namespace holdfast::vrrp
