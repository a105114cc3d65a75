// Finds a session an instance and connects to it: chooses, waits while none can be had, tries again after a
// failure, counts, and keeps to the instances' connection limits. Part of one session, which it tells when
// it has a connection; what is said on it is the session's business. It decides nothing about health or the
// election. An instance that takes connections and soon ends them, again and again, is left more and more
// time between two of them (50 ms, doubled up to 1 s); another one is gone to at once.
//
//   Idle ── seek() ──▶ Parked ◀──▶ Connecting ──▶ Held ── failed() ──▶ Parked
//   release(): every state ──▶ Idle
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/io/io.h"
#include "tds/driver.h"

namespace holdfast::tds {

class SeekEvents {
 public:
  /// Connected. The session sets its own events before returning.
  virtual void on_server(io::StreamPtr stream) = 0;
  /// The same, and nothing but the login is left to do there. Only where the context has spares.
  virtual void on_spare(std::unique_ptr<ServerEntry> entry) { (void)entry; }
  /// The service's view changed while a connection is held: see lost() and leaving().
  virtual void on_view_changed() = 0;
  /// No connection before the deadline; nothing is sought any more.
  virtual void on_seek_timeout() = 0;

 protected:
  ~SeekEvents() = default;
};

class Seeker final : private ServiceWatcher,
                     private LoginLine::Member,
                     private io::StreamEvents,
                     private io::TimerEvents {
 public:
  enum class State : std::uint8_t { Idle, Parked, Connecting, Held };

  Seeker(TdsContext& context, SessionRecord& record, SeekEvents& events)
      : context_(context), record_(record), events_(events) {}
  ~Seeker() { release(); }

  /// From Idle. `read_intent`: a readable instance that is not the active one is preferred.
  void seek(Instant deadline, bool read_intent = false);
  /// For one that has logged in before, which takes its place in the line; `by_somebody` waits for it.
  void awaited(bool by_somebody);
  /// The login is done.
  void arrived() { context_.line->leave(*this); }
  /// The held connection is of no use, `reason` for the access record: another is sought, until the deadline.
  void failed(std::optional<Evidence> evidence, std::string_view reason);
  /// The same, and the next attempt goes to this instance.
  void redirect(std::size_t instance, std::string_view reason);
  /// Gives the instance back and seeks nothing more.
  void release();

  /// From Held: the connection and its instance are the caller's.
  int hand_over();
  /// From Idle: holds what hand_over() gave, of this or another Seeker of the service.
  void adopt(int instance, bool read_intent);

  State state() const { return state_; }
  /// Of the connection or the attempt; -1: none.
  int instance() const { return instance_; }
  Instant deadline() const { return deadline_; }
  /// The held instance was given up.
  bool lost() const;
  /// The held instance takes no new sessions, and another one does.
  bool leaving() const;

 private:
  void on_connected() override;
  void on_data(Bytes) override {}
  void on_end() override {}
  void on_fault(io::Fault fault, std::string_view) override { connect_failed(fault); }
  void on_timer() override;
  void on_service_changed(Service& service) override;
  void on_turn() override;

  int choose() const;
  int choose_readable() const;
  int choose_balanced() const;
  bool tried(std::size_t instance) const;
  void try_connect();
  void begin(std::size_t instance);
  void connect_to(std::size_t instance);
  void go_in(std::size_t instance, std::unique_ptr<ServerEntry> spare);
  void found();
  void connect_failed(io::Fault fault);
  void abandon(std::string_view reason);
  void park();
  void unpark();
  void give_instance();
  void judge_held();
  bool holding_off() const;
  void arm();
  InstanceCounters& counters();

  TdsContext& context_;
  SessionRecord& record_;
  SeekEvents& events_;
  io::TimerPtr timer_;  ///< only while something is awaited
  io::StreamPtr stream_;  ///< only while connecting
  std::vector<std::size_t> tried_;  ///< instances that failed since the view last changed
  Instant deadline_ = Instant::never(), connect_due_ = Instant::never(), retry_at_ = Instant::never();
  Instant parked_since_{}, connect_since_{};
  Duration retry_wait_{};
  int instance_ = -1;
  int directed_ = -1;  ///< where the next attempt must go; -1: anywhere
  Instant hold_off_until_{};  ///< brief_instance_ is not connected to again before this
  Duration hold_off_{};
  int brief_instance_ = -1;  ///< whose connection ended soon after it was made
  State state_ = State::Idle;
  bool read_intent_ = false;
  bool again_ = false, awaited_ = false;
  bool failed_before_ = false;  ///< an attempt of this search
  bool counted_parked_ = false;  ///< in the service's parked_now
};

}  // namespace holdfast::tds
