#include "vrrp/verdict.h"

namespace holdfast::vrrp {
namespace {

bool holds(const Claim& claim) { return claim.role == Role::Holder; }

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string sick(const Evidence& e) {
  return e.unfit_why.empty() ? std::string("this node cannot serve it") : e.unfit_why;
}

std::string if_peer_dies(const Evidence& e) { return "moves here if " + e.peer_name + " dies or asks"; }

std::string if_worse(const Evidence& e) {
  return "moves to " + e.peer_name + " if this node dies, loses its network or serves worse than it";
}

/// Which of two holders is right; both nodes come to the same answer from the same two claims.
Verdict both_hold(const Evidence& e) {
  const Claim& peer = *e.peer;
  if (e.own.epoch != peer.epoch) {
    const bool mine = e.own.epoch > peer.epoch;
    const std::string epochs =
        "epoch " + number(e.own.epoch) + " here, " + number(peer.epoch) + " at " + e.peer_name;
    if (mine) return {Ought::Hold, "both held and this node took it later: " + epochs, if_worse(e)};
    return {Ought::Stand, "both held and " + e.peer_name + " took it later: " + epochs, if_peer_dies(e)};
  }
  const bool same = e.own.priority == peer.priority;
  const bool mine = same ? e.peer_address_lower : e.own.priority > peer.priority;
  const std::string rule = same ? "address" : "priority";
  if (mine)
    return {Ought::Hold, "both held under one epoch and this node's " + rule + " is greater", if_worse(e)};
  return {Ought::Stand, "both held under one epoch and the " + rule + " of " + e.peer_name + " is greater",
          if_peer_dies(e)};
}

Verdict peer_holds(const Evidence& e) {
  const bool as_fit = e.own.fitness >= e.peer->fitness;
  if (e.preferred && e.preempt && as_fit)
    return {Ought::Ask, e.peer_name + " holds it, but this node is preferred and as fit",
            "moves here as soon as " + e.peer_name + " hands over"};
  std::string moves = if_peer_dies(e);
  if (e.preferred && e.preempt) moves = "moves here if " + e.peer_name + " dies, or when this node is as fit";
  return {Ought::Stand, e.peer_name + " holds it", moves};
}

Verdict own_holds(const Evidence& e) {
  if (e.peer->fitness > e.own.fitness)
    return {Ought::HandOver, "this node holds it, but " + e.peer_name + " can serve better: " + sick(e),
            "moves to " + e.peer_name + " now, unless this node recovers at once"};
  if (e.own.fitness < Fitness::Fit)
    return {Ought::Hold, "this node holds it, and " + e.peer_name + " can serve no better: " + sick(e),
            "moves to " + e.peer_name + " when that one is fit"};
  return {Ought::Hold, "this node holds it, and " + e.peer_name + " stands by", if_worse(e)};
}

/// The order of choice: fitness, preference, priority, address. Says in `by` what made the difference.
bool mine_by_order(const Evidence& e, std::string& by) {
  const Claim& peer = *e.peer;
  if (e.own.fitness != peer.fitness) return by = "fitness", e.own.fitness > peer.fitness;
  if (e.preferred != e.peer_preferred) return by = "preference", e.preferred;
  if (e.own.priority != peer.priority) return by = "priority", e.own.priority > peer.priority;
  return by = "address", e.peer_address_lower;
}

Verdict nobody_holds(const Evidence& e) {
  std::string by;
  if (mine_by_order(e, by))
    return {Ought::Hold, "neither node held it, and this one comes first by " + by, if_worse(e)};
  if (e.vacant)
    return {Ought::Hold, "neither node held it for long, although " + e.peer_name + " comes first by " + by,
            if_worse(e)};
  return {Ought::Stand, "neither node holds it, and " + e.peer_name + " comes first by " + by,
          if_peer_dies(e)};
}

/// The peer is there, but never told of this group: it starts, or its configuration has no such group.
Verdict peer_says_nothing(const Evidence& e) {
  if (holds(e.own))
    return {Ought::Hold, "this node holds it, and " + e.peer_name + " does not know it", "stays"};
  if (!e.settled)
    return {Ought::Stand, "waits for what " + e.peer_name + " says of it", "moves here if it says nothing"};
  return {Ought::Hold, e.peer_name + " does not know this group", "stays while that is so"};
}

Verdict alive(const Evidence& e) {
  if (e.peer == nullptr) return peer_says_nothing(e);
  if (holds(e.own) && holds(*e.peer)) return both_hold(e);
  if (holds(*e.peer)) return peer_holds(e);
  if (holds(e.own)) return own_holds(e);
  return nobody_holds(e);
}

Verdict gone(const Evidence& e) {
  const std::string moves = "stays until " + e.peer_name + " is back and comes to hold it";
  if (e.link == Link::Left) return {Ought::Hold, e.peer_name + " has left the pair in order", moves};
  return {Ought::Hold,
          e.peer_name + " was proven dead: its process closed the peer channel and its port is refused",
          moves};
}

Verdict silent(const Evidence& e) {
  const std::string quiet = e.peer_name + " is silent on every path";
  if (holds(e.own) && e.witness < 0)
    return {Ought::Stand, quiet + ", and the witness says that it is there and has the lease",
            "moves here when the witness's lease is this node's"};
  if (holds(e.own))
    return {Ought::Hold, "this node holds it; " + quiet, "given up if the gateway is silent too"};
  if (e.witness < 0)
    return {Ought::Stand, quiet + ", but the witness says that it is there",
            "moves here if the witness misses it"};
  if (e.gateway_known && !e.gateway_fresh)
    return {Ought::Stand, quiet + "; this node waits for the gateway to see whether it is itself cut off",
            "moves here when the gateway answers"};
  std::string why = quiet + " until its time was over";
  if (e.gateway_known) why += ", and the gateway answers here";
  if (e.witness > 0) why += ", and the witness says that it is gone";
  return {Ought::Hold, why, "moves if " + e.peer_name + " turns out to hold it under a later epoch"};
}

Verdict paused(const Evidence& e) {
  const std::string why = e.peer_name + " has asked for patience (an upgrade)";
  return {holds(e.own) ? Ought::Hold : Ought::Stand, why, "decided anew when it is back or its time is over"};
}

Verdict alone(const Evidence& e) {
  const std::string who = e.paired ? e.peer_name + " was not heard yet" : "no peer channel is configured";
  return {Ought::Defer, "VRRP decides by itself: " + who, "moves by VRRP's priorities and timers"};
}

}  // namespace

Verdict judge(const Evidence& e) {
  if (e.own.fitness == Fitness::Unfit)
    return {Ought::Stand, "this node must not hold it: " + sick(e),
            "comes back when this node is fit and is needed"};
  if (e.isolated)
    return {Ought::Stand, "this node is cut off from the network",
            "comes back when its link, the gateway or the other node is heard"};
  if (e.link == Link::Absent) return alone(e);
  if (e.foreign_active && e.link != Link::Paused)
    return {Ought::Stand, "a VRRP router outside the pair holds it with precedence",
            "moves here if that router falls silent and this node comes first"};
  switch (e.link) {
    case Link::Alive: return alive(e);
    case Link::Paused: return paused(e);
    case Link::Silent: return silent(e);
    case Link::Dead:
    case Link::Left: return gone(e);
    case Link::Absent: break;
  }
  return alone(e);
}

}  // namespace holdfast::vrrp
