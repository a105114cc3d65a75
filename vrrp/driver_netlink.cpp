#include "vrrp/driver_netlink.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vrrp/driver_netlink_wire.h"

namespace holdfast::vrrp {
namespace {

using namespace netlink;

constexpr unsigned lower_up = 1u << 16;  // IFF_LOWER_UP, which glibc's net/if.h leaves out
constexpr std::size_t answer_size = 32768;
constexpr time_t patience_seconds = 2;  ///< the kernel answers within the call that asks, or never
constexpr int dump_attempts = 5;

Interface read_interface(Bytes payload) {
  auto body = read_as<ifinfomsg>(payload);
  Interface out;
  out.index = body.ifi_index;
  out.ethernet = body.ifi_type == ARPHRD_ETHER;
  out.up = (body.ifi_flags & IFF_UP) != 0;
  out.carrier = out.up && (body.ifi_flags & IFF_RUNNING) && (body.ifi_flags & lower_up);
  each_attribute(attributes_behind<ifinfomsg>(payload), [&](int type, Bytes value) {
    if (type == IFLA_IFNAME) out.name = value.substr(0, value.find('\0'));
    if (type == IFLA_MTU) out.mtu = read_as<unsigned>(value);
    if (type == IFLA_ADDRESS && value.size() == out.mac.size())
      std::memcpy(out.mac.data(), value.data(), value.size());
  });
  return out;
}

/// On a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL the own one.
InterfaceAddress read_address(Bytes payload) {
  auto body = read_as<ifaddrmsg>(payload);
  InterfaceAddress out;
  out.index = static_cast<int>(body.ifa_index);
  out.prefix_bits = body.ifa_prefixlen;
  out.link_local = body.ifa_scope == RT_SCOPE_LINK;
  unsigned flags = body.ifa_flags;
  Bytes found, local;
  each_attribute(attributes_behind<ifaddrmsg>(payload), [&](int type, Bytes value) {
    if (type == IFA_ADDRESS) found = value;
    if (type == IFA_LOCAL) local = value;
    if (type == IFA_FLAGS) flags = read_as<unsigned>(value);
  });
  if (!local.empty()) found = local;
  out.address.family = body.ifa_family == AF_INET6 ? Address::Family::V6 : Address::Family::V4;
  std::memcpy(out.address.bytes.data(), found.data(), std::min(found.size(), raw(out.address).size()));
  out.primary = body.ifa_family == AF_INET6 || !(flags & IFA_F_SECONDARY);
  out.usable = (flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE)) == 0;
  return out;
}

/// `code` is positive. The kernel's own sentence stands behind the echoed request of an error message.
std::string words(int code, const Message* message) {
  std::string text = std::strerror(code);
  if (!message || !(message->header.nlmsg_flags & NLM_F_ACK_TLVS)) return text;
  auto error = read_as<nlmsgerr>(message->payload);
  std::size_t skip = sizeof(nlmsgerr);
  if (!(message->header.nlmsg_flags & NLM_F_CAPPED) && error.msg.nlmsg_len > sizeof(nlmsghdr))
    skip += NLMSG_ALIGN(error.msg.nlmsg_len - sizeof(nlmsghdr));
  if (message->payload.size() <= skip) return text;
  each_attribute(message->payload.substr(skip), [&](int type, Bytes value) {
    if (type == NLMSGERR_ATTR_MSG) text.append(" (").append(value.substr(0, value.find('\0'))).append(")");
  });
  return text;
}

Result<Descriptor> open_socket(int type, std::uint32_t groups) {
  Descriptor socket(::socket(AF_NETLINK, type | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (!socket || ::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) != 0)
    return fail(Blame::Self, std::string("no netlink socket: ") + std::strerror(errno));
  const int on = 1;
  timeval patience{patience_seconds, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Old kernels lack both: then errors have fewer words, and dumps are not narrowed down by the kernel.
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return socket;
}

/// One datagram from the kernel; other processes may send to this socket too, and are not heard.
std::expected<Bytes, int> receive(int socket, std::array<char, answer_size>& buffer) {
  for (;;) {
    sockaddr_nl from{};
    socklen_t size = sizeof from;
    ssize_t n = ::recvfrom(socket, buffer.data(), buffer.size(), MSG_TRUNC,
                           reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(errno);
    if (static_cast<std::size_t>(n) > buffer.size()) return std::unexpected(EMSGSIZE);
    if (from.nl_pid == 0) return Bytes(buffer.data(), static_cast<std::size_t>(n));
  }
}

Status transmit(int socket, std::string& request, std::uint32_t sequence) {
  auto header = read_as<nlmsghdr>(request);
  header.nlmsg_len = static_cast<std::uint32_t>(request.size());
  header.nlmsg_seq = sequence;
  std::memcpy(request.data(), &header, sizeof header);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t n = ::sendto(socket, request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
                       sizeof kernel);
  if (n < 0) return fail(Blame::Self, std::strerror(errno));
  return {};
}

std::string address_request(std::uint16_t type, unsigned flags, int index, const Address& address, int bits) {
  const bool v6 = address.family == Address::Family::V6;
  ifaddrmsg body{};
  body.ifa_family = family_of(address.family);
  body.ifa_prefixlen = static_cast<unsigned char>(bits);
  body.ifa_index = static_cast<unsigned>(index);
  if (!v6 && index == loopback_index) body.ifa_scope = RT_SCOPE_HOST;
  std::string out = request(type, flags | NLM_F_ACK, body);
  add(out, IFA_LOCAL, raw(address));
  add(out, IFA_ADDRESS, raw(address));
  if (type == RTM_DELADDR) return out;
  add(out, IFA_FLAGS, raw(std::uint32_t{IFA_F_NODAD | IFA_F_NOPREFIXROUTE}));
  if (v6) {  // deprecated from the start: RFC 6724 section 5, rule 3
    ifa_cacheinfo life{};
    life.ifa_valid = UINT32_MAX;
    add(out, IFA_CACHEINFO, raw(life));
  }
  return out;
}

std::string place(const Address& address, int bits, int index) {
  return address.ip() + "/" + std::to_string(bits) + " on interface " + std::to_string(index);
}

}  // namespace

Result<Netlink> Netlink::open() {
  auto socket = open_socket(SOCK_RAW, 0);
  if (!socket) return std::unexpected(socket.error());
  return Netlink(std::move(*socket));
}

/// `harmless` is the error that says that nothing was left to do.
Status Netlink::change(std::string& request, int harmless, const std::string& what) {
  const std::uint32_t sequence = ++sequence_;
  auto failed = [&](const std::string& why) { return fail(Blame::Self, "cannot " + what + ": " + why); };
  if (auto sent = transmit(socket_.get(), request, sequence); !sent) return failed(sent.error().text);
  std::array<char, answer_size> buffer;
  for (;;) {
    auto answer = receive(socket_.get(), buffer);
    if (!answer) return failed(std::strerror(answer.error()));
    while (auto message = next_message(*answer)) {
      if (message->header.nlmsg_seq != sequence || message->header.nlmsg_type != NLMSG_ERROR) continue;
      const int code = -read_as<nlmsgerr>(message->payload).error;
      if (code == 0 || code == harmless) return {};
      return failed(words(code, &*message));
    }
  }
}

/// Calls each(message) for the whole list, and starts again, after each(nullptr), when the list changed.
template <class Each>
Status Netlink::dump(std::string& request, Each each) {
  std::array<char, answer_size> buffer;
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    each(nullptr);
    const std::uint32_t sequence = ++sequence_;
    if (auto sent = transmit(socket_.get(), request, sequence); !sent) return sent;
    bool done = false, torn = false;
    while (!done) {
      auto answer = receive(socket_.get(), buffer);
      if (!answer) return fail(Blame::Self, std::strerror(answer.error()));
      while (auto message = next_message(*answer)) {
        if (message->header.nlmsg_seq != sequence) continue;
        torn = torn || (message->header.nlmsg_flags & NLM_F_DUMP_INTR);
        done = message->header.nlmsg_type == NLMSG_DONE;
        if (message->header.nlmsg_type == NLMSG_ERROR)
          return fail(Blame::Self, words(-read_as<nlmsgerr>(message->payload).error, &*message));
        if (!done) each(&*message);
      }
    }
    if (!torn) return {};
  }
  return fail(Blame::Self, "the list changes all the time", true);
}

Result<std::vector<Interface>> Netlink::interfaces() {
  std::vector<Interface> out;
  std::string list = request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  auto listed = dump(list, [&](const Message* message) {
    if (!message) return out.clear();
    if (message->header.nlmsg_type == RTM_NEWLINK) out.push_back(read_interface(message->payload));
  });
  if (!listed) return fail(Blame::Self, "cannot list the network interfaces: " + listed.error().text);
  return out;
}

Result<Interface> Netlink::interface(std::string_view name) {
  auto all = interfaces();
  if (!all) return std::unexpected(all.error());
  for (Interface& one : *all)
    if (one.name == name) return std::move(one);
  return fail(Blame::Operator, "there is no network interface \"" + std::string(name) + "\"");
}

Result<std::vector<InterfaceAddress>> Netlink::addresses(int index) {
  std::vector<InterfaceAddress> out;
  ifaddrmsg body{};
  body.ifa_index = static_cast<unsigned>(index);
  std::string list = request(RTM_GETADDR, NLM_F_DUMP, body);
  auto listed = dump(list, [&](const Message* message) {
    if (!message) return out.clear();
    if (message->header.nlmsg_type != RTM_NEWADDR) return;
    InterfaceAddress address = read_address(message->payload);
    if (index == 0 || address.index == index) out.push_back(address);
  });
  if (!listed) return fail(Blame::Self, "cannot list the addresses: " + listed.error().text);
  return out;
}

Status Netlink::add_address(int index, const Address& address, int bits) {
  std::string add = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, bits);
  return change(add, EEXIST, "add " + place(address, bits, index));
}

Status Netlink::drop_address(int index, const Address& address, int bits) {
  std::string drop = address_request(RTM_DELADDR, 0, index, address, bits);
  return change(drop, EADDRNOTAVAIL, "remove " + place(address, bits, index));
}

Result<int> Netlink::add_macvlan(const std::string& name, int parent, const Mac& mac) {
  const Bytes hardware(reinterpret_cast<const char*>(mac.data()), mac.size());
  std::string create = request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  add(create, IFLA_IFNAME, name);
  add(create, IFLA_LINK, raw(parent));
  add(create, IFLA_ADDRESS, hardware);
  nest(create, IFLA_LINKINFO, [](std::string& info) {
    add(info, IFLA_INFO_KIND, "macvlan");
    nest(info, IFLA_INFO_DATA,
         [](std::string& data) { add(data, IFLA_MACVLAN_MODE, raw(std::uint32_t{MACVLAN_MODE_PRIVATE})); });
  });
  if (auto created = change(create, EEXIST, "make the interface " + name); !created)
    return std::unexpected(created.error());
  auto made = interface(name);
  if (!made) return std::unexpected(made.error());
  if (made->mac != mac)
    return fail(Blame::Operator, "the interface " + name + " exists with another MAC address");
  ifinfomsg which{};
  which.ifi_index = made->index;
  // Both nodes would make the same link-local address from the same MAC.
  std::string quiet = request(RTM_SETLINK, NLM_F_ACK, which);
  nest(quiet, IFLA_AF_SPEC, [](std::string& families) {
    nest(families, AF_INET6, [](std::string& options) {
      add(options, IFLA_INET6_ADDR_GEN_MODE, raw(std::uint8_t{IN6_ADDR_GEN_MODE_NONE}));
    });
  });
  if (auto done = change(quiet, EAFNOSUPPORT, "set up the interface " + name); !done)
    return std::unexpected(done.error());
  which.ifi_flags = which.ifi_change = IFF_UP;
  std::string up = request(RTM_SETLINK, NLM_F_ACK, which);
  if (auto done = change(up, 0, "bring up the interface " + name); !done)
    return std::unexpected(done.error());
  return made->index;
}

Status Netlink::drop_link(const std::string& name) {
  std::string drop = request(RTM_DELLINK, NLM_F_ACK, ifinfomsg{});
  add(drop, IFLA_IFNAME, name);
  return change(drop, ENODEV, "remove the interface " + name);
}

Address advert_source(const std::vector<InterfaceAddress>& addresses, int index, Address::Family family) {
  for (const InterfaceAddress& one : addresses) {
    const bool fits = family == Address::Family::V6 ? one.link_local : one.primary;
    if (one.index == index && one.address.family == family && fits && one.usable) return one.address;
  }
  return {};
}

Result<LinkMonitor> LinkMonitor::open() {
  auto socket = open_socket(SOCK_RAW | SOCK_NONBLOCK, RTMGRP_LINK);
  if (!socket) return std::unexpected(socket.error());
  return LinkMonitor(std::move(*socket));
}

Result<LinkMonitor::Changes> LinkMonitor::read_changes() {
  Changes out;
  std::array<char, answer_size> buffer;
  for (;;) {
    auto got = receive(socket_.get(), buffer);
    if (!got && got.error() == EAGAIN) return out;
    if (!got && got.error() != ENOBUFS)
      return fail(Blame::Self, std::string("cannot watch the links: ") + std::strerror(got.error()));
    if (!got) out.lost = true;
    while (auto message = got ? next_message(*got) : std::nullopt) {
      auto body = read_as<ifinfomsg>(message->payload);
      if (body.ifi_family != AF_UNSPEC) continue;  // a bridge speaks of its ports
      if (message->header.nlmsg_type == RTM_DELLINK) out.gone.push_back(body.ifi_index);
      if (message->header.nlmsg_type == RTM_NEWLINK) out.changed.push_back(read_interface(message->payload));
    }
  }
}

}  // namespace holdfast::vrrp
