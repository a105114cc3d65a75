// The free server connections of one SQL service on one data loop, and the sessions that share them: the
// sockets behind tds/pool.h. A free connection on which anything comes is closed; when its instance is given
// up or takes no more sessions, all of it is. Owned by the Worker; it outlives its sessions. It authenticates
// nobody anew: a login equal in all that a server sees to one that the server took, and has still open, is
// believed for `pool-lifetime`.
#pragma once

#include <memory>

#include "proxy/base/secret.h"
#include "tds/driver.h"
#include "tds/pool.h"

namespace holdfast::tds {

class ServerPool;

struct PooledStream final : PooledServer, io::StreamEvents {
  void on_data(Bytes) override;
  void on_end() override;
  void on_fault(io::Fault, std::string_view) override;

  ServerPool* pool = nullptr;  ///< while it is free
  io::StreamPtr stream;
  Conversation::Handover handover;
  int instance = -1;  ///< its load is counted
  bool reads = false;  ///< of a login with ApplicationIntent=ReadOnly
};

/// A session, as the pool sees it.
class PoolGuest : public PoolSeat {
 public:
  /// Its idle connection goes to another session.
  virtual std::unique_ptr<PooledStream> give() = 0;
  /// Its turn in the queue has come: it is to want() again.
  virtual void granted() = 0;

 protected:
  ~PoolGuest() = default;
};

class ServerPool final : private ServiceWatcher, private io::TimerEvents {
 public:
  ServerPool(io::Loop& loop, Service& service, ServiceCounters& counters, InstanceLoad& load,
             SqlCounters& sql);
  ~ServerPool();
  /// Closes what is free, and keeps nothing from now on.
  void retire();
  /// The configuration may be another since the last call.
  void follow();

  /// False: such a login is not pooled.
  bool sit(PoolGuest& guest, const Login7& login);
  void leave(PoolGuest& guest) { pool_.leave(guest); }
  struct Got {
    Pool::Way way = Pool::Way::Open;  ///< Free and Steal: `server` is there
    std::unique_ptr<PooledStream> server = {};
  };
  /// As Pool::want; `fresh`: nothing but a new login will do.
  Got want(PoolGuest& guest, bool joins, bool fresh);
  void put(PoolGuest& guest, std::unique_ptr<PooledStream> server);
  void mark(PoolGuest& guest, bool lendable);
  void dropped(PoolGuest& guest);
  /// `answer`: of its first login, else empty.
  void accepted(PoolGuest& guest, Bytes answer, const LoginFacts& facts);
  /// Closes a connection that is with no session, and not free either.
  void close(std::unique_ptr<PooledStream> server);
  void broken(const PooledStream& server);
  SqlCounters& counters() { return sql_; }

 private:
  void on_service_changed(Service&) override;
  void on_timer() override;
  bool good(const PooledStream& server) const;
  void close_all(std::vector<PooledPtr> servers);
  void arm();
  void show();

  io::Loop& loop_;
  Service& service_;
  ServiceCounters& counters_;
  InstanceLoad& load_;
  SqlCounters& sql_;
  Pool pool_;
  io::TimerPtr timer_;
  Instant sweep_due_ = Instant::never();
  Secret key_;  ///< logins are known by their hash under it
  conf::TdsEncrypt encrypt_;
  std::size_t shown_ = 0;  ///< free ones, as far as `sql_` was told
  bool retired_ = false;
};

}  // namespace holdfast::tds
