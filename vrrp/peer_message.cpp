// What the peer says: its introduction, its state, its claims, and what is passed on to the station.
#include <algorithm>

#include "vrrp/heartbeat.h"
#include "vrrp/peer.h"

namespace holdfast::vrrp {

using Kind = PeerAction::Kind;

namespace {

constexpr Duration refused_pause = 5_s;
constexpr std::uint32_t pause_max_ms = 600'000;

}  // namespace

void Peer::refuse_in(Instant now, Complaint what, const std::string& why) {
  in_up_ = in_hello_ = false;
  ++counters_.rejected;
  act(Kind::CloseIn);
  complain(now, what, "the peer channel from " + config_.peer_name + " was closed: " + why);
  if (what == Complaint::Stranger) dialler_.hold_off(now + refused_pause);
}

void Peer::on_message(Instant now, Message message) {
  if (auto* hello = std::get_if<Hello>(&message)) {
    if (in_hello_) return refuse_in(now, Complaint::Garbage, "it introduced itself twice");
    return on_hello(now, std::move(*hello));
  }
  if (!in_hello_) return refuse_in(now, Complaint::Garbage, "it did not introduce itself first");
  if (in_bye_) {
    // It lives on only to serve its last connections, and tells when they have ended.
    if (std::holds_alternative<Gone>(message)) act(Kind::Deliver).message = std::move(message);
    return;
  }
  if (auto* told = std::get_if<StateMessage>(&message)) on_state(now, std::move(*told));
  if (std::holds_alternative<Bye>(message)) {
    in_bye_ = true;
    if (link_ != Link::Left) move_to(now, Link::Left, config_.peer_name + " has left: a clean end");
    return;
  }
  heard(now, false);
  if (auto* pause = std::get_if<Pause>(&message)) {
    const auto wait = Duration::millis(std::min(pause->milliseconds, pause_max_ms));
    pause_until_ = now + wait;
    if (link_ == Link::Paused && wait == Duration{}) return judge_pause(now);
    if (link_ == Link::Alive && wait > Duration{})
      move_to(now, Link::Paused,
              config_.peer_name + " asks for " + std::to_string(wait.to_millis()) + " ms of patience");
    return;
  }
  if (!std::holds_alternative<StateMessage>(message)) act(Kind::Deliver).message = std::move(message);
}

void Peer::on_hello(Instant now, Hello hello) {
  auto strange = [&](const std::string& why) { refuse_in(now, Complaint::Stranger, why); };
  if (hello.version != protocol_version)
    return strange("it speaks version " + std::to_string(hello.version) + " of the protocol, this node " +
                   std::to_string(protocol_version));
  if (hello.cluster != config_.cluster)
    return strange("it is of cluster " + hello.cluster + ", this node of " + config_.cluster);
  if (hello.node == config_.own_name) return strange("it calls itself " + hello.node + ", as this node does");
  if (hello.node != config_.peer_name) return strange("it calls itself " + hello.node);

  in_hello_ = true;
  forgive(Complaint::Stranger);
  if (!said_bye_ && !dialler_.up() && !dialler_.dialling()) {
    dialler_.end_hold_off();
    dialler_.invite(now);
  }
  const bool first = !hello_;
  const bool other = first || hello_->boot != hello.boot || hello_->heartbeat_key != hello.heartbeat_key;
  hello_ = std::move(hello);
  if (!other) return heard(now, false);
  // A process that was announced by a pause goes on where the former one stopped.
  const bool successor = link_ == Link::Paused;
  forget(successor);
  // What was dialled before it came was dialled for its predecessor, perhaps on a host that was down then:
  // the kernel would try that again only after a second.
  if (!first && dialler_.dialling() && dialler_.since() < in_at_) {
    dialler_.replace(now);
    dial_if_due(now);
  }
  detector_.sign(now);
  if (!first && !successor) story(config_.peer_name + " has started anew: Holdfast " + hello_->program);
  if (!successor) return;
  pause_until_ = Instant::never();
  move_to(now, Link::Alive, config_.peer_name + " is back from its pause: Holdfast " + hello_->program);
}

/// Another process: what the former one said is void.
void Peer::forget(bool keep_state) {
  detector_.reset();
  heard_sequence_ = 0;
  stragglers_until_ = Instant{};
  forged_ = 0;
  groups_.clear();
  channel_end_ = refused_at_ = Instant::never();
  dialler_.forgive();
  forgive(Complaint::OldEpoch);
  if (keep_state || remote_ == NodeState{}) return;
  remote_ = {};
  act(Kind::StateChanged);
}

/// Notes the claim if it is not older than what is known of its group.
bool Peer::newer(Instant now, const Claim& claim, std::uint64_t order) {
  auto known = groups_.find(claim.group);
  if (known == groups_.end()) {
    if (groups_.size() >= max_claims * 2) return false;
    known = groups_.emplace(claim.group, Heard{}).first;
  }
  Heard& last = known->second;
  if (order != 0 && order < last.order) return false;
  if (claim.epoch < last.epoch) {
    complain(now, Complaint::OldEpoch,
             config_.peer_name + " claims an old epoch of " + claim.group + ", " +
                 std::to_string(claim.epoch) + " after " + std::to_string(last.epoch) + ": refused");
    return false;
  }
  last = {claim.epoch, std::max(order, last.order)};
  return true;
}

void Peer::merge(Instant now, const std::vector<Claim>& claims, std::uint64_t order) {
  bool changed = false;
  for (const Claim& claim : claims) {
    if (!newer(now, claim, order)) continue;
    auto old = std::find_if(remote_.claims.begin(), remote_.claims.end(),
                            [&](const Claim& c) { return c.group == claim.group; });
    if (old == remote_.claims.end())
      remote_.claims.push_back(claim);
    else if (*old != claim)
      *old = claim;
    else
      continue;
    changed = true;
  }
  if (changed) act(Kind::StateChanged);
}

void Peer::on_state(Instant now, StateMessage told) {
  NodeState& state = told.state;
  const std::uint64_t order = told.heartbeat == 0 ? 0 : told.heartbeat * 2 + 1;
  for (Claim& claim : state.claims) {
    const Claim* known = this->claim(claim.group);
    if (!newer(now, claim, order) && known != nullptr) claim = *known;
  }
  // A heartbeat that overtook this message may have told of a group that it does not know yet.
  for (const Claim& claim : remote_.claims) {
    const auto heard = groups_.find(claim.group);
    const bool later = heard != groups_.end() && order != 0 && heard->second.order > order;
    const bool named = std::any_of(state.claims.begin(), state.claims.end(),
                                   [&](const Claim& c) { return c.group == claim.group; });
    if (later && !named) state.claims.push_back(claim);
  }
  if (state == remote_) return;
  remote_ = std::move(state);
  act(Kind::StateChanged);
}

}  // namespace holdfast::vrrp
