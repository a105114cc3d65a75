// From the configuration to what one node's part in the virtual IP is made of: its own and the other node, the
// paths between them, and the groups with their virtual routers. Pure; the driver adds what only the host knows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "vrrp/frames.h"
#include "vrrp/station.h"

namespace holdfast::vrrp {

/// What the host says of the interface that carries the addresses.
struct HostInterface {
  std::string name;
  unsigned index = 0;
  Mac mac{};
  bool carrier = false;
  std::optional<Address> primary_v4;  ///< first address; source of advertisements
  std::optional<Address> link_local;  ///< likewise for IPv6
};

struct VirtualAddress {
  Address address;
  unsigned vrid = 0;
  bool virtual_mac = false;  ///< RFC 9568 section 7.3 instead of the interface's own
};

struct GroupPlan {
  std::string name;
  std::vector<std::string> vips;  ///< names of the [vip] sections, for hooks
  std::vector<VirtualAddress> addresses;
};

/// A pair of addresses, one of each node, between which heartbeats go.
struct Path {
  Address own, peer;  ///< with the cluster's port
};

struct NodePlan {
  StationConfig station;  ///< without the peer's random values: the driver makes them
  std::vector<GroupPlan> groups;  ///< as in station.groups
  std::vector<Path> paths;  ///< the first one carries the peer channel too; empty: not paired
  std::string secret;
  Duration heartbeat{}, stall{};
};

/// Whether the snapshot gives this node anything to do here.
bool has_virtual_ip(const conf::Snapshot& snapshot);
/// The interface this node's addresses belong on.
const conf::Node* own_node(const conf::Snapshot& snapshot);
/// Errors: the interface lacks an address of a family that is needed.
Result<NodePlan> make_node_plan(const conf::Snapshot& snapshot, const HostInterface& interface);

}  // namespace holdfast::vrrp
