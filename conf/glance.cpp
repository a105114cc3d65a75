#include "conf/load.h"
#include "conf/tree.h"

namespace holdfast::conf {
namespace {

std::string_view without_space(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == line.npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

/// The lines of [process] that name the socket; all others may be what breaks the file.
std::string naming_lines(std::string_view text) {
  std::string lines;
  bool inside = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = without_space(text.substr(0, end));
    if (line.starts_with('[')) inside = line.starts_with("[process]");
    if (inside && line.starts_with("control-socket")) lines.append("[process]\n").append(line);
    if (!lines.empty()) break;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

std::string glance_control_socket(std::string_view text, const std::string& name) {
  Parsed parsed = parse(text);
  if (!parsed.error.empty()) parsed = parse(naming_lines(text));
  const Value* process = parsed.error.empty() ? parsed.root.member("process") : nullptr;
  const Value* socket = process ? process->member("control-socket") : nullptr;
  if (!socket || socket->kind != Value::Kind::Text) return {};
  // As the schema has it: a relative name starts at the file's directory.
  const std::size_t slash = name.rfind('/');
  if (socket->text.starts_with('/') || slash == name.npos) return socket->text;
  return name.substr(0, slash) + "/" + socket->text;
}

}  // namespace holdfast::conf
