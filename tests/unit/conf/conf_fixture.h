// What the tests of the configuration share: loading a text with or without mistakes, and a directory
// of its own for files that a configuration names. The directory goes when the test ends.
#pragma once

#include <unistd.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "conf/load.h"

namespace holdfast::conf {

class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "holdfast-conf-XXXXXX";
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string all_text(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += diagnostic.format() + "\n";
  return out;
}

/// Nothing here may ask the network or depend on this host's name.
inline LoadOptions alone() { return {.node = "", .host_name = "nobody", .look_up = false}; }

inline SnapshotPtr load_good(const std::string& text, LoadOptions options = alone()) {
  Loaded loaded = load_text(text, "t.toml", options);
  INFO(all_text(loaded.diagnostics));
  REQUIRE(loaded.snapshot);
  return loaded.snapshot;
}

/// A whole file, to which a test adds lines.
inline const std::string kSimplex =
    "[listen.portal]\n"
    "bind = [\"*:8080\"]\n"
    "[service.supervisor]\n"
    "instances = { a = \"127.0.0.1:9001\", b = \"127.0.0.1:9002\" }\n";

}  // namespace holdfast::conf
