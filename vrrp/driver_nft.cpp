#include "vrrp/driver_nft.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast::vrrp {

namespace {

constexpr int patience_ms = 5000;

class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : fd_(::memfd_create(name, MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  bool fill(std::string_view text) {
    while (fd_ >= 0 && !text.empty()) {
      const ssize_t n = ::write(fd_, text.data(), text.size());
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return fd_ >= 0 && ::lseek(fd_, 0, SEEK_SET) == 0;
  }
  std::string first_line() const {
    char text[300];
    const ssize_t n = ::pread(fd_, text, sizeof text, 0);
    std::string line(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    return line.substr(0, line.find('\n'));
  }

 private:
  int fd_;
};

/// The process id, or a negative errno.
pid_t spawn(int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  sigset_t set;
  sigemptyset(&set);
  posix_spawnattr_setsigmask(&attributes, &set);
  sigfillset(&set);
  posix_spawnattr_setsigdefault(&attributes, &set);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char name[] = "nft", option[] = "-f", source[] = "-";
  char* const arguments[] = {name, option, source, nullptr};
  pid_t process = -1;
  int problem = ::posix_spawnp(&process, name, &actions, &attributes, arguments, environ);
  if (problem == ENOENT)  // the PATH of an unprivileged shell lacks it
    problem = ::posix_spawn(&process, "/usr/sbin/nft", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return problem == 0 ? process : -problem;
}

/// True if it ended by itself in time; `status` is then waitpid's.
bool wait_for(pid_t process, int& status) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  pollfd watched = {fd, POLLIN, 0};
  int ready = fd < 0 ? 1 : 0;  // an old kernel: wait as long as it takes
  if (fd >= 0) {
    do ready = ::poll(&watched, 1, patience_ms);
    while (ready < 0 && errno == EINTR);
    ::close(fd);
  }
  if (ready <= 0) ::kill(process, SIGKILL);
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {}
  return ready > 0;
}

}  // namespace

Status run_nft(const std::string& script) {
  MemoryFile input("nft-script"), output("nft-output");
  if (!input.fill(script) || output.fd() < 0)
    return fail(Blame::Self, std::string("cannot write a script for nft: ") + std::strerror(errno));
  const pid_t process = spawn(input.fd(), output.fd());
  if (process < 0) return fail(Blame::Operator, std::string("cannot run nft: ") + std::strerror(-process));
  int status = 0;
  if (!wait_for(process, status)) return fail(Blame::Operator, "nft did not end in time");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Blame::Operator, "nft refused the packet rules: " + output.first_line());
}

}  // namespace holdfast::vrrp
