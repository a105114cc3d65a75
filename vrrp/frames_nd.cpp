// Neighbour solicitations and advertisements (RFC 4861) over Ethernet (RFC 2464).
#include "vrrp/frames_wire.h"

namespace holdfast::vrrp::wire {
namespace {

enum Type : std::uint8_t { Solicitation = 135, Advertisement = 136 };
enum OptionType : std::uint8_t { SourceMac = 1, TargetMac = 2 };

constexpr std::uint8_t icmpv6 = 58, hop_limit = 255;
constexpr std::uint32_t flag_router = 1u << 31, flag_solicited = 1u << 30, flag_override = 1u << 29;
constexpr std::size_t ipv6_header = 40, message_header = 24;

struct Message {
  std::uint8_t type = 0;
  std::uint32_t flags = 0;
  Address source, destination, target;
  std::optional<Mac> mac;  ///< of the link-layer address option that belongs to the type
};

bool is_group(const Address& address) { return address.bytes[0] == 0xff; }

Address all_nodes() { return *Address::from_ip("ff02::1", 0); }

/// RFC 4291 section 2.7.1.
Address solicited_node(const Address& target) {
  Address group = *Address::from_ip("ff02::1:ff00:0", 0);
  for (std::size_t i = 13; i < 16; ++i) group.bytes[i] = target.bytes[i];
  return group;
}

/// RFC 2464 section 7.
Mac group_mac(const Address& group) {
  return {0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]};
}

std::uint32_t add_up(Bytes bytes, std::uint32_t sum) {
  Reader in(bytes);
  for (std::size_t left = bytes.size(); left > 1; left -= 2) sum += *in.u16();
  if (bytes.size() % 2) sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes.back())) << 8;
  return sum;
}

/// RFC 8200 section 8.1. Zero over a message that holds its right checksum.
std::uint16_t checksum(const Address& source, const Address& destination, Bytes message) {
  std::uint32_t sum = add_up(view(source), static_cast<std::uint32_t>(message.size()) + icmpv6);
  sum = add_up(message, add_up(view(destination), sum));
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::string write(const Mac& to, const Mac& mac, const Message& message) {
  auto body = [&](std::uint16_t sum) {
    std::string out;
    Writer(out).u8(message.type).u8(0).u16(sum).u32(message.flags).bytes(view(message.target));
    Writer(out).u8(message.type == Solicitation ? SourceMac : TargetMac).u8(1).bytes(view(mac));
    return out;
  };
  std::string icmp = body(checksum(message.source, message.destination, body(0)));
  std::string frame = ethernet(to, mac, type_ipv6);
  Writer out(frame);
  out.u32(6u << 28).u16(static_cast<std::uint16_t>(icmp.size())).u8(icmpv6).u8(hop_limit);
  out.bytes(view(message.source)).bytes(view(message.destination)).bytes(icmp);
  return frame;
}

/// RFC 4861 section 4.6: lengths in units of eight bytes, of which zero is malformed.
bool read_options(Bytes options, std::uint8_t wanted, std::optional<Mac>& mac) {
  while (!options.empty()) {
    Reader in(options);
    auto type = in.u8(), units = in.u8();
    if (!units || *units == 0 || options.size() < *units * 8u) return false;
    if (*type == wanted) {
      if (*units != 1) return false;
      mac = mac_of(in.bytes(6).value_or(Bytes{}));
      if (!is_station(*mac)) return false;
    }
    options.remove_prefix(*units * 8u);
  }
  return true;
}

/// What both kinds have to fulfil (RFC 4861 sections 7.1.1 and 7.1.2). The message stands directly behind
/// the IPv6 header: nobody has a reason for extension headers here.
std::optional<Message> read(const Ethernet& frame, std::uint8_t type) {
  Reader in(frame.payload);
  auto version = in.u32();
  auto size = in.u16();
  auto next = in.u8(), hops = in.u8();
  auto source = in.bytes(16), destination = in.bytes(16);
  if (!destination || *version >> 28 != 6 || next != icmpv6 || hops != hop_limit) return std::nullopt;
  if (*size < message_header || frame.payload.size() - ipv6_header < *size) return std::nullopt;
  Bytes icmp = frame.payload.substr(ipv6_header, *size);
  Message message;
  message.source = address_of(*source);
  message.destination = address_of(*destination);
  if (checksum(message.source, message.destination, icmp) != 0) return std::nullopt;
  Reader body(icmp);
  message.type = *body.u8();
  if (message.type != type || *body.u8() != 0) return std::nullopt;
  body.u16();
  message.flags = *body.u32();
  message.target = address_of(*body.bytes(16));
  if (is_group(message.target) || is_zero(message.target) || is_group(message.source)) return std::nullopt;
  if (!read_options(body.rest(), type == Solicitation ? SourceMac : TargetMac, message.mac))
    return std::nullopt;
  return message;
}

}  // namespace

// RFC 4861 sections 7.2.4 and 7.2.6; the router flag as RFC 9568 section 6.4.3 has it. From the address
// itself, so that an answer never depends on what else the interface carries.
std::string nd_answer(const Mac& mac, const Question& question) {
  Message message{Advertisement, flag_router | flag_override, question.target, {}, question.target, {}};
  if (is_zero(question.asker)) {
    message.destination = all_nodes();
    return write(group_mac(message.destination), mac, message);
  }
  message.flags |= flag_solicited;
  message.destination = question.asker;
  return write(question.asker_mac, mac, message);
}

std::string nd_solicitation(const Mac& mac, const Address& own, const Address& target, const Mac* to) {
  Message message{Solicitation, 0, own, to ? target : solicited_node(target), target, {}};
  return write(to ? *to : group_mac(message.destination), mac, message);
}

// RFC 4861 section 7.1.1: duplicate address detection goes to the solicited-node group and names no source;
// any other question to a group names one.
std::optional<Question> nd_question(const Ethernet& frame) {
  auto message = read(frame, Solicitation);
  if (!message) return std::nullopt;
  Mac asker = message->mac.value_or(frame.from);
  if (is_zero(message->source)) {
    if (message->mac || message->destination != solicited_node(message->target)) return std::nullopt;
  } else if (!message->mac && is_group(message->destination)) {
    return std::nullopt;
  }
  if (!is_station(asker)) return std::nullopt;
  return Question{message->target, message->source, asker};
}

// RFC 4861 section 7.1.2.
std::optional<Told> nd_told(const Ethernet& frame) {
  auto message = read(frame, Advertisement);
  if (!message || is_zero(message->source)) return std::nullopt;
  if (is_group(message->destination) && ((message->flags & flag_solicited) || !message->mac))
    return std::nullopt;
  Mac mac = message->mac.value_or(frame.from);
  if (!is_station(mac)) return std::nullopt;
  return Told{message->target, mac};
}

}  // namespace holdfast::vrrp::wire
