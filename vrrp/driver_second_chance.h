// Second chance for packets of connections that this node does not know: after a planned hand-over the new
// holder sends them back to the old one, where the connection lives on until it ends (GitHub's director for
// load balancers does the same between its tiers). One nftables table a family, named below and ours alone,
// does it: a TCP packet to a virtual address that neither opens a connection nor belongs to one that this
// host tracks is duplicated to the peer and dropped here. That needs no routing, no forwarding and no sysctl:
// the packet leaves unchanged but for its TTL, which ends a loop should both nodes do this at once. Needs
// CAP_NET_ADMIN, the program `nft`, and nf_tables with connection tracking and `dup` in the kernel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "vrrp/driver_connections.h"
#include "vrrp/driver_errands.h"

namespace holdfast::vrrp {

struct ForwardPlan {
  std::vector<Address> addresses;  ///< virtual, both families, any order; ports are ignored
  std::string interface;  ///< on which the peer is reached
  Address peer_v4, peer_v6;  ///< on that link; family None if no address of that family is virtual
};

/// A group's rules together with the connections that this node still has from an earlier time.
struct ForwardRules {
  ForwardPlan plan;
  std::vector<Connection> known;
};
inline constexpr std::string_view forward_table = "holdfast_forward";

/// What is wrong with a plan, before anything is asked of the kernel.
Status check_plan(const ForwardPlan& plan);
/// Input for `nft -f`: one transaction that replaces whatever our tables held; empty rules remove them.
/// `loose` is the sysctl nf_conntrack_tcp_loose, which decides how an unknown flow looks to the kernel.
std::string forward_script(const std::map<std::string, ForwardRules>& rules, bool loose);

/// Belongs to the real-time loop; the work (15 ms here) is done on the errand thread.
class SecondChance {
 public:
  using Done = std::move_only_function<void(Status)>;

  /// `errands` ends before this object does.
  explicit SecondChance(Errands& errands) : errands_(errands) {}
  void start();  ///< takes away what a crash left; nothing is an error there
  /// In force when `done` says so; on an error nothing changed. A group of the same name is replaced.
  void install(std::string group, ForwardPlan plan, Done done);
  void remove(std::string group);  ///< a failure is logged: there is nothing else to do about it

 private:
  Status change(std::map<std::string, ForwardRules> next);

  std::map<std::string, ForwardRules> rules_;  ///< the errand thread's
  Errands& errands_;
};

}  // namespace holdfast::vrrp
