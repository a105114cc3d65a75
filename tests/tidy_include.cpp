#include <algorithm>

#include "tests/tidy_check.h"

namespace holdfast::tidy {
namespace {

using List = std::vector<std::string_view>;

struct Layer {
  std::string_view name;
  List prefixes;       ///< files; the first layer that matches owns the file
  List may_include;    ///< names of layers
};

// base <- machines, conf, io <- engine parts <- drivers <- assembly <- commands, main. See "Shape" in the README.
const std::vector<Layer>& layers() {
  static const std::vector<Layer> table = {
      {"base", {"proxy/base/"}, {"base"}},
      {"io", {"proxy/io/"}, {"base", "io"}},
      {"snapshot", {"conf/snapshot.h"}, {"base", "snapshot"}},
      {"conf", {"conf/"}, {"base", "snapshot", "conf"}},
      {"http driver", {"proxy/http/driver"}, {"base", "io", "snapshot", "http", "engine", "http driver"}},
      {"tds driver", {"tds/driver"}, {"base", "io", "snapshot", "tds", "engine", "tds driver"}},
      {"vrrp driver", {"vrrp/driver"}, {"base", "io", "snapshot", "vrrp", "engine", "vrrp driver"}},
      {"http", {"proxy/http/"}, {"base", "snapshot", "http"}},
      {"tds", {"tds/"}, {"base", "snapshot", "tds"}},
      {"vrrp", {"vrrp/"}, {"base", "snapshot", "vrrp"}},
      {"assembly",
       {"proxy/worker", "proxy/engine."},
       {"base", "io", "snapshot", "http", "tds", "engine", "http driver", "tds driver", "vrrp driver", "assembly"}},
      {"commands",
       {"proxy/commands", "proxy/main.cpp"},
       {"base", "io", "snapshot", "conf", "http", "engine", "tds", "tds driver", "vrrp", "vrrp driver", "assembly",
        "commands"}},
      {"engine", {"proxy/"}, {"base", "io", "snapshot", "http", "tds", "engine"}},
      {"tests", {"tests/", "bench/"}, {"*"}},
  };
  return table;
}

struct Library {
  List headers;  ///< prefixes of what stands between < and >
  List files;  ///< prefixes of the files that may include it
  std::string_view name;
};

// One file a library; a second entry is that file's own private header, or the other half of a pair.
const std::vector<Library>& libraries() {
  static const std::vector<Library> table = {
      {{"uv.h", "uv/"}, {"proxy/io/io_uv"}, "libuv"},
      {{"openssl/"},
       {"proxy/io/tls.cpp", "proxy/io/tls_openssl.h", "proxy/base/crypto.cpp", "tests/", "bench/"},
       "OpenSSL"},
      {{"llhttp"}, {"proxy/http/parser.cpp"}, "llhttp"},
      {{"emmintrin.h"}, {"proxy/http/scan.h"}, "SSE2"},
      {{"toml"}, {"conf/parse.cpp"}, "toml++"},
      {{"nghttp2/"}, {"proxy/http/h2.cpp"}, "nghttp2"},
      {{"sybdb.h", "sybfront.h", "ctpublic.h"}, {"tds/driver_freetds.cpp", "tests/portal/sql_client.cpp"}, "FreeTDS"},
      {{"linux/netlink", "linux/rtnetlink", "libnl", "netlink/"},
       {"vrrp/driver_netlink.cpp", "vrrp/driver_netlink_wire.h"},
       "netlink"},
      {{"xxhash.h"}, {"proxy/http/driver_resume.cpp"}, "xxHash"},
      {{"mimalloc"}, {"proxy/main.cpp", "proxy/metrics_process.cpp"}, "mimalloc"},
      {{"sqlite3.h"}, {"tests/sqlnode/sql_"}, "SQLite"},
      {{"catch2/"}, {"tests/", "bench/"}, "Catch2"},
  };
  return table;
}

const List posix = {"arpa/",       "dirent.h", "dlfcn.h",   "endian.h", "fcntl.h",  "grp.h",     "ifaddrs.h",
                    "linux/",      "malloc.h", "net/",      "netdb.h",  "netinet/", "poll.h",    "pthread.h",
                    "pwd.h",       "sched.h",  "signal.h",  "spawn.h",  "stdlib.h", "strings.h", "sys/",
                    "semaphore.h", "syslog.h", "termios.h", "time.h",   "unistd.h"};

// What a machine that only turns bytes and `now` into actions has no use for.
const List io_and_clock = {"sys/",    "netinet/",  "arpa/",  "netdb.h", "poll.h",   "unistd.h",
                           "fcntl.h", "pthread.h", "time.h", "thread",  "mutex",    "condition_variable",
                           "future",  "chrono",    "ctime",  "fstream", "iostream", "filesystem"};
const List heavy = {"regex", "iostream", "chrono", "filesystem", "fstream", "sstream", "future"};

const Layer* layer_of(std::string_view path) {
  for (const Layer& layer : layers())
    if (starts_with_any(path, layer.prefixes)) return &layer;
  return nullptr;
}

bool contains(const List& list, std::string_view item) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view e) { return e == item || e == "*"; });
}

