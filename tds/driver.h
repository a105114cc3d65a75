// What the sessions of one SQL listener share on one loop, and the door through which an accepted stream
// becomes one of them: aware (driver_session.h) or opaque (driver_opaque.h), as the listener says. Owned by
// the Worker.
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
#include "proxy/service.h"
#include "proxy/session.h"
#include "tds/driver_line.h"
#include "tds/driver_spares.h"
#include "tds/flight.h"

namespace holdfast::tds {

class SqlSight;
class ServerPool;

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

/// It must outlive the sessions: `sessions_alive` says how many there are. `config` points into `snapshot`.
struct TdsContext {
  io::Loop& loop;
  Sessions& sessions;
  AccessLog& access;
  unsigned loop_number = 0;
  conf::SnapshotPtr snapshot;
  const conf::Listen& config;
  const io::TlsContext* tls = nullptr;  ///< aware: for clients; null: they get no TLS
  Service& service;
  ServiceCounters& service_counters;
  ListenCounters& counters;
  InstanceLoad& load;
  std::uint64_t sessions_alive = 0;
  std::vector<const io::TlsContext*> server_tls = {};  ///< aware: by instance; empty: no TLS towards them
  SqlSight* sight = nullptr;  ///< aware: who watches; null: nobody
  ServerPool* pool = nullptr;  ///< aware: of the service's connections; null: none is shared
  SqlCounters* sql = nullptr;  ///< aware
  std::unique_ptr<ConversationShared> shared = {};  ///< aware: made by the first session
  std::unique_ptr<LoginLine> line =
      std::make_unique<LoginLine>();  ///< aware: of sessions that lost their server
  std::unique_ptr<Spares> spares = {};  ///< aware: made by the first session
};

/// What a session leaves in the access log.
struct SessionRecord {
  WallTime at{};
  Instant opened{};
  Address peer, local;
  std::string tls_version;
  std::string user, application, database;  ///< aware: as the login named them, UTF-8
  std::string reasons;  ///< why attempts failed, bounded
  unsigned attempts = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Duration parked{}, connect{};

  void add_reason(std::string_view reason);
};

/// `instance` -1: none. Also adds to the listener's byte counters.
void log_session(TdsContext& context, const SessionRecord& record, int instance, std::string_view outcome);

/// What a fault of an instance's socket says about the instance; false: more about this process.
bool evidence_of(io::Fault fault, Evidence& evidence);

/// Whether the listener's PROXY protocol setting lets this peer in.
bool proxy_trusted(const conf::ProxyProtocol& config, const Address& peer);

/// Takes an accepted stream; ends with an access record.
void accept_tds(io::StreamPtr stream, Doorman::Ticket ticket, TdsContext& context);

}  // namespace holdfast::tds
