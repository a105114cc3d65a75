#include "proxy/control_state.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace holdfast {

namespace {

constexpr std::string_view first_line = "holdfast-state 1";
constexpr std::size_t reason_max = 300;

// A field may hold anything but what separates fields and lines.
std::string field(std::string_view text) {
  std::string out(text.substr(0, reason_max));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return out;
}

std::string age(Instant since, Instant now) {
  return std::to_string(std::max<std::int64_t>((now - since).ns, 0));
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  while (true) {
    std::size_t end = text.find(by);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<HealthState> health(std::string_view text) {
  for (HealthState s : {HealthState::Unknown, HealthState::Up, HealthState::Down})
    if (text == name_of(s)) return s;
  return std::nullopt;
}

bool read_service(const std::vector<std::string_view>& f, Instant now, std::vector<ServiceMemory>& out) {
  if (f.size() != 6) return false;
  auto elections = number(f[3]), epoch = number(f[4]), last = number(f[5]);
  if (!elections || !epoch || !last) return false;
  ServiceMemory& s = out.emplace_back();
  s.name = f[1];
  s.active = f[2];
  s.elections = static_cast<std::uint64_t>(*elections);
  s.epoch = static_cast<std::uint64_t>(*epoch);
  s.last_election = now - Duration{*last};
  return true;
}

bool read_instance(const std::vector<std::string_view>& f, Instant now, std::vector<ServiceMemory>& out) {
  if (f.size() != 7 || out.empty()) return false;
  auto state = health(f[3]);
  auto since = number(f[5]);
  if (!state || !since || (f[4] != "drained" && f[4] != "ready")) return false;
  out.back().instances.push_back({std::string(f[1]), std::string(f[2]), *state, f[4] == "drained",
                                  now - Duration{*since}, std::string(f[6])});
  return true;
}

}  // namespace

std::string write_memories(const std::vector<ServiceMemory>& services, Instant now) {
  std::string out(first_line);
  out += '\n';
  auto line = [&out](std::initializer_list<std::string> fields) {
    std::string_view separator;
    for (const std::string& f : fields) {
      out.append(separator).append(field(f));
      separator = "\t";
    }
    out += '\n';
  };
  for (const ServiceMemory& s : services) {
    line({"service", s.name, s.active, std::to_string(s.elections), std::to_string(s.epoch),
          age(s.last_election, now)});
    for (const ServiceMemory::Instance& i : s.instances)
      line({"instance", i.name, i.address, std::string(name_of(i.health)), i.drained ? "drained" : "ready",
            age(i.since, now), i.reason});
  }
  return out;
}

Result<std::vector<ServiceMemory>> read_memories(std::string_view text, Instant now) {
  std::vector<std::string_view> lines = split(text, '\n');
  if (lines.size() < 2 || lines.front() != first_line || !lines.back().empty())
    return fail(Blame::Self, "the state handed over is not in the format this binary reads");
  std::vector<ServiceMemory> out;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    std::vector<std::string_view> fields = split(lines[i], '\t');
    bool good = fields[0] == "service" ? read_service(fields, now, out)
                                       : fields[0] == "instance" && read_instance(fields, now, out);
    if (!good) return fail(Blame::Self, "the state handed over is broken in line " + std::to_string(i + 1));
  }
  return out;
}

}  // namespace holdfast
