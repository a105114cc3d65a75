#include "vrrp/driver_cpu.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

namespace holdfast::vrrp {

namespace {

std::string contents(const std::string& path) {
  char text[512];
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t n = ::read(fd, text, sizeof text);
  ::close(fd);
  return {text, n > 0 ? static_cast<std::size_t>(n) : 0};
}

/// proc(5), task/TID/stat: the state follows the name, which is in brackets and may have any character.
char state_of(const std::string& stat) {
  const std::size_t end = stat.rfind(')');
  return end == stat.npos || end + 2 >= stat.size() ? '?' : stat[end + 2];
}

}  // namespace

CpuShare::CpuShare(const std::string& thread_name) {
  const std::string tasks = "/proc/self/task/";
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir(tasks.c_str()), ::closedir);
  while (const dirent* one = all ? ::readdir(all.get()) : nullptr) {
    std::string folder = tasks + one->d_name;
    if (contents(folder + "/comm") != thread_name + "\n") continue;
    folder_ = std::move(folder);
    return;
  }
}

/// The kernel's own account of the time a thread ran (schedstat) is exact while it waits, that of its waiting
/// is not.
Duration CpuShare::of(Duration step) {
  if (folder_.empty()) return step;
  const std::string account = contents(folder_ + "/schedstat");
  std::uint64_t ran = 0;
  const auto [end, error] = std::from_chars(account.data(), account.data() + account.size(), ran);
  if (error != std::errc{}) return step;
  const auto before = std::exchange(ran_, ran);
  if (state_of(contents(folder_ + "/stat")) != 'R' || !before) return step;
  return std::min(step, Duration::nanos(static_cast<std::int64_t>(ran - *before)));
}

}  // namespace holdfast::vrrp
