#include "vrrp/driver_socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace holdfast::vrrp {
namespace {

constexpr int vrrp_protocol = 112, vrrp_ttl = 255;
constexpr int network_control =
    0xc0;  ///< CS6 (RFC 4594 section 3.1), as routers mark their routing protocols
constexpr int queue_priority = 6;
constexpr int ipv6_multicast_all = 29;  // IPV6_MULTICAST_ALL, which glibc leaves out

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t to_socket(const Address& address, unsigned interface, SocketAddress& out) {
  out = {};
  if (address.family == Address::Family::V6) {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(address.port);
    std::memcpy(&out.v6.sin6_addr, address.bytes.data(), 16);
    const bool on_link =
        IN6_IS_ADDR_LINKLOCAL(&out.v6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&out.v6.sin6_addr);
    if (on_link) out.v6.sin6_scope_id = interface;
    return sizeof out.v6;
  }
  out.v4.sin_family = AF_INET;
  out.v4.sin_port = htons(address.port);
  std::memcpy(&out.v4.sin_addr, address.bytes.data(), 4);
  return sizeof out.v4;
}

Address address_of(const void* bytes, Address::Family family, std::uint16_t port) {
  Address out;
  out.family = family;
  out.port = port;
  std::memcpy(out.bytes.data(), bytes, family == Address::Family::V6 ? 16 : 4);
  return out;
}

template <class T>
bool set(int socket, int level, int option, const T& value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

template <class T>
T read_as(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// What came with the datagram: where it went, and its TTL.
void read_control(msghdr& message, Packet& packet) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    const void* data = CMSG_DATA(c);
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      auto info = read_as<in_pktinfo>(data);
      packet.destination = address_of(&info.ipi_addr, Address::Family::V4, 0);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      auto info = read_as<in6_pktinfo>(data);
      packet.destination = address_of(&info.ipi6_addr, Address::Family::V6, 0);
    } else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
               (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
      packet.ttl = static_cast<std::uint8_t>(read_as<int>(data));
    }
  }
}

/// A raw IPv4 socket gives the header too; what it says is what came by the wire.
bool strip_header(Packet& packet) {
  if (packet.payload.size() < sizeof(iphdr)) return false;
  auto header = read_as<iphdr>(packet.payload.data());
  const std::size_t size = header.ihl * 4u;
  if (header.version != 4 || size < sizeof(iphdr) || size > packet.payload.size()) return false;
  packet.ttl = header.ttl;
  packet.source = address_of(&header.saddr, Address::Family::V4, 0);
  packet.destination = address_of(&header.daddr, Address::Family::V4, 0);
  packet.payload.remove_prefix(size);
  return true;
}

template <class Info>
void add_control(msghdr& message, int level, int type, const Info& info) {
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
  message.msg_controllen = CMSG_SPACE(sizeof info);
}

void add_source(msghdr& message, const Address& source, unsigned interface) {
  if (source.family == Address::Family::V6) {
    in6_pktinfo info{};
    info.ipi6_ifindex = interface;
    std::memcpy(&info.ipi6_addr, source.bytes.data(), 16);
    add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(interface);
    std::memcpy(&info.ipi_spec_dst, source.bytes.data(), 4);
    add_control(message, IPPROTO_IP, IP_PKTINFO, info);
  }
}

bool set_up_vrrp4(int s, unsigned interface) {
  ip_mreqn group{};
  group.imr_multiaddr.s_addr = htonl(0xe0000012);  // 224.0.0.18
  group.imr_ifindex = static_cast<int>(interface);
  return set(s, IPPROTO_IP, IP_TTL, vrrp_ttl) && set(s, IPPROTO_IP, IP_MULTICAST_TTL, vrrp_ttl) &&
         set(s, IPPROTO_IP, IP_MULTICAST_LOOP, 0) && set(s, IPPROTO_IP, IP_MULTICAST_ALL, 0) &&
         set(s, IPPROTO_IP, IP_TOS, network_control) && set(s, IPPROTO_IP, IP_MULTICAST_IF, group) &&
         set(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, group);
}

