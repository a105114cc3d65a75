// The running process: the composition of loop, engine, logs, admin side and signals. It owns all of
// them and lives on the main thread, whose loop is the control loop. It decides only what is about the
// process as a whole: reload, drain, upgrade, end.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/access_log.h"
#include "proxy/admin.h"
#include "proxy/admin_listener.h"
#include "proxy/commands.h"
#include "proxy/commands_file.h"
#include "proxy/commands_push.h"
#include "proxy/commands_vip.h"
#include "proxy/engine.h"
#include "proxy/events.h"
#include "proxy/http/parser.h"
#include "proxy/io/io.h"
#include "proxy/commands_sql.h"
#include "proxy/status_rate.h"
#include "proxy/upgrade.h"

namespace holdfast {

class RunningProcess final : Admin, PushTarget, io::TimerEvents, io::WatchEvents {
 public:
  RunningProcess(const CommandLine& line, Program program, ReadConfig config, Handover handover);
  ~RunningProcess();

  /// Binds and starts everything; nothing goes on if it fails.
  Status start();
  int run();  ///< until a signal ends it; the exit code

 private:
  // Admin
  StatusReport status() override;
  std::string metrics() override;
  AdminHealth health() override;
  std::string config() override;
  Status set_drained(std::string_view service, std::string_view instance, bool drained) override;
  Status reload() override;
  const Events& events() const override { return events_; }
  void handover(std::string_view group, bool force, Later done) override;
  void push(std::string text, Later done) override;
  void sql(const SqlCommand& command, Later done) override;

  // PushTarget
  const std::string& current_text() const override { return text_; }
  Status check_text(const std::string& text) override;
  Status take_text(const std::string& text) override;

  // io::WatchEvents: the last process hands its virtual IP over
  void on_readable() override;

  // io::TimerEvents: once a second, for the recent past
  void on_timer() override;

  using AdminListeners = std::map<std::string, std::unique_ptr<AdminListener>>;
  Status open_control();
  Status open_admin(const std::vector<Address>& addresses, AdminListeners& opened);
  int take_inherited(const std::string& key);
  void close_inherited();
  std::vector<InheritedListener> engine_inherited();
  void watch_signals();
  Status reload_file();
  void warn_fixed(const conf::Snapshot& fresh) const;
  void upgrade();
  void upgraded(Result<int> process);
  void terminate(std::string_view signal);
  void drain();
  void may_end();
  Status start_vip();
  Status upgrade_pipe(std::vector<HandedDescriptor>& handed, int& their_end);
  void hand_vip_over();
  Status apply(ReadConfig config);   ///< as a reload of the file would; all or nothing
  ProcessFacts facts();

  const CommandLine line_;
  const Program program_;
  conf::SnapshotPtr snapshot_;
  std::string text_;  ///< of the file that is in use
  Handover handover_;

  std::unique_ptr<io::Loop> loop_;
  Events events_;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<SqlDesk> sql_;  ///< made when it is first asked
  std::unique_ptr<VipSide> vip_;
  int vip_pipe_ = -1;        ///< during an upgrade: where the virtual IP's state goes, or comes from
  io::WatchPtr vip_watch_;
  std::string vip_state_;    ///< as far as it has come
  http::HeadParser parser_;
  std::unique_ptr<AdminListener> control_socket_;
  std::string control_path_;
  AdminListeners admin_;
  io::TimerPtr look_;
  RecentPast past_;
  Upgrade upgrade_;

  Instant started_at_{};
  ProcessFacts facts_;
  WallTime reload_at_{};
  std::string reload_text_;
  bool draining_ = false, drained_ = false, vip_gone_ = false;
  bool owns_socket_file_ = false;  ///< not while the last process serves, nor once the next one does
  int exit_code_ = exit_ok;
};

}  // namespace holdfast
