// The invariants:
//  (a) Two nodes that hear each other do not both answer for longer than the bound: one heartbeat and the
//      greatest delay between two that have each other's heartbeat key (three heartbeats with loss);
//      otherwise what RFC 9568 needs, four advertisement intervals (twelve with loss), and until the channel
//      is up, a dial's patience and the next one.
//  (b) In calm, exactly one node answers.
//  (c) In calm, the client's ARP table points to it: it announced last.
//  (d) Epochs rise: in carry.cpp for one process, here for the pair.
//  (e) A freeze of the holder costs at most one move: in story.cpp; not asked of plain routers under loss,
//      nor at a loss of 10 %, where three heartbeats over both paths are lost together once in a while. After
//      one in which the other could have taken over, a node does not answer before it has listened: in
//      world.cpp.
//  (f) Nothing is announced or advertised that is not answered for.
#include <algorithm>
#include <utility>

#include "tests/sim/vrrp/world.h"

namespace holdfast::vrrp::sim {

void World::check_order(Node& node, bool answered_before, bool advertised) {
  if (advertised && !node.answering && !answered_before)
    fail(node.name + " advertises with a priority and does not answer");
  const bool holder = node.station && node.station->role("vip") == Role::Holder;
  if (node.station && holder != node.answering) fail(node.name + ": role and addresses do not match");
}

bool World::hear_each_other(const Node& a, const Node& b, Duration& bound) const {
  const Duration slack = setting_.delay_max + 5_ms;
  auto both_ways = [&](Path p) { return !cut(p, a.id, b.id) && !cut(p, b.id, a.id); };
  auto knows = [](const Node& x, const Node& y) {
    const Peer* peer = x.station ? x.station->peer() : nullptr;
    return peer != nullptr && peer->hello() && peer->hello()->boot == y.boot;
  };
  if (knows(a, b) && knows(b, a) && (both_ways(Path::MainBeat) || both_ways(Path::SideBeat))) {
    bound = setting_.heartbeat * (setting_.loss > 0 ? 3 : 1) + slack;
    return true;
  }
  bound = setting_.advertise * (setting_.loss > 0 ? 12 : 4) + slack;
  if (setting_.paired && a.id < 2 && b.id < 2) bound = bound + 1700_ms;
  return both_ways(Path::Vrrp);
}

void World::check_two(Node& a, Node& b) {
  const auto key = std::pair(a.id, b.id);
  Duration bound{};
  const bool both = a.runs() && b.runs() && a.answering && b.answering;
  if (!both || !hear_each_other(a, b, bound)) {
    both_since_.erase(key);
    return;
  }
  if (std::exchange(both_bound_[key], bound) != bound)
    both_since_.erase(key);  // another way of hearing each other
  const Instant since = both_since_.emplace(key, now_).first->second;
  if (now_ - since > bound)
    fail("(a) " + a.name + " and " + b.name + " have both answered for " +
         std::to_string((now_ - since).to_micros()) + " us");
}

Node* World::holder() {
  for (Node& node : nodes_)
    if (node.runs() && node.answering) return &node;
  return nullptr;
}

void World::check() {
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    for (std::size_t j = i + 1; j < nodes_.size(); ++j) check_two(nodes_[i], nodes_[j]);
  for (const Node& node : nodes_) {
    if (!node.runs() || !node.answering || node.id == last_holder_) continue;
    const bool still = last_holder_ >= 0 && nodes_[static_cast<std::size_t>(last_holder_)].runs() &&
                       nodes_[static_cast<std::size_t>(last_holder_)].answering;
    if (still) continue;
    if (last_holder_ >= 0) ++moves_;
    note("the holder is " + node.name);
    last_holder_ = node.id;
  }
}

/// Loss makes plain VRRP elect anew now and then, also in calm; and announcements can be lost, and of two
/// plain routers the loser may be gone before the winner heard of it. Both pass: a contention in its bound,
/// an entry at the refresh.
void World::check_calm() {
  const bool plain = !setting_.paired || setting_.foreign;
  for (const Duration patience : {setting_.advertise * 12, 61_s, 61_s}) {
    if (!failure_.empty() || judge_calm().empty() || !(plain || setting_.loss > 0)) break;
    pass(patience);
  }
  if (failure_.empty() && !judge_calm().empty()) fail(judge_calm());
}

/// When nothing has happened for long enough; empty if all is well. Nodes without a process are none of it.
std::string World::judge_calm() const {
  int holders = 0;
  const Node* who = nullptr;
  bool able = false;
  for (const Node& node : nodes_) {
    if (node.runs() && (node.machine || (node.fitness > Fitness::Unfit && node.carrier && !node.stopping)))
      able = true;
    if (!node.runs() || !node.answering) continue;
    ++holders;
    who = &node;
  }
  if (able && holders == 0) return "(b) calm, and nobody holds";
  if (holders > 1) return "(b) calm, and " + std::to_string(holders) + " hold";
  if (who == nullptr) return {};
  if (client_entry_ != who->id)
    return "(c) " + who->name + " holds, but n" + std::to_string(client_entry_) + " announced last";
  if (nodes_[0].forwarding && nodes_[1].forwarding) return "both send unknown flows to each other";
  if (!who->station || !setting_.paired || nodes_[0].station == nullptr || nodes_[1].station == nullptr)
    return {};
  const Node& standby = nodes_[static_cast<std::size_t>(1 - who->id)];
  if (who->station->report()[0].epoch <= standby.station->report()[0].epoch)
    return "(d) the holder's epoch " + std::to_string(who->station->report()[0].epoch) +
           " is not above the standby's";
  return {};
}

}  // namespace holdfast::vrrp::sim
