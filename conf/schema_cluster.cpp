#include "conf/rules.h"
#include "conf/schema.h"

namespace holdfast::conf {
namespace {

// clang-format off: a row is two lines, what it is and what it says
constexpr Directive kCluster[] = {
    {"name", Kind::Text, "", slot<&Snapshot::cluster>,
     "The cluster's name, the same on both nodes.", {1, 64}, rule_name, true},
    {"secret-file", Kind::Secret, "", slot<&Snapshot::pair, &Cluster::secret>,
     "File with the secret of the pair, the same on both nodes; it keys the peer channel, the heartbeats and "
     "the TLS tickets. Without it there is no peer channel, and VRRP decides alone.", {16, 4096}},
    {"port", Kind::Count, "8702", slot<&Snapshot::pair, &Cluster::port>,
     "Port of the peer channel (TCP) and of the heartbeats (UDP).", {1, 65'535}},
    {"heartbeat", Kind::Duration, "50ms", slot<&Snapshot::pair, &Cluster::heartbeat>,
     "Interval of the heartbeats.", {5, 1000}},
    {"silence-min", Kind::Duration, "200ms", slot<&Snapshot::pair, &Cluster::silence_min>,
     "The other node is never given up for silence sooner than this.", {10, 60'000}},
    {"silence-max", Kind::Duration, "1s", slot<&Snapshot::pair, &Cluster::silence_max>,
     "Nor later than this; in between, the gaps heard so far decide.", {10, 60'000}},
    {"stall", Kind::Duration, "1s", slot<&Snapshot::pair, &Cluster::stall>,
     "A data loop that does not turn for so long makes this node unfit to hold a virtual IP.", {10, 60'000}},
    {"gateway", Kind::TextList, "", slot<&Snapshot::pair, &Cluster::gateways>,
     "IP addresses on the nodes' network: when they and the other node are silent, this node is the one "
     "that is cut off, and gives its virtual IPs up.", {0, 8}, rule_ip},
    {"witness", Kind::Text, "", slot<&Snapshot::pair, &Cluster::witness>,
     "A service with a monitor: a row in its monitor's database, table dbo.holdfast_witness, says which node "
     "holds the virtual IPs when the nodes do not hear each other. The monitor's login makes and writes the "
     "table. A host's death is believed a second later with it. None by default.", {}, rule_name},
};

constexpr Directive kNode[] = {
    {"address", Kind::Text, "", slot<&Node::address>,
     "This node's own IP address.", {}, rule_ip, true},
    {"interface", Kind::Text, "", slot<&Node::interface>,
     "Network interface that carries virtual addresses.", {}, rule_interface},
    {"heartbeat", Kind::TextList, "", slot<&Node::heartbeat>,
     "Further own IP addresses, on other paths to the other node, for heartbeats; the first of one node "
     "is paired with the first of the other.", {0, 4}, rule_ip},
    {"priority", Kind::Count, "0", slot<&Node::priority>,
     "VRRP priority; 0: 150 on the node that a [vip] prefers, else 100.", {0, 255}},
};

constexpr Directive kVipHook[] = {
    {"command", Kind::TextList, "", slot<&VipHook::command>,
     "Program and arguments; {vip}, {node} and {role} are filled in.", {1, 64}},
    {"timeout", Kind::Duration, "5s", slot<&VipHook::timeout>,
     "After this the hook has failed; that is logged and changes nothing else.", {1, 600'000}},
};

constexpr Directive kVip[] = {
    {"addresses", Kind::TextList, "", slot<&Vip::addresses>,
     "Virtual addresses with their prefix.", {1, 32}, rule_network, true},
    {"vrid", Kind::Count, "", slot<&Vip::vrid>,
     "VRRP virtual router id, unique on the network.", {1, 255}, nullptr, true},
    {"prefer", Kind::Text, "", slot<&Vip::prefer>,
     "Node that holds the addresses when both could.", {}, rule_name},
    {"group", Kind::Text, "", slot<&Vip::group>,
     "Virtual IPs of one group move together, all or none; alone by default.", {}, rule_name},
    {"version", Kind::Count, "3", slot<&Vip::version>,
     "VRRP version for IPv4 (IPv6 is always 3).", {2, 3}},
    {"advertise", Kind::Duration, "1s", slot<&Vip::advertise>,
     "VRRP advertisement interval, in hundredths of a second; version 2: in seconds.", {10, 40'950}},
    {"preempt", Kind::Boolean, "false", slot<&Vip::preempt>,
     "The preferred node, or the one of greater priority, takes the addresses back when it returns."},
    {"preempt-delay", Kind::Duration, "0s", slot<&Vip::preempt_delay>,
     "Only after it has been well for so long.", {0, 1'000'000}},
    {"unicast", Kind::Boolean, "false", slot<&Vip::unicast>,
     "Advertisements go to the other node's address, for networks without multicast."},
    {"unicast-peers", Kind::TextList, "", slot<&Vip::unicast_peers>,
     "Addresses for that, if not the other node's: both nodes' may be listed. IPv6 needs link-local ones.", {1, 16},
     rule_ip},
    {"checksum", Kind::Choice, "pseudo-header", slot<&Vip::checksum>,
     "How the IPv4 checksum of version 3 is made: as keepalived and others do, or as RFC 9568 section 5.2.8 "
     "has it. Either is understood."},
    {"hmac", Kind::Choice, "off", slot<&Vip::hmac>,
     "Authentication trailer of advertisements: none, none sent but checked when there, sent and "
     "checked when there, or sent and required."},
    {"hmac-key-file", Kind::Secret, "", slot<&Vip::hmac_key>,
     "File with the trailer's key.", {16, 4096}},
    {"virtual-mac", Kind::Boolean, "false", slot<&Vip::virtual_mac>,
     "Use the virtual router's own MAC address, by a macvlan interface."},
    {"linger", Kind::Duration, "10m", slot<&Vip::linger>,
     "How long established connections may live on at the old holder after a hand-over.", {0, 86'400'000}},
    table("on-holder", Kind::Group, kVipHook, part<&Vip::on_holder>,
          "Runs when this node has become the holder."),
    table("on-standby", Kind::Group, kVipHook, part<&Vip::on_standby>,
          "Runs when this node has become standby."),
};
// clang-format on

}  // namespace

std::span<const Directive> cluster_rows() { return kCluster; }
std::span<const Directive> node_rows() { return kNode; }
std::span<const Directive> vip_rows() { return kVip; }

}  // namespace holdfast::conf
