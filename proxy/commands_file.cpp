#include "proxy/commands_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "conf/file.h"
#include "proxy/plan.h"

namespace holdfast {

namespace {

conf::Loaded unusable(conf::Loaded loaded, const std::string& path, std::string why) {
  loaded.snapshot = nullptr;
  conf::Diagnostic d;
  d.file = path;
  d.text = std::move(why);
  loaded.diagnostics.push_back(std::move(d));
  return loaded;
}

}  // namespace

ReadConfig read_config(const std::string& path, const std::string& node, bool load_tls) {
  ReadConfig config;
  conf::FileText file = conf::read_whole(path, config_size_max);  // regular files: a FIFO would hang a reload
  if (!file.error.empty()) {
    config.loaded = unusable({}, path, "cannot be read: " + file.error);
    return config;
  }
  return read_config_text(std::move(file.text), path, node, load_tls);
}

ReadConfig read_config_text(std::string text, const std::string& path, const std::string& node,
                            bool load_tls) {
  ReadConfig config;
  config.text = std::move(text);
  conf::LoadOptions options;
  options.node = node;
  config.loaded = conf::load_text(config.text, path, options);
  if (!config.loaded.snapshot || !load_tls) return config;
  if (const auto plan = Plan::make(config.loaded.snapshot); !plan)
    config.loaded = unusable(std::move(config.loaded), path, plan.error().text);
  return config;
}

Status replace_file(const std::string& path, std::string_view text) {
  const auto refused = [&](const std::string& what) {
    return fail(Blame::Operator, path + ": " + what + ": " + std::strerror(errno));
  };
  char resolved[PATH_MAX];  // a link stays a link
  if (!::realpath(path.c_str(), resolved)) return refused("cannot be found");
  struct stat info{};
  if (::stat(resolved, &info) != 0) return refused("cannot be read");
  std::string fresh = std::string(resolved) + ".XXXXXX";
  const int fd = ::mkstemp(fresh.data());
  if (fd < 0) return refused("no file can be made beside it");
  bool good = ::fchmod(fd, info.st_mode & 07777) == 0 && ::fchown(fd, info.st_uid, info.st_gid) == 0;
  while (good && !text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    good = n > 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(n));
  }
  good = good && ::fsync(fd) == 0;
  ::close(fd);
  if (good && ::rename(fresh.c_str(), resolved) == 0) return {};
  Status status = refused("cannot be replaced");
  ::unlink(fresh.c_str());
  return status;
}

std::string diagnostics_text(const conf::Loaded& loaded) {
  std::string out;
  for (const conf::Diagnostic& d : loaded.diagnostics) out += d.format() + "\n";
  return out;
}

}  // namespace holdfast
