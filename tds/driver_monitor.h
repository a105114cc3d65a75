// The threads that ask SQL servers who is primary: one for each instance, with one connection that is kept
// open between questions, so that the server's end of it is noticed at once. They share nothing with the
// loops but a mailbox. One SqlMonitors object on the control loop, whose thread makes every call; it joins
// its threads, stuck ones included, when it goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/check_driver_sql.h"
#include "tds/driver_freetds.h"

namespace holdfast::tds {

class SqlMonitors final : private io::WatchEvents {
 public:
  explicit SqlMonitors(io::Loop& control);
  ~SqlMonitors();

  /// The asker must go before this object does. A thread that is stuck when its asker goes ends by itself.
  std::unique_ptr<RoleAsker> make(const conf::Instance& instance, const conf::SqlMonitor& monitor,
                                  RoleAsker::Events& events);
  std::size_t threads() const { return threads_.size(); }  ///< those that have not been joined yet

 private:
  class Asker;
  class Thread;
  struct Mailbox;

  void on_readable() override;
  void forget(Asker& asker);
  void reap();

  std::unique_ptr<Mailbox> mailbox_;
  io::WatchPtr watch_;
  std::vector<Asker*> askers_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::uint64_t last_id_ = 0;
};

}  // namespace holdfast::tds
