// The heartbeat datagram: a sign of life with the node's claims, sent over every configured path. It is
// authenticated by a key that its sender made at random and told over the encrypted peer channel, so an
// earlier process's packets are worthless, and by a sequence number that only rises. Pure codec.
//
//   0  "HFB1"   4  sequence (64 bits)   12  sender's wall clock, µs (64)   20  number of claims (8)
//   21 per claim: length of the group's name (8), name, role (8), fitness (8), priority (8), epoch (64)
//   then 16 bytes: the first half of HMAC-SHA256 over all before it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "vrrp/claim.h"

namespace holdfast::vrrp {

inline constexpr std::size_t max_heartbeat = 1200;   ///< bytes; fits any path
inline constexpr std::size_t max_claims = 32;
inline constexpr std::size_t max_group_name = 64;

struct Heartbeat {
  std::uint64_t sequence = 0;
  std::int64_t wall_us = 0;
  std::vector<Claim> claims;
};

/// Claims that do not fit into max_heartbeat are left out, from the end; the peer channel carries them all.
std::string encode(const Heartbeat& heartbeat, Bytes key);
/// Errors (Blame::Client) say what is wrong in one word: "length", "magic", "authentication", "claims".
/// Checks the authentication before it reads anything but the length.
Result<Heartbeat> decode_heartbeat(Bytes datagram, Bytes key);

}  // namespace holdfast::vrrp
