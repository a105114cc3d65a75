#include "vrrp/driver_neighbour.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace holdfast::vrrp {
namespace {

constexpr int batch = 64;  ///< frames a turn: a flood of questions must not hold up the adverts
constexpr std::size_t max_frame = 1518;

constexpr std::uint16_t code(int value) { return static_cast<std::uint16_t>(value); }
constexpr std::uint32_t packet_type = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);

// Offsets are those of an Ethernet frame. Frames for other stations do not count: a promiscuous interface
// sees them too, and any interface those of VLANs that it does not carry.
constexpr sock_filter arp_filter[] = {
    {code(BPF_LD | BPF_B | BPF_ABS), 0, 0, packet_type},
    {code(BPF_JMP | BPF_JGE | BPF_K), 4, 0, PACKET_OTHERHOST},
    {code(BPF_LD | BPF_H | BPF_ABS), 0, 0, 20},
    {code(BPF_JMP | BPF_JEQ | BPF_K), 1, 0, ARPOP_REQUEST},
    {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, ARPOP_REPLY},
    {code(BPF_RET | BPF_K), 0, 0, max_frame},
    {code(BPF_RET | BPF_K), 0, 0, 0},
};
// Next header ICMPv6, hop limit 255, types 135 and 136.
constexpr sock_filter nd_filter[] = {
    {code(BPF_LD | BPF_B | BPF_ABS), 0, 0, packet_type},
    {code(BPF_JMP | BPF_JGE | BPF_K), 6, 0, PACKET_OTHERHOST},
    {code(BPF_LD | BPF_H | BPF_ABS), 0, 0, 20},
    {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 4, 58 << 8 | 255},
    {code(BPF_LD | BPF_B | BPF_ABS), 0, 0, 54},
    {code(BPF_JMP | BPF_JEQ | BPF_K), 1, 0, 135},
    {code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, 136},
    {code(BPF_RET | BPF_K), 0, 0, max_frame},
    {code(BPF_RET | BPF_K), 0, 0, 0},
};

std::unexpected<Error> failed(const std::string& what, const std::string& interface) {
  return fail(Blame::Self, "cannot " + what + " on " + interface + ": " + std::strerror(errno));
}

/// Opened deaf (protocol 0), then filtered, then bound: nothing else ever gets in. One protocol a socket, so
/// that the kernel does not show it each packet of the data path.
Result<Descriptor> open_packet(std::uint16_t protocol, std::span<const sock_filter> filter,
                               const std::string& name, int index) {
  Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return failed("open a packet socket", name);
  sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  sockaddr_ll own{};
  own.sll_family = AF_PACKET;
  own.sll_protocol = htons(protocol);
  own.sll_ifindex = index;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0)
    return failed("watch for questions", name);
  return socket;
}

Result<int> ethernet_index(int socket, const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name)
    return fail(Blame::Operator, "there is no network interface \"" + name + "\"");
  std::copy(name.begin(), name.end(), request.ifr_name);
  if (::ioctl(socket, SIOCGIFHWADDR, &request) != 0) return failed("find the MAC address", name);
  if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
    return fail(Blame::Operator, name + " is not an Ethernet interface");
  return static_cast<int>(::if_nametoindex(name.c_str()));
}

}  // namespace

Result<std::unique_ptr<Neighbour>> Neighbour::open(io::Loop& loop, const std::string& interface,
                                                   NeighbourEvents& events) {
  Descriptor probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto index = ethernet_index(probe.get(), interface);
  if (!index) return std::unexpected(index.error());
  std::unique_ptr<Neighbour> made(new Neighbour(interface, *index, events));
  auto arp = open_packet(ETH_P_ARP, arp_filter, interface, *index);
  if (!arp) return std::unexpected(arp.error());
  auto nd = open_packet(ETH_P_IPV6, nd_filter, interface, *index);
  if (!nd) return std::unexpected(nd.error());
  made->arp_ = std::move(*arp);
  made->nd_ = std::move(*nd);
  made->groups_ = Descriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));  // none where IPv6 is off
  made->arp_watch_ = loop.watch(made->arp_.get(), *made);
  made->nd_watch_ = loop.watch(made->nd_.get(), *made);
  return made;
}

