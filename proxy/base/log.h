// The process log: one line of key=value text per call, to standard error, safe from any thread.
// It is for the operator and for rare things; a request never logs here on its good path.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace holdfast {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

void set_log_level(LogLevel least);
bool log_enabled(LogLevel level);

struct LogField {
  std::string_view key;
  std::string_view value;
};

/// Writes "2026-11-22T12:00:00.123Z level what key=value ...". Values are quoted where they need it,
/// and control bytes are escaped, so that hostile input cannot forge a line.
void log(LogLevel level, std::string_view what, std::initializer_list<LogField> fields = {});

inline void log_info(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Info, what, fields);
}
inline void log_warning(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Warning, what, fields);
}
inline void log_error(std::string_view what, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Error, what, fields);
}

}  // namespace holdfast
