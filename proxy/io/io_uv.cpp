// The libuv loop itself: turns, time, posted tasks, signals, and what is done at the end of a turn.
//
// One turn of libuv: timers, idle, prepare, poll (all input and output, posted tasks, signals), check,
// close callbacks. The turn ends in check, for the poll, and in prepare, for the timers; each only if
// some owner was called. A deferred fault waits for the check after the next poll, so that bytes which
// arrived before the fault are delivered first.
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <mutex>
#include <new>

#include "proxy/base/check.h"
#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

namespace {

std::int64_t thread_cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

UvLoop::UvLoop() : read_buffer_(std::make_unique_for_overwrite<char[]>(kReadBuffer)) {
  signal(SIGPIPE, SIG_IGN);  // a write to a closed socket is an error value here
  CHECK(uv_loop_init(&loop_) == 0);
  loop_.data = this;
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(wake_fd_ >= 0);
  CHECK(uv_poll_init(&loop_, &wake_, wake_fd_) == 0);
  uv_poll_start(&wake_, UV_READABLE, [](uv_poll_t* h, int, int) noexcept {
    static_cast<UvLoop*>(h->loop->data)->run_posted();
  });
  uv_prepare_init(&loop_, &prepare_);
  uv_check_init(&loop_, &check_);
  uv_idle_init(&loop_, &idle_);
  uv_timer_init(&loop_, &chores_);
  uv_prepare_start(&prepare_, prepare_cb);
  uv_check_start(&check_, check_cb);
}

UvLoop::~UvLoop() {
  posted_.clear();  // tasks may own streams
  for (auto& signal : signals_) signal->task = nullptr;
  turn_end_ = nullptr;
  CHECK(owned_ == 0);  // an owner outlives its loop
  while (UvStream* stream = lingering_.front()) stream->close();
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&wake_), reinterpret_cast<uv_handle_t*>(&prepare_),
                       reinterpret_cast<uv_handle_t*>(&check_), reinterpret_cast<uv_handle_t*>(&idle_),
                       reinterpret_cast<uv_handle_t*>(&chores_)})
    uv_close(handle, nullptr);
  for (auto& signal : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&signal->handle), nullptr);
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {  // close callbacks; killed children are waited for
  }
  CHECK(handles_ == 0);
  CHECK(uv_loop_close(&loop_) == 0);
  ::close(wake_fd_);
  for (void* block : free_streams_) ::operator delete(block);
}

Instant UvLoop::now() {
  if (!now_known_) {
    now_ = Instant{static_cast<std::int64_t>(uv_hrtime())};
    now_known_ = true;
  }
  return now_;
}

WallTime UvLoop::wall() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return {std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1'000};
}

void UvLoop::prepare_cb(uv_prepare_t* handle) noexcept {
  auto& self = *static_cast<UvLoop*>(handle->loop->data);
  self.run_turn_end();
  while (UvStream* stream = self.fresh_.pop_front()) self.ripe_.push_back(*stream);
  if (self.gathers_ && self.events_ != 0 && self.gather_.before_poll(self.events_, self.now(), thread_cpu_ns)) {
    constexpr timespec nap{0, Gather::nap.ns};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
  self.events_ = 0;
  self.forget_now();  // the poll may sleep
  ++self.turn_;
}

void UvLoop::check_cb(uv_check_t* handle) noexcept {
  auto& self = *static_cast<UvLoop*>(handle->loop->data);
  self.run_deferred();
  self.run_turn_end();
}

void UvLoop::defer(UvStream& stream) {
  if (static_cast<ListNode<UvStream, DeferredTag>&>(stream).linked()) return;
  fresh_.push_back(stream);
  uv_idle_start(&idle_, [](uv_idle_t*) noexcept {});
}

void UvLoop::run_deferred() {
  while (UvStream* stream = ripe_.pop_front()) stream->run_deferred();
  if (fresh_.empty()) uv_idle_stop(&idle_);
}

void UvLoop::run_turn_end() {
  if (!touched_) return;
  touched_ = false;
  if (turn_end_) turn_end_();
}

// Not by uv_async_send: its receiver spins until the sender is through, and a real-time receiver on the sender's
// processor then waits for ever for a thread that it does not let run.
void UvLoop::post(Task task) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (!first) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);  // it cannot be full
}

void UvLoop::run_posted() {
  std::uint64_t times = 0;
  [[maybe_unused]] const ssize_t read = ::read(wake_fd_, &times, sizeof times);  // before the queue is emptied
  std::vector<Task> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) {
    touched();
    task();
  }
}

void UvLoop::on_signal(int number, std::move_only_function<void()> task) {
  auto& signal = *signals_.emplace_back(std::make_unique<Signal>());
  signal.loop = this;
  signal.task = std::move(task);
  signal.handle.data = &signal;
  CHECK(uv_signal_init(&loop_, &signal.handle) == 0);
  int status = uv_signal_start(&signal.handle, [](uv_signal_t* h, int) noexcept {
    auto& self = *static_cast<Signal*>(h->data);
    self.loop->touched();
    self.task();
  }, number);
  CHECK(status == 0);
}

