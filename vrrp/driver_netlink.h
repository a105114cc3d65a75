// The kernel's addresses and links, as far as the virtual IP changes them: a small synchronous rtnetlink
// client, owned by the real-time thread. Every call is one request and its answer, which takes tens of
// microseconds, unless the kernel holds its one lock for all such changes (as while it takes network
// namespaces down). Changes are idempotent: what is there already, or gone already, is success. It keeps no
// state and remembers nothing; netlink's headers stay in driver_netlink.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "vrrp/driver_descriptor.h"
#include "vrrp/frames.h"

namespace holdfast::vrrp {

inline constexpr int loopback_index = 1;  ///< `lo` is the first interface of every network namespace

struct Interface {
  int index = 0;
  std::string name;
  Mac mac{};
  unsigned mtu = 0;
  bool ethernet = false;
  bool up = false;  ///< by the administrator
  bool carrier = false;  ///< and there is a link: packets can leave
};

struct InterfaceAddress {
  int index = 0;  ///< of the interface
  Address address;  ///< port 0
  int prefix_bits = 0;
  bool primary = false;  ///< not a secondary address of its network (IPv4)
  bool link_local = false;  ///< scope link: fe80::/10, 169.254.0.0/16
  bool usable = false;  ///< duplicate address detection is over and found nothing
};

class Netlink {
 public:
  static Result<Netlink> open();

  Result<std::vector<Interface>> interfaces();
  Result<Interface> interface(std::string_view name);
  Result<std::vector<InterfaceAddress>> addresses(int index);  ///< 0: of all interfaces

  /// Usable at once: no duplicate address detection, no route to its network. On `lo` it is never chosen
  /// as the source of a connection that did not ask for it.
  Status add_address(int index, const Address& address, int prefix_bits);
  Status drop_address(int index, const Address& address, int prefix_bits);

  /// A private macvlan with this MAC, up; returns its index. One of the same name and MAC is kept.
  Result<int> add_macvlan(const std::string& name, int parent, const Mac& mac);
  Status drop_link(const std::string& name);

 private:
  explicit Netlink(Descriptor socket) : socket_(std::move(socket)) {}
  template <class Each>
  Status dump(std::string& request, Each each);
  Status change(std::string& request, int harmless, const std::string& what);

  Descriptor socket_;
  std::uint32_t sequence_ = 0;
};

/// The primary IPv4 or the link-local IPv6 address of an interface: the source of its advertisements
/// (RFC 9568 sections 5.1.1.1 and 5.1.2.1). Family None if it has none.
Address advert_source(const std::vector<InterfaceAddress>& addresses, int index, Address::Family family);

/// Tells when a link changes. Non-blocking, for Loop::watch.
class LinkMonitor {
 public:
  struct Changes {
    std::vector<Interface> changed;  ///< as they are now; the last entry of an index counts
    std::vector<int> gone;
    bool lost = false;  ///< the kernel had to drop messages: list the interfaces again
  };
  static Result<LinkMonitor> open();
  int descriptor() const { return socket_.get(); }
  Result<Changes> read_changes();  ///< empty when there are none

 private:
  explicit LinkMonitor(Descriptor socket) : socket_(std::move(socket)) {}
  Descriptor socket_;
};

}  // namespace holdfast::vrrp
