#include "vrrp/driver_guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "proxy/base/log.h"
#include "vrrp/driver_guard_farewell.h"
#include "vrrp/driver_guard_page.h"

namespace holdfast::vrrp {

namespace {

constexpr std::int64_t look_ms = 250;

Descriptor open_process(int process) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

std::string how_it_ended(std::optional<int> status) {
  if (!status) return "unknown: it was no child of the guardian";
  if (WIFSIGNALED(*status)) return std::string("signal ") + std::to_string(WTERMSIG(*status));
  return "code " + std::to_string(WEXITSTATUS(*status));
}

class Guardian {
 public:
  Guardian(const GuardOptions& options, GuardPage page)
      : options_(options), page_(std::move(page)), delay_ms_(options.delay_min.to_millis()) {}

  Status prepare();
  /// The first worker. In the child it returns the worker's code, as run() does.
  int run();

 private:
  bool fork_worker(bool again);  ///< true in the child
  void become_guardian();
  void follow(int process);
  void follow_claim();
  void take_signals();
  void reap();
  void look_for_silence();
  void clean_up();
  std::optional<int> end_or_wait();
  bool died() const;

  const GuardOptions& options_;
  GuardPage page_;
  sigset_t before_{};
  char name_[16] = "";  ///< of the process, as ps shows it
  Descriptor signals_, worker_fd_;
  int worker_ = 0;
  std::optional<int> status_;  ///< of worker_, once reaped
  bool ending_ = false, ever_ready_ = false, taken_ = false;
  std::int64_t started_ms_ = 0, delay_ms_, beat_ = 0, silent_ms_ = 0, looked_ms_ = 0;
};

Status Guardian::prepare() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
  signals_ = Descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_ || !open_process(::getpid())) {
    const int problem = errno;
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    return fail(Blame::Self, std::strerror(problem));
  }
  // The next program of an upgrade is its predecessor's child; it must become ours when that one ends.
  ::prctl(PR_GET_NAME, name_);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::setenv(guard_variable, std::to_string(page_.descriptor()).c_str(), 1);
  return {};
}

bool Guardian::fork_worker(bool again) {
  ever_ready_ = ever_ready_ || page_.ready();
  page_.reset(0);
  const pid_t process = ::fork();
  if (process < 0) {
    log_error("guardian: cannot start a worker", {{"why", std::strerror(errno)}});
    return false;
  }
  if (process > 0) {
    started_ms_ = looked_ms_ = boot_time_ms();
    follow(process);
    return false;
  }
  page_.claim();
  signals_ = Descriptor();
  worker_fd_ = Descriptor();
  ::prctl(PR_SET_NAME, name_);
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  if (again && !options_.program.empty()) {
    std::vector<char*> arguments;
    for (const std::string& a : options_.arguments) arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    ::fcntl(page_.descriptor(), F_SETFD, 0);
    ::execv(options_.program.c_str(), arguments.data());
    log_warning("guardian: the worker goes on with the old program", {{"why", std::strerror(errno)}});
  }
  return true;
}

/// Nobody must wait for the guardian when it is needed: it is small, locked in memory where that is allowed,
/// and ahead of ordinary processes; a worker that it forks is none of that.
void Guardian::become_guardian() {
  ::prctl(PR_SET_NAME, "hf-guardian");
  ::mlockall(MCL_CURRENT | MCL_ONFAULT);
  const sched_param lowest{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
}

void Guardian::follow(int process) {
  worker_ = process;
  worker_fd_ = open_process(process);
  status_.reset();
  taken_ = false;
  beat_ = silent_ms_ = 0;
}

/// The next program of an upgrade has written its own number into the page. A number of another session is
/// no worker of ours, whoever wrote it.
void Guardian::follow_claim() {
  const int claimed = page_.worker();
  if (claimed <= 1 || claimed == worker_ || ::getsid(claimed) != ::getsid(0)) return;
  Descriptor fd = open_process(claimed);
  pollfd ended = {fd.get(), POLLIN, 0};
  if (!fd || ::poll(&ended, 1, 0) != 0) return;
  log_info("guardian: another process is the worker now", {{"pid", std::to_string(claimed)}});
  follow(claimed);
}

void Guardian::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) continue;
    if (number == SIGTERM || number == SIGINT) ending_ = true;
    // A terminal signals the whole group: the worker has that one already.
    if (info.ssi_code != SI_KERNEL && worker_ > 0) ::kill(worker_, number);
  }
}

