// The configuration file as the commands and the running process read it: one read, so that the text that
// is kept is the text that was checked.
#pragma once

#include <string>
#include <string_view>

#include "conf/load.h"
#include "proxy/base/result.h"

namespace holdfast {

inline constexpr std::size_t config_size_max = 4 << 20;  ///< bytes of a configuration file

struct ReadConfig {
  std::string text;
  conf::Loaded loaded;

  bool good() const { return loaded.snapshot != nullptr; }
};

/// An error of reading is a diagnostic like all others. With `load_tls`, certificates and keys are loaded
/// too, to see whether they are good; the engine does that by itself.
ReadConfig read_config(const std::string& path, const std::string& node, bool load_tls);
/// Likewise for a text that is not in the file yet.
ReadConfig read_config_text(std::string text, const std::string& path, const std::string& node,
                            bool load_tls);
/// Puts a text in a file's place, whole or not at all; owner and mode stay. The file must be there.
Status replace_file(const std::string& path, std::string_view text);
/// All diagnostics, one a line.
std::string diagnostics_text(const conf::Loaded& loaded);

}  // namespace holdfast