// The kernel would add 50 us of its own to a nap of that length.
void UvLoop::gather(bool on) {
  gathers_ = on;
  if (on) ::prctl(PR_SET_TIMERSLACK, 1UL);
}

void UvLoop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

void UvLoop::stop() { uv_stop(&loop_); }

UvStream* UvLoop::make_stream(UvStream::Kind kind) {
  void* block;
  if (free_streams_.empty()) {
    block = ::operator new(sizeof(UvStream));
  } else {
    block = free_streams_.back();
    free_streams_.pop_back();
  }
  opened();
  return new (block) UvStream(*this, kind);
}

void UvLoop::release(UvStream& stream) {
  stream.~UvStream();
  closed();
  if (free_streams_.size() < kFreeStreamsMax) {
    free_streams_.push_back(&stream);
  } else {
    ::operator delete(&stream);
  }
}

std::unique_ptr<UvOutbox> UvLoop::take_outbox() {
  if (free_outboxes_.empty()) return std::make_unique<UvOutbox>();
  std::unique_ptr<UvOutbox> outbox = std::move(free_outboxes_.back());
  free_outboxes_.pop_back();
  return outbox;
}

void UvLoop::give_outbox(std::unique_ptr<UvOutbox> outbox) {
  if (free_outboxes_.size() < kFreeOutboxesMax) free_outboxes_.push_back(std::move(outbox));
}

StreamPtr UvLoop::connect(const Address& to, StreamEvents& events) {
  UvStream* stream = make_stream(UvStream::Kind::Tcp);
  stream->set_events(events);
  stream->connect(to);
  return StreamPtr(stream);
}

StreamPtr UvLoop::connect(std::string_view unix_path, StreamEvents& events) {
  UvStream* stream = make_stream(UvStream::Kind::Unix);
  stream->set_events(events);
  stream->connect(unix_path);
  return StreamPtr(stream);
}

TimerPtr UvLoop::timer(TimerEvents& events) { return TimerPtr(new UvTimer(*this, events)); }

// Chores: one coarse timer for everything that is rare.

void UvLoop::linger(UvStream& stream) {
  if (static_cast<ListNode<UvStream, LingerTag>&>(stream).linked()) return;
  lingering_.push_back(stream);
  start_chores();
}

void UvLoop::back_off(UvListener& listener) {
  if (!listener.linked()) backing_off_.push_back(listener);
  start_chores();
}

void UvLoop::start_chores() {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&chores_))) return;
  uv_timer_start(&chores_, [](uv_timer_t* h) noexcept { static_cast<UvLoop*>(h->loop->data)->run_chores(); },
                 kChoreMs, kChoreMs);
}

void UvLoop::run_chores() {
  for (UvStream *s = lingering_.front(), *next = nullptr; s; s = next) {
    next = List<UvStream, LingerTag>::next(*s);
    s->expire(now());
  }
  for (std::size_t n = backing_off_.size(); n > 0; --n) backing_off_.pop_front()->end_back_off();
  if (lingering_.empty() && backing_off_.empty()) uv_timer_stop(&chores_);
}

// Timers.

UvTimer::UvTimer(UvLoop& loop, TimerEvents& events) : loop_(loop), events_(&events) {
  uv_timer_init(loop.uv(), &handle_);
  handle_.data = this;
  loop.opened();
}

void UvTimer::arm(Instant when) {
  when_ = when;
  if (when_ < due_) start(1);
}

/// libuv counts whole milliseconds: round up. An owner's arm() waits at least one, so that a timer
/// which always arms itself for now cannot hold the loop in its timer phase.
void UvTimer::start(std::uint64_t least_ms) {
  constexpr std::int64_t kMilli = 1'000'000;
  std::uint64_t loop_ms = uv_now(loop_.uv());
  auto at_ms = static_cast<std::uint64_t>(when_.ns > 0 ? (when_.ns - 1) / kMilli + 1 : 0);
  due_ = when_;
  uv_timer_start(&handle_, timer_cb, at_ms > loop_ms ? at_ms - loop_ms : least_ms, 0);
}

void UvTimer::timer_cb(uv_timer_t* handle) noexcept {
  auto& self = *static_cast<UvTimer*>(handle->data);
  bool moved = self.due_ < self.when_;
  self.due_ = Instant::never();
  if (self.when_ == Instant::never()) return;  // disarmed meanwhile
  if (moved) return self.start(0);  // even if it is due by now: others may have been due before it
  if (self.loop_.now() < self.when_) self.loop_.forget_now();  // read before this phase began
  self.when_ = Instant::never();
  self.loop_.touched();
  self.events_->on_timer();
}

void UvTimer::dispose() {
  events_ = nullptr;
  loop_.disowned();
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), close_cb);
}

void UvTimer::close_cb(uv_handle_t* handle) noexcept {
  auto* self = static_cast<UvTimer*>(handle->data);
  self->loop_.closed();
  delete self;
}

std::unique_ptr<Loop> make_uv_loop() { return std::make_unique<UvLoop>(); }

}  // namespace holdfast::io
