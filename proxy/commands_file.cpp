#include "proxy/commands_file.h"

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
  config.text = std::move(file.text);
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
