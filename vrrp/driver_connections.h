// The TCP connections of this host whose own address is a virtual one: read from /proc/net/tcp and tcp6, which
// need no privilege. A node that handed over counts what is left of them; a node that prepares to take over notes
// those it still has. Reading walks the kernel's whole table, up to 10 us a connection, so it belongs on an
// errand thread (driver_errands.h), never on the real-time loop.
#pragma once

#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"

namespace holdfast::vrrp {

struct Connection {
  Address local, remote;  ///< with ports; an IPv4 address mapped into IPv6 is given as IPv4
};

/// The lines of one such file whose local address (port ignored) is one of `addresses`. Listening sockets are
/// left out, and those that are over (TIME_WAIT, CLOSE): a client may use its port again at once, and the new
/// connection of the same four numbers is the other node's. So is every line that is not in the kernel's form.
std::vector<Connection> parse_connections(std::string_view table, const std::vector<Address>& addresses);

/// Those of this network namespace, both families; at most `connections_max`.
Result<std::vector<Connection>> read_connections(const std::vector<Address>& addresses);
inline constexpr std::size_t connections_max = 1'000'000;

/// How many there are: what `status` calls lingering.
Result<std::size_t> count_connections(const std::vector<Address>& addresses);

}  // namespace holdfast::vrrp
