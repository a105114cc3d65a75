#include "proxy/commands_system.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "proxy/base/log.h"

namespace holdfast {

namespace {

constexpr std::size_t descriptors_process = 32;  // logs, control socket, control loop, checks
constexpr std::size_t descriptors_loop = 8;      // epoll, wake-up, signals

std::unexpected<Error> cannot(const std::string& name, const char* step) {
  return fail(Blame::Operator, "cannot run as user " + name + ": " + step + ": " + std::strerror(errno));
}

}  // namespace

unsigned loop_count(unsigned configured) {
  if (configured) return configured;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

void fill_standard_descriptors() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDONLY) != fd) return;
}

Status check_descriptor_limit(const conf::Snapshot& snapshot) {
  std::size_t addresses = 0;
  for (const conf::Listen& listen : snapshot.listens) addresses += listen.bind.size();
  const std::size_t loops = loop_count(snapshot.process.loops);
  const std::size_t needed = descriptors_process + loops * (descriptors_loop + addresses);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  return fail(Blame::Operator, "the limit of open files is " + std::to_string(limit.rlim_cur) + ", but " +
                                   std::to_string(loops) + " loops need " + std::to_string(needed) +
                                   " before the first client: raise it (ulimit -n, LimitNOFILE=)");
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log_warning("cannot raise the limit of open files", {{"why", std::strerror(errno)}});
}

void forbid_core_files() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0)
    log_warning("cannot forbid core files", {{"why", std::strerror(errno)}});
}

void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

Status switch_user(const std::string& name) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (const int number = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
      number != 0) {
    errno = number;
    return cannot(name, "looking it up");
  }
  if (!found) return fail(Blame::Operator, "cannot run as user " + name + ": there is no such user");
  if (::geteuid() == entry.pw_uid && ::getuid() == entry.pw_uid) return {};
  if (::initgroups(name.c_str(), entry.pw_gid) != 0) return cannot(name, "setting its groups");
  if (::setgid(entry.pw_gid) != 0) return cannot(name, "setting its group");
  if (::setuid(entry.pw_uid) != 0) return cannot(name, "setting it");
  if (entry.pw_uid != 0 && ::setuid(0) == 0)
    return fail(Blame::Self, "cannot run as user " + name + ": root could be taken back");
  return {};
}

}  // namespace holdfast
