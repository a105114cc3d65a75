// The Internet checksum (RFC 1071) over an advertisement, with or without the pseudo-header of its IP version
// (RFC 793 section 3.1, RFC 8200 section 8.1). Shared by advert.cpp and advert_hmac.cpp, and nobody else's.
#pragma once

#include <cstdint>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "vrrp/advert.h"

namespace holdfast::vrrp {

inline constexpr std::size_t checksum_offset = 6;

inline std::size_t address_size(Address::Family family) { return family == Address::Family::V6 ? 16 : 4; }
inline Bytes octets_of(const Address& address) {
  return {reinterpret_cast<const char*>(address.bytes.data()), address_size(address.family)};
}

/// What belongs into the checksum field; 0 over a packet whose field is right.
std::uint16_t checksum_of(Bytes packet, const Envelope& envelope, Checksum covers);
void put_checksum(std::string& packet, std::uint16_t sum);

}  // namespace holdfast::vrrp
