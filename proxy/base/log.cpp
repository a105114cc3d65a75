#include "proxy/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <string>

namespace holdfast {

namespace {

std::atomic<LogLevel> least_level{LogLevel::Info};

void append_stamp(std::string& line) {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  tm parts{};
  gmtime_r(&t.tv_sec, &parts);
  char text[40];
  std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  line.append(text, n);
  std::snprintf(text, sizeof text, ".%03ldZ", t.tv_nsec / 1'000'000);
  line += text;
}

void append_value(std::string& line, std::string_view value) {
  bool plain = !value.empty();
  for (char c : value) plain = plain && c > ' ' && c != '"' && c != '\\' && c != '=' && c != 0x7f;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  unsigned char before = 0;
  for (char c : value) {
    auto u = static_cast<unsigned char>(c);
    const bool c1 = before == 0xc2 && u >= 0x80 && u <= 0x9f;  // U+0080 to U+009F: a terminal obeys them, too
    before = u;
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (u < 0x20 || u == 0x7f || c1) {
      if (c1) line.pop_back();
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", u);
      line += hex;
    } else {
      line += c;
    }
  }
  line += '"';
}

constexpr std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warning: return "warning";
    case LogLevel::Error: return "error";
  }
  return "?";
}

}  // namespace

void set_log_level(LogLevel least) { least_level.store(least, std::memory_order_relaxed); }

bool log_enabled(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }

void log(LogLevel level, std::string_view what, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  std::string line;
  line.reserve(160);
  append_stamp(line);
  line += ' ';
  line += level_name(level);
  line += ' ';
  line += what;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  line += '\n';
  // One write keeps lines of several threads whole; a full pipe loses a line rather than stall a loop.
  [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace holdfast
