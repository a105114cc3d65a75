// The other half of station_group.h: from facts to a verdict, and from the verdict to the machine.
#include <algorithm>
#include <utility>

#include "vrrp/station_group.h"

namespace holdfast::vrrp {

void Group::set_fitness(Fitness fitness, std::string why) {
  fitness_ = fitness;
  unfit_why_ = std::move(why);
}

/// A VRRP router holds with precedence over this node: one outside the pair, or the peer, when VRRP is all
/// that is heard of it. A standby lets the peer hold in any case, a holder as RFC 9568 6.4.3 says, but not
/// before the peer's heartbeats had their time: after a freeze they say that it has yielded, and both would
/// stand.
bool Group::held_elsewhere(Instant now, const Facts& facts) const {
  if (foreign_) return true;
  const Link link = facts.link();
  if (link == Link::Alive || link == Link::Paused || now >= advertises_until_) return false;
  if (role_ != Role::Holder) return true;
  if (now < yields_at_) return false;
  if (advertiser_.priority != config_.vrrp.priority) return advertiser_.priority > config_.vrrp.priority;
  return facts.config->own_address < facts.config->peer_address;
}

void Group::on_packet(Instant now, WallTime wall, std::size_t router, Bytes payload, const Envelope& envelope,
                      const Facts& facts) {
  machine_.on_packet(now, wall, router, payload, envelope);
  const Link link = facts.link();
  const auto& known = *facts.peer_sources;
  const bool accepted = machine_.heard().at == now && machine_.heard().source == envelope.source;
  // What its process sent just before its end may come just after.
  const bool ended = link == Link::Dead || link == Link::Left;
  if (ended && now - facts.peer->link_since() < facts.config->peer.detector.floor) return;
  if (!accepted || link == Link::Absent || link == Link::Alive || link == Link::Paused ||
      std::find(known.begin(), known.end(), envelope.source) == known.end())
    return;
  advertiser_ = machine_.heard();
  if (now >= advertises_until_) yields_at_ = now + facts.config->peer.detector.every * 2;
  advertises_until_ = now;
  if (advertiser_.priority == 0) return;
  const RouterConfig& own = config_.vrrp.routers[router];
  advertises_until_ = now + own.interval * 3 + own.interval * (256 - config_.vrrp.priority) / 256;
  if (role_ == Role::Holder && !held_elsewhere(now, facts)) machine_.announce_again(now);
}

Handover::Own Group::own(Instant now, const Facts& facts) const {
  const bool unable = facts.isolated || facts.stopping || facts.resuming || held_elsewhere(now, facts);
  return {role_ == Role::Holder, unable ? Fitness::Unfit : fitness_,
          role_ == Role::Holder ? epoch_ : std::max(epoch_, peer_epoch_), facts.config->config_hash};
}

Evidence Group::evidence(Instant now, const Facts& facts) const {
  const StationConfig& c = *facts.config;
  Evidence e;
  e.own_name = c.own_name;
  e.peer_name = c.peer_name.empty() ? "the other node" : c.peer_name;
  e.paired = c.paired;
  e.own = claim(facts.stopping);
  e.link = facts.link();
  e.peer = facts.peer == nullptr ? nullptr : facts.peer->claim(name());
  e.isolated = facts.isolated;
  e.gateway_known = facts.gateway_known;
  e.gateway_fresh = facts.gateway_fresh;
  e.foreign_active = held_elsewhere(now, facts);
  const std::uint8_t theirs = e.peer == nullptr ? 0 : e.peer->priority;
  e.preempt = config_.vrrp.preempt;
  e.preferred =
      config_.prefer == c.own_name || (e.preempt && config_.prefer.empty() && e.own.priority > theirs);
  e.peer_preferred =
      config_.prefer == c.peer_name || (e.preempt && config_.prefer.empty() && theirs > e.own.priority);
  e.settled = facts.settled;
  e.witness = facts.witness;
  e.unfit_why = unfit_why_;
  e.peer_address_lower = c.peer_address < c.own_address;
  e.vacant = vacant_since_ != Instant::never() && now >= vacant_since_ + vacant_patience;
  return e;
}

/// Notes from the peer's claim: its epoch, contention, vacancy, and a confirmation that came as a claim.
void Group::keep_books(Instant now, const Facts& facts) {
  const Claim* peer = facts.peer == nullptr ? nullptr : facts.peer->claim(name());
  if (peer != nullptr) peer_epoch_ = std::max(peer_epoch_, peer->epoch);
  const bool alive = facts.link() == Link::Alive && peer != nullptr;
  const bool peer_holds = alive && peer->role == Role::Holder;
  if (peer_holds) handover_.on_peer_holds(now, peer->epoch);
  if (alive && peer->role == Role::Lingering && handover_.taker() == Handover::Taker::Ready &&
      peer->epoch < handover_.offered())
    handover_.on_take({name(), handover_.offered()}, own(now, facts));

  const bool meet = facts.link() == Link::Alive || facts.link() == Link::Paused;
  machine_.set_suspicious(meet && !foreign_);
  foreign_ = machine_.foreign_active(now);

  const bool holder = role_ == Role::Holder;
  if (alive && contended_ && holder && !peer_holds) machine_.announce_again(now);
  if (alive) contended_ = holder && peer_holds;
  // A holder's epoch is the greatest of the pair, or a healed partition would be judged by an old one.
  // And the peer has held in the meantime, so that its announcement may have been the last.
  if (alive && holder && !peer_holds && !handover_.deciding() && peer->epoch >= epoch_) {
    epoch_ = peer->epoch + 1;
    machine_.announce_again(now);
  }
  const bool vacant = alive && !holder && !peer_holds && !held_elsewhere(now, facts);
  if (!vacant) vacant_since_ = Instant::never();
  if (vacant && vacant_since_ == Instant::never()) vacant_since_ = now;
}

void Group::judge(Instant now, const Facts& facts) {
  judged_ = now;
  keep_books(now, facts);
  pump(now);
  if (facts.resuming) return steer(now, Steering::Stand);
  if (facts.stopping) {
    if (handover_.deciding()) return;
    because_ = "this node is being stopped";
    if (role_ == Role::Holder) machine_.yield(now, true);
    return steer(now, Steering::Stand);
  }
  apply(now, vrrp::judge(evidence(now, facts)), facts);
}

void Group::apply(Instant now, const Verdict& verdict, const Facts& facts) {
  if (handover_.giver() == Handover::Giver::Taking) return;
  if (handover_.giver() == Handover::Giver::Preparing) {
    if (verdict.ought != Ought::Stand) return;
    handover_.cancel(now, verdict.because);
  }
  because_ = verdict.because;
  moves_if_ = verdict.moves_if;
  if (verdict.ought != Ought::HandOver) worse_since_ = Instant::never();
  asking_due_ = Instant::never();
  switch (verdict.ought) {
    case Ought::Hold: return steer(now, Steering::Hold);
    case Ought::Defer: return steer(now, Steering::Free);
    case Ought::Stand: return stand(now, facts);
    case Ought::HandOver: steer(now, Steering::Hold); return consider_handover(now, facts);
    case Ought::Ask: steer(now, Steering::Stand); return consider_asking(now);
  }
}

/// A holder that must not hold any more does not wait for a hand-over, but tells the other at once.
void Group::stand(Instant now, const Facts& facts) {
  const Claim* peer = facts.link() == Link::Alive ? facts.peer->claim(name()) : nullptr;
  const bool held = (peer != nullptr && peer->role == Role::Holder) || held_elsewhere(now, facts);
  const bool to_peer = role_ == Role::Holder && peer != nullptr && !held && peer->fitness > Fitness::Unfit;
  if (role_ == Role::Holder) machine_.yield(now, !held);
  steer(now, Steering::Stand);
  pump(now);
  if (to_peer) host_.say(now, Take{name(), std::max(epoch_, peer_epoch_) + 1});
}

void Group::consider_handover(Instant now, const Facts& facts) {
  if (worse_since_ == Instant::never()) worse_since_ = now;
  if (now < worse_since_ + worse_patience || now < retry_at_ || handover_.giver() != Handover::Giver::Idle)
    return;
  retry_at_ = now + retry_patience;
  handover_.begin(now, std::max(epoch_, peer_epoch_), facts.config->config_hash, true);
}

void Group::consider_asking(Instant now) {
  asking_due_ = std::max(ask_at_, now);
  if (now < ask_at_) return;
  ask_at_ = asking_due_ = now + ask_patience;
  host_.say(now, Request{name()});
}

void Group::on_timer(Instant now, WallTime wall) {
  machine_.on_timer(now, wall);
  handover_.on_timer(now);
  if (now >= request_until_) answer(false, "the holder did not hand over in time");
  pump(now);
}

void Group::on_link(Instant now, Link before, const Facts& facts) {
  const Link link = facts.link();
  advertises_until_ = now;
  // Once the pair has met, its VRRP is judged here: see held_elsewhere().
  machine_.set_known_peers(link == Link::Absent ? std::vector<Address>() : *facts.peer_sources);
  if (link == Link::Dead || link == Link::Left) handover_.on_link_lost(true);
  if (link == Link::Silent || link == Link::Absent) handover_.on_link_lost(false);
  if (link == Link::Alive && before != Link::Alive && role_ == Role::Holder) machine_.announce_again(now);
  pump(now);
}

void Group::on_message(Instant now, const Message& message, const Facts& facts) {
  keep_books(now, facts);
  pump(now);
  if (const auto* prepare = std::get_if<Prepare>(&message))
    handover_.on_prepare(now, *prepare, own(now, facts));
  if (const auto* prepared = std::get_if<Prepared>(&message)) handover_.on_prepared(now, *prepared);
  if (const auto* take = std::get_if<Take>(&message)) handover_.on_take(*take, own(now, facts));
  // Taken itself is no news: what it confirms is judged by the peer's claim, which follows it on the channel.
  if (std::get_if<Gone>(&message) != nullptr) handover_.on_gone();
  if (std::get_if<Request>(&message) != nullptr && role_ == Role::Holder) {
    const Claim* peer = facts.peer->claim(name());
    if (peer == nullptr || peer->fitness < fitness_ || facts.stopping)
      story("handover", "the other node asks for it, but serves no better");
    else
      handover_.begin(now, std::max(epoch_, peer_epoch_), facts.config->config_hash, false);
  }
  pump(now);
}

}  // namespace holdfast::vrrp
