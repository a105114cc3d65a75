// The opaque TDS session: a client of a listener with protocol "tds", joined to the service's live
// instance, byte for byte. It waits where no instance can be had, up to the listener's deadline, and ends
// at once when its instance is lost, so that no driver hangs. Owned by the loop's Sessions.
//
//   Opening ──▶ Parked ◀──▶ Connecting ──▶ Relaying ──▶ Done       every state ──▶ Done
//   (PROXY, TLS)  no instance   one attempt      tunnel
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/access_log.h"
#include "proxy/admission.h"
#include "proxy/io/io.h"
#include "proxy/io/tls.h"
#include "proxy/metrics.h"
#include "proxy/relay.h"
#include "proxy/service.h"
#include "proxy/session.h"

namespace holdfast::tds {

/// Connections per instance of one service in the whole process, for `max_connections`. All loops share
/// it; it is touched once a connection. Instances beyond the first 64 are not counted.
class InstanceLoad {
 public:
  /// False if the instance already has `max` (0: no limit).
  bool take(std::size_t instance, std::uint32_t max);
  void give(std::size_t instance);

 private:
  std::array<std::atomic<std::uint32_t>, 64> open_{};
};

/// What the sessions of one listener share on one loop. It must outlive them: `sessions_alive` says
/// how many there are. `config` points into `snapshot`.
struct TdsContext {
  io::Loop& loop;
  Sessions& sessions;
  AccessLog& access;
  unsigned loop_number = 0;
  conf::SnapshotPtr snapshot;
  const conf::Listen& config;
  const io::TlsContext* tls = nullptr;  ///< null: the client's bytes are relayed as they are
  Service& service;
  ServiceCounters& service_counters;
  ListenCounters& counters;
  InstanceLoad& load;
  std::uint64_t sessions_alive = 0;
};

/// Takes an accepted stream; ends with an access record.
void accept_tds(io::StreamPtr stream, Doorman::Ticket ticket, TdsContext& context);

class TdsSession final : public Session,
                         private ServiceWatcher,
                         private RelayEvents,
                         private io::StreamEvents,
                         private io::TimerEvents {
 public:
  /// Bytes of a waiting client that are kept; then it is not read.
  static constexpr std::size_t held_max = 64 * 1024;

  TdsSession(TdsContext& context, Doorman::Ticket ticket);
  ~TdsSession() override;
  void open(io::StreamPtr stream);

  /// Opaque bytes show no end of a statement: the session goes on until the client ends it or the engine
  /// cuts it.
  void drain() override {}
  void cut() override;

 private:
  enum class State : std::uint8_t { Opening, Parked, Connecting, Relaying, Done };

  /// The instance's side while it is being connected.
  struct ServerSide final : io::StreamEvents {
    explicit ServerSide(TdsSession& s) : session(s) {}
    void on_connected() override { session.server_connected(); }
    void on_data(Bytes) override {}
    void on_end() override {}
    void on_fault(io::Fault fault, std::string_view) override { session.server_failed(fault); }
    TdsSession& session;
  };

  // The client until it is relayed.
  void on_connected() override;
  void on_data(Bytes data) override;
  void on_end() override;
  void on_fault(io::Fault fault, std::string_view detail) override;
  void on_timer() override;
  void on_service_changed(Service& service) override;
  void on_relay_end(const RelayEnd& end) override;

  void next_layer();
  void ready();
  void try_connect();
  int choose() const;
  int choose_balanced() const;
  bool tried(std::size_t instance) const;
  bool lost() const;
  void connect_to(std::size_t instance);
  void server_connected();
  void server_failed(io::Fault fault);
  void abandon_attempt(std::string_view reason);
  void park();
  void unpark();
  void arm();
  void end(std::string_view outcome, bool reset);
  void release_instance();
  void log_access(std::string_view outcome);
  InstanceCounters& instance_counters();

  TdsContext& context_;
  Doorman::Ticket ticket_;
  ServerSide server_side_{*this};
  io::StreamPtr client_, server_;
  std::unique_ptr<Relay> relay_;
  io::TimerPtr timer_;
  State state_ = State::Opening;
  bool secured_ = false;             ///< the TLS layer is on, or none is needed
  int instance_ = -1;                ///< of the attempt or the relay; -1: none
  std::vector<std::size_t> tried_;   ///< instances that failed since the view last changed
  std::string held_;                 ///< client bytes that wait for an instance
  Address peer_, local_;
  std::string tls_version_;
  WallTime at_{};
  Instant opened_{}, parked_since_{}, connect_since_{};
  Instant deadline_ = Instant::never();    ///< of the wait for an instance, or of Opening
  Instant connect_due_ = Instant::never();
  Instant retry_at_ = Instant::never();
  Duration retry_wait_{}, parked_{}, connect_{};
  unsigned attempts_ = 0;
  std::string reasons_;              ///< why attempts failed, bounded
  bool counted_parked_ = false;  ///< in the service's parked_now
};

}  // namespace holdfast::tds
