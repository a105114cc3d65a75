#include "proxy/commands_system.h"

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
