#include "vrrp/driver_guard_farewell.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/log.h"
#include "vrrp/driver_netlink.h"

namespace holdfast::vrrp {

namespace {

constexpr int vrrp_protocol = 112, ttl = 255;  // RFC 9568 sections 5.1.1.3 and 5.1.1.4
constexpr int internetwork_control = 0xc0;

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t fill(SocketAddress& out, const Address& address, int interface) {
  out = {};
  if (address.family == Address::Family::V4) {
    out.v4.sin_family = AF_INET;
    std::memcpy(&out.v4.sin_addr, address.bytes.data(), 4);
    return sizeof out.v4;
  }
  out.v6.sin6_family = AF_INET6;
  std::memcpy(&out.v6.sin6_addr, address.bytes.data(), 16);
  const bool scoped = IN6_IS_ADDR_LINKLOCAL(&out.v6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&out.v6.sin6_addr);
  if (scoped) out.v6.sin6_scope_id = static_cast<std::uint32_t>(interface);
  return sizeof out.v6;
}

bool set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool set_up_v4(int fd, int interface) {
  ip_mreqn group{};
  group.imr_ifindex = interface;
  return set(fd, IPPROTO_IP, IP_TTL, ttl) && set(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) &&
         set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) && set(fd, IPPROTO_IP, IP_TOS, internetwork_control) &&
         set(fd, IPPROTO_IP, IP_FREEBIND, 1) &&
         ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) == 0;
}

bool set_up_v6(int fd, int interface) {
  return set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) &&
         set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) &&
         set(fd, IPPROTO_IPV6, IPV6_TCLASS, internetwork_control) &&
         set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, interface);
}

bool send_one(const GuardedPacket& packet) {
  const bool v4 = packet.to.family == Address::Family::V4;
  const Descriptor fd(
      ::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, vrrp_protocol));
  if (!fd || !(v4 ? set_up_v4(fd.get(), packet.interface) : set_up_v6(fd.get(), packet.interface)))
    return false;
  SocketAddress source, to;
  const socklen_t source_size = fill(source, packet.source, packet.interface);
  const socklen_t to_size = fill(to, packet.to, packet.interface);
  return ::bind(fd.get(), &source.any, source_size) == 0 &&
         ::sendto(fd.get(), packet.payload.data(), packet.payload.size(), 0, &to.any, to_size) ==
             static_cast<ssize_t>(packet.payload.size());
}

std::size_t drop_all(const std::vector<GuardedAddress>& addresses) {
  std::size_t done = 0;
  if (addresses.empty()) return done;
  Result<Netlink> netlink = Netlink::open();
  if (!netlink) {
    log_error("guardian: addresses stay", {{"why", netlink.error().text}});
    return done;
  }
  for (const GuardedAddress& one : addresses) {
    const Status dropped = netlink->drop_address(one.interface, one.address, one.prefix_bits);
    if (dropped)
      ++done;
    else
      log_error("guardian: an address stays", {{"address", one.address.ip()}, {"why", dropped.error().text}});
  }
  return done;
}

}  // namespace

FarewellCount give_up(const GuardedState& state) {
  FarewellCount count;
  count.addresses = drop_all(state.addresses);
  for (const GuardedPacket& packet : state.packets) {
    if (send_one(packet))
      ++count.packets;
    else
      log_warning("guardian: a farewell was not sent",
                  {{"to", packet.to.ip()}, {"why", std::strerror(errno)}});
  }
  return count;
}

}  // namespace holdfast::vrrp
