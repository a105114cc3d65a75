#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "proxy/metrics_text.h"

namespace holdfast {

namespace {

std::uint64_t resident_bytes() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
  unsigned long total = 0, resident = 0;
  if (!file || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return 0;
  return std::uint64_t{resident} * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return 0;
  std::uint64_t entries = 0;
  while (readdir(folder.get())) ++entries;
  constexpr std::uint64_t own = 3;  // ".", ".." and the descriptor of the folder itself
  return entries > own ? entries - own : 0;
}

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

}  // namespace

void measure_process(ProcessFacts& facts) {
  facts.resident_bytes = resident_bytes();
  facts.open_descriptors = open_descriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptor_limit = limit.rlim_cur;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    facts.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

}  // namespace holdfast
