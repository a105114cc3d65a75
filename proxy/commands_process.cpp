#include "proxy/commands_process.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "proxy/admin_command.h"
#include "proxy/admin_http.h"
#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/commands_bind.h"
#include "proxy/commands_system.h"
#include "proxy/upgrade_notify.h"
#include "vrrp/driver_guard_page.h"
#include "vrrp/plan.h"

namespace holdfast {

namespace {

constexpr std::string_view control_key = "@control";
constexpr std::string_view admin_key = "@admin:";
constexpr Duration vip_finish_patience = 1_s;

/// With what only the running process knows. It was read a moment ago and is nobody else's yet: no copy is needed.
conf::SnapshotPtr completed(conf::SnapshotPtr fresh, std::uint64_t generation) {
  CHECK(fresh.use_count() == 1);
  auto& snapshot = const_cast<conf::Snapshot&>(*fresh);
  snapshot.generation = generation;
  snapshot.process.loops = loop_count(snapshot.process.loops);
  return fresh;
}

/// Logs all diagnostics; the error is the first one.
Status judge(const ReadConfig& config) {
  std::size_t errors = 0;
  std::string first;
  for (const conf::Diagnostic& d : config.loaded.diagnostics) {
    log(d.error ? LogLevel::Error : LogLevel::Warning, "configuration", {{"diagnostic", d.format()}});
    if (d.error && ++errors == 1) first = d.format();
  }
  if (config.good()) return {};
  return fail(Blame::Operator, errors <= 1 ? first
                                           : first + " (and " + std::to_string(errors - 1) +
                                                 " more; `holdfast check` tells all)");
}

}  // namespace

RunningProcess::RunningProcess(const CommandLine& line, Program program, ReadConfig config, Handover handover)
    : line_(line),
      program_(std::move(program)),
      snapshot_(completed(std::move(config.loaded.snapshot), 1)),
      text_(std::move(config.text)),
      handover_(std::move(handover)),
      loop_(io::make_uv_loop()),
      upgrade_(*loop_) {
  facts_.version = line_.version;
  facts_.started = loop_->wall();
  started_at_ = loop_->now();
}

RunningProcess::~RunningProcess() {
  vip_.reset();  // its thread looks at the data loops
  if (engine_) engine_->stop();
  if (owns_socket_file_) ::unlink(control_path_.c_str());
  close_inherited();
}

Status RunningProcess::start() {
  // The control socket first: it tells that another process serves already, before anything is touched.
  if (Status done = open_control(); !done) return done;
  const conf::Process& process = snapshot_->process;
  if (Status done = check_descriptor_limit(*snapshot_); !done) return done;
  const bool takes_over = handover_.state >= 0;  // then the last process holds the ports
  if (Status done = takes_over ? Status() : check_addresses_free(*snapshot_, nullptr); !done) return done;
  access_log_ = AccessLog::open(process.access_log, process.access_log_format, process.loops);
  engine_ = std::make_unique<Engine>(*loop_, snapshot_, events_, *access_log_, engine_inherited());
  if (handover_.state >= 0) {
    const Result<std::string> state = read_state(std::exchange(handover_.state, -1));
    const Status imported = state ? engine_->control().import_state(*state) : std::unexpected(state.error());
    if (!imported)
      events_.add("upgrade", "", "starts without the last process's knowledge: " + imported.error().text);
  }
  if (Status done = engine_->start(); !done) return done;
  if (Status done = open_admin(snapshot_->admin.bind, admin_); !done) return done;
  if (Status done = start_vip(); !done) return done;
  close_inherited();
  if (vrrp::has_virtual_ip(*snapshot_) && !process.user.empty())
    log_warning("[process] user is not followed: a [vip] needs rights that it would give up");
  else if (!process.user.empty())
    if (Status done = switch_user(process.user); !done) return done;
  watch_signals();
  look_ = loop_->timer(*this);
  on_timer();
  return {};
}

int RunningProcess::run() {
  const std::string node = snapshot_->node.empty() ? "" : " as node " + snapshot_->node;
  events_.add("start", "",
              "version " + line_.version + " serves" + node + ", configuration " + snapshot_->file + " (" +
                  snapshot_->hash + ")");
  if (handover_.ready >= 0) {
    // First: the last process may end a moment after it hears of this one, and its guardian must know whom to watch.
    if (auto page = vrrp::GuardPage::inherit()) page->claim();
    report_ready(std::exchange(handover_.ready, -1));
  }
  owns_socket_file_ = true;
  notify_manager("READY=1");
  loop_->run();
  vip_.reset();
  engine_->stop();
  log_info("ended", {{"code", std::to_string(exit_code_)}});
  return exit_code_;
}

Status RunningProcess::open_control() {
  control_path_ = snapshot_->process.control_socket;
  if (Status done = check_socket_folder(control_path_); !done) return done;
  auto listener = std::make_unique<AdminListener>(
      *loop_, events_, [this](Bytes so_far) { return answer_command(so_far, *this); });
  io::ListenOptions options;
  options.path = control_path_;
  options.inherited = take_inherited(std::string(control_key));
  options.backlog = 16;
  if (Status done = listener->open(options); !done)
    return fail(Blame::Operator, done.error().text + "; does another holdfast run?");
  control_socket_ = std::move(listener);
  owns_socket_file_ = options.inherited < 0;
  return {};
}

/// Opens those that are not in admin_ yet.
Status RunningProcess::open_admin(const std::vector<Address>& addresses, AdminListeners& opened) {
  for (const Address& address : addresses) {
    if (admin_.contains(address.text()) || opened.contains(address.text())) continue;
    auto listener = std::make_unique<AdminListener>(*loop_, events_, [this](Bytes so_far) {
      std::optional<std::string> text = answer_http(so_far, parser_, *this);
      return text ? std::optional<AdminReply>({std::move(*text), false, false, 0}) : std::nullopt;
    });
    io::ListenOptions options;
    options.address = address;
    options.inherited = take_inherited(std::string(admin_key) + address.text());
    options.backlog = 64;
    options.reuse_port = false;
    if (Status done = listener->open(options); !done)
      return fail(Blame::Operator, "[admin]: " + done.error().text);
    opened[address.text()] = std::move(listener);
  }
  return {};
}

int RunningProcess::take_inherited(const std::string& key) {
  for (HandedDescriptor& d : handover_.listeners)
    if (d.key == key) return std::exchange(d.fd, -1);
  return -1;
}

std::vector<InheritedListener> RunningProcess::engine_inherited() {
  std::vector<InheritedListener> out;
  for (HandedDescriptor& d : handover_.listeners)
    if (!d.key.starts_with('@') && d.fd >= 0) out.push_back({d.key, std::exchange(d.fd, -1)});
  return out;
}

void RunningProcess::close_inherited() {
  for (HandedDescriptor& d : handover_.listeners)
    if (d.fd >= 0) ::close(std::exchange(d.fd, -1));
}

void RunningProcess::watch_signals() {
  loop_->on_signal(SIGHUP, [this] { (void)reload(); });  // it tells the result by itself
  loop_->on_signal(SIGUSR1, [this] {
    access_log_->reopen();
    events_.add("log", "", "the access log is reopened");
  });
  loop_->on_signal(SIGUSR2, [this] { upgrade(); });
  loop_->on_signal(SIGTERM, [this] { terminate("SIGTERM"); });
  loop_->on_signal(SIGINT, [this] { terminate("SIGINT"); });
}

void RunningProcess::on_timer() {
  past_.look(loop_->now(), sum(engine_->metrics()));
  look_->arm(loop_->now() + RecentPast::look_every);
}

Status RunningProcess::reload() {
  notify_reloading();
  const Status done = reload_file();
  notify_manager("READY=1");
  reload_at_ = loop_->wall();
  reload_text_ = done ? "ok" : done.error().text;
  ++(done ? facts_.reload_successes : facts_.reload_failures);
  if (done) facts_.last_reload = reload_at_;
  if (!done) events_.add("reload", "", "failed, nothing was changed: " + done.error().text);
  return done;
}

Status RunningProcess::reload_file() {
  ReadConfig config = read_config(line_.config, line_.node, false);
  return apply(std::move(config));
}

Status RunningProcess::apply(ReadConfig config) {
  if (draining_) return fail(Blame::Operator, "this process is draining; it reads nothing new");
  if (upgrade_.running()) return fail(Blame::Operator, "an upgrade is under way");
  if (Status good = judge(config); !good) return good;
  const conf::SnapshotPtr fresh = completed(std::move(config.loaded.snapshot), snapshot_->generation + 1);
  if (Status done = check_addresses_free(*fresh, snapshot_.get()); !done) return done;
  AdminListeners opened;
  if (Status done = open_admin(fresh->admin.bind, opened); !done) return done;
  if (Status done = vip_->reload(fresh); !done) return done;
  if (Status done = engine_->reload(fresh); !done) {
    (void)vip_->reload(snapshot_);  // what it had a moment ago is good
    return done;
  }
  admin_.merge(opened);
  std::erase_if(admin_, [&](const auto& entry) {
    for (const Address& address : fresh->admin.bind)
      if (address.text() == entry.first) return false;
    return true;
  });
  warn_fixed(*fresh);
  const std::size_t changes = conf::diff(*snapshot_, *fresh).size();
  snapshot_ = fresh;
  text_ = std::move(config.text);
  events_.add("reload", "",
              "generation " + std::to_string(fresh->generation) + ", " + std::to_string(changes) +
                  (changes == 1 ? " change" : " changes"));
  return {};
}

/// Some of [process] is fixed when the process starts.
void RunningProcess::warn_fixed(const conf::Snapshot& fresh) const {
  const conf::Process &a = snapshot_->process, &b = fresh.process;
  const auto warn = [](std::string_view name, bool changed) {
    if (changed)
      log_warning("a changed directive takes effect at the next start or upgrade", {{"name", name}});
  };
  warn("loops", a.loops != b.loops);
  warn("user", a.user != b.user);
  warn("control-socket", a.control_socket != b.control_socket);
  warn("access-log", a.access_log != b.access_log || a.access_log_format != b.access_log_format);
}

void RunningProcess::upgrade() {
  if (draining_) return log_warning("no upgrade: this process is draining");
  std::vector<HandedDescriptor> listeners;
  for (const InheritedListener& l : engine_->listeners()) listeners.push_back({l.key, l.fd});
  listeners.push_back({std::string(control_key), control_socket_->descriptor()});
  for (const auto& [address, listener] : admin_)
    listeners.push_back({std::string(admin_key) + address, listener->descriptor()});
  int vip_end = -1;
  if (Status done = upgrade_pipe(listeners, vip_end); !done)
    return events_.add("upgrade", "", "failed, this process goes on: " + done.error().text);
  const Status begun = upgrade_.start(program_, std::move(listeners), engine_->control().export_state(),
                                      [this](Result<int> process) { upgraded(std::move(process)); });
  if (vip_end >= 0) ::close(vip_end);  // the new process has its copy
  if (!begun) events_.add("upgrade", "", "failed, this process goes on: " + begun.error().text);
}

void RunningProcess::upgraded(Result<int> process) {
  if (!process) {
    if (vip_pipe_ >= 0) ::close(std::exchange(vip_pipe_, -1));
    return events_.add("upgrade", "", "failed, this process goes on: " + process.error().text);
  }
  hand_vip_over();
  events_.add("upgrade", "",
              "process " + std::to_string(*process) + " serves; this one finishes what it has");
  owns_socket_file_ = false;
  // A guardian stays the main process, and has heard of the new one already.
  if (!std::getenv(vrrp::guard_variable)) notify_manager("MAINPID=" + std::to_string(*process));
  control_socket_.reset();
  admin_.clear();
  if (draining_) return;
  draining_ = vip_gone_ = true;
  drain();
}

void RunningProcess::terminate(std::string_view signal) {
  if (draining_) {
    events_.add("drain", "", std::string(signal) + " again: ends at once");
    exit_code_ = exit_failed;
    return loop_->stop();
  }
  events_.add(
      "drain", "",
      std::string(signal) + ": finishes what it has, within " + span_text(snapshot_->process.drain_timeout));
  notify_manager("STOPPING=1");
  draining_ = true;
  vip_->leave([this] { drain(); },
              [this] {
                vip_gone_ = true;
                may_end();
              });
}

/// Once nothing new comes: what is in progress finishes.
void RunningProcess::drain() {
  engine_->drain(loop_->now() + snapshot_->process.drain_timeout, [this] {
    drained_ = true;
    if (!vip_gone_) vip_->finish(loop_->now() + vip_finish_patience);
    may_end();
  });
}

void RunningProcess::may_end() {
  if (drained_ && vip_gone_) loop_->stop();
}

}  // namespace holdfast
