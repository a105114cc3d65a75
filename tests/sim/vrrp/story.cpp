// What happens in a run: a few faults and commands in turn, each put right afterwards, with calm checked in
// between.
#include <algorithm>

#include "tests/sim/vrrp/world.h"

namespace holdfast::vrrp::sim {

bool World::run() {
  for (Node& node : nodes_) at(now_ + random_.between(0_ms, 1_s), [this, &node] { boot(node); });
  pass(1_s);
  check_calm_holder();
  for (std::uint64_t left = 4 + random_.below(5); left > 0 && failure_.empty(); --left) {
    step();
    if (random_.chance(0.3)) step();
    heal();
    if (random_.chance(0.6))
      check_calm_holder();
    else
      pass(random_.between(0_ms, 1500_ms));
  }
  heal();
  check_calm_holder();
  return failure_.empty();
}

/// So long after the last fault everything has settled: VRRP's own time-outs, hand-overs, lingering, dials.
void World::check_calm_holder() {
  const Duration calm = setting_.advertise * (setting_.loss > 0 ? 12 : 5) + 5_s;
  pass(calm);
  if (holder() == nullptr) pass(take_over_patience());  // perhaps in the middle of a hand-over
  check_calm();
}

Duration World::take_over_patience() const { return 60_ms; }

void World::step() {
  Node& node = nodes_[random_.below(nodes_.size())];
  if (node.id == 2) {  // the foreign router only comes and goes
    node.machine ? end_process(node, random_.chance(0.5)) : boot(node);
    return pass(random_.between(0_ms, 2_s));
  }
  switch (random_.below(9)) {
    case 0:
    case 1: return kill(node);
    case 2: return freeze_holder();
    case 3:
    case 4: return hurt_network();
    case 5:
    case 6: return command(node);
    case 7: return upgrade(node);
    default: return hurt(node);
  }
}

/// Death of a process is proven at once, that of a host after the detector's ceiling; then the other node
/// holds.
void World::kill(Node& node) {
  if (!node.station) return;
  const bool host = random_.chance(0.4);
  const Node& next = other(node);
  const Peer* peer = next.runs() && next.station ? next.station->peer() : nullptr;
  const bool sure = peer != nullptr && peer->link() == Link::Alive && peer->connected() && next.carrier &&
                    next.fitness > Fitness::Unfit && !next.stopping &&
                    now_ - next.thawed_at > setting_.ceiling() && gateway_up_ && !setting_.foreign &&
                    calm_network();
  const bool known = next.in != 0 && next.out != 0;
  end_process(node, host);
  Duration bound = setting_.delay_max * 4 + 5_ms;
  if (host) bound = setting_.ceiling() + setting_.heartbeat * 2 + setting_.delay_max * 2 + 5_ms;
  if (host && setting_.loss > 0) bound = bound + setting_.heartbeat * 4;
  pass(bound);
  if (sure && known && failure_.empty() && holder() == nullptr)
    fail("(b) " + next.name + " does not hold " + std::to_string(bound.to_millis()) + " ms after " +
         node.name + "'s end");
  pass(random_.between(0_ms, 3_s));
}

bool World::calm_network() const {
  for (const auto& path : cut_)
    for (const auto& from : path)
      for (bool is : from)
        if (is) return false;
  return true;
}

void World::freeze_holder() {
  Node* node = holder();
  if (node == nullptr || !node->station) node = &nodes_[random_.below(2)];
  const Duration spans[] = {30_ms, 120_ms, 150_ms, 170_ms, 400_ms, 2_s};
  const bool alone = calm_network() && nodes_[0].runs() && nodes_[1].runs() && !setting_.foreign &&
                     setting_.loss < (setting_.paired ? 0.1 : 1e-9) && !setting_.preempt &&
                     nodes_[0].fitness == nodes_[1].fitness && gateway_up_ && nodes_[0].carrier &&
                     nodes_[1].carrier && nodes_[0].stopping == nodes_[1].stopping;
  if (alone) check_calm_holder();
  if (!failure_.empty()) return;
  if (holder() != nullptr) node = holder();
  if (!node->station) return;
  const std::uint64_t before = moves_;
  freeze(*node);
  pass(spans[random_.below(6)]);
  thaw(*node);
  if (!alone) return;
  check_calm_holder();
  if (moves_ > before + 1) fail("(e) " + std::to_string(moves_ - before) + " moves after a freeze");
}

void World::hurt_network() {
  const auto a = random_.below(2);
  const bool one_way = random_.chance(0.4);
  auto set = [&](Path path, bool is) {
    cut_[static_cast<std::size_t>(path)][a][1 - a] = is;
    if (!one_way) cut_[static_cast<std::size_t>(path)][1 - a][a] = is;
  };
  const std::uint64_t kind = random_.below(6);
  note(std::string("cut ") + (one_way ? "one way from n" + std::to_string(a) : "both ways") + ", kind " +
       std::to_string(kind));
  if (kind != 1) set(Path::Vrrp, kind != 2);
  if (kind <= 2) set(Path::MainBeat, kind != 1 || random_.chance(0.5));
  if (kind == 0 || kind == 2 || kind == 4) set(Path::SideBeat, true);
  if (kind == 0 || kind == 1 || kind == 5) set(Path::Channel, true);
  if (random_.chance(0.2)) {  // something between them resets the channels
    for (auto& [id, c] : connections_)
      if (c.open) close(id, c.from), tell_end(id, c.from);
  }
  if (random_.chance(0.2)) gateway_up_ = false;
  pass(random_.between(10_ms, 4_s));
}

void World::hurt(Node& node) {
  if (!node.station) return;
  switch (random_.below(3)) {
    case 0:
      note(node.name + " loses its carrier");
      node.carrier = false;
      input(node, [this](Station& s) { s.set_carrier(now_, false); });
      break;
    case 1:
      node.clock_us += static_cast<std::int64_t>(random_.below(7'200'000'000)) - 3'600'000'000;
      note(node.name + "'s clock jumps");
      break;
    default: {
      const Fitness grades[] = {Fitness::Unfit, Fitness::Degraded, Fitness::Fit};
      node.fitness = grades[random_.below(3)];
      note(node.name + " has fitness " + std::to_string(static_cast<int>(node.fitness)));
      input(node, [this, &node](Station& s) { s.set_fitness(now_, "vip", node.fitness, "made so"); });
    }
  }
  pass(random_.between(0_ms, 3_s));
}

void World::command(Node& node) {
  if (!node.station) return;
  if (random_.chance(0.7)) {
    const bool force = random_.chance(0.5);
    note(node.name + " is told to hand over");
    input(node, [this, force](Station& s) { s.handover(now_, random_.chance(0.5) ? "vip" : "", force); });
    if (random_.chance(0.3)) {
      pass(random_.between(0_ms, 8_ms));
      hurt_network();
    }
    return pass(random_.between(0_ms, 2_s));
  }
  note(node.name + " is told to stop");
  node.stopping = true;
  input(node, [this](Station& s) { s.stop(now_); });
  for (int i = 0; i < 50 && node.station && failure_.empty(); ++i) {
    pass(100_ms);
    if (node.station && node.station->stopped() && !node.has_addresses && random_.chance(0.5))
      end_process(node, false);
  }
  if (node.station && failure_.empty()) {
    if (!node.station->stopped() && !node.frozen) fail(node.name + " does not stop");
    end_process(node, false);
  }
}

void World::upgrade(Node& node) {
  if (!node.station || node.frozen || node.stopping) return;
  note(node.name + " is upgraded");
  const std::string handed = node.station->abdicate(now_, 2_s);
  carry(node, node.station->take_actions());
  const bool answering = node.answering, addresses = node.has_addresses, forwarding = node.forwarding;
  for (auto& [id, c] : connections_)
    if (c.open && (c.from == node.id || c.to == node.id)) close(id, node.id);
  node.station.reset();
  ++node.process;
  node.in = node.out = 0;
  pass(random_.between(1_ms, 300_ms));
  node.answering = answering;
  node.has_addresses = addresses;
  node.forwarding = forwarding;
  boot(node, handed);
  pass(random_.between(0_ms, 1_s));
}

void World::heal() {
  if (!failure_.empty()) return;
  note("everything is put right");
  cut_ = {};
  gateway_up_ = true;
  for (Node& node : nodes_) {
    thaw(node);
    const bool came = !node.carrier;
    node.carrier = true;
    node.fitness = Fitness::Fit;
    if (!node.station && (node.id != 2 || random_.chance(0.5))) boot(node);
    if (came) node.thawed_at = now_;
    if (came) input(node, [this](Station& s) { s.set_carrier(now_, true); });
    input(node, [this](Station& s) { s.set_fitness(now_, "vip", Fitness::Fit, ""); });
  }
}

}  // namespace holdfast::vrrp::sim
