// From a file to a Snapshot. All errors are reported at once, each with its place and the remedy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"

namespace holdfast::conf {

struct Diagnostic {
  bool error = true;       ///< false: a warning; the file can be used
  std::string file;
  unsigned line = 0;       ///< from 1; 0: the file as a whole
  unsigned column = 0;
  std::string text;        ///< what is wrong, what was expected, the nearest valid name

  std::string format() const;  ///< "file:line:column: error: text"
};

struct LoadOptions {
  std::string node;        ///< --node; empty: found by host name or by address
  std::string host_name;   ///< this host's; empty: asked from the system
  bool look_up = true;     ///< false: a host name in `instances` is an error, the network is not asked
};

struct Loaded {
  SnapshotPtr snapshot;    ///< null if there is an error
  std::vector<Diagnostic> diagnostics;
};

/// Reads and checks a file: syntax, names, types, units, ranges, references between sections,
/// unreachable routes, duplicate binds, files that must be readable. Does not open a socket.
Loaded load_file(const std::string& path, const LoadOptions& options = {});
Loaded load_text(std::string_view text, const std::string& name, const LoadOptions& options = {});

/// [process] control-socket as it stands in a text, be the text valid or not, so that the commands find the
/// running process while its file is broken. Empty: not there. Looks up no name and opens no file.
std::string glance_control_socket(std::string_view text, const std::string& name);

/// Whether a text has a [vip], be the rest of it right or wrong. Looks up no name and opens no file: no secret.
bool glance_has_vip(std::string_view text);

/// What a reload from `before` to `after` would change, one line a change; empty: nothing.
std::vector<std::string> diff(const Snapshot& before, const Snapshot& after);

/// The generated reference of every directive, as Markdown.
std::string reference();

}  // namespace holdfast::conf
