#include "proxy/upgrade.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast {

namespace {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int give() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> os_error(const std::string& what, int number) {
  return fail(Blame::Self, what + ": " + std::strerror(number));
}

Result<Fd> state_file(const std::string& state) {
  Fd fd(::memfd_create("holdfast-state", MFD_CLOEXEC));
  if (fd.get() < 0) return os_error("cannot make a memory file", errno);
  std::string_view left = state;
  while (!left.empty()) {
    const ssize_t n = ::write(fd.get(), left.data(), left.size());
    if (n <= 0) return os_error("cannot write the state", errno);
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  return fd;
}

/// What posix_spawn wants: descriptors that stay open, default signals, and nothing blocked.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  /// Onto itself: this takes the close-on-exec mark off, in the child only.
  void keep(int fd) { posix_spawn_file_actions_adddup2(&actions, fd, fd); }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

Result<int> spawn(const Program& program, const Handover& handover) {
  SpawnPlan plan;
  plan.keep(handover.state);
  plan.keep(handover.ready);
  for (const HandedDescriptor& d : handover.listeners) plan.keep(d.fd);
  std::vector<std::string> arguments = program.arguments, environment;
  for (char** e = environ; *e; ++e) environment.emplace_back(*e);
  environment.push_back("HOLDFAST_INHERIT=" + encode(handover));
  pid_t process = -1;
  const int status = ::posix_spawn(&process, program.path.c_str(), &plan.actions, &plan.attributes,
                                   pointers(arguments).data(), pointers(environment).data());
  if (status != 0) return os_error("cannot run " + program.path, status);
  return process;
}

void end(pid_t process) {
  ::kill(process, SIGKILL);
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {}
}

std::string how_it_ended(pid_t process) {
  int status = 0;
  if (::waitpid(process, &status, WNOHANG) != process) {
    end(process);
    return "it gave up its hand-over";
  }
  if (WIFSIGNALED(status)) return "it was killed by signal " + std::to_string(WTERMSIG(status));
  return "it exited with code " + std::to_string(WEXITSTATUS(status)) + "; its own messages say why";
}

}  // namespace

Status Upgrade::start(const Program& program, std::vector<HandedDescriptor> listeners,
                      const std::string& state, Done done) {
  if (running_) return fail(Blame::Operator, "an upgrade is under way already");
  if (waiter_.joinable()) waiter_.join();
  Result<Fd> memory = state_file(state);
  if (!memory) return std::unexpected(memory.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_error("cannot make a pipe", errno);
  Fd ready(ends[0]), told(ends[1]);
  if (cancel_ < 0) cancel_ = ::eventfd(0, EFD_CLOEXEC);
  if (cancel_ < 0) return os_error("cannot make an eventfd", errno);
  const Result<int> process = spawn(program, {std::move(listeners), memory->get(), told.get()});
  if (!process) return std::unexpected(process.error());
  done_ = std::move(done);
  running_ = true;
  // A thread, because the seam watches no pipe; it only waits.
  waiter_ = std::thread([this, pid = *process, fd = ready.give()] {
    Result<int> result = wait_ready(pid, fd);
    ::close(fd);
    loop_.post([this, result = std::move(result)]() mutable { finish(std::move(result)); });
  });
  return {};
}

Result<int> Upgrade::wait_ready(int process, int ready) {
  pollfd watched[2] = {{ready, POLLIN, 0}, {cancel_, POLLIN, 0}};
  int polled = 0;
  do polled = ::poll(watched, 2, static_cast<int>(patience.to_millis()));
  while (polled < 0 && errno == EINTR);
  char byte = 0;
  if (polled > 0 && !watched[1].revents) {
    if (::read(ready, &byte, 1) == 1) return process;
    // Its end of the pipe closes a moment before it can be waited for.
    ::poll(watched + 1, 1, 100);
    return fail(Blame::Operator, "the new process failed: " + how_it_ended(process));
  }
  end(process);
  if (polled > 0) return fail(Blame::Operator, "the upgrade was given up");
  return fail(Blame::Operator, "the new process did not serve within " +
                                   std::to_string(patience.to_millis() / 1000) + " s and was ended");
}

void Upgrade::finish(Result<int> result) {
  running_ = false;
  Done done = std::move(done_);
  done(std::move(result));
}

Upgrade::~Upgrade() {
  if (waiter_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(cancel_, &one, sizeof one);
    waiter_.join();
  }
  if (cancel_ >= 0) ::close(cancel_);
}

}  // namespace holdfast
