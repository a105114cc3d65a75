#include "vrrp/frames.h"

#include <algorithm>

#include "vrrp/frames_wire.h"

namespace holdfast::vrrp {
namespace {

// Reference, D.4: a lost frame is made good within 10 ms, a switch that was still learning within 5 s.
constexpr std::array<Duration, 6> announce_at = {0_ms, 10_ms, 50_ms, 200_ms, 1_s, 5_s};

bool is_v4(const Address& address) { return address.family == Address::Family::V4; }

}  // namespace

namespace wire {

Address address_of(Bytes raw) {
  Address address;
  address.family = raw.size() == 4 ? Address::Family::V4 : Address::Family::V6;
  std::copy_n(raw.begin(), std::min(raw.size(), address.bytes.size()), address.bytes.begin());
  return address;
}

bool is_station(const Mac& mac) { return (mac[0] & 1) == 0 && mac != Mac{}; }

bool is_zero(const Address& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](std::uint8_t b) { return b == 0; });
}

std::optional<Ethernet> read_ethernet(Bytes frame) {
  Reader in(frame);
  auto to = in.bytes(6), from = in.bytes(6);
  auto type = in.u16();
  if (!to || !from || !type) return std::nullopt;
  return Ethernet{mac_of(*to), mac_of(*from), *type, in.rest()};
}

std::string ethernet(const Mac& to, const Mac& from, std::uint16_t type) {
  std::string frame;
  Writer(frame).bytes(view(to)).bytes(view(from)).u16(type);
  return frame;
}

}  // namespace wire

Mac virtual_mac(Address::Family family, std::uint8_t vrid) {
  return {0x00, 0x00, 0x5e, 0x00, static_cast<std::uint8_t>(family == Address::Family::V6 ? 2 : 1), vrid};
}

std::string gratuitous_arp(const Mac& mac, const Address& vip, bool reply) {
  return wire::arp_announcement(mac, vip, reply);
}

// RFC 4861 section 7.2.6: an answer to nobody's question, told to all.
std::string unsolicited_na(const Mac& mac, const Address& vip) {
  Address nobody;
  nobody.family = Address::Family::V6;
  return wire::nd_answer(mac, {vip, nobody, {}});
}

std::optional<Question> read_question(Bytes frame) {
  auto ethernet = wire::read_ethernet(frame);
  if (!ethernet) return std::nullopt;
  if (ethernet->type == wire::type_arp) return wire::arp_question(*ethernet);
  if (ethernet->type == wire::type_ipv6) return wire::nd_question(*ethernet);
  return std::nullopt;
}

std::optional<Told> read_told(Bytes frame) {
  auto ethernet = wire::read_ethernet(frame);
  if (!ethernet) return std::nullopt;
  if (ethernet->type == wire::type_arp) return wire::arp_told(*ethernet);
  if (ethernet->type == wire::type_ipv6) return wire::nd_told(*ethernet);
  return std::nullopt;
}

std::string answer(const Mac& mac, const Question& question) {
  return is_v4(question.target) ? wire::arp_answer(mac, question) : wire::nd_answer(mac, question);
}

std::string ask(const Mac& own_mac, const Address& own, const Address& gateway, const Mac* to) {
  return is_v4(gateway) ? wire::arp_request(own_mac, own, gateway, to)
                        : wire::nd_solicitation(own_mac, own, gateway, to);
}

void AnnounceSchedule::begin(Instant now) {
  begun_ = due_ = now;
  step_ = 0;
}

// After a stall one announcement stands for all that were due meanwhile.
void AnnounceSchedule::sent(Instant now) {
  if (due_ == Instant::never()) return;
  while (step_ < announce_at.size() && begun_ + announce_at[step_] <= now) ++step_;
  due_ = refresh_ > Duration{} ? now + refresh_ : Instant::never();
  if (step_ < announce_at.size()) due_ = std::min(due_, begun_ + announce_at[step_]);
}

}  // namespace holdfast::vrrp
