// Private to driver_netlink.cpp: netlink messages as bytes, written and read without a pointer into them.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"

namespace holdfast::vrrp::netlink {

template <class T>
Bytes raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline Bytes raw(const Address& address) {
  return {reinterpret_cast<const char*>(address.bytes.data()),
          address.family == Address::Family::V6 ? 16u : 4u};
}

inline unsigned char family_of(Address::Family family) {
  return family == Address::Family::V6 ? AF_INET6 : AF_INET;
}

template <class T>
T read_as(Bytes bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

inline void pad(std::string& out) { out.resize(NLMSG_ALIGN(out.size())); }

/// A request: the netlink header, a fixed body, then attributes.
template <class Body>
std::string request(std::uint16_t type, unsigned flags, const Body& body) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  std::string out(raw(header));
  out += raw(body);
  pad(out);
  return out;
}

inline void add(std::string& out, unsigned type, Bytes value) {
  rtattr attribute{static_cast<unsigned short>(sizeof(rtattr) + value.size()),
                   static_cast<unsigned short>(type)};
  out += raw(attribute);
  out += value;
  pad(out);
}

template <class Fill>
void nest(std::string& out, unsigned type, Fill fill) {
  std::string inner;
  fill(inner);
  add(out, type, inner);
}

struct Message {
  nlmsghdr header{};
  Bytes payload;
};

inline std::optional<Message> next_message(Bytes& left) {
  if (left.size() < sizeof(nlmsghdr)) return std::nullopt;
  Message message{read_as<nlmsghdr>(left), {}};
  const std::size_t size = message.header.nlmsg_len;
  if (size < sizeof(nlmsghdr) || size > left.size()) return std::nullopt;
  message.payload = left.substr(sizeof(nlmsghdr), size - sizeof(nlmsghdr));
  left.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(size), left.size()));
  return message;
}

template <class Each>
void each_attribute(Bytes left, Each each) {
  while (left.size() >= sizeof(rtattr)) {
    auto attribute = read_as<rtattr>(left);
    if (attribute.rta_len < sizeof(rtattr) || attribute.rta_len > left.size()) return;
    each(attribute.rta_type & NLA_TYPE_MASK, left.substr(sizeof(rtattr), attribute.rta_len - sizeof(rtattr)));
    left.remove_prefix(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), left.size()));
  }
}

template <class Body>
Bytes attributes_behind(Bytes payload) {
  return payload.size() > NLMSG_ALIGN(sizeof(Body)) ? payload.substr(NLMSG_ALIGN(sizeof(Body))) : Bytes{};
}

}  // namespace holdfast::vrrp::netlink