std::string complain(std::string_view path, std::string_view include, std::string_view why) {
  return std::string(path) + " may not include " + std::string(include) + ": " + std::string(why);
}

void check_own(std::string_view path, const Layer& from, std::string_view include, Complaints& out) {
  const Layer* to = layer_of(include);
  if (!to || include.find('/') == include.npos) {
    out.push_back(complain(path, include, "includes are written from the root, as in \"proxy/base/time.h\""));
  } else if (!contains(from.may_include, to->name)) {
    std::string why = std::string(from.name) + " may not depend on " + std::string(to->name);
    out.push_back(complain(path, include, why));
  } else if (to->name == "tests" && from.name != "tests") {
    out.push_back(complain(path, include, "the program does not depend on its tests"));
  }
}

bool one_of(std::string_view include, const List& names) {
  for (std::string_view name : names)
    if (include == name || (name.ends_with('/') && include.starts_with(name))) return true;
  return false;
}

void check_system(std::string_view path, const Layer& from, std::string_view include, Complaints& out) {
  const bool test = from.name == "tests";
  for (const Library& library : libraries()) {
    if (!starts_with_any(include, library.headers)) continue;
    if (!starts_with_any(path, library.files))
      out.push_back(complain(
          path, include, std::string(library.name) + " belongs to " + std::string(library.files.front())));
    return;
  }
  if (include.find('.') != include.npos && !one_of(include, posix))
    out.push_back(complain(path, include, "neither the standard library, POSIX nor a library we know"));
  const bool machine = from.name == "http" || from.name == "tds" || from.name == "vrrp";
  if (machine && one_of(include, io_and_clock))
    out.push_back(
        complain(path, include, "a machine takes bytes and `now`; it has no socket, clock or thread"));
  if (!test && path.ends_with(".h") && one_of(include, heavy))
    out.push_back(complain(path, include, "too heavy for a header"));
}

}  // namespace

Complaints check_includes(std::string_view path, std::string_view text) {
  Complaints out;
  const Layer* from = layer_of(path);
  if (!from) return {std::string(path) + " is in no layer of tests/tidy_include.cpp"};
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with("#include")) continue;
    const std::size_t open = line.find_first_of("<\"");
    const std::size_t close = open == line.npos ? open : line.find_first_of(">\"", open + 1);
    if (close == line.npos) continue;
    const std::string_view include = line.substr(open + 1, close - open - 1);
    if (line[open] == '"')
      check_own(path, *from, include, out);
    else
      check_system(path, *from, include, out);
  }
  return out;
}

}  // namespace holdfast::tidy
