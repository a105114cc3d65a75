#include "vrrp/plan.h"

#include <algorithm>

namespace holdfast::vrrp {
namespace {

constexpr unsigned preferred_priority = 150, usual_priority = 100;
using Family = Address::Family;

Address ip(const std::string& text, std::uint16_t port = 0) {
  const std::string_view plain = std::string_view(text).substr(0, text.find('/'));
  return Address::from_ip(plain, port).value_or(Address{});
}

const conf::Node* other_node(const conf::Snapshot& snapshot, const conf::Node& own) {
  for (const conf::Node& node : snapshot.nodes)
    if (node.name != own.name) return &node;
  return nullptr;
}

std::vector<Path> make_paths(const conf::Node& own, const conf::Node& peer, std::uint16_t port) {
  std::vector<Path> paths = {{ip(own.address, port), ip(peer.address, port)}};
  for (std::size_t i = 0; i < std::min(own.heartbeat.size(), peer.heartbeat.size()); ++i)
    paths.push_back({ip(own.heartbeat[i], port), ip(peer.heartbeat[i], port)});
  return paths;
}

HmacMode hmac_mode(conf::VrrpHmac mode) {
  switch (mode) {
    case conf::VrrpHmac::Off: return HmacMode::Off;
    case conf::VrrpHmac::Receive: return HmacMode::Receive;
    case conf::VrrpHmac::Permissive: return HmacMode::Permissive;
    case conf::VrrpHmac::Enforce: return HmacMode::Enforce;
  }
  return HmacMode::Off;
}

unsigned priority_of(const conf::Vip& vip, const conf::Node& node) {
  if (node.priority) return node.priority;
  return vip.prefer == node.name ? preferred_priority : usual_priority;
}

/// The virtual router of one family of a [vip]; without addresses if it has none of that family.
RouterConfig make_router(const conf::Vip& vip, Family family, const conf::Node* peer) {
  RouterConfig router;
  router.vrid = static_cast<std::uint8_t>(vip.vrid);
  router.version = family == Family::V4 && vip.version == 2 ? Version::V2 : Version::V3;
  for (const std::string& text : vip.addresses)
    if (const Address a = ip(text); a.family == family) router.addresses.push_back(a);
  // Erratum 8300: the first IPv6 address of an advertisement is a link-local one, if there is any.
  const auto first = std::find_if(router.addresses.begin(), router.addresses.end(),
                                  [](const Address& a) { return a.link_local(); });
  if (first != router.addresses.end()) std::rotate(router.addresses.begin(), first, first + 1);
  router.interval = vip.advertise;
  router.checksum =
      vip.checksum == conf::VrrpChecksum::Rfc9568 ? Checksum::MessageOnly : Checksum::PseudoHeader;
  if (vip.unicast && peer) {
    for (const std::string* text : {&peer->address})
      if (const Address a = ip(*text); a.family == family) router.unicast_peers.push_back(a);
    for (const std::string& text : peer->heartbeat)
      if (const Address a = ip(text); a.family == family && router.unicast_peers.empty())
        router.unicast_peers.push_back(a);
  }
  router.hmac = hmac_mode(vip.hmac);
  if (!vip.hmac_key.empty()) router.hmac_keys = {{1, vip.hmac_key}};
  return router;
}

Status set_source(RouterConfig& router, const conf::Vip& vip, const HostInterface& interface) {
  const bool v4 = router.addresses.front().family == Family::V4;
  const std::optional<Address>& source = v4 ? interface.primary_v4 : interface.link_local;
  if (!source)
    return fail(Blame::Operator, "[vip." + vip.name + "]: interface " + interface.name + " has no " +
                                     (v4 ? "IPv4 address" : "link-local IPv6 address") +
                                     " to send advertisements from; give it one");
  router.source = *source;
  if (!vip.unicast) return {};
  if (!vip.unicast_peers.empty()) router.unicast_peers.clear();
  for (const std::string& text : vip.unicast_peers)
    if (const Address a = ip(text); a.family == router.source.family && a != router.source)
      router.unicast_peers.push_back(a);
  if (router.unicast_peers.empty())
    return fail(Blame::Operator, "[vip." + vip.name + "]: unicast, but no " + (v4 ? "IPv4" : "IPv6") +
                                     " address of the other node is known; list it in unicast-peers");
  return {};
}

/// The group that a [vip] belongs to, made at its first member.
std::size_t group_of(NodePlan& plan, const conf::Vip& vip, const conf::Node& own) {
  const std::string& name = vip.group_name();
  for (std::size_t i = 0; i < plan.groups.size(); ++i)
    if (plan.groups[i].name == name) return i;
  plan.groups.emplace_back().name = name;
  StationGroup& group = plan.station.groups.emplace_back();
  group.vrrp.name = name;
  group.vrrp.priority = static_cast<std::uint8_t>(priority_of(vip, own));
  group.vrrp.preempt = vip.preempt;
  group.vrrp.preempt_delay = vip.preempt_delay;
  group.prefer = vip.prefer;
  group.linger = vip.linger;
  return plan.groups.size() - 1;
}

Status add_vip(NodePlan& plan, const conf::Vip& vip, const conf::Node& own, const conf::Node* peer,
               const HostInterface& interface) {
  const std::size_t g = group_of(plan, vip, own);
  plan.groups[g].vips.push_back(vip.name);
  for (Family family : {Family::V4, Family::V6}) {
    RouterConfig router = make_router(vip, family, peer);
    if (router.addresses.empty()) continue;
    if (Status done = set_source(router, vip, interface); !done) return done;
    for (const Address& a : router.addresses)
      plan.groups[g].addresses.push_back({a, static_cast<unsigned>(vip.vrid), vip.virtual_mac});
    plan.station.groups[g].vrrp.routers.push_back(std::move(router));
  }
  return {};
}

void add_pair(NodePlan& plan, const conf::Snapshot& snapshot, const conf::Node& own, const conf::Node& peer) {
  StationConfig& station = plan.station;
  station.peer_name = peer.name;
  station.peer_address = ip(peer.address);
  station.peer_addresses.push_back(ip(peer.address));
  for (const std::string& text : peer.heartbeat) station.peer_addresses.push_back(ip(text));
  if (snapshot.pair.secret.empty()) return;  // the other node runs something else: VRRP is all there is
  station.paired = true;
  station.peer.cluster = snapshot.cluster;
  station.peer.own_name = own.name;
  station.peer.peer_name = peer.name;
  station.peer.detector = {snapshot.pair.heartbeat, snapshot.pair.silence_min, snapshot.pair.silence_max};
  plan.paths = make_paths(own, peer, snapshot.pair.port);
  plan.secret = snapshot.pair.secret;
}

}  // namespace

bool has_virtual_ip(const conf::Snapshot& snapshot) { return !snapshot.vips.empty() && own_node(snapshot); }

const conf::Node* own_node(const conf::Snapshot& snapshot) {
  auto it = std::find_if(snapshot.nodes.begin(), snapshot.nodes.end(),
                         [&](const conf::Node& n) { return n.name == snapshot.node; });
  return it == snapshot.nodes.end() ? nullptr : &*it;
}

Result<NodePlan> make_node_plan(const conf::Snapshot& snapshot, const HostInterface& interface) {
  const conf::Node* own = own_node(snapshot);
  if (!own) return fail(Blame::Operator, "no [node] of the file is this host; give its name with --node");
  const conf::Node* peer = other_node(snapshot, *own);
  NodePlan plan;
  plan.heartbeat = snapshot.pair.heartbeat;
  plan.stall = snapshot.pair.stall;
  plan.station.own_name = own->name;
  plan.station.own_address = ip(own->address);
  plan.station.config_hash = snapshot.hash;
  plan.station.generation = snapshot.generation;
  for (const std::string& gateway : snapshot.pair.gateways) plan.station.gateways.push_back(ip(gateway));
  if (peer) add_pair(plan, snapshot, *own, *peer);
  for (const auto& source : {interface.primary_v4, interface.link_local})
    if (source) plan.station.peer.sources.push_back(source->ip());
  for (const conf::Vip& vip : snapshot.vips)
    if (Status done = add_vip(plan, vip, *own, peer, interface); !done) return std::unexpected(done.error());
  return plan;
}

}  // namespace holdfast::vrrp