void Guardian::reap() {
  int status = 0;
  pid_t process = 0;
  while ((process = ::waitpid(-1, &status, WNOHANG)) > 0)
    if (process == worker_) status_ = status;
}

bool Guardian::died() const {
  pollfd ended = {worker_fd_.get(), POLLIN, 0};
  return status_ || ::poll(&ended, 1, 0) != 0;
}

void Guardian::clean_up() {
  const GuardedState state = page_.state();
  if (state.empty()) return;
  const FarewellCount count = give_up(state);
  log_warning("guardian: gave up the virtual addresses of a worker",
              {{"pid", std::to_string(worker_)},
               {"addresses", std::to_string(count.addresses)},
               {"packets", std::to_string(count.packets)}});
}

/// Counts only time in which this process ran too: after a pause of the whole machine the worker gets its
/// chance to judge by itself.
void Guardian::look_for_silence() {
  const std::int64_t now = boot_time_ms(), beat = page_.last_beat();
  const std::int64_t step = std::clamp<std::int64_t>(now - looked_ms_, 0, 2 * look_ms);
  looked_ms_ = now;
  if (beat != beat_ || beat == 0) {
    beat_ = beat;
    silent_ms_ = 0;
    taken_ = false;
    return;
  }
  silent_ms_ += step;
  if (taken_ || silent_ms_ <= options_.silence.to_millis() || page_.state().empty()) return;
  taken_ = true;
  log_error("guardian: the worker is silent", {{"ms", std::to_string(silent_ms_)}});
  clean_up();
  page_.note_taken();
}

/// The worker is dead, and what it left is cleaned up. The exit code if that is the end; otherwise it is time
/// to start another one.
std::optional<int> Guardian::end_or_wait() {
  const int code = status_ ? exit_code(*status_) : ending_ ? 0 : 1;
  if (ending_ || (status_ && code == 0)) return code;
  if (!ever_ready_ && !page_.ready()) return code;
  const std::int64_t now = boot_time_ms();
  if (now - started_ms_ >= options_.settled.to_millis()) delay_ms_ = options_.delay_min.to_millis();
  log_error("guardian: the worker died and is started again", {{"pid", std::to_string(worker_)},
                                                               {"how", how_it_ended(status_)},
                                                               {"after-ms", std::to_string(delay_ms_)}});
  worker_ = 0;
  const std::int64_t due = now + delay_ms_;
  for (std::int64_t left = delay_ms_; left > 0; left = due - boot_time_ms()) {
    pollfd watched = {signals_.get(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(left));
    take_signals();
    reap();
    if (ending_) return 0;
  }
  delay_ms_ = std::min(delay_ms_ * 2, options_.delay_max.to_millis());
  return std::nullopt;
}

int Guardian::run() {
  if (fork_worker(false)) return options_.worker();
  if (worker_ == 0) return 1;
  become_guardian();
  for (;;) {
    pollfd watched[2] = {{worker_fd_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    ::poll(watched, 2, static_cast<int>(look_ms));
    follow_claim();
    if (died()) {
      clean_up();
      take_signals();
      reap();
      if (const std::optional<int> code = end_or_wait()) return *code;
      if (fork_worker(true)) return options_.worker();
      continue;
    }
    take_signals();
    reap();
    look_for_silence();
  }
}

}  // namespace

int guard(const GuardOptions& options) {
  if (GuardPage::inherit()) return options.worker();
  Result<GuardPage> page = GuardPage::create();
  Status ready = page ? Status{} : std::unexpected(page.error());
  if (ready) {
    Guardian guardian(options, std::move(*page));
    if (ready = guardian.prepare(); ready) return guardian.run();
  }
  log_warning("no guardian: a crash leaves the virtual address to start-up", {{"why", ready.error().text}});
  ::unsetenv(guard_variable);
  return options.worker();
}

}  // namespace holdfast::vrrp
