#include "proxy/commands_bind.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace holdfast {

namespace {

bool set(int fd, int level, int option) {
  const int one = 1;
  return ::setsockopt(fd, level, option, &one, sizeof one) == 0;
}

bool bind_v4(int fd, const Address& address) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(address.port);
  std::memcpy(&raw.sin_addr, address.bytes.data(), sizeof raw.sin_addr);
  return set(fd, IPPROTO_IP, IP_FREEBIND) &&
         ::bind(fd, reinterpret_cast<const sockaddr*>(&raw), sizeof raw) == 0;
}

bool bind_v6(int fd, const Address& address) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(address.port);
  std::memcpy(&raw.sin6_addr, address.bytes.data(), sizeof raw.sin6_addr);
  return set(fd, IPPROTO_IPV6, IPV6_V6ONLY) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND) &&
         ::bind(fd, reinterpret_cast<const sockaddr*>(&raw), sizeof raw) == 0;
}

/// The error's number; 0: it is free.
int why_taken(const Address& address) {
  const bool v6 = address.family == Address::Family::V6;
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const bool bound =
      set(fd, SOL_SOCKET, SO_REUSEADDR) && (v6 ? bind_v6(fd, address) : bind_v4(fd, address));
  const int number = bound ? 0 : errno;
  ::close(fd);
  return number;
}

std::string remedy(int number, std::uint16_t port) {
  if (number == EADDRINUSE) return "; `ss -ltnp` names the program that serves there";
  if (number == EACCES && port < 1024) return "; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
  return {};
}

bool holds_port(const conf::Snapshot& snapshot, std::uint16_t port) {
  for (const conf::Listen& listen : snapshot.listens)
    for (const Address& address : listen.bind)
      if (address.port == port) return true;
  return false;
}

}  // namespace

Status check_addresses_free(const conf::Snapshot& wanted, const conf::Snapshot* held) {
  for (const conf::Listen& listen : wanted.listens)
    for (const Address& address : listen.bind) {
      if (held && holds_port(*held, address.port)) continue;
      if (const int number = why_taken(address); number != 0)
        return fail(Blame::Operator, "[listen." + listen.name + "]: cannot bind " + address.text() + ": " +
                                         std::strerror(number) + remedy(number, address.port));
    }
  return {};
}

}  // namespace holdfast
