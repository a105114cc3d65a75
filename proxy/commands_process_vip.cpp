// The running process and its virtual IP: start, upgrade, and configurations that the other node pushes.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/commands_bind.h"
#include "proxy/commands_process.h"
#include "vrrp/driver_guard_page.h"

namespace holdfast {

namespace {

constexpr std::string_view vip_key = "@vip", guard_key = "@guard";

}  // namespace

/// After an upgrade only once the last process let go of it, and with what that process knew.
Status RunningProcess::start_vip() {
  vip_ = std::make_unique<VipSide>(*loop_, events_, *engine_, static_cast<PushTarget&>(*this), line_.version);
  engine_->control().on_change([this] { vip_->look_again(); });
  (void)take_inherited(std::string(guard_key));  // found by its number in the environment; it stays open
  vip_pipe_ = take_inherited(std::string(vip_key));
  if (vip_pipe_ < 0) return vip_->start(snapshot_, {});
  ::fcntl(vip_pipe_, F_SETFL, O_NONBLOCK);
  vip_watch_ = loop_->watch(vip_pipe_, *this);
  return {};
}

void RunningProcess::on_readable() {
  char buffer[4096];
  const ssize_t n = ::read(vip_pipe_, buffer, sizeof buffer);
  if (n > 0) {
    vip_state_.append(buffer, static_cast<std::size_t>(n));
    return;
  }
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  vip_watch_.reset();
  ::close(std::exchange(vip_pipe_, -1));
  if (Status done = vip_->start(snapshot_, std::exchange(vip_state_, {})); !done)
    events_.add("vip", "", "this process does not take part in the virtual IP: " + done.error().text);
}

Status RunningProcess::upgrade_pipe(std::vector<HandedDescriptor>& handed, int& their_end) {
  if (const char* guard = std::getenv(vrrp::guard_variable))
    handed.push_back({std::string(guard_key), std::atoi(guard)});
  if (!vip_->running()) return {};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Blame::Self, std::string("cannot make a pipe: ") + std::strerror(errno));
  handed.push_back({std::string(vip_key), their_end = ends[0]});
  vip_pipe_ = ends[1];
  return {};
}

/// The thread ends without touching an address; the new process goes on where it was.
void RunningProcess::hand_vip_over() {
  if (vip_pipe_ < 0) return;
  const std::string state = vip_->abdicate();
  std::string_view left = state;
  while (!left.empty()) {
    const ssize_t n = ::write(vip_pipe_, left.data(), left.size());
    if (n <= 0) break;  // it has gone: its addresses are then found and taken off by the next one
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(std::exchange(vip_pipe_, -1));
}

// ---- configurations that the other node pushes ----

Status RunningProcess::check_text(const std::string& text) {
  const ReadConfig config = read_config_text(text, line_.config, line_.node, true);
  if (!config.good()) {
    std::string all = diagnostics_text(config.loaded);
    while (all.ends_with('\n')) all.pop_back();
    return fail(Blame::Operator, all);
  }
  return check_addresses_free(*config.loaded.snapshot, snapshot_.get());
}

/// The file first: a process that is killed between the two starts with what was agreed.
Status RunningProcess::take_text(const std::string& text) {
  const std::string before = text_;
  if (Status done = replace_file(line_.config, text); !done) return done;
  const Status done = reload();
  if (done) return {};
  if (Status back = replace_file(line_.config, before); !back)
    log_error("the configuration file could not be put back", {{"why", back.error().text}});
  return done;
}

void RunningProcess::handover(std::string_view group, bool force, Later done) {
  vip_->handover(std::string(group), force, std::move(done));
}

/// The file as it stands now, not as it was loaded: the operator has just edited it.
void RunningProcess::push(std::string text, Later done) {
  if (text.empty()) text = read_config(line_.config, line_.node, false).text;
  if (text.empty()) return done(fail(Blame::Operator, line_.config + " cannot be read"));
  vip_->push(text, std::move(done));
}

}  // namespace holdfast
