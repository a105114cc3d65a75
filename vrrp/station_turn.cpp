#include <algorithm>
#include <utility>

#include "vrrp/station_impl.h"

namespace holdfast::vrrp {

using Kind = StationAction::Kind;

Station::Impl::Impl(StationConfig c, Instant now)
    : config(std::move(c)), gateway(!config.gateways.empty(), config.peer.detector.every, now) {
  for (StationGroup& group : config.groups) groups.push_back(std::make_unique<Group>(group, *this, now));
  make_peer(now);
}

void Station::Impl::make_peer(Instant now) {
  peer.reset();
  met = 0;
  peer_sources = config.peer_addresses;
  if (config.paired) peer.emplace(config.peer, now);
}

Group* Station::Impl::find(std::string_view name) {
  for (const auto& group : groups)
    if (group->name() == name) return group.get();
  return nullptr;
}

bool Station::Impl::any(Role role) const {
  return std::any_of(groups.begin(), groups.end(), [&](const auto& g) { return g->role() == role; });
}

bool Station::Impl::deciding() const {
  return std::any_of(groups.begin(), groups.end(), [](const auto& g) { return g->handover().deciding(); });
}

void Station::Impl::story(std::string kind, std::string subject, std::string text) {
  StationAction action;
  action.kind = Kind::Story;
  action.group = std::move(kind);
  action.bytes = std::move(subject);
  action.text = std::move(text);
  act(std::move(action));
}

/// The peer's write stands at once in the list of actions: a Take must not overtake the Linger before it.
void Station::Impl::say(Instant now, const Message& message) {
  if (!peer) return;
  peer->say(now, message);
  drain_peer(now);
}

void Station::Impl::carry(PeerAction& a) {
  StationAction action;
  switch (a.kind) {
    case PeerAction::Kind::Dial: action.kind = Kind::Dial; break;
    case PeerAction::Kind::Write: action.kind = Kind::WritePeer; break;
    case PeerAction::Kind::CloseIn: action.kind = Kind::CloseIn; break;
    case PeerAction::Kind::CloseOut: action.kind = Kind::CloseOut; break;
    case PeerAction::Kind::Heartbeat: action.kind = Kind::Heartbeat; break;
    case PeerAction::Kind::Story: return story("peer", config.peer_name, std::move(a.text));
    case PeerAction::Kind::Deliver:
      if (a.message) inbox.push_back(std::move(*a.message));
      return;
    case PeerAction::Kind::LinkChanged:
    case PeerAction::Kind::StateChanged: return;
  }
  action.bytes = std::move(a.bytes);
  act(std::move(action));
}

bool Station::Impl::drain_peer(Instant) {
  if (!peer) return false;
  auto actions = peer->take_actions();
  for (PeerAction& action : actions) carry(action);
  return !actions.empty();
}

bool Station::Impl::deliver(Instant now) {
  if (inbox.empty()) return false;
  while (!inbox.empty()) {
    const Message message = std::move(inbox.front());
    inbox.pop_front();
    route(now, message);
  }
  return true;
}

void Station::Impl::route(Instant now, const Message& message) {
  const std::string* name = std::visit(
      []<class M>(const M& m) -> const std::string* {
        if constexpr (requires { m.group; }) return &m.group;
        return nullptr;
      },
      message);
  if (name != nullptr) {
    if (Group* group = find(*name)) return group->on_message(now, message, facts(now));
    return story("peer", config.peer_name, "it speaks of a group that is not configured here: " + *name);
  }
  StationAction action;
  action.kind = Kind::Push;
  action.message = message;
  act(std::move(action));
}

Facts Station::Impl::facts(Instant now) const {
  Facts f;
  f.peer = peer ? &*peer : nullptr;
  f.isolated = !carrier || gateway.cut_off();
  f.gateway_known = gateway.known();
  f.gateway_fresh = gateway.fresh(now);
  f.settled = now >= settled_at;
  f.resuming = resuming;
  f.stopping = stopping;
  f.witness = witness;
  f.config = &config;
  f.peer_sources = &peer_sources;
  return f;
}

NodeState Station::Impl::state() const {
  NodeState s;
  const bool unfit = stopping || resuming || !carrier || gateway.cut_off();
  for (const auto& group : groups) s.claims.push_back(group->claim(unfit));
  s.services = services;
  s.config_hash = config.config_hash;
  s.generation = config.generation;
  return s;
}

/// The peer knows its link-local addresses; a configuration does not.
void Station::Impl::notice_hello() {
  if (!peer || !peer->hello() || peer->hello()->boot == met) return;
  met = peer->hello()->boot;
  peer_sources = config.peer_addresses;
  for (const std::string& source : peer->hello()->sources)
    if (const auto address = Address::from_ip(source, 0)) peer_sources.push_back(*address);
  if (peer->link() == Link::Absent) return;  // it is told at the change
  for (const auto& group : groups) group->machine().set_known_peers(peer_sources);
}

void Station::Impl::notice_link(Instant now) {
  const Link present = peer ? peer->link() : Link::Absent;
  if (present == link) return;
  const Link before = std::exchange(link, present);
  if (present != Link::Silent) witness = 0;
  for (const auto& group : groups) group->on_link(now, before, facts(now));
}

/// What the peer says of itself that concerns no single group: its services, its configuration.
void Station::Impl::notice_remote() {
  if (!peer || link != Link::Alive) return;
  const NodeState& remote = peer->remote();
  const bool holds = std::any_of(remote.claims.begin(), remote.claims.end(),
                                 [](const Claim& c) { return c.role == Role::Holder; });
  if (holds && remote.services != followed) {
    followed = remote.services;
    StationAction action;
    action.kind = Kind::FollowPeer;
    act(std::move(action));
  }
  if (remote.config_hash.empty() || config.config_hash.empty()) return;
  const bool same = remote.config_hash == config.config_hash;
  if (same && !drifted.empty())
    story("drift", config.peer_name, "both nodes run the same configuration again");
  if (!same && drifted != remote.config_hash + config.config_hash)
    story("drift", config.peer_name,
          "the configurations differ: " + config.config_hash + " here, " + remote.config_hash + " there");
  drifted = same ? std::string() : remote.config_hash + config.config_hash;
}

void Station::Impl::watch(Instant now) {
  if (!gateway.update(now, peer ? &*peer : nullptr)) return;
  StationAction action;
  action.kind = Kind::AskGateway;
  act(std::move(action));
}

bool Station::Impl::heard_since_resume() const {
  if (!peer) return true;
  if (peer->link() != Link::Alive && peer->link() != Link::Silent) return true;
  return peer->counters().heartbeats_received > heard_before;
}

void Station::Impl::begin_listening(Instant now) {
  const Detector::Limits& limits = config.peer.detector;
  resuming = true;
  listen_from = now + limits.every * 2;
  listen_until = now + std::max(limits.ceiling, limits.every * 2);
  heard_before = peer->counters().heartbeats_received;
}

/// After a freeze, packets from before its end may still be waiting: no verdict before two heartbeats' time.
void Station::Impl::listen_again(Instant now) {
  if (!resuming || now < listen_from) return;
  if (heard_since_resume() || now >= listen_until) resuming = false;
}

void Station::Impl::finish_stop(Instant now) {
  if (!stopping || ended || any(Role::Holder) || any(Role::Lingering) || deciding()) return;
  for (const auto& group : groups) group->machine().stop(now), group->pump(now);
  if (peer) {
    peer->set_state(now, state());
    drain_peer(now);
  }
  say(now, Bye{});
  ended = true;
}

void Station::Impl::turn(Instant now) {
  turned = now;
  if (!started || ended) return;
  bool more = true;
  for (int round = 0; more && round < 16; ++round) {
    more = drain_peer(now);
    notice_hello();
    notice_link(now);
    more = deliver(now) || more;
    watch(now);
    listen_again(now);
    for (const auto& group : groups) {
      group->judge(now, facts(now));
      more = group->pump(now) || more;
    }
  }
  notice_remote();
  if (peer) peer->set_state(now, state());
  drain_peer(now);
  finish_stop(now);
}

/// The shortest silence of this node after which the other may hold; less a little, for the heartbeat that
/// ends the silence is on its way for a while.
Duration Station::Impl::takeover_time() const {
  const Detector::Limits& limits = config.peer.detector;
  if (config.paired) return limits.floor - limits.every / 4;
  Duration least = Duration::seconds(3600);
  for (const StationGroup& group : config.groups)
    for (const RouterConfig& router : group.vrrp.routers)
      least = std::min(least, router.interval * 3 + router.interval * (256 - group.vrrp.priority) / 256);
  return least;
}

/// How long the other node has not heard this one, which did not run for `gap`: the silence began with the
/// last heartbeat before that. The clock may have stood still meanwhile.
Duration Station::Impl::unheard(Instant now, Duration gap) const {
  if (!peer || peer->last_beat() == Instant::never()) return gap;
  return std::max(gap, std::max(now, turned + gap) - peer->last_beat());
}

Instant Station::Impl::deadline() const {
  if (!started || ended) return Instant::never();
  Instant due = gateway.deadline();
  if (peer) due = std::min(due, peer->deadline());
  for (const auto& group : groups) due = std::min(due, group->deadline());
  if (settled_at > turned) due = std::min(due, settled_at);
  if (resuming) due = std::min(due, turned < listen_from ? listen_from : listen_until);
  return due;
}

}  // namespace holdfast::vrrp
