// Small files read whole: the configuration itself and the error pages. Bounded, regular files only;
// reading happens at load, never while requests are served.
#pragma once

#include <cstddef>
#include <string>

namespace holdfast::conf {

struct FileText {
  std::string text;
  std::string error;  ///< empty: read
};

FileText read_whole(const std::string& name, std::size_t most);

/// Why a file cannot be read, or empty.
std::string why_unreadable(const std::string& name);

}  // namespace holdfast::conf
