// The world: clock, events, hosts, and the network between the kernels.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <algorithm>

#include "proxy/base/check.h"
#include "tests/sim/sim_internal.h"

namespace holdfast::sim {

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Duration Random::between(Duration least, Duration most) {
  auto width = static_cast<std::uint64_t>(std::max<std::int64_t>(most.ns - least.ns, 0));
  return least + Duration::nanos(static_cast<std::int64_t>(below(width + 1)));
}

SimFaults SimFaults::rough() {
  SimFaults f;
  f.one_byte_reads = 0.1;
  f.short_reads = 0.3;
  f.short_writes = 0.3;
  f.stalls = 0.02;
  f.stall_max = Duration::millis(200);
  f.late_timers = 0.2;
  f.send_buffer = 4096;
  f.receive_buffer = 4096;
  return f;
}

SimWorld::SimWorld(std::uint64_t seed) : random(seed) {}

SimWorld::~SimWorld() { CHECK(loops_.empty()); }

std::unique_ptr<io::Loop> SimWorld::make_loop(int host) {
  if (host < 0) host = ++last_host_;
  last_host_ = std::max(last_host_, host);
  auto loop = std::make_unique<SimLoop>(*this, ++last_id_, host);
  loops_[loop->id_] = loop.get();
  return loop;
}

int SimWorld::host_of(const io::Loop& loop) { return static_cast<const SimLoop&>(loop).host_; }

Address SimWorld::address_of(int host, std::uint16_t port) {
  return *Address::from_ip("10.0." + std::to_string(host / 250) + "." + std::to_string(host % 250 + 1), port);
}

void SimWorld::push(Instant at, std::uint64_t loop, io::Task task) {
  events_.emplace(std::pair(std::max(at, now_), ++last_id_), Event{loop, std::move(task)});
}

Instant SimWorld::soon() { return now_ + random.between(faults.latency_min, faults.latency_max); }

bool SimWorld::step() {
  if (events_.empty()) return false;
  auto node = events_.extract(events_.begin());
  now_ = std::max(now_, node.key().first);
  Event event = std::move(node.mapped());
  if (event.loop == 0) {
    event.task();
    return true;
  }
  auto found = loops_.find(event.loop);
  if (found == loops_.end() || found->second->dead_) return true;
  SimLoop& loop = *found->second;
  if (auto frozen = frozen_until_.find(loop.host_); frozen != frozen_until_.end()) {
    if (frozen->second > now_) {
      push(frozen->second, event.loop, std::move(event.task));
      return true;
    }
    frozen_until_.erase(frozen);
  }
  event.task();
  if (loops_.contains(event.loop)) loop.turn_end();
  return true;
}

void SimWorld::run_until(Instant end) {
  while (!events_.empty() && events_.begin()->first.first <= end) step();
  now_ = std::max(now_, end);
}

bool SimWorld::run_until(const std::function<bool()>& predicate, Duration at_most) {
  Instant end = now_ + at_most;
  while (!predicate()) {
    if (events_.empty() || events_.begin()->first.first > end) return false;
    step();
  }
  return true;
}

bool SimWorld::run_until_idle(Duration at_most) {
  run_until([this] { return events_.empty(); }, at_most);
  return events_.empty();
}

void SimWorld::forget(SimLoop& loop) {
  loops_.erase(loop.id_);
  // Tasks may own streams, whose end may post more: take them out first, destroy them after.
  std::vector<io::Task> doomed;
  for (auto it = events_.begin(); it != events_.end();) {
    if (it->second.loop != loop.id_) {
      ++it;
      continue;
    }
    doomed.push_back(std::move(it->second.task));
    it = events_.erase(it);
  }
}

SimHandle* SimWorld::handle(std::uint64_t id) const {
  auto found = handles_.find(id);
  return found == handles_.end() ? nullptr : found->second;
}

// Hosts.

void SimWorld::kill(int host) {
  for (auto& [id, loop] : loops_)
    if (loop->host_ == host) loop->dead_ = true;
  std::vector<SimListener*> mine;
  for (auto& [key, listener] : listeners_)
    if (listener->loop_.dead_) mine.push_back(listener);
  for (SimListener* listener : mine) listener->unlist();
  std::vector<std::uint64_t> wires;
  for (auto& [id, wire] : wires_) wires.push_back(id);
  for (std::uint64_t id : wires)
    for (int side : {0, 1})
      if (auto found = wires_.find(id); found != wires_.end() && found->second->host[side] == host)
        close_end(*found->second, side, false);
  frozen_until_.erase(host);
}

void SimWorld::freeze(int host, Duration time) { frozen_until_[host] = now_ + time; }

void SimWorld::partition(int one, int other) { parted_.insert(std::minmax(one, other)); }

void SimWorld::heal() {
  parted_.clear();
  for (io::Task& task : std::exchange(when_healed_, {})) push(soon(), 0, std::move(task));
}

// The network. A connect is a SYN that finds a listener or not; a wire moves one segment at a time in
// each direction, so that order is kept whatever the latencies.

SimListener* SimWorld::pick_listener(const std::string& key) {
  auto [first, last] = listeners_.equal_range(key);
  auto count = static_cast<std::uint64_t>(std::distance(first, last));
  if (count == 0) return nullptr;
  return std::next(first, static_cast<std::ptrdiff_t>(random.below(count)))->second;
}

void SimWorld::syn(std::uint64_t id, std::string to, int tries) {
  auto* stream = static_cast<SimStream*>(handle(id));
  if (!stream || !stream->connecting() || stream->loop_.dead_) return;
  SimListener* listener = pick_listener(to);
  int host = stream->loop_.host_;
  if (listener && parted(host, listener->loop_.host_)) {
    when_healed_.push_back([this, id, to, tries] { syn(id, to, tries); });
    return;
  }
  if (!listener || (tries == 0 && random.chance(faults.refused)))
    return stream->refuse(io::Fault::Refused, "connection refused");
  auto owned = std::make_unique<Wire>();
  Wire& wire = *owned;
  wire.id = ++last_id_;
  wire.host[0] = host;
  wire.host[1] = listener->loop_.host_;
  bool inet = stream->peer_.family != Address::Family::None;
  if (inet) wire.address[0] = address_of(host, ++last_port_);
  wire.address[1] = listener->address_;
  if (random.chance(faults.resets)) wire.reset_at = random.below(faults.reset_within);
  wires_[wire.id] = std::move(owned);
  stream->open(wire, 0);
  listener->offer(wire.id);
}

void SimWorld::start_moving(Wire& wire, int side) {
  Direction& d = wire.from[side];
  if (d.moving || wire.dead || (d.sent.empty() && (!d.fin || d.fin_arrived))) return;
  if (!d.sent.empty() && d.arrived.size() >= faults.receive_buffer && !wire.closed[1 - side]) return;
  d.moving = true;
  Instant at = soon();
  if (random.chance(faults.stalls)) at = at + random.between({}, faults.stall_max);
  push(at, 0, [this, id = wire.id, side] { move(id, side); });
}

void SimWorld::move(std::uint64_t id, int side) {
  auto found = wires_.find(id);
  if (found == wires_.end() || found->second->dead) return;
  Wire& wire = *found->second;
  if (parted(wire.host[0], wire.host[1])) {
    when_healed_.push_back([this, id, side] { move(id, side); });
    return;
  }
  Direction& d = wire.from[side];
  d.moving = false;
  if (wire.closed[1 - side] && !d.sent.empty()) return reset(wire);  // nobody reads there any more
  std::size_t room = faults.receive_buffer - std::min(faults.receive_buffer, d.arrived.size());
  std::size_t size = std::min(d.sent.size(), room);
  bool cut = wire.reset_at - wire.passed <= size;
  if (cut) size = static_cast<std::size_t>(wire.reset_at - wire.passed);
  d.arrived.append(d.sent, 0, size);
  d.sent.erase(0, size);
  wire.passed += size;
  if (d.sent.empty() && d.fin && !cut) d.fin_arrived = true;
  for (std::uint64_t stream : wire.stream)
    if (SimHandle* h = handle(stream)) static_cast<SimStream*>(h)->wake();
  if (cut) return reset(wire);
  start_moving(wire, side);
  reap(wire);
}

void SimWorld::deliver_reset(std::uint64_t id) {
  auto found = wires_.find(id);
  if (found == wires_.end()) return;
  if (!parted(found->second->host[0], found->second->host[1])) return reset(*found->second);
  when_healed_.push_back([this, id] { deliver_reset(id); });
}

/// Both sides learn of it at once. What arrived can still be read; what was on its way is lost.
void SimWorld::reset(Wire& wire) {
  wire.dead = true;
  for (int side : {0, 1}) {
    wire.from[side].sent.clear();
    wire.reset_seen[side] = true;
    if (SimHandle* h = handle(wire.stream[side])) static_cast<SimStream*>(h)->wake();
  }
  reap(wire);
}

/// close(2): FIN after what was sent, or RST if asked for or if there are unread bytes, as Linux does.
void SimWorld::close_end(Wire& wire, int side, bool abort) {
  if (wire.closed[side]) return;
  wire.closed[side] = true;
  wire.stream[side] = 0;
  if (wire.dead) return reap(wire);
  if (abort || !wire.from[1 - side].arrived.empty()) {
    wire.dead = true;
    wire.from[0].sent.clear();
    wire.from[1].sent.clear();
    push(soon(), 0, [this, id = wire.id] { deliver_reset(id); });
    return;
  }
  wire.from[side].fin = true;
  start_moving(wire, side);
  start_moving(wire, 1 - side);
  reap(wire);
}

void SimWorld::reap(Wire& wire) {
  if (!wire.closed[0] || !wire.closed[1]) return;
  bool quiet = wire.from[0].sent.empty() && wire.from[1].sent.empty();
  if (wire.dead ? wire.reset_seen[0] : quiet) wires_.erase(wire.id);
}

std::string SimWorld::leftovers() const {
  std::string text;
  for (auto& [id, loop] : loops_)
    if (loop->handles_ > 0)
      text += std::to_string(loop->handles_) + " handles on host " + std::to_string(loop->host_) + "; ";
  if (!wires_.empty()) text += std::to_string(wires_.size()) + " wires";
  return text;
}

void for_each_seed(int n, const std::function<void(std::uint64_t)>& f) {
  const char* only = std::getenv("SIM_SEED");
  const char* seeds = std::getenv("SIM_SEEDS");
  const std::uint64_t share = seeds ? std::strtoull(seeds, nullptr, 10) : 200;
  std::uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
  std::uint64_t last = only ? first : (static_cast<std::uint64_t>(n) * share + 199) / 200;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      f(seed);
    } catch (...) {
      std::fprintf(stderr, "SIM_SEED=%llu\n", static_cast<unsigned long long>(seed));
      throw;
    }
  }
}

}  // namespace holdfast::sim
