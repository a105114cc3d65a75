// The clock, and nodes that start, stop, freeze and go on.
#include "tests/sim/vrrp/world.h"

#include <algorithm>
#include <utility>

namespace holdfast::vrrp::sim {

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Duration Random::between(Duration least, Duration most) {
  const auto width = static_cast<std::uint64_t>(std::max<std::int64_t>(most.ns - least.ns, 0));
  return least + Duration::nanos(static_cast<std::int64_t>(below(width + 1)));
}

Setting Setting::random(Random& random) {
  Setting s;
  s.heartbeat = random.chance(0.3) ? 20_ms : 50_ms;
  const Duration intervals[] = {1_s, 1_s, 100_ms, 200_ms};
  s.advertise = intervals[random.below(4)];
  const double losses[] = {0, 0, 0.02, 0.1};
  s.loss = losses[random.below(4)];
  s.doubled = random.chance(0.3) ? 0.05 : 0;
  s.delay_max = random.chance(0.2) ? 12_ms : 3_ms;
  s.paired = !random.chance(0.1);
  s.gateway = random.chance(0.6);
  s.preempt = random.chance(0.2);
  s.drift = random.chance(0.1);
  if (random.chance(0.3)) s.priority[0] = 100;
  if (random.chance(0.3)) s.prefer = random.chance(0.5) ? "n0" : "n1";
  s.foreign = random.chance(0.2);
  if (random.chance(0.3)) s.priority[2] = 200;
  return s;
}

std::string Setting::text() const {
  auto yes = [](const char* word, bool is) { return is ? std::string(" ") + word : std::string(); };
  return "heartbeat " + std::to_string(heartbeat.to_millis()) + " ms, advertise " +
         std::to_string(advertise.to_millis()) + " ms, loss " + std::to_string(loss) + ", delay to " +
         std::to_string(delay_max.to_millis()) + " ms, priorities " + std::to_string(priority[0]) + " " +
         std::to_string(priority[1]) + (foreign ? " and a foreign " + std::to_string(priority[2]) : "") +
         ", prefer '" + prefer + "'" + yes("paired", paired) + yes("gateway", gateway) +
         yes("preempt", preempt) + yes("drift", drift);
}

World::World(std::uint64_t seed) : seed_(seed), random_(seed), setting_(Setting::random(random_)) {
  nodes_.resize(setting_.foreign ? 3 : 2);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.id = static_cast<int>(i);
    node.name = "n" + std::to_string(i);
    node.address = *Address::from_ip("10.0.0." + std::to_string(i + 1), 0);
  }
  note("seed " + std::to_string(seed_) + ": " + setting_.text());
}

void World::note(std::string text) {
  const std::int64_t us = now_.ns / 1000;
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%4lld.%06lld ", static_cast<long long>(us / 1'000'000),
                static_cast<long long>(us % 1'000'000));
  trail_.push_back(stamp + std::move(text));
  if (trail_.size() > 400) trail_.pop_front();
}

void World::fail(std::string text) {
  if (!failure_.empty()) return;
  note("BROKEN: " + text);
  failure_ = std::move(text);
}

void World::at(Instant when, std::function<void()> what) {
  events_[{std::max(when, now_), ++last_}] = std::move(what);
}

void World::pass(Duration span) {
  const Instant until = now_ + span;
  while (failure_.empty() && !events_.empty() && events_.begin()->first.first <= until) {
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
    check();
  }
  if (failure_.empty()) now_ = until;
}

GroupConfig World::group_of(const Node& node) const {
  RouterConfig router;
  router.vrid = 7;
  router.addresses = {*Address::from_ip("10.0.0.100", 0)};
  router.interval = setting_.advertise;
  router.source = node.address;
  GroupConfig group;
  group.name = "vip";
  group.priority = static_cast<std::uint8_t>(setting_.priority[node.id]);
  group.preempt = node.id == 2 || setting_.preempt;
  group.routers = {router};
  return group;
}

StationConfig World::config_of(const Node& node) const {
  const Node& peer = nodes_[static_cast<std::size_t>(1 - node.id)];
  StationConfig c;
  c.own_name = node.name;
  c.peer_name = peer.name;
  c.paired = setting_.paired;
  c.own_address = node.address;
  c.peer_address = peer.address;
  c.peer_addresses = {peer.address};
  if (setting_.gateway) c.gateways = {*Address::from_ip("10.0.0.254", 0)};
  c.config_hash = setting_.drift ? node.name : "same";
  c.generation = 1;
  c.groups = {{group_of(node), setting_.prefer, 3_s}};
  c.peer.cluster = "c";
  c.peer.own_name = node.name;
  c.peer.peer_name = peer.name;
  c.peer.program = "sim";
  c.peer.boot = node.boot;
  c.peer.heartbeat_key = std::string(24, 'k') + std::to_string(10'000'000 + node.boot % 10'000'000);
  c.peer.detector = {setting_.heartbeat, setting_.floor(), setting_.ceiling()};
  return c;
}

