// Private to frames*.cpp: the Ethernet header, and the two protocols that stand behind frames.h.
#pragma once

#include <optional>
#include <string>

#include "vrrp/frames.h"

namespace holdfast::vrrp::wire {

inline constexpr std::uint16_t type_arp = 0x0806, type_ipv6 = 0x86dd;

inline Bytes view(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }
inline Bytes view(const Address& address) {
  return {reinterpret_cast<const char*>(address.bytes.data()),
          address.family == Address::Family::V4 ? 4u : 16u};
}
inline Mac mac_of(Bytes six) {
  Mac mac{};
  for (std::size_t i = 0; i < mac.size() && i < six.size(); ++i) mac[i] = static_cast<std::uint8_t>(six[i]);
  return mac;
}
Address address_of(Bytes four_or_sixteen);  ///< port 0
/// Of one station: neither a group's nor all zero. Nobody can be answered at any other.
bool is_station(const Mac& mac);
bool is_zero(const Address& address);

struct Ethernet {
  Mac to{}, from{};
  std::uint16_t type = 0;
  Bytes payload;  ///< with what pads it to 60 bytes
};
std::optional<Ethernet> read_ethernet(Bytes frame);
std::string ethernet(const Mac& to, const Mac& from, std::uint16_t type);

// ---- ARP (frames_arp.cpp) ----
std::string arp_announcement(const Mac& mac, const Address& vip, bool reply);
std::string arp_answer(const Mac& mac, const Question& question);
std::string arp_request(const Mac& mac, const Address& own, const Address& target, const Mac* to);
std::optional<Question> arp_question(const Ethernet& frame);
std::optional<Told> arp_told(const Ethernet& frame);

// ---- neighbour discovery (frames_nd.cpp) ----
std::string nd_answer(const Mac& mac, const Question& question);
std::string nd_solicitation(const Mac& mac, const Address& own, const Address& target, const Mac* to);
std::optional<Question> nd_question(const Ethernet& frame);
std::optional<Told> nd_told(const Ethernet& frame);

}  // namespace holdfast::vrrp::wire
