#include "proxy/commands_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/plan.h"

namespace holdfast {

namespace {

constexpr std::size_t file_max = 8 << 20;  // bytes

conf::Loaded unusable(conf::Loaded loaded, const std::string& path, std::string why) {
  loaded.snapshot = nullptr;
  conf::Diagnostic d;
  d.file = path;
  d.text = std::move(why);
  loaded.diagnostics.push_back(std::move(d));
  return loaded;
}

Result<std::string> read_text(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return fail(Blame::Operator, std::string("cannot open: ") + std::strerror(errno));
  std::string text;
  char buffer[65536];
  ssize_t n = 0;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0 && text.size() < file_max)
    text.append(buffer, static_cast<std::size_t>(n));
  const int number = errno;
  ::close(fd);
  if (n < 0) return fail(Blame::Operator, std::string("cannot read: ") + std::strerror(number));
  if (n > 0) return fail(Blame::Operator, "cannot be a configuration: it is larger than 8 MiB");
  return text;
}

}  // namespace

ReadConfig read_config(const std::string& path, const std::string& node, bool load_tls) {
  ReadConfig config;
  Result<std::string> text = read_text(path);
  if (!text) {
    config.loaded = unusable({}, path, text.error().text);
    return config;
  }
  config.text = std::move(*text);
  conf::LoadOptions options;
  options.node = node;
  config.loaded = conf::load_text(config.text, path, options);
  if (!config.loaded.snapshot || !load_tls) return config;
  if (const auto plan = Plan::make(config.loaded.snapshot); !plan)
    config.loaded = unusable(std::move(config.loaded), path, plan.error().text);
  return config;
}

std::string diagnostics_text(const conf::Loaded& loaded) {
  std::string out;
  for (const conf::Diagnostic& d : loaded.diagnostics) out += d.format() + "\n";
  return out;
}

}  // namespace holdfast
