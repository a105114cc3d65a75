// A loop and streams moved by hand, for unit tests of what stands on the seam: the test plays the peer
// and the clock. It keeps the seam's contract: nothing is called back from inside the starting call.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "proxy/io/io.h"

namespace holdfast::test {

/// What a stream did, outliving it.
struct FakeWire {
  io::StreamEvents* events = nullptr;
  Address to;               ///< as connected
  std::string written;      ///< all bytes the owner wrote
  int writes = 0;           ///< calls of write
  io::Stream* forwards_to = nullptr;  ///< see Stream::forward_to
  std::size_t queued = 0;   ///< what the stream claims to have queued; set by the test
  bool reading = false, finished = false, reset = false, disposed = false;

  void connected() { events->on_connected(); }
  void data(Bytes bytes) { events->on_data(bytes); }
  void end() { events->on_end(); }
  void drained() {
    queued = 0;
    events->on_drained();
  }
  void fault(io::Fault fault) { events->on_fault(fault, io::name_of(fault)); }
};

class FakeStream final : public io::Stream {
 public:
  explicit FakeStream(FakeWire& wire, Address peer = {}) : wire_(wire), peer_(peer) {}
  void set_events(io::StreamEvents& events) override { wire_.events = &events; }
  void start_reading() override { wire_.reading = true; }
  void stop_reading() override { wire_.reading = false; }
  using io::Stream::write;
  std::size_t write(std::span<const Bytes> pieces) override {
    ++wire_.writes;
    for (Bytes piece : pieces) wire_.written.append(piece);
    return wire_.queued;
  }
  std::size_t queued() const override { return wire_.queued; }
  void finish() override { wire_.finished = true; }
  void forward_to(io::Stream& to) override { wire_.forwards_to = &to; }
  void reset_on_close() override { wire_.reset = true; }
  Address peer() const override { return peer_; }
  Address local() const override { return *Address::parse("127.0.0.1:1"); }

 private:
  void dispose() override {
    wire_.disposed = true;
    delete this;
  }
  FakeWire& wire_;
  Address peer_;
};

class FakeLoop final : public io::Loop {
 public:
  Instant now() override { return now_; }
  WallTime wall() override { return {now_.ns / 1000}; }
  io::StreamPtr connect(const Address& to, io::StreamEvents& events) override {
    FakeWire& wire = wires.emplace_back();
    wire.to = to;
    wire.events = &events;
    return io::StreamPtr(new FakeStream(wire, to));
  }
  io::StreamPtr connect(std::string_view, io::StreamEvents& events) override {
    return connect(Address{}, events);
  }
  Result<io::ListenerPtr> listen(const io::ListenOptions&, io::ListenerEvents&) override {
    return fail(Blame::Self, "not in this loop");
  }
  io::TimerPtr timer(io::TimerEvents& events) override { return io::TimerPtr(new FakeTimer(*this, events)); }
  io::WatchPtr watch(int, io::WatchEvents&) override { return nullptr; }  // no descriptors here
  Result<io::ProcessPtr> spawn(const std::vector<std::string>&, io::ProcessEvents&) override {
    return fail(Blame::Self, "not in this loop");
  }
  void post(io::Task task) override { tasks_.push_back(std::move(task)); }
  void on_signal(int, std::move_only_function<void()>) override {}
  void set_turn_end(std::move_only_function<void()> task) override { turn_end_ = std::move(task); }
  void run() override {}
  void stop() override {}
  std::size_t handles() const override { return timers_.size(); }

  /// A stream as a listener would hand it over, from 198.51.100.9:1234.
  io::StreamPtr accept() {
    return io::StreamPtr(new FakeStream(wires.emplace_back(), *Address::parse("198.51.100.9:1234")));
  }
  /// One turn after `step`: due timers, posted tasks, the turn's end.
  void turn(Duration step = {}) {
    now_ = now_ + step;
    auto due = timers_;
    for (FakeTimer* timer : due) {
      bool alive = std::find(timers_.begin(), timers_.end(), timer) != timers_.end();
      if (alive && timer->when <= now_) timer->fire();
    }
    auto tasks = std::move(tasks_);
    tasks_.clear();
    for (auto& task : tasks) task();
    if (turn_end_) turn_end_();
  }

  std::deque<FakeWire> wires;  ///< in the order they were made; references stay good

 private:
  struct FakeTimer final : io::Timer {
    FakeTimer(FakeLoop& loop, io::TimerEvents& events) : loop(loop), events(events) {
      loop.timers_.push_back(this);
    }
    void arm(Instant at) override { when = at; }
    void dispose() override {
      std::erase(loop.timers_, this);
      delete this;
    }
    void fire() {
      when = Instant::never();
      events.on_timer();
    }
    FakeLoop& loop;
    io::TimerEvents& events;
    Instant when = Instant::never();
  };

  Instant now_{1'000'000'000};
  std::vector<FakeTimer*> timers_;
  std::vector<io::Task> tasks_;
  std::move_only_function<void()> turn_end_;
};

/// An owner that writes down what it is told.
struct Told final : io::StreamEvents {
  std::string data, fault;
  int connected = 0, ends = 0, drained = 0;
  io::StreamPtr stream;
  bool drop_when_connected = false, drop_on_data = false, stop_on_data = false;

  void on_connected() override {
    ++connected;
    if (drop_when_connected) stream.reset();
  }
  void on_data(Bytes bytes) override {
    data.append(bytes);
    if (stop_on_data) stream->stop_reading();
    if (drop_on_data) stream.reset();
  }
  void on_end() override { ++ends; }
  void on_drained() override { ++drained; }
  void on_fault(io::Fault kind, std::string_view detail) override {
    fault = std::string(io::name_of(kind)) + ": " + std::string(detail);
    stream.reset();
  }
};

}  // namespace holdfast::test
