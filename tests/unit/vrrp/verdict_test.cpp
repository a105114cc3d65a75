#include "vrrp/verdict.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

/// Two healthy nodes, both standby, link alive; this one has the lower priority.
struct Case {
  Claim peer{"vip", Role::Standby, Fitness::Fit, 150, 7};
  Evidence e;
  Case() {
    e.own_name = "ef-a", e.peer_name = "ef-b";
    e.paired = e.settled = true;
    e.own = {"vip", Role::Standby, Fitness::Fit, 100, 7};
    e.link = Link::Alive;
    e.peer = &peer;
  }
  Ought ought() const {
    const Verdict v = judge(e);
    CHECK_FALSE(v.because.empty());
    CHECK_FALSE(v.moves_if.empty());
    return v.ought;
  }
};

}  // namespace

TEST_CASE("verdict: an unfit or isolated node stands, whatever else") {
  Case c;
  c.e.own.role = Role::Holder;
  c.e.unfit_why = "data loop 1 has not turned for 300 ms";
  c.e.own.fitness = Fitness::Unfit;
  for (Link link : {Link::Absent, Link::Alive, Link::Paused, Link::Silent, Link::Dead, Link::Left}) {
    c.e.link = link;
    CHECK(c.ought() == Ought::Stand);
  }
  CHECK(judge(c.e).because.find("data loop 1") != std::string::npos);
  c.e.own.fitness = Fitness::Fit;
  c.e.isolated = true;
  CHECK(c.ought() == Ought::Stand);
}

TEST_CASE("verdict: of two holders the later epoch is right, then priority, then address") {
  Case c;
  c.e.own.role = c.peer.role = Role::Holder;
  c.e.own.epoch = 8;
  CHECK(c.ought() == Ought::Hold);
  c.peer.epoch = 9;
  CHECK(c.ought() == Ought::Stand);
  c.peer.epoch = 8;
  CHECK(c.ought() == Ought::Stand);
  c.e.own.priority = 200;
  CHECK(c.ought() == Ought::Hold);
  c.e.own.priority = c.peer.priority;
  CHECK(c.ought() == Ought::Stand);
  c.e.peer_address_lower = true;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: one holder keeps it, unless the other serves better or is preferred") {
  Case c;
  c.peer.role = Role::Holder;
  CHECK(c.ought() == Ought::Stand);
  c.e.preferred = true;
  CHECK(c.ought() == Ought::Stand);
  c.e.preempt = true;
  CHECK(c.ought() == Ought::Ask);
  c.e.own.fitness = Fitness::Degraded;
  CHECK(c.ought() == Ought::Stand);

  c.peer.role = Role::Standby;
  c.e.own.role = Role::Holder;
  CHECK(c.ought() == Ought::HandOver);
  c.peer.fitness = Fitness::Degraded;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: two nodes that both stand come to opposite answers") {
  for (int bits = 0; bits < 64; ++bits) {
    Case a, b;
    a.e.own.fitness = b.peer.fitness = bits & 1 ? Fitness::Degraded : Fitness::Fit;
    b.e.own.fitness = a.peer.fitness = bits & 2 ? Fitness::Degraded : Fitness::Fit;
    a.e.own.priority = b.peer.priority = bits & 4 ? 150 : 100;
    b.e.own.priority = a.peer.priority = bits & 8 ? 150 : 100;
    a.e.preferred = b.e.peer_preferred = (bits & 16) != 0;
    b.e.preferred = a.e.peer_preferred = (bits & 32) != 0;
    a.e.peer_address_lower = true;
    CAPTURE(bits);
    CHECK(((a.ought() == Ought::Hold) != (b.ought() == Ought::Hold)));
  }
}

TEST_CASE(
    "verdict: of two that stand the fitter one holds, then the preferred one, then priority, then address") {
  Case c;
  c.e.own.priority = c.peer.priority;
  CHECK(c.ought() == Ought::Stand);
  c.e.peer_address_lower = true;
  CHECK(c.ought() == Ought::Hold);
  c.peer.priority = 200;
  CHECK(c.ought() == Ought::Stand);
  c.e.preferred = true;
  CHECK(c.ought() == Ought::Hold);
  c.e.own.fitness = Fitness::Degraded;
  CHECK(c.ought() == Ought::Stand);
  c.e.preferred = c.e.peer_address_lower = false;
  c.e.own.fitness = Fitness::Fit;
  c.e.own.priority = 201;
  CHECK(c.ought() == Ought::Hold);
  c.e.peer_preferred = true;
  CHECK(c.ought() == Ought::Stand);
  c.peer.fitness = Fitness::Degraded;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: a lingering peer counts as not holding") {
  Case c;
  c.e.own.priority = 200;
  c.peer.role = Role::Lingering;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: contradicting orders do not leave the addresses without a holder") {
  Case c;
  CHECK(c.ought() == Ought::Stand);
  c.e.vacant = true;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: a peer that says nothing of the group is waited for only while it starts") {
  Case c;
  c.e.peer = nullptr;
  c.e.settled = false;
  CHECK(c.ought() == Ought::Stand);
  c.e.settled = true;
  CHECK(c.ought() == Ought::Hold);
}

TEST_CASE("verdict: death and a clean end are acted on at once, but not against a foreign router") {
  Case c;
  for (Link link : {Link::Dead, Link::Left}) {
    c.e.link = link;
    c.e.own.fitness = Fitness::Degraded;
    CHECK(c.ought() == Ought::Hold);
    c.e.foreign_active = true;
    CHECK(c.ought() == Ought::Stand);
    c.e.foreign_active = false;
  }
}

TEST_CASE("verdict: silence needs a gateway that answers, if there is one, and no witness against it") {
  Case c;
  c.e.link = Link::Silent;
  CHECK(c.ought() == Ought::Hold);
  c.e.gateway_known = true;
  CHECK(c.ought() == Ought::Stand);
  CHECK(judge(c.e).because.find("waits for the gateway") != std::string::npos);
  c.e.own.role = Role::Holder;
  CHECK(c.ought() == Ought::Hold);
  c.e.own.role = Role::Standby;
  c.e.gateway_fresh = true;
  CHECK(c.ought() == Ought::Hold);
  c.e.witness = -1;
  CHECK(c.ought() == Ought::Stand);
  c.e.own.role = Role::Holder;
  CHECK(c.ought() == Ought::Stand);
  for (const int witness : {0, 1}) {
    c.e.witness = witness;
    CHECK(c.ought() == Ought::Hold);
  }
}

TEST_CASE("verdict: the witness is not heard while the other node is") {
  for (const int witness : {-1, 0, 1}) {
    Case c;
    c.e.link = Link::Alive;
    c.e.own.role = Role::Holder;
    c.e.witness = witness;
    CHECK(c.ought() == Ought::Hold);
  }
}

TEST_CASE("verdict: a pause changes nothing, and without a peer VRRP decides") {
  Case c;
  c.e.link = Link::Paused;
  CHECK(c.ought() == Ought::Stand);
  c.e.own.role = Role::Holder;
  CHECK(c.ought() == Ought::Hold);
  c.e.link = Link::Absent;
  CHECK(c.ought() == Ought::Defer);
  c.e.paired = false;
  CHECK(c.ought() == Ought::Defer);
}
