// The simulated loop's handle blocks and wires, private to the sim_*.cpp files. A wire is the kernels'
// side of a connection and outlives both owners; a handle block lives until an event after its
// owner's dispose(), as libuv's do. Events name blocks by number, so that none can point at the dead.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include "tests/sim/sim_loop.h"

namespace holdfast::sim {

/// One direction: [sent .. on its way][arrived .. unread], then perhaps the end.
struct Direction {
  std::string sent;
  std::string arrived;
  bool fin = false;          ///< follows `sent`
  bool fin_arrived = false;
  bool moving = false;       ///< a segment is on its way
};

struct Wire {
  std::uint64_t id = 0;
  Direction from[2];             ///< from[side]: what that side writes
  std::uint64_t stream[2] = {};  ///< 0: not accepted yet, or closed
  bool closed[2] = {};
  bool reset_seen[2] = {};
  bool dead = false;             ///< reset: nothing moves any more
  int host[2] = {};
  Address address[2];
  std::uint64_t reset_at = UINT64_MAX;  ///< bytes of both directions
  std::uint64_t passed = 0;
};

class SimHandle {
 public:
  explicit SimHandle(SimLoop& loop);
  SimHandle(const SimHandle&) = delete;
  SimHandle& operator=(const SimHandle&) = delete;
  virtual ~SimHandle();

 protected:
  friend class SimWorld;
  friend class SimLoop;
  SimWorld& world();
  /// Calls f on this block in a later event of its loop, if both are still there.
  template <class T, class F>
  void later(T& self, Instant at, F f);
  void release();  ///< the owner has let go: the block goes in a later event

  SimLoop& loop_;
  const std::uint64_t id_;
  bool disposed_ = false;

 private:
  bool releasing_ = false;
};

class SimLoop final : public io::Loop {
 public:
  SimLoop(SimWorld& world, std::uint64_t id, int host) : world_(world), id_(id), host_(host) {}
  ~SimLoop() override;

  Instant now() override { return world_.now(); }
  WallTime wall() override { return {1'700'000'000'000'000 + world_.now().ns / 1000}; }
  io::StreamPtr connect(const Address& to, io::StreamEvents& events) override;
  io::StreamPtr connect(std::string_view unix_path, io::StreamEvents& events) override;
  Result<io::ListenerPtr> listen(const io::ListenOptions& options, io::ListenerEvents& events) override;
  io::TimerPtr timer(io::TimerEvents& events) override;
  io::WatchPtr watch(int, io::WatchEvents&) override { return nullptr; }  // no descriptors here
  Result<io::ProcessPtr> spawn(const std::vector<std::string>&, io::ProcessEvents&) override {
    return fail(Blame::Self, "there are no processes in the simulated world");
  }
  void post(io::Task task) override { world_.push(world_.now(), id_, std::move(task)); }
  void on_signal(int, std::move_only_function<void()>) override {}
  void set_turn_end(std::move_only_function<void()> task) override { turn_end_ = std::move(task); }
  void run() override;
  void stop() override { stopped_ = true; }
  std::size_t handles() const override { return handles_; }

  void turn_end() {
    if (turn_end_) turn_end_();
  }

 private:
  friend class SimWorld;
  friend class SimHandle;
  friend class SimStream;
  friend class SimTimer;
  friend class SimListener;

  SimWorld& world_;
  const std::uint64_t id_;
  const int host_;
  std::size_t handles_ = 0;
  std::size_t owned_ = 0;  ///< of handles_, those not yet disposed
  bool dead_ = false;
  bool stopped_ = false;
  std::move_only_function<void()> turn_end_;
};

template <class T, class F>
void SimHandle::later(T& self, Instant at, F f) {
  world().push(at, loop_.id_, [world = &world(), id = self.id_, f]() mutable {
    if (SimHandle* found = world->handle(id)) f(static_cast<T&>(*found));
  });
}

class SimStream final : public io::Stream, public SimHandle {
 public:
  SimStream(SimLoop& loop, io::StreamEvents* events) : SimHandle(loop), events_(events) {}
  ~SimStream() override = default;

  void set_events(io::StreamEvents& events) override { events_ = &events; }
  void start_reading() override;
  void stop_reading() override { wanted_ = false; }
  std::size_t write(std::span<const Bytes> pieces) override;
  std::size_t queued() const override { return failed_ ? 0 : queue_.size(); }
  void finish() override;
  void reset_on_close() override { reset_ = true; }
  Address peer() const override { return peer_; }
  Address local() const override { return local_; }

  void open(Wire& wire, int side);  ///< accepted, or the handshake came through
  void connected();
  void refuse(io::Fault fault, const char* why);  ///< tells it on a later turn
  void wake();                                    ///< something on the wire changed
  bool connecting() const { return !wire_ && !failed_ && !disposed_; }
  void close_wire();                              ///< the process is gone; its kernel says so to the peer

 private:
  friend class SimWorld;
  friend class SimLoop;
  void dispose() override;
  void poll();
  bool poll_read(Wire& wire);
  bool poll_write(Wire& wire);
  void push_queue(Wire& wire);
  void end_half(Wire& wire);
  void told_fault(io::Fault fault, const char* why);
  void linger_on();
  void close();
  Wire* wire() const;

  io::StreamEvents* events_;
  std::uint64_t wire_ = 0;
  int side_ = 0;
  std::string queue_;   ///< what the kernel has not taken
  Address peer_, local_;
  std::int64_t discard_left_ = 0;
  bool connected_ = false;
  bool wanted_ = false;
  bool awake_ = false;      ///< a poll is under way
  bool waiting_ = false;    ///< on_drained is owed
  bool end_told_ = false;
  bool finished_ = false;
  bool broken_ = false;     ///< a write found the connection reset
  bool failed_ = false;
  bool lingering_ = false;
  bool closed_ = false;
  bool reset_ = false;
};

class SimTimer final : public io::Timer, public SimHandle {
 public:
  SimTimer(SimLoop& loop, io::TimerEvents& events) : SimHandle(loop), events_(&events) {}
  ~SimTimer() override = default;
  void arm(Instant when) override;

 private:
  void dispose() override;
  void start();
  void fire(std::uint64_t generation);

  io::TimerEvents* events_;
  Instant when_ = Instant::never();
  Instant due_ = Instant::never();
  std::uint64_t generation_ = 0;
};

class SimListener final : public io::Listener, public SimHandle {
 public:
  SimListener(SimLoop& loop, io::ListenerEvents& events, const Address& address, std::string key);
  ~SimListener() override = default;
  int descriptor() const override { return -1; }  ///< nothing to hand over here
  Address local() const override { return address_; }
  void pause() override { paused_ = true; }
  void resume() override;

  void offer(std::uint64_t wire);
  void unlist();  ///< refuses from now on and resets who still waits

 private:
  friend class SimWorld;
  void dispose() override;
  void accept();

  io::ListenerEvents* events_;
  Address address_;
  std::string key_;
  std::deque<std::uint64_t> waiting_;
  bool paused_ = false;
};

std::string key_of(const Address& address);
std::string key_of(int host, std::string_view unix_path);

}  // namespace holdfast::sim
