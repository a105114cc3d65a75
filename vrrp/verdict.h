// Who ought to hold a group's addresses, judged by one node from what it knows. One pure function over plain
// values; it is the only place where this is decided, and it gives its reason as a sentence for `status`.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/time.h"
#include "vrrp/claim.h"
#include "vrrp/machine.h"
#include "vrrp/peer.h"

namespace holdfast::vrrp {

struct Evidence {
  std::string own_name, peer_name;
  bool paired = false;           ///< a peer channel is configured
  Claim own;                     ///< role Lingering counts as not holding
  Link link = Link::Absent;
  const Claim* peer = nullptr;   ///< its last claim; null: none yet
  bool isolated = false;         ///< own link without carrier, or peer and gateway both silent
  bool gateway_known = false;    ///< a gateway is configured and has answered once
  bool gateway_fresh = false;    ///< it answered since the peer fell silent
  bool foreign_active = false;   ///< a VRRP router outside the pair holds with precedence
  bool preferred =
      false;        ///< this node is the group's `prefer`, or has the greater priority and `preempt` is on
  bool peer_preferred = false;  ///< the same of the other node
  bool preempt = false;
  bool settled = false;          ///< start-up is over: the peer has had time to be heard
  int witness = 0;  ///< of a silent peer: 1 it is gone, -1 it is there and has the lease, 0 no information
  std::string unfit_why;         ///< why own.fitness is what it is; empty if Fit
  bool peer_address_lower = false;  ///< last tie-break
  bool vacant = false;  ///< neither node has held for a while: their orders of choice contradict each other
};

enum class Ought : std::uint8_t {
  Stand,  ///< be standby
  Hold,  ///< be holder
  Defer,  ///< VRRP alone decides (RFC 9568)
  HandOver,  ///< hold, and move to the peer on purpose: it can serve better
  Ask,  ///< stand, and ask the peer to hand over: this node is preferred
};

struct Verdict {
  Ought ought = Ought::Stand;
  std::string
      because;  ///< "ef-b was proven dead: its process closed the peer channel and its port is refused"
  std::string
      moves_if;  ///< what would change it: "moves to ef-b if this node cannot reach its active instance"
};

Verdict judge(const Evidence& evidence);

}  // namespace holdfast::vrrp
