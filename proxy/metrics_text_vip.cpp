#include "proxy/metrics_exposition.h"

namespace holdfast {

namespace {

struct GroupRow {
  const char* name;
  const char* type;
  std::uint64_t StatusVipGroup::* value;
  const char* help;
};

constexpr GroupRow group_rows[] = {
    {"holdfast_vip_epoch", "gauge", &StatusVipGroup::epoch,
     "Rises with each change of holder; the greater one is right."},
    {"holdfast_vip_changes_total", "counter", &StatusVipGroup::changes, "Changes of this node's role."},
    {"holdfast_vip_adverts_sent_total", "counter", &StatusVipGroup::adverts_sent,
     "VRRP advertisements sent."},
    {"holdfast_vip_adverts_received_total", "counter", &StatusVipGroup::adverts_received,
     "VRRP advertisements taken."},
    {"holdfast_vip_announcements_total", "counter", &StatusVipGroup::announcements,
     "Gratuitous ARP and unsolicited neighbour advertisements sent."},
    {"holdfast_vip_questions_answered_total", "counter", &StatusVipGroup::questions_answered,
     "ARP requests and neighbour solicitations answered."},
    {"holdfast_vip_lingering_connections", "gauge", &StatusVipGroup::lingering,
     "Connections that live on here after a hand-over."},
};

struct PeerRow {
  const char* name;
  std::uint64_t StatusPeer::* value;
  const char* help;
};

constexpr PeerRow peer_rows[] = {
    {"holdfast_peer_heartbeats_sent_total", &StatusPeer::heartbeats_sent, "Heartbeats sent, over all paths."},
    {"holdfast_peer_heartbeats_received_total", &StatusPeer::heartbeats_received,
     "Heartbeats of the other node taken."},
    {"holdfast_peer_heartbeats_refused_total", &StatusPeer::heartbeats_refused,
     "Datagrams that were no heartbeat of the other node: wrong key, old, garbage."},
};

}  // namespace

void show_vip(Exposition& e, const StatusVip& vip) {
  e.family("holdfast_vip_holder", "gauge", "1 on the node that answers for the group's addresses.");
  for (const StatusVipGroup& g : vip.groups) e.sample({{"group", g.name}}, std::uint64_t{g.role == "holder"});
  for (const GroupRow& row : group_rows) {
    e.family(row.name, row.type, row.help);
    for (const StatusVipGroup& g : vip.groups) e.sample({{"group", g.name}}, g.*row.value);
  }
  e.family("holdfast_vip_adverts_refused_total", "counter", "VRRP advertisements refused, by reason.");
  for (const StatusVipGroup& g : vip.groups)
    for (const auto& [reason, count] : g.adverts_refused)
      e.sample({{"group", g.name}, {"reason", reason}}, count);
  if (!vip.paired) return;
  e.single("holdfast_peer_up", "gauge", "1 while the other node is heard.", std::uint64_t{vip.peer.up});
  for (const PeerRow& row : peer_rows) e.single(row.name, "counter", row.help, vip.peer.*row.value);
  e.single("holdfast_config_drift", "gauge", "1 while the nodes run different configurations.",
           std::uint64_t{vip.peer.drift});
}

}  // namespace holdfast
