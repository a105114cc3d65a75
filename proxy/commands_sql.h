// What the operator asks of SQL sessions (`holdfast sql ...`), done over all loops: at once, or waited for
// with a limit and told later. A pause that succeeded ends by itself after its time, so that one that was
// forgotten is no outage; a pause that could not be had within its time-out leaves nothing paused. Belongs
// to the process; lives on the control loop.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proxy/admin.h"
#include "proxy/engine.h"
#include "proxy/events.h"
#include "proxy/io/io.h"
#include "proxy/sql_command.h"
#include "proxy/sql_report.h"

namespace holdfast {

class SqlDesk final : private io::TimerEvents {
 public:
  SqlDesk(io::Loop& loop, Engine& engine, Events& events);
  void run(const SqlCommand& command, Later done);

 private:
  struct Wait {
    SqlCommand command;
    Instant begun, deadline;
    Later done;
  };

  Status known(const SqlCommand& command) const;
  Result<std::string> at_once(const SqlCommand& command);
  std::string sessions(const SqlCommand& command);
  std::string top(const SqlCommand& command);
  Result<std::string> kill(std::uint64_t number);
  Result<std::string> resume(const std::string& service);
  Status begin(const SqlCommand& command);
  SqlSurvey survey(const Wait& wait);
  /// True: it is over, and `done` was told.
  bool look(Wait& wait);
  bool look_at_pause(Wait& wait, const SqlSurvey& now);
  bool look_at_drain(Wait& wait, const SqlSurvey& now);
  void set_paused(const std::string& service, std::optional<Duration> patience);
  void arm();
  void on_timer() override;

  io::Loop& loop_;
  Engine& engine_;
  Events& events_;
  io::TimerPtr timer_;
  std::vector<Wait> waits_;
  std::map<std::string, Instant> paused_;  ///< by service: when it ends by itself
};

}  // namespace holdfast
