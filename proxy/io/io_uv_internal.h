// The libuv side of the seam, private to the io_uv*.cpp files: nobody else may include it. Each class is
// one handle block. Its owner's dispose() only disarms it; the block frees itself in libuv's close
// callback, because libuv forbids it earlier and delivers cancelled requests until then. Every
// trampoline is noexcept: nothing may unwind through libuv's C frames.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/list.h"
#include "proxy/base/pi_mutex.h"
#include "proxy/io/gather.h"
#include "proxy/io/io.h"
#include "proxy/io/io_uv_pipe.h"

namespace holdfast::io {

class UvLoop;
struct DeferredTag;
struct LingerTag;

inline constexpr std::size_t kReadBuffer = 256 * 1024;  ///< bytes, one per loop: measured best for bulk
inline constexpr int kReadsPerTurn = 1;  ///< full buffers of one stream before the others' turn: 0.1 to 0.2 ms of work
inline constexpr std::size_t kForwardMost = UvPipe::capacity;  ///< bytes of one stream a turn: about as much work
inline constexpr std::size_t kForwardLeast = 16 * 1024;   ///< fewer are cheaper to copy
inline constexpr std::int64_t kDiscardMax = 64 * 1024 * 1024;  ///< bytes read and dropped by a lingering close
inline constexpr Duration kFlushMax = Duration::seconds(2);   ///< a disposed stream's time to send its queue
inline constexpr Duration kLingerMax = Duration::seconds(1);  ///< and then to see the peer's end
inline constexpr std::uint64_t kChoreMs = 100;  ///< accept back-off, and the sweep of lingering streams
inline constexpr int kAcceptsPerTurn = 256;
#ifdef HOLDFAST_ASAN
inline constexpr std::size_t kFreeStreamsMax = 0;     // reuse would hide a use after free
inline constexpr std::size_t kFreeOutboxesMax = 0;
#else
inline constexpr std::size_t kFreeStreamsMax = 1024;  ///< stream blocks kept for reuse
inline constexpr std::size_t kFreeOutboxesMax = 64;   ///< and what a blocked write needs besides
#endif

Fault fault_of(int status);  ///< of a negative libuv (errno) status
/// Fills `out` and returns its length; 0 if the address has no family.
socklen_t to_sockaddr(const Address& address, sockaddr_storage& out);
Address from_sockaddr(const sockaddr_storage& raw);

/// What a stream has only while it connects, or while bytes wait that the kernel did not take.
struct UvOutbox {
  union {  // no write is handed to libuv before the connection stands
    uv_connect_t connect;
    uv_write_t write;
  } request;
  std::string in_flight;  ///< owned by libuv while the stream is writing
  std::string pending;    ///< goes after in_flight
};

/// TCP or Unix stream. Alive from make_stream() until disposed and closed both.
class UvStream final : public Stream,
                       public ListNode<UvStream, DeferredTag>,
                       public ListNode<UvStream, LingerTag> {
 public:
  enum class Kind : std::uint8_t { Tcp, Unix };

  UvStream(UvLoop& loop, Kind kind);
  ~UvStream() override = default;

  void adopt(int fd, const Address& peer);  ///< an accepted, non-blocking descriptor; owns it from here
  void connect(const Address& to);
  void connect(std::string_view unix_path);

  void set_events(StreamEvents& events) override { events_ = &events; }
  void start_reading() override;
  void stop_reading() override { want_ = Want::Nothing; }
  std::size_t write(std::span<const Bytes> pieces) override;
  std::size_t queued() const override;
  void forward_to(Stream& to) override;
  void finish() override;
  void reset_on_close() override { reset_ = true; }
  Address peer() const override { return peer_; }
  Address local() const override;

  void run_deferred();         ///< a fault or an end found where it could not be told
  bool expire(Instant now);    ///< closes a lingering stream whose time is over
  void close();                ///< idempotent

 private:
  friend class UvLoop;
  enum class Phase : std::uint8_t { Connecting, Open, Closing, Closed };
  enum class Want : std::uint8_t { Nothing, Bytes, Forwarding };  ///< of what arrives, by the owner

  void dispose() override;
  void fail(int status);        ///< from a libuv callback
  void fail_later(int status);  ///< from a call of the owner
  void on_connect(int status);
  void on_read(ssize_t size, const uv_buf_t& buffer);
  void on_read_denied();
  void on_read_end();
  void on_written(int status);
  void flush();
  UvOutbox& outbox();
  void drop_outbox();
  std::size_t write_now(std::span<const Bytes> pieces);
  std::size_t taken(long sent);
  void shut();
  void linger_on();
  void read_for_real();
  bool take_buffer();
  void forward();
  long forward_some();
  bool takes_at_once() const;
  std::uint32_t room() const;
  void write_from(UvPipe& pipe, std::size_t size);

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
  const uv_stream_t* stream() const { return reinterpret_cast<const uv_stream_t*>(&handle_); }
  int descriptor() const;

  static void alloc_cb(uv_handle_t* handle, std::size_t hint, uv_buf_t* buffer) noexcept;
  static void read_cb(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void write_cb(uv_write_t* request, int status) noexcept;
  static void connect_cb(uv_connect_t* request, int status) noexcept;
  static void close_cb(uv_handle_t* handle) noexcept;

  UvLoop& loop_;
  StreamEvents* events_ = nullptr;
  union {
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_;
  std::unique_ptr<UvOutbox> out_;
  UvStream* sink_ = nullptr;  ///< see forward_to()
  Address peer_;
  Instant linger_until_;
  std::int64_t discard_left_ = 0;
  std::uint32_t turn_ = 0;
  int reads_in_turn_ = 0;
  std::uint32_t sink_room_ = 0;  ///< what is left of sink_'s room() when it was last asked: that costs a system call
  int failure_ = 0;        ///< status waiting to be told
  Kind kind_;
  Phase phase_ = Phase::Open;
  Want want_ = Want::Nothing;
  bool reading_ : 1 = false;    ///< libuv reads; may lag behind want_, see alloc_cb
  bool ended_ : 1 = false;      ///< the peer's end was seen
  bool end_told_ : 1 = false;   ///< and told
  bool writing_ : 1 = false;
  bool finished_ : 1 = false;   ///< finish() was called
  bool shut_ : 1 = false;       ///< and FIN is sent
  bool reset_ : 1 = false;
  bool thin_ : 1 = false;       ///< the last forwarding brought little
  bool disposed_ : 1 = false;
};

class UvTimer final : public Timer {
 public:
  UvTimer(UvLoop& loop, TimerEvents& events);
  ~UvTimer() override = default;
  void arm(Instant when) override;

 private:
  void dispose() override;
  void start(std::uint64_t least_ms);
  static void timer_cb(uv_timer_t* handle) noexcept;
  static void close_cb(uv_handle_t* handle) noexcept;

  UvLoop& loop_;
  TimerEvents* events_;
  uv_timer_t handle_;
  Instant when_ = Instant::never();
  Instant due_ = Instant::never();  ///< when libuv will call; never later than when_
};

/// Accepts by itself rather than through uv_listen, which on EMFILE accepts and drops the waiting
/// clients; here they stay in the kernel's queue until there are descriptors again.
class UvListener final : public Listener, public ListNode<UvListener> {
 public:
  UvListener(UvLoop& loop, ListenerEvents& events, int fd, bool is_unix);
  ~UvListener() override = default;
  int descriptor() const override { return fd_; }
  Address local() const override;
  void pause() override;
  void resume() override;
  void end_back_off();

 private:
  void dispose() override;
  void accept_waiting();
  bool accept_one();
  void back_off(int status);
  static void poll_cb(uv_poll_t* handle, int status, int events) noexcept;
  static void close_cb(uv_handle_t* handle) noexcept;

  UvLoop& loop_;
  ListenerEvents* events_;
  uv_poll_t handle_;
  int fd_;
  bool is_unix_;
  bool paused_ = false;
};

class UvProcess final : public Process {
 public:
  UvProcess(UvLoop& loop, ProcessEvents& events) : loop_(loop), events_(&events) {}
  ~UvProcess() override = default;
  int start(const std::vector<std::string>& argv);

 private:
  friend class UvLoop;
  void dispose() override;
  void close();
  static void exit_cb(uv_process_t* handle, std::int64_t code, int signal) noexcept;
  static void close_cb(uv_handle_t* handle) noexcept;

  UvLoop& loop_;
  ProcessEvents* events_;
  uv_process_t handle_;
  bool running_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

class UvWatch final : public Watch {
 public:
  UvWatch(UvLoop& loop, WatchEvents& events) : loop_(loop), events_(&events) {}
  ~UvWatch() override = default;
  void start(int descriptor);

 private:
  void dispose() override;
  static void poll_cb(uv_poll_t* handle, int status, int events) noexcept;
  static void close_cb(uv_handle_t* handle) noexcept;

  UvLoop& loop_;
  WatchEvents* events_;
  uv_poll_t handle_;
};

class UvLoop final : public Loop {
 public:
  UvLoop();
  ~UvLoop() override;

  Instant now() override;
  WallTime wall() override;
  StreamPtr connect(const Address& to, StreamEvents& events) override;
  StreamPtr connect(std::string_view unix_path, StreamEvents& events) override;
  Result<ListenerPtr> listen(const ListenOptions& options, ListenerEvents& events) override;
  TimerPtr timer(TimerEvents& events) override;
  WatchPtr watch(int descriptor, WatchEvents& events) override;
  Result<ProcessPtr> spawn(const std::vector<std::string>& argv, ProcessEvents& events) override;
  void post(Task task) override;
  void on_signal(int number, std::move_only_function<void()> task) override;
  void set_turn_end(std::move_only_function<void()> task) override { turn_end_ = std::move(task); }
  void gather(bool on) override;
  void run() override;
  void stop() override;
  std::size_t handles() const override { return handles_; }

  // For the handle blocks.
  uv_loop_t* uv() { return &loop_; }
  UvStream* make_stream(UvStream::Kind kind);
  void release(UvStream& stream);
  std::unique_ptr<UvOutbox> take_outbox();
  void give_outbox(std::unique_ptr<UvOutbox> outbox);
  void defer(UvStream& stream);
  void linger(UvStream& stream);
  void back_off(UvListener& listener);
  void opened() { ++handles_, ++owned_; }
  void disowned() { --owned_; }
  void closed() { --handles_; }
  void touched() { touched_ = true, ++events_; }  ///< an owner is about to be called: the turn has an end
  void forget_now() { now_known_ = false; }
  char* read_buffer() { return read_buffer_.get(); }
  UvPipe& pipe() { return pipe_; }
  std::uint32_t turn() const { return turn_; }

 private:
  struct Signal {
    uv_signal_t handle;
    UvLoop* loop;
    std::move_only_function<void()> task;
  };

  void run_posted();
  void run_deferred();
  void run_turn_end();
  void run_chores();
  void start_chores();
  static void prepare_cb(uv_prepare_t* handle) noexcept;
  static void check_cb(uv_check_t* handle) noexcept;

  uv_loop_t loop_;
  int wake_fd_ = -1;  ///< an eventfd: see post()
  uv_poll_t wake_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_idle_t idle_;    ///< runs while something is deferred, so that the poll does not sleep
  uv_timer_t chores_;
  std::unique_ptr<char[]> read_buffer_;
  UvPipe pipe_;  ///< empty between two callbacks
  std::vector<std::unique_ptr<Signal>> signals_;
  std::move_only_function<void()> turn_end_;

  PiMutex mutex_;            ///< guards posted_; a real-time thread posts too
  std::vector<Task> posted_;

  List<UvStream, DeferredTag> fresh_;  ///< deferred in this turn
  List<UvStream, DeferredTag> ripe_;   ///< deferred before the current poll
  List<UvStream, LingerTag> lingering_;
  List<UvListener> backing_off_;
  std::vector<void*> free_streams_;
  std::vector<std::unique_ptr<UvOutbox>> free_outboxes_;
  std::size_t handles_ = 0;
  std::size_t owned_ = 0;  ///< of handles_, those not yet disposed
  Instant now_{};
  Gather gather_;
  std::uint32_t turn_ = 0;
  std::uint32_t events_ = 0;  ///< of the turn
  bool now_known_ = false;
  bool touched_ = false;
  bool gathers_ = false;
};

}  // namespace holdfast::io