/// The checksum is written and checked by vrrp/advert.h, so IPV6_CHECKSUM stays off, as it is by default.
bool set_up_vrrp6(int s, unsigned interface) {
  ipv6_mreq group{};
  const std::uint8_t routers[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12};
  std::memcpy(&group.ipv6mr_multiaddr, routers, sizeof routers);
  group.ipv6mr_interface = interface;
  set(s, IPPROTO_IPV6, ipv6_multicast_all,
      0);  // since Linux 4.20; without it strangers' groups are only noise
  return set(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, vrrp_ttl) &&
         set(s, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, vrrp_ttl) &&
         set(s, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) && set(s, IPPROTO_IPV6, IPV6_TCLASS, network_control) &&
         set(s, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface)) &&
         set(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) && set(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
         set(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, group);
}

/// After the class of service, which sets a priority of its own.
bool set_priority(int s) { return set(s, SOL_SOCKET, SO_PRIORITY, queue_priority); }

std::unexpected<Error> no_socket(const std::string& what, int code) {
  return fail(Blame::Operator, "no socket for " + what + ": " + std::strerror(code));
}

}  // namespace

Result<std::optional<Packet>> DatagramSocket::receive() {
  for (;;) {
    SocketAddress from{};
    alignas(cmsghdr) char control[256];
    iovec into{buffer_.data(), buffer_.size()};
    msghdr message{&from, sizeof from, &into, 1, control, sizeof control, 0};
    ssize_t n = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    if (n < 0) return fail(Blame::Self, std::string("cannot receive: ") + std::strerror(errno), true);
    if (message.msg_flags & MSG_TRUNC) continue;  // longer than anything that could be meant for us
    Packet packet;
    packet.payload = {buffer_.data(), static_cast<std::size_t>(n)};
    packet.source = family_ == Address::Family::V6
                        ? address_of(&from.v6.sin6_addr, family_, raw_ ? 0 : ntohs(from.v6.sin6_port))
                        : address_of(&from.v4.sin_addr, family_, raw_ ? 0 : ntohs(from.v4.sin_port));
    read_control(message, packet);
    if (raw_ && family_ == Address::Family::V4 && !strip_header(packet)) continue;
    return packet;
  }
}

Status DatagramSocket::send(Bytes payload, const Address& to, const Address& source) {
  SocketAddress address;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  iovec from{const_cast<char*>(payload.data()), payload.size()};
  msghdr message{&address, to_socket(to, interface_, address), &from, 1, control, sizeof control, 0};
  if (source.family == to.family)
    add_source(message, source, interface_);
  else
    message.msg_control = nullptr, message.msg_controllen = 0;
  ssize_t n;
  do n = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n >= 0) return {};
  const bool again = errno == EAGAIN || errno == ENOBUFS;
  return fail(Blame::Self, "cannot send to " + to.ip() + ": " + std::strerror(errno), again);
}

Result<VrrpSocket> VrrpSocket::open(Address::Family family, const std::string& interface) {
  const bool v6 = family == Address::Family::V6;
  const std::string what = std::string(v6 ? "VRRP over IPv6 on " : "VRRP over IPv4 on ") + interface;
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return no_socket(what, errno);
  Descriptor socket(
      ::socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, vrrp_protocol));
  if (!socket) return no_socket(what, errno);
  const int s = socket.get();
  const bool bound = ::setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                  static_cast<socklen_t>(interface.size())) == 0;
  if (!bound || !(v6 ? set_up_vrrp6 : set_up_vrrp4)(s, index) || !set_priority(s))
    return no_socket(what, errno);
  return VrrpSocket(std::move(socket), family, true, index);
}

Result<HeartbeatSocket> HeartbeatSocket::open(const Address& local) {
  const bool v6 = local.family == Address::Family::V6;
  const std::string what = "heartbeats on " + local.text();
  Descriptor socket(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return no_socket(what, errno);
  const int s = socket.get(), level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  bool good = set(s, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1) && set(s, SOL_SOCKET, SO_REUSEADDR, 1) &&
              set(s, level, v6 ? IPV6_TCLASS : IP_TOS, network_control) &&
              set(s, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1) &&
              set(s, level, v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
  if (good && v6) good = set(s, level, IPV6_V6ONLY, 1);
  SocketAddress address;
  const socklen_t size = to_socket(local, 0, address);
  if (!good || !set_priority(s) || ::bind(s, &address.any, size) != 0) return no_socket(what, errno);
  return HeartbeatSocket(std::move(socket), local.family, false, 0);
}

}  // namespace holdfast::vrrp
