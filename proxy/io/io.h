// The only seam between Holdfast and the operating system's sockets, clocks and threads. io_uv.cpp
// stands behind it in production, a simulated world behind it in tests; both keep one contract:
//
//  - Nothing is ever called back from inside the call that started it. A write that fails reports on
//    a later turn; so does a refused connect.
//  - Every object is a move-only value. Destroying it is legal at any time, also from inside its own
//    callback: no callback comes after, and the handle behind it frees itself when it can.
//  - Bytes handed to a callback are valid during that call only, and belong to the loop.
//  - All of it belongs to one thread, the loop's. post() is the one exception.
//
// If a driver needs something of libuv that is not here, this file grows; nothing bypasses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/base/time.h"

namespace holdfast::io {

/// Why a stream ended without a clean end of its own.
enum class Fault : std::uint8_t { Refused, Reset, TimedOut, Unreachable, NoResources, Tls, Protocol, Other };
std::string_view name_of(Fault fault);

struct TlsInfo;  // proxy/io/tls.h

/// What a stream tells its owner. One owner at a time; see Stream::set_events.
class StreamEvents {
 public:
  /// An outgoing stream is connected (with TLS: the handshake is done). Also called once on an
  /// accepted TLS stream when its handshake is done; not on an accepted plain stream.
  virtual void on_connected() {}
  /// Bytes arrived. They may be a single one, and are gone when the call returns.
  virtual void on_data(Bytes data) = 0;
  /// So many bytes arrived and went to the stream named by forward_to(), after all that on_data brought.
  virtual void on_forwarded(std::size_t size) { (void)size; }
  /// The peer finished its half. Writing may go on.
  virtual void on_end() = 0;
  /// Everything written has left for the kernel, after a write that could not leave at once.
  virtual void on_drained() {}
  /// The stream is dead. Nothing follows.
  virtual void on_fault(Fault fault, std::string_view detail) = 0;

 protected:
  ~StreamEvents() = default;
};

/// A byte stream: TCP, a Unix socket, or TLS over either (tls_stream.h). Reading starts switched off.
class Stream {
 public:
  virtual void set_events(StreamEvents& events) = 0;
  /// Both may be called in any state, repeatedly; each real change costs one system call.
  virtual void start_reading() = 0;
  virtual void stop_reading() = 0;
  /// Sends the pieces in order, at once if the kernel takes them; the rest is copied and queued. May be
  /// called before on_connected: the bytes then leave first. Returns queued().
  virtual std::size_t write(std::span<const Bytes> pieces) = 0;
  std::size_t write(Bytes one) { return write(std::span<const Bytes>(&one, 1)); }
  virtual std::size_t queued() const = 0;
  /// Lets bytes go straight to `to`, as if on_data had written them there, where that is cheaper: bulk from one
  /// TCP socket to another. Elsewhere nothing comes of it. Whoever lets go of `to` lets go of this in the same call.
  virtual void forward_to(Stream& to) { (void)to; }
  /// Ends this side's half after what is queued.
  virtual void finish() = 0;
  /// The next close sends RST instead of FIN: an end that the peer cannot take for a clean one.
  virtual void reset_on_close() = 0;
  virtual Address peer() const = 0;   ///< family None on a Unix socket
  virtual Address local() const = 0;
  virtual const TlsInfo* tls() const { return nullptr; }  ///< null on a plain stream

 protected:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;
  virtual void dispose() = 0;  ///< no callback after this; frees itself later
  friend struct Dispose;
};

class TimerEvents {
 public:
  virtual void on_timer() = 0;

 protected:
  ~TimerEvents() = default;
};

/// One deadline. Moving it later costs nothing: the timer then fires early once and re-arms itself
/// unseen, so that an idle time-out can be pushed on by each byte.
class Timer {
 public:
  virtual void arm(Instant when) = 0;  ///< Instant::never() disarms
  void disarm() { arm(Instant::never()); }

 protected:
  virtual ~Timer() = default;
  virtual void dispose() = 0;
  friend struct Dispose;
};

class Listener;

class ListenerEvents {
 public:
  /// The stream has no events yet: set them before returning, or let it go, which closes it.
  virtual void on_accept(std::unique_ptr<Stream, struct Dispose> stream) = 0;
  /// Accepting failed for want of descriptors or memory; the listener goes on by itself.
  virtual void on_accept_fault(Fault fault, std::string_view detail) { (void)fault, (void)detail; }

