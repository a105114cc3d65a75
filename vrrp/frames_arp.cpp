// ARP over Ethernet for IPv4 (RFC 826), as far as a virtual address needs it.
#include "vrrp/frames_wire.h"

namespace holdfast::vrrp::wire {
namespace {

enum Operation : std::uint16_t { Request = 1, Reply = 2 };

struct Packet {
  std::uint16_t operation = 0;
  Mac sender_mac{};
  Address sender, target;
};

std::string write(const Mac& to, const Packet& packet, const Mac& target_mac) {
  std::string frame = ethernet(to, packet.sender_mac, type_arp);
  Writer out(frame);
  out.u16(1).u16(0x0800).u8(6).u8(4).u16(packet.operation);
  out.bytes(view(packet.sender_mac)).bytes(view(packet.sender));
  out.bytes(view(target_mac)).bytes(view(packet.target));
  return frame;
}

bool is_host(const Address& address) { return address.bytes[0] < 224 && address.bytes[0] != 127; }

std::optional<Packet> read(Bytes payload) {
  Reader in(payload);
  auto hardware = in.u16(), protocol = in.u16(), lengths = in.u16(), operation = in.u16();
  auto sender_mac = in.bytes(6), sender = in.bytes(4);
  in.bytes(6);  // the target's hardware address: what is asked for, or ours
  auto target = in.bytes(4);
  if (!target || hardware != 1 || protocol != 0x0800 || lengths != 0x0604) return std::nullopt;
  Packet packet{*operation, mac_of(*sender_mac), address_of(*sender), address_of(*target)};
  if (!is_station(packet.sender_mac) || !is_host(packet.sender) || !is_host(packet.target))
    return std::nullopt;
  return packet;
}

}  // namespace

// RFC 5227 sections 2.1.1 and 2.3: sender and target are the address, the target's hardware address of a
// request is zero. In a reply it is the one that every cache should hold (RFC 5944 section 4.6).
std::string arp_announcement(const Mac& mac, const Address& vip, bool reply) {
  return write(broadcast_mac, {reply ? Reply : Request, mac, vip, vip}, reply ? mac : Mac{});
}

std::string arp_answer(const Mac& mac, const Question& question) {
  return write(question.asker_mac, {Reply, mac, question.target, question.asker}, question.asker_mac);
}

// RFC 1122 section 2.3.2.1: a mapping that is known is confirmed by a request to that station alone.
std::string arp_request(const Mac& mac, const Address& own, const Address& target, const Mac* to) {
  return write(to ? *to : broadcast_mac, {Request, mac, own, target}, Mac{});
}

// A request for the sender's own address is an announcement: it asks nothing.
std::optional<Question> arp_question(const Ethernet& frame) {
  auto packet = read(frame.payload);
  if (!packet || packet->operation != Request || packet->sender == packet->target || is_zero(packet->target))
    return std::nullopt;
  return Question{packet->target, packet->sender, packet->sender_mac};
}

std::optional<Told> arp_told(const Ethernet& frame) {
  auto packet = read(frame.payload);
  if (!packet || is_zero(packet->sender)) return std::nullopt;
  bool told =
      packet->operation == Reply || (packet->operation == Request && packet->sender == packet->target);
  if (!told) return std::nullopt;
  return Told{packet->sender, packet->sender_mac};
}

}  // namespace holdfast::vrrp::wire
