// The simulated loop, its timers and listeners.
#include "proxy/base/check.h"
#include "tests/sim/sim_internal.h"

namespace holdfast::sim {

std::string key_of(const Address& address) { return address.text(); }
std::string key_of(int host, std::string_view unix_path) {
  return "unix:" + std::to_string(host) + ":" + std::string(unix_path);
}

SimHandle::SimHandle(SimLoop& loop) : loop_(loop), id_(++loop.world_.last_id_) {
  loop.world_.handles_[id_] = this;
  ++loop.handles_;
  ++loop.owned_;
}

SimHandle::~SimHandle() {
  loop_.world_.handles_.erase(id_);
  --loop_.handles_;
}

SimWorld& SimHandle::world() { return loop_.world_; }

void SimHandle::release() {
  if (releasing_) return;
  releasing_ = true;
  if (loop_.dead_) {
    delete this;
    return;
  }
  later(*this, world().now(), [](SimHandle& self) { delete &self; });
}

SimLoop::~SimLoop() {
  world_.forget(*this);
  CHECK(owned_ == 0);  // an owner outlives its loop
  dead_ = true;
  std::vector<SimHandle*> closing;
  for (auto& [id, handle] : world_.handles_)
    if (&handle->loop_ == this) closing.push_back(handle);
  for (SimHandle* handle : closing) {
    if (auto* stream = dynamic_cast<SimStream*>(handle)) stream->close_wire();
    delete handle;
  }
  CHECK(handles_ == 0);
}

io::StreamPtr SimLoop::connect(const Address& to, io::StreamEvents& events) {
  auto* stream = new SimStream(*this, &events);
  stream->peer_ = to;
  if (to.family == Address::Family::None) {
    stream->refuse(io::Fault::Other, "invalid argument");
  } else {
    // The loop may be gone by then: a process can die with a connect on its way.
    world_.push(world_.soon(), 0, [world = &world_, id = stream->id_, to] { world->syn(id, key_of(to), 0); });
  }
  return io::StreamPtr(stream);
}

io::StreamPtr SimLoop::connect(std::string_view unix_path, io::StreamEvents& events) {
  auto* stream = new SimStream(*this, &events);
  world_.push(world_.soon(), 0, [world = &world_, id = stream->id_, key = key_of(host_, unix_path)] {
    world->syn(id, key, 0);
  });
  return io::StreamPtr(stream);
}

Result<io::ListenerPtr> SimLoop::listen(const io::ListenOptions& options, io::ListenerEvents& events) {
  if (options.inherited >= 0) return fail(Blame::Operator, "the simulated world has no descriptors");
  Address address = options.address;
  bool unix_socket = address.family == Address::Family::None;
  if (!unix_socket && address.port == 0) address.port = ++world_.last_port_;
  std::string key = unix_socket ? key_of(host_, options.path) : key_of(address);
  if (world_.listeners_.contains(key) && (unix_socket || !options.reuse_port))
    return fail(Blame::Operator, "cannot bind " + key + ": Address already in use", true);
  return io::ListenerPtr(new SimListener(*this, events, address, key));
}

io::TimerPtr SimLoop::timer(io::TimerEvents& events) { return io::TimerPtr(new SimTimer(*this, events)); }

void SimLoop::run() {
  stopped_ = false;
  while (!stopped_ && world_.step()) {
  }
}

// Timers: whole milliseconds, rounded up, as libuv's are; chance may make them late.

void SimTimer::arm(Instant when) {
  when_ = when;
  if (when_ < due_) start();
}

void SimTimer::start() {
  constexpr std::int64_t kMilli = 1'000'000;
  due_ = when_;
  Instant at{std::max((when_.ns + kMilli - 1) / kMilli * kMilli, world().now().ns + kMilli)};
  if (world().random.chance(world().faults.late_timers))
    at = at + world().random.between({}, world().faults.late_max);
  later(*this, at, [generation = ++generation_](SimTimer& self) { self.fire(generation); });
}

void SimTimer::fire(std::uint64_t generation) {
  if (disposed_ || generation != generation_) return;
  due_ = Instant::never();
  if (when_ == Instant::never()) return;
  if (world().now() < when_) return start();
  when_ = Instant::never();
  events_->on_timer();
}

void SimTimer::dispose() {
  disposed_ = true;
  --loop_.owned_;
  release();
}

// Listeners.

SimListener::SimListener(SimLoop& loop, io::ListenerEvents& events, const Address& address, std::string key)
    : SimHandle(loop), events_(&events), address_(address), key_(std::move(key)) {
  world().listeners_.emplace(key_, this);
}

void SimListener::unlist() {
  auto [first, last] = world().listeners_.equal_range(key_);
  for (auto it = first; it != last; ++it) {
    if (it->second != this) continue;
    world().listeners_.erase(it);
    break;
  }
  for (std::uint64_t id : std::exchange(waiting_, {}))
    if (auto found = world().wires_.find(id); found != world().wires_.end())
      world().close_end(*found->second, 1, true);
}

void SimListener::offer(std::uint64_t wire) {
  waiting_.push_back(wire);
  later(*this, world().soon(), [](SimListener& self) { self.accept(); });
}

void SimListener::resume() {
  paused_ = false;
  for (std::size_t i = 0; i < waiting_.size(); ++i)
    later(*this, world().now(), [](SimListener& self) { self.accept(); });
}

void SimListener::accept() {
  if (disposed_ || paused_ || waiting_.empty()) return;
  auto found = world().wires_.find(waiting_.front());
  waiting_.pop_front();
  if (found == world().wires_.end()) return;
  auto* stream = new SimStream(loop_, nullptr);
  stream->open(*found->second, 1);
  events_->on_accept(io::StreamPtr(stream));
}

void SimListener::dispose() {
  disposed_ = true;
  --loop_.owned_;
  unlist();
  release();
}

}  // namespace holdfast::sim
