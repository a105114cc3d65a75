// The SQL kind of check: a question to one instance, who it is. Who asks blocks, and so stands on a thread
// of its own (tds/driver_monitor.h) behind RoleAsker; a SqlProbe is its control-loop side, which knows when
// an answer is too late. It belongs to the control loop, reports once a run and judges nothing.
#pragma once

#include <functional>
#include <memory>

#include "conf/snapshot.h"
#include "proxy/io/io.h"
#include "tds/role.h"

namespace holdfast {

/// Asks one instance who it is. Its events come on the control loop, never from inside a call.
class RoleAsker {
 public:
  class Events {
   public:
    /// To the last ask() only; an answer to one before it is dropped.
    virtual void on_role(const tds::RoleAnswer& answer) = 0;
    /// Between questions: the server has closed the connection the questions go over.
    virtual void on_closed() = 0;

   protected:
    ~Events() = default;
  };

  virtual ~RoleAsker() = default;
  /// A question under way is not waited for, but the thread may be stuck in it until FreeTDS gives up.
  virtual void ask() = 0;
};

/// Null: this process cannot ask SQL servers (a test of something else).
using MakeRoleAsker = std::function<std::unique_ptr<RoleAsker>(
    const conf::Instance& instance, const conf::SqlMonitor& monitor, RoleAsker::Events& events)>;

class SqlProbe final : private RoleAsker::Events, private io::TimerEvents {
 public:
  using Done = std::function<void(const tds::RoleAnswer& answer, Duration took)>;

  SqlProbe(io::Loop& loop, Done done, std::function<void()> closed);
  void use(const MakeRoleAsker& make, const conf::Instance& instance, const conf::SqlMonitor& monitor);
  /// Begins; a run under way is abandoned without a report.
  void begin(Duration timeout);

 private:
  void on_role(const tds::RoleAnswer& answer) override;
  void on_closed() override;
  void on_timer() override;
  void finish(const tds::RoleAnswer& answer);

  io::Loop& loop_;
  Done done_;
  std::function<void()> closed_;
  io::TimerPtr timer_;
  std::unique_ptr<RoleAsker> asker_;
  bool asking_ = false;
  Instant began_;
  Duration timeout_{};
};

}  // namespace holdfast
