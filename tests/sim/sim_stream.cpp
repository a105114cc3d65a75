// Simulated streams: one poll event at a time looks at the wire and makes at most one callback.
#include <algorithm>

#include "proxy/base/check.h"
#include "tests/sim/sim_internal.h"

namespace holdfast::sim {

namespace {

constexpr std::size_t kReadMax = 256 * 1024;
constexpr std::int64_t kDiscardMax = 256 * 1024;
constexpr Duration kFlushMax = Duration::seconds(2);
constexpr Duration kLingerMax = Duration::seconds(1);

}  // namespace

Wire* SimStream::wire() const {
  if (closed_ || wire_ == 0) return nullptr;
  auto found = loop_.world_.wires_.find(wire_);
  return found == loop_.world_.wires_.end() ? nullptr : found->second.get();
}

void SimStream::open(Wire& wire, int side) {
  wire_ = wire.id;
  side_ = side;
  wire.stream[side] = id_;
  local_ = wire.address[side];
  peer_ = wire.address[1 - side];
  if (side == 1) {
    connected_ = true;
    return;
  }
  later(*this, world().soon(), [](SimStream& self) { self.connected(); });
}

void SimStream::connected() {
  if (disposed_ || failed_) return;
  connected_ = true;
  waiting_ = !queue_.empty();
  if (waiting_ || wanted_) wake();
  if (finished_ && !waiting_) end_half(*wire());
  events_->on_connected();
}

void SimStream::refuse(io::Fault fault, const char* why) {
  failed_ = true;
  later(*this, world().soon(), [fault, why](SimStream& self) { self.told_fault(fault, why); });
}

void SimStream::start_reading() {
  wanted_ = true;
  wake();
}

std::size_t SimStream::write(std::span<const Bytes> pieces) {
  if (finished_ || failed_ || broken_ || closed_) return queued();
  for (Bytes piece : pieces) queue_.append(piece);
  if (!connected_) return queued();
  Wire* wire = this->wire();
  if (!wire || wire->reset_seen[side_]) {
    queue_.clear();
    broken_ = true;
    wake();
    return 0;
  }
  if (!waiting_) push_queue(*wire);
  waiting_ = !queue_.empty();
  if (waiting_) wake();
  return queued();
}

void SimStream::push_queue(Wire& wire) {
  SimFaults& faults = world().faults;
  Direction& out = wire.from[side_];
  std::size_t room = faults.send_buffer - std::min(faults.send_buffer, out.sent.size());
  std::size_t size = std::min(queue_.size(), room);
  if (world().random.chance(faults.short_writes)) size = world().random.below(size + 1);
  out.sent.append(queue_, 0, size);
  queue_.erase(0, size);
  world().start_moving(wire, side_);
}

void SimStream::finish() {
  if (finished_) return;
  finished_ = true;
  Wire* wire = this->wire();
  if (wire && connected_ && queue_.empty()) end_half(*wire);
}

void SimStream::end_half(Wire& wire) {
  wire.from[side_].fin = true;
  world().start_moving(wire, side_);
}

void SimStream::wake() {
  if (awake_ || closed_ || failed_) return;
  awake_ = true;
  later(*this, world().now(), [](SimStream& self) {
    self.awake_ = false;
    self.poll();
  });
}

/// Bytes that arrived come before a fault; otherwise chance says which side goes first.
void SimStream::poll() {
  Wire* wire = this->wire();
  if (!wire || failed_ || !connected_) return;
  bool reset = wire->reset_seen[side_];
  if (wanted_ && !wire->from[1 - side_].arrived.empty() && (reset || world().random.chance(0.5)))
    return void(poll_read(*wire));
  if (reset) {
    bool noticed = wanted_ || waiting_ || broken_ || lingering_;
    if (noticed) told_fault(io::Fault::Reset, "connection reset by peer");
    return;
  }
  if (poll_write(*wire)) return;
  poll_read(*wire);
}

/// True if something was told.
bool SimStream::poll_write(Wire& wire) {
  if (!waiting_) return false;
  Direction& out = wire.from[side_];
  std::size_t before = queue_.size();
  push_queue(wire);
  if (!queue_.empty()) {
    // A full buffer wakes this stream when it moves; a short write must try again by itself.
    if (queue_.size() == before && out.sent.size() >= world().faults.send_buffer) return false;
    later(*this, world().soon(), [](SimStream& self) { self.wake(); });
    return false;
  }
  waiting_ = false;
  wake();
  if (finished_) end_half(wire);
  if (disposed_) {
    linger_on();
    return true;
  }
  events_->on_drained();
  return true;
}

bool SimStream::poll_read(Wire& wire) {
  if (!wanted_) return false;
  Direction& in = wire.from[1 - side_];
  if (in.arrived.empty()) {
    if (!in.fin_arrived || end_told_) return false;
    end_told_ = true;
    wake();
    if (disposed_) {
      close();
    } else {
      events_->on_end();
    }
    return true;
  }
  Random& random = world().random;
  std::size_t size = std::min(in.arrived.size(), kReadMax);
  if (random.chance(world().faults.one_byte_reads)) size = 1;
  if (random.chance(world().faults.short_reads)) size = 1 + random.below(size);
  std::string bytes = in.arrived.substr(0, size);
  in.arrived.erase(0, size);
  world().start_moving(wire, 1 - side_);  // there is room again
  wake();
  if (disposed_) {
    discard_left_ -= static_cast<std::int64_t>(size);
    if (discard_left_ <= 0) close();
    return true;
  }
  events_->on_data(bytes);
  std::fill(bytes.begin(), bytes.end(), '\xdb');  // whoever kept a view reads rubbish
  return true;
}

void SimStream::told_fault(io::Fault fault, const char* why) {
  failed_ = true;
  io::StreamEvents* events = disposed_ ? nullptr : events_;
  close();
  if (events) events->on_fault(fault, why);
}

void SimStream::dispose() {
  CHECK(!disposed_);
  disposed_ = true;
  wanted_ = false;
  --loop_.owned_;
  if (closed_ || failed_ || broken_ || reset_ || !connected_ || loop_.dead_) {
    close();
    return;
  }
  later(*this, world().now() + kFlushMax, [](SimStream& self) {
    if (self.waiting_) self.close();
  });
  linger_on();
}

/// As the libuv side does: the queue leaves first; after finish(), what still comes is dropped.
void SimStream::linger_on() {
  lingering_ = true;
  Wire* wire = this->wire();
  if (!wire) return close();
  if (waiting_) return;
  if (!finished_ || end_told_) return close();
  wanted_ = true;
  discard_left_ = kDiscardMax;
  wake();
  later(*this, world().now() + kLingerMax, [](SimStream& self) { self.close(); });
}

void SimStream::close_wire() {
  if (closed_) return;
  if (Wire* wire = this->wire()) world().close_end(*wire, side_, reset_);
  closed_ = true;
  queue_.clear();
}

void SimStream::close() {
  close_wire();
  if (disposed_) release();
}

}  // namespace holdfast::sim
