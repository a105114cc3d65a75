#include "vrrp/driver_sysctl.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vrrp/driver_descriptor.h"

namespace holdfast::vrrp {
namespace {

constexpr std::string_view interfaces = "net/ipv4/conf/";

std::string file_of(const std::string& path) { return "/proc/sys/" + path; }

std::unexpected<Error> failed(const char* verb, const std::string& path) {
  return fail(Blame::Operator,
              std::string("cannot ") + verb + " " + file_of(path) + ": " + std::strerror(errno));
}

Result<std::string> read_value(const std::string& path) {
  Descriptor file(::open(file_of(path).c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];
  ssize_t n = file ? ::read(file.get(), text, sizeof text) : -1;
  if (n < 0) return failed("read", path);
  std::string value(text, static_cast<std::size_t>(n));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

Status write_value(const std::string& path, const std::string& value) {
  Descriptor file(::open(file_of(path).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) < 0) return failed("write", path);
  return {};
}

}  // namespace

void Sysctl::take_over(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::string_view words[3];
    for (std::string_view& word : words) {
      word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(line.size(), word.size() + 1));
    }
    const bool ours = words[0].starts_with(interfaces) && words[0].find("..") == words[0].npos;
    if (ours && !words[1].empty() && !words[2].empty())
      changes_.push_back({std::string(words[0]), std::string(words[1]), std::string(words[2])});
  }
}

std::string Sysctl::text() const {
  std::string text;
  for (const Change& c : changes_) text += c.path + " " + c.before + " " + c.now + "\n";
  return text;
}

Status Sysctl::set(const std::string& path, const std::string& value) {
  auto before = read_value(path);
  if (!before) return std::unexpected(before.error());
  auto known =
      std::find_if(changes_.begin(), changes_.end(), [&](const Change& c) { return c.path == path; });
  if (*before == value && known == changes_.end()) return {};
  if (*before != value)
    if (auto written = write_value(path, value); !written) return written;
  if (known == changes_.end())
    changes_.push_back({path, *before, value});
  else
    known->now = value;
  return {};
}

Status Sysctl::set_up_carrier(const std::string& interface) {
  const std::string directory = std::string(interfaces) + interface + "/";
  if (auto done = set(directory + "arp_ignore", "1"); !done) return done;
  return set(directory + "arp_announce", "2");
}

// Of rp_filter the kernel takes the greater of this and conf/all: loose (2) holds where strict (1) is set.
Status Sysctl::set_up_macvlan(const std::string& interface) {
  const std::string directory = std::string(interfaces) + interface + "/";
  for (auto [name, value] : {std::pair{"arp_ignore", "8"}, {"arp_announce", "2"}, {"rp_filter", "2"}})
    if (auto done = set(directory + name, value); !done) return done;
  return {};
}

Status Sysctl::restore() {
  Status result;
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    auto current = read_value(change->path);
    if (!current && ::access(file_of(change->path).c_str(), F_OK) != 0)
      continue;  // the interface is gone, and its settings with it
    Status done;
    if (!current)
      done = std::unexpected(current.error());
    else if (*current == change->now && *current != change->before)
      done = write_value(change->path, change->before);
    if (!done && result) result = done;
  }
  changes_.clear();
  return result;
}

}  // namespace holdfast::vrrp
