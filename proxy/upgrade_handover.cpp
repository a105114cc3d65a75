#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "proxy/upgrade.h"

namespace holdfast {

namespace {

constexpr const char* variable = "HOLDFAST_INHERIT";
constexpr std::size_t descriptors_max = 4096;
constexpr std::size_t state_max = 16 << 20;  // bytes

std::unexpected<Error> malformed(std::string_view what) {
  return fail(Blame::Operator, std::string(variable) + " is malformed: " + std::string(what));
}

Status take_one(std::string_view item, Handover& handover) {
  const std::size_t equals = item.rfind('=');
  if (equals == item.npos || equals == 0) return malformed(item);
  const std::string_view key = item.substr(0, equals), number = item.substr(equals + 1);
  int fd = -1;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), fd);
  if (parsed.ec != std::errc{} || parsed.ptr != number.data() + number.size() || fd < 3)
    return malformed(item);
  if (key == "@state")
    handover.state = fd;
  else if (key == "@ready")
    handover.ready = fd;
  else
    handover.listeners.push_back({std::string(key), fd});
  return {};
}

Status close_on_exec(int fd) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags < 0 || ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
    return fail(Blame::Operator,
                "descriptor " + std::to_string(fd) + " was not handed over: " + std::strerror(errno));
  return {};
}

}  // namespace

std::string encode(const Handover& handover) {
  std::string out = "@state=" + std::to_string(handover.state) + ",@ready=" + std::to_string(handover.ready);
  for (const HandedDescriptor& d : handover.listeners) out += "," + d.key + "=" + std::to_string(d.fd);
  return out;
}

Result<Handover> parse_handover(std::string_view text) {
  Handover handover;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (Status one = take_one(text.substr(0, comma), handover); !one) return std::unexpected(one.error());
    if (handover.listeners.size() > descriptors_max) return malformed("too many descriptors");
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  if (handover.state < 0 || handover.ready < 0) return malformed("@state and @ready are missing");
  return handover;
}

Result<Handover> take_handover() {
  const char* value = std::getenv(variable);
  if (!value) return Handover{};
  const std::string text = value;
  ::unsetenv(variable);
  Result<Handover> handover = parse_handover(text);
  if (!handover) return handover;
  std::vector<int> all = {handover->state, handover->ready};
  for (const HandedDescriptor& d : handover->listeners) all.push_back(d.fd);
  for (int fd : all)
    if (Status done = close_on_exec(fd); !done) return std::unexpected(done.error());
  return handover;
}

Result<std::string> read_state(int fd) {
  struct stat info{};
  std::string text;
  bool whole =
      ::fstat(fd, &info) == 0 && info.st_size >= 0 && static_cast<std::size_t>(info.st_size) <= state_max;
  if (whole) {
    text.resize(static_cast<std::size_t>(info.st_size));
    whole = ::pread(fd, text.data(), text.size(), 0) == info.st_size;
  }
  ::close(fd);
  if (!whole) return fail(Blame::Self, "the state of the last process cannot be read");
  return text;
}

void report_ready(int fd) {
  // The old process may be gone; then there is nobody to tell.
  [[maybe_unused]] const ssize_t ignored = ::write(fd, "1", 1);
  ::close(fd);
}

Program this_program(std::vector<std::string> arguments) {
  Program program;
  if (!arguments.empty() && arguments[0].starts_with('/')) {
    program.path = arguments[0];  // may be a link that is moved to the next version
  } else {
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    if (length > 0) program.path.assign(path, static_cast<std::size_t>(length));
  }
  program.arguments = std::move(arguments);
  return program;
}

}  // namespace holdfast