Status Neighbour::set_answered(std::vector<Answered> addresses) {
  auto has = [](const std::vector<Answered>& list, const Address& vip) {
    return std::any_of(list.begin(), list.end(), [&](const Answered& one) { return one.vip == vip; });
  };
  std::vector<Answered> old = std::move(answered_);
  answered_ = std::move(addresses);  // answering needs no group: it starts, and stops, in any case
  Status result;
  for (const Answered& one : old)
    if (!has(answered_, one.vip)) (void)join(one.vip, false);
  for (const Answered& one : answered_)
    if (!has(old, one.vip))
      if (auto joined = join(one.vip, true); !joined) result = joined;
  return result;
}

/// RFC 4291 section 2.7.1. Addresses that share their last 24 bits share a group: a second time is no error.
Status Neighbour::join(const Address& vip, bool joined) {
  if (vip.family != Address::Family::V6) return {};
  std::array<std::uint8_t, 16> group = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::copy(vip.bytes.begin() + 13, vip.bytes.end(), group.begin() + 13);
  auto shares = [&](const Answered& one) {
    return one.vip.family == Address::Family::V6 &&
           std::equal(group.begin() + 13, group.end(), one.vip.bytes.begin() + 13);
  };
  if (!joined && std::any_of(answered_.begin(), answered_.end(), shares)) return {};
  ipv6_mreq request{};
  std::memcpy(&request.ipv6mr_multiaddr, group.data(), group.size());
  request.ipv6mr_interface = static_cast<unsigned>(index_);
  const int option = joined ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
  if (::setsockopt(groups_.get(), IPPROTO_IPV6, option, &request, sizeof request) == 0) return {};
  if (errno == EADDRINUSE || errno == EADDRNOTAVAIL) return {};
  return failed("join the group of " + vip.ip(), interface_);
}

Status Neighbour::send(Bytes frame) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = index_;
  to.sll_halen = 6;
  std::memcpy(to.sll_addr, frame.data(), 6);
  std::memcpy(&to.sll_protocol, frame.data() + 12, 2);
  const auto* address = reinterpret_cast<const sockaddr*>(&to);
  if (::sendto(arp_.get(), frame.data(), frame.size(), MSG_DONTWAIT, address, sizeof to) >= 0) return {};
  return failed("send a frame", interface_);
}

Status Neighbour::announce(const Answered& one) {
  ++counters_.announced;
  if (one.vip.family == Address::Family::V6) return send(unsolicited_na(one.mac, one.vip));
  Status sent = send(gratuitous_arp(one.mac, one.vip, false));
  if (!sent) return sent;
  return send(gratuitous_arp(one.mac, one.vip, true));
}

Status Neighbour::ask_gateway(const Mac& own_mac, const Address& own, const Address& gateway, const Mac* to) {
  return send(ask(own_mac, own, gateway, to));
}

// Level-triggered: what a batch leaves comes with the next turn.
void Neighbour::on_readable() {
  const bool may_answer = events_.may_answer();
  read_batch(arp_.get(), may_answer);
  read_batch(nd_.get(), may_answer);
}

void Neighbour::read_batch(int socket, bool may_answer) {
  std::array<char, max_frame> buffer;
  for (int i = 0; i < batch; ++i) {
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    ssize_t n = ::recvfrom(socket, buffer.data(), buffer.size(), MSG_DONTWAIT,
                           reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // an interface that went down says so here; its link monitor tells the rest
    // A frame of a VLAN above this interface is shown here too, as that interface's.
    if (from.sll_ifindex == index_ && from.sll_pkttype != PACKET_OUTGOING)
      handle({buffer.data(), static_cast<std::size_t>(n)}, may_answer);
  }
}

void Neighbour::handle(Bytes frame, bool may_answer) {
  if (auto told = read_told(frame)) return events_.on_told(interface_, *told);
  auto question = read_question(frame);
  if (!question) return;
  auto is = [&](const Answered& one) { return one.vip == question->target; };
  auto one = std::find_if(answered_.begin(), answered_.end(), is);
  if (one == answered_.end()) return;
  if (may_answer && send(answer(one->mac, *question)))
    ++counters_.answered;
  else
    ++counters_.dropped;
}

}  // namespace holdfast::vrrp