void World::boot(Node& node, std::string handed) {
  if (node.station || node.machine) return;
  note(node.name + (handed.empty() ? " boots" : " boots and adopts"));
  ++node.process;
  node.host_up = true;
  node.frozen = node.stopping = false;
  if (handed.empty()) node.answering = node.has_addresses = node.forwarding = false;  // start-up cleans
  node.epoch = 0;
  if (node.id == 2) {
    node.machine = std::make_unique<Machine>(group_of(node), now_);
    node.machine->start(now_);
    return after(node);
  }
  node.boot = random_.next();
  node.station = std::make_unique<Station>(config_of(node), now_);
  if (!handed.empty()) node.station->adopt(now_, handed);
  node.station->set_carrier(now_, node.carrier);
  node.station->start(now_);
  node.station->set_fitness(now_, "vip", node.fitness, "the story says so");
  after(node);
}

void World::end_process(Node& node, bool host) {
  if (!node.station && !node.machine) return;
  note(node.name + (host ? ": its host dies" : ": its process ends"));
  std::vector<MachineAction> farewell;
  if (node.station) farewell = node.station->farewell(wall(node));
  if (node.machine && node.machine->state() == State::Active) farewell = node.machine->farewell(wall(node));
  node.station.reset();
  node.machine.reset();
  ++node.process;
  node.host_up = !host;
  node.frozen = node.answering = node.has_addresses = node.forwarding = false;
  node.waiting.clear();
  node.waiting_datagrams = 0;
  node.in = node.out = 0;
  if (!host)
    for (const MachineAction& action : farewell) vrrp(node, action.packet, action.to);  // the guardian's
  for (auto& [id, c] : connections_)
    if (c.open && (c.from == node.id || c.to == node.id)) close(id, node.id);
}

void World::freeze(Node& node) {
  if (!node.station || node.frozen) return;
  note(node.name + " freezes");
  node.frozen = true;
  node.frozen_at = now_;
}

void World::thaw(Node& node) {
  if (!node.frozen) return;
  note(node.name + " goes on");
  node.frozen = false;
  node.thawed_at = now_;
  const Duration gap = now_ - node.frozen_at;
  node.station->resumed(now_, gap);
  after(node);
  if (setting_.paired && gap > setting_.floor() && node.answering)
    fail("(e) " + node.name + " answers after a freeze before it has listened");
  node.waiting_datagrams = 0;
  for (auto waiting = std::exchange(node.waiting, {}); !waiting.empty(); waiting.pop_front())
    waiting.front()();
  arm(node);
}

void World::input(Node& node, std::function<void(Station&)> what, bool datagram) {
  if (!node.station || !node.host_up || !failure_.empty()) return;
  if (node.frozen) {
    if (datagram && ++node.waiting_datagrams > 250) return;  // the socket's buffer is full
    const std::uint64_t process = node.process;
    node.waiting.push_back([this, &node, process, what = std::move(what)] {
      if (node.process == process) input(node, what);
    });
    return;
  }
  what(*node.station);
  after(node);
}

void World::after(Node& node) {
  if (node.machine) carry_foreign(node);
  if (node.station) carry(node, node.station->take_actions());
  arm(node);
}

void World::arm(Node& node) {
  if (!node.runs()) return;
  const Instant due = node.station ? node.station->deadline() : node.machine->deadline();
  if (due == node.timer_at && due > now_) return;
  node.timer_at = due;
  const std::uint64_t timer = ++node.timer;
  if (due == Instant::never()) return;
  const Duration late = random_.chance(0.01) ? random_.between(0_ms, 3_ms) : random_.between(0_ms, 200_us);
  at(std::max(due, now_) + late, [this, &node, timer] {
    if (node.timer == timer && node.runs()) fire(node);
  });
}

void World::fire(Node& node) {
  node.timer_at = Instant::never();
  if (node.station) node.station->on_timer(now_, wall(node));
  if (node.machine) node.machine->on_timer(now_, wall(node));
  const Instant due = node.station ? node.station->deadline() : node.machine->deadline();
  node.idle_timers = due <= now_ ? node.idle_timers + 1 : 0;
  if (node.idle_timers > 20) fail(node.name + " has a deadline that never passes");
  after(node);
}

}  // namespace holdfast::vrrp::sim
