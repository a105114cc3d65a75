// What the station wants, carried out; and what the control loop is told.
#include <algorithm>
#include <utility>

#include "vrrp/driver_node.h"

namespace holdfast::vrrp {

namespace {

constexpr Duration publish_every = 1_s, count_every = 200_ms;

}  // namespace

void Node::carry_out(Instant now, const StationAction& action) {
  using Kind = StationAction::Kind;
  switch (action.kind) {
    case Kind::SendVrrp: {
      for (const StationGroup& group : plan_.station.groups)
        if (group.vrrp.name == action.group && action.router < group.vrrp.routers.size())
          wire_.send_advert(action.bytes, group.vrrp.routers[action.router].source, action.to);
      return;
    }
    case Kind::AddAddresses:
    case Kind::DropAddresses:
    case Kind::Linger:
    case Kind::Announce: return carry_out_addresses(now, action);
    case Kind::PrepareForward: return forward(action.group, true);
    case Kind::EndForward: return forward(action.group, false);
    case Kind::AskGateway: return host_.ask_gateways(plan_.station.gateways);
    case Kind::Dial: return channel_.dial();
    case Kind::WritePeer: return channel_.write(action.bytes);
    case Kind::CloseIn: return channel_.close_in();
    case Kind::CloseOut: return channel_.close_out();
    case Kind::Heartbeat: return wire_.send_heartbeat(action.bytes);
    case Kind::RoleChanged:
      setup_.tell([group = action.group, role = action.role, epoch = action.epoch,
                   text = action.text](VipEvents& events) { events.on_vip_role(group, role, epoch, text); });
      publish_at_ = now;
      return;
    case Kind::FollowPeer: {
      const Peer* peer = station_->peer();
      setup_.tell([services = peer ? peer->remote().services : std::vector<ActiveInstance>()](
                      VipEvents& events) { events.on_vip_follow(services); });
      return;
    }
    case Kind::HandoverResult:
      setup_.tell([group = action.group, ok = action.ok, text = action.text](VipEvents& events) {
        events.on_vip_handover(group, ok, text);
      });
      return;
    case Kind::Push:
      if (action.message)
        setup_.tell([message = *action.message](VipEvents& events) { events.on_vip_push(message); });
      return;
    case Kind::Story: return tell_story(action.group, action.bytes, action.text);
  }
}

void Node::carry_out_addresses(Instant now, const StationAction& action) {
  auto group = std::find_if(plan_.groups.begin(), plan_.groups.end(),
                            [&](const GroupPlan& g) { return g.name == action.group; });
  if (group == plan_.groups.end()) return host_.drop(action.group);  // a reload took it out
  Status done;
  switch (action.kind) {
    case StationAction::Kind::AddAddresses:
      done = host_.hold(*group);
      lingering_.erase(group->name);
      break;
    case StationAction::Kind::Linger:
      host_.linger(*group);
      lingering_[group->name] = 0;
      count_at_ = now;
      break;
    case StationAction::Kind::Announce: host_.announce(now, group->name); break;
    default:
      host_.drop(group->name);
      lingering_.erase(group->name);
      break;
  }
  if (!done) tell_story("vip", group->name, done.error().text);
}

// ---- hand-over ----

std::vector<Address> Node::addresses_of(const std::string& group) const {
  std::vector<Address> all;
  for (const GroupPlan& g : plan_.groups)
    if (g.name == group)
      for (const VirtualAddress& a : g.addresses) all.push_back(a.address);
  return all;
}

/// The other node's address of a family, on the link that carries the virtual addresses.
Address Node::peer_on_link(Address::Family family) const {
  for (const Address& a : plan_.station.peer_addresses)
    if (a.family == family) return a;
  const Peer* peer = station_->peer();
  if (peer && peer->hello())
    for (const std::string& text : peer->hello()->sources)
      if (const auto a = Address::from_ip(text, 0); a && a->family == family) return *a;
  return {};
}

void Node::forward(const std::string& group, bool wanted) {
  if (!wanted) return second_chance_.remove(group);
  ForwardPlan plan;
  plan.addresses = addresses_of(group);
  plan.interface = interface_.name;
  plan.peer_v4 = peer_on_link(Address::Family::V4);
  plan.peer_v6 = peer_on_link(Address::Family::V6);
  second_chance_.install(group, std::move(plan), [this, group](Status done) {
    const Instant now = enter();
    station_->forward_ready(now, group, done.has_value(), done ? "" : done.error().text);
    settle(now);
  });
}

/// Walking the kernel's table may take milliseconds: on the errand thread.
void Node::count_lingering(Instant now) {
  count_at_ = now + count_every;
  if (lingering_.empty() || counting_) return;
  counting_ = true;
  auto counts = std::make_unique<std::map<std::string, std::size_t>>();
  std::map<std::string, std::vector<Address>> asked;
  for (const auto& entry : lingering_) asked[entry.first] = addresses_of(entry.first);
  auto* out = counts.get();
  errands_.run(
      [asked = std::move(asked), out] {
        for (const auto& [group, addresses] : asked)
          if (auto left = count_connections(addresses)) (*out)[group] = *left;
      },
      [this, counts = std::move(counts)] { counted(*counts); });
}

void Node::counted(const std::map<std::string, std::size_t>& counts) {
  counting_ = false;
  const Instant now = enter();
  for (const auto& [group, left] : counts) {
    auto it = lingering_.find(group);
    if (it == lingering_.end()) continue;
    it->second = left;
    station_->connections_left(now, group, left);
  }
  settle(now);
}

// ---- for the control loop ----

void Node::tell_story(std::string kind, std::string subject, std::string text) {
  setup_.tell([k = std::move(kind), s = std::move(subject), t = std::move(text)](VipEvents& events) {
    events.on_vip_story(k, s, t);
  });
}

void Node::publish(Instant now) {
  publish_at_ = now + publish_every;
  host_.set_farewell(station_->farewell(loop_.wall()),
                     plan_.station);  // what is signed is good for seconds only
  VipReport report;
  report.running = !stopping_;
  report.real_time = real_time_;
  report.memory_locked = memory_locked_;
  if (const Peer* peer = station_->peer()) {
    report.paired = true;
    report.link = peer->link();
    report.link_for = now - peer->link_since();
    report.timeout = peer->timeout();
    report.peer_name = plan_.station.peer_name;
    report.counters = peer->counters();
    report.peer_hash = peer->remote().config_hash;
    report.peer_generation = peer->remote().generation;
    report.drift = !report.peer_hash.empty() && report.peer_hash != plan_.station.config_hash;
    if (peer->hello()) report.peer_program = peer->hello()->program;
  }
  for (const GroupReport& g : station_->report()) {
    VipReport::Group& group = report.groups.emplace_back();
    static_cast<GroupReport&>(group) = g;
    group.interface = interface_.name;
    for (const Address& a : addresses_of(g.name)) group.addresses.push_back(a.ip());
    group.for_ = now - g.since;
    if (auto it = lingering_.find(g.name); it != lingering_.end()) group.lingering = it->second;
    const Host::Counters counters = host_.counters(g.name);
    group.announcements = counters.announcements;
    group.questions_answered = counters.questions_answered;
  }
  setup_.tell([r = std::move(report)](VipEvents& events) { events.on_vip_report(r); });
}

}  // namespace holdfast::vrrp
