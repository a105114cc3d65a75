#include "vrrp/station.h"

#include <algorithm>
#include <utility>

#include "vrrp/station_impl.h"

namespace holdfast::vrrp {

Station::Station(StationConfig config, Instant now) : impl_(std::make_unique<Impl>(std::move(config), now)) {}
Station::~Station() = default;

void Station::start(Instant now) {
  Impl& s = *impl_;
  s.started = true;
  s.settled_at = now + s.config.peer.detector.ceiling;
  for (const auto& group : s.groups)
    if (group->machine().state() == State::Initialize) group->start(now);
  s.turn(now);
}

void Station::stop(Instant now) {
  Impl& s = *impl_;
  if (s.stopping || s.ended) return;
  for (const auto& group : s.groups) {
    const Claim* peer = s.link == Link::Alive ? s.peer->claim(group->name()) : nullptr;
    const bool able = peer != nullptr && peer->fitness > Fitness::Unfit && s.peer->connected();
    if (group->role() == Role::Holder && able && !s.resuming)
      group->hand_over(now, s.facts(now), true, false);
    group->pump(now);
  }
  s.stopping = true;
  s.turn(now);
}

bool Station::stopped() const {
  const Impl& s = *impl_;
  return s.ended || (s.stopping && !s.any(Role::Holder) && !s.deciding());
}

// ---- facts ----

void Station::set_fitness(Instant now, std::string_view name, Fitness fitness, std::string why) {
  if (Group* group = impl_->find(name)) group->set_fitness(fitness, std::move(why));
  impl_->turn(now);
}

void Station::set_services(Instant now, std::vector<ActiveInstance> services) {
  impl_->services = std::move(services);
  impl_->turn(now);
}

void Station::set_carrier(Instant now, bool up) {
  const bool came = up && !impl_->carrier;
  impl_->carrier = up;
  if (came)
    for (const auto& group : impl_->groups) group->machine().announce_again(now);
  if (came && impl_->started && impl_->peer && impl_->link == Link::Silent) impl_->begin_listening(now);
  impl_->turn(now);
}

void Station::gateway_answered(Instant now) {
  impl_->gateway.answered(now);
  impl_->turn(now);
}

void Station::connections_left(Instant now, std::string_view name, std::size_t count) {
  if (Group* group = impl_->find(name)) group->handover().on_connections_left(count);
  impl_->turn(now);
}

void Station::forward_ready(Instant now, std::string_view name, bool ok, std::string why) {
  if (Group* group = impl_->find(name)) group->handover().on_forward_ready(now, ok, std::move(why));
  impl_->turn(now);
}

void Station::set_witness(Instant now, int verdict) {
  impl_->witness = verdict;
  impl_->turn(now);
}

void Station::resumed(Instant now, Duration gap) {
  Impl& s = *impl_;
  if (!s.started || s.ended || s.unheard(now, gap) <= s.takeover_time()) return;
  for (const auto& group : s.groups)
    if (group->role() == Role::Holder) group->demote_silently(now);
  if (!s.peer) return s.turn(now);
  s.peer->on_resumed(now);
  s.gateway.on_resumed(now);
  s.begin_listening(now);
  s.turn(now);
}

// ---- the network ----

void Station::on_vrrp(Instant now, WallTime wall, std::string_view name, std::size_t router, Bytes payload,
                      const Envelope& envelope) {
  Impl& s = *impl_;
  Group* group = s.find(name);
  if (group == nullptr || !s.started || s.ended) return;
  const auto& known = s.peer_sources;
  const bool from_peer = std::find(known.begin(), known.end(), envelope.source) != known.end();
  // Priority 0 is no sign of life: the guardian of a dead process sends it. And who advertises what it does not
  // claim has taken over unheard: its claims are old, and must not live on by its advertisements.
  const Claim* claim = s.link == Link::Alive ? s.peer->claim(name) : nullptr;
  if (claim != nullptr && claim->role == Role::Holder && from_peer && envelope.ttl == required_ttl &&
      payload.size() >= 8 && payload[2] != 0)
    s.peer->vouch(now);
  group->on_packet(now, wall, router, payload, envelope, s.facts(now));
  s.turn(now);
}

void Station::on_datagram(Instant now, Bytes bytes) {
  if (impl_->peer) impl_->peer->on_datagram(now, bytes);
  impl_->turn(now);
}

void Station::on_out_up(Instant now) {
  if (impl_->peer) impl_->peer->on_out_up(now);
  impl_->turn(now);
}

void Station::on_out_end(Instant now, ChannelEnd end) {
  if (impl_->peer) impl_->peer->on_out_end(now, end);
  impl_->turn(now);
}

void Station::on_in_up(Instant now) {
  if (impl_->peer) impl_->peer->on_in_up(now);
  impl_->turn(now);
}

void Station::on_in_data(Instant now, Bytes bytes) {
  if (impl_->peer) impl_->peer->on_in_data(now, bytes);
  impl_->turn(now);
}

void Station::on_in_end(Instant now, ChannelEnd end) {
  if (impl_->peer) impl_->peer->on_in_end(now, end);
  impl_->turn(now);
}

void Station::on_timer(Instant now, WallTime wall) {
  Impl& s = *impl_;
  if (!s.started || s.ended) return;
  if (s.peer) s.peer->on_timer(now);
  s.drain_peer(now);
  for (const auto& group : s.groups) group->on_timer(now, wall);
  s.turn(now);
}

// ---- commands ----

void Station::handover(Instant now, std::string_view name, bool force) {
  Impl& s = *impl_;
  bool asked = false;
  for (const auto& group : s.groups) {
    if (name.empty() ? group->role() != Role::Holder : group->name() != name) continue;
    asked = true;
    if (group->role() == Role::Holder)
      group->hand_over(now, s.facts(now), force, true);
    else
      group->request(now);
  }
  for (const auto& group : s.groups) {  // nothing is held here: the other node is asked for all that it holds
    const Claim* peer = s.peer ? s.peer->claim(group->name()) : nullptr;
    if (asked || !name.empty() || peer == nullptr || peer->role != Role::Holder) continue;
    group->request(now);
  }
  if (!asked && (!name.empty() || !s.peer)) {
    StationAction action;
    action.kind = StationAction::Kind::HandoverResult;
    action.group = name;
    action.text = name.empty() ? "nothing is held here" : "there is no such group";
    s.act(std::move(action));
  }
  s.turn(now);
}

void Station::send_to_peer(Instant now, const Message& message) {
  impl_->say(now, message);
  impl_->turn(now);
}

// ---- what others want to know ----

Instant Station::deadline() const { return impl_->deadline(); }

std::vector<StationAction> Station::take_actions() { return std::exchange(impl_->out, {}); }

Role Station::role(std::string_view name) const {
  const Group* group = impl_->find(name);
  return group == nullptr ? Role::Standby : group->role();
}

std::vector<GroupReport> Station::report() const {
  std::vector<GroupReport> reports;
  for (const auto& group : impl_->groups) reports.push_back(group->report());
  return reports;
}

const Peer* Station::peer() const { return impl_->peer ? &*impl_->peer : nullptr; }

std::vector<MachineAction> Station::farewell(WallTime wall) const {
  std::vector<MachineAction> all;
  for (const auto& group : impl_->groups) {
    if (group->role() != Role::Holder) continue;
    for (MachineAction& action : group->machine().farewell(wall)) {
      action.text = group->name();
      all.push_back(std::move(action));
    }
  }
  return all;
}

}  // namespace holdfast::vrrp