 protected:
  ~ListenerEvents() = default;
};

class Listener {
 public:
  virtual int descriptor() const = 0;  ///< for hand-over to the next binary
  virtual Address local() const = 0;
  virtual void pause() = 0;            ///< stop accepting; waiting connections stay in the queue
  virtual void resume() = 0;

 protected:
  virtual ~Listener() = default;
  virtual void dispose() = 0;
  friend struct Dispose;
};

/// A descriptor of the owner's own making (raw, packet and datagram sockets, netlink): the loop only says that
/// it can be read. The Watch must go before the owner closes the descriptor.
class WatchEvents {
 public:
  virtual void on_readable() = 0;

 protected:
  ~WatchEvents() = default;
};

class Watch {
 protected:
  virtual ~Watch() = default;
  virtual void dispose() = 0;
  friend struct Dispose;
};

class ProcessEvents {
 public:
  virtual void on_exit(int exit_code, int signal) = 0;

 protected:
  ~ProcessEvents() = default;
};

/// A child process. Destroying it kills the child if it still runs.
class Process {
 protected:
  virtual ~Process() = default;
  virtual void dispose() = 0;
  friend struct Dispose;
};

struct Dispose {
  template <class T>
  void operator()(T* object) const {
    object->dispose();
  }
};

using StreamPtr = std::unique_ptr<Stream, Dispose>;
using TimerPtr = std::unique_ptr<Timer, Dispose>;
using ListenerPtr = std::unique_ptr<Listener, Dispose>;
using WatchPtr = std::unique_ptr<Watch, Dispose>;
using ProcessPtr = std::unique_ptr<Process, Dispose>;
using Task = std::move_only_function<void()>;

struct ListenOptions {
  Address address;             ///< family None: use path
  std::string path;            ///< Unix socket; an old one is replaced
  unsigned path_mode = 0600;
  int inherited = -1;          ///< a listening descriptor handed over by the last binary
  int backlog = 4096;
  bool reuse_port = true;      ///< SO_REUSEPORT: one listener per data loop
  bool free_bind = true;       ///< IP_FREEBIND: a virtual IP that is elsewhere can be bound
};

class Loop {
 public:
  virtual ~Loop() = default;

  virtual Instant now() = 0;    ///< read once a turn
  virtual WallTime wall() = 0;  ///< for logs only

  /// Errors of any kind, also immediate ones, arrive as on_fault on a later turn. There is no connect
  /// time-out in it: the owner has a Timer.
  virtual StreamPtr connect(const Address& to, StreamEvents& events) = 0;
  virtual StreamPtr connect(std::string_view unix_path, StreamEvents& events) = 0;
  virtual Result<ListenerPtr> listen(const ListenOptions& options, ListenerEvents& events) = 0;
  virtual TimerPtr timer(TimerEvents& events) = 0;
  /// Level-triggered. The descriptor must be non-blocking; it stays the caller's.
  virtual WatchPtr watch(int descriptor, WatchEvents& events) = 0;
  /// Runs argv[0] (searched in PATH) without a shell, standard input empty, output to the log's stderr.
  virtual Result<ProcessPtr> spawn(const std::vector<std::string>& argv, ProcessEvents& events) = 0;

  /// Runs the task on the loop's thread, in the order posted. From any thread.
  virtual void post(Task task) = 0;
  /// Calls the task each time this signal arrives.
  virtual void on_signal(int number, std::move_only_function<void()> task) = 0;
  /// Called at the end of every turn that did something: the engine reaps here.
  virtual void set_turn_end(std::move_only_function<void()> task) = 0;

  /// Whether a turn under load may wait 50 us before it polls, so that one wake-up brings many events
  /// (gather.h). Off at first.
  virtual void gather(bool on) { (void)on; }

  virtual void run() = 0;   ///< until stop()
  virtual void stop() = 0;  ///< from the loop's thread
  virtual std::size_t handles() const = 0;  ///< open handles, closing ones included; 0 at the end
};

/// The libuv loop (io_uv.cpp). Must be run and destroyed on the thread that uses it.
std::unique_ptr<Loop> make_uv_loop();

}  // namespace holdfast::io
