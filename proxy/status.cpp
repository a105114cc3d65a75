#include "proxy/status.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace holdfast {

namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char* how, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, how);
  const int length = std::vsnprintf(text, sizeof text, how, arguments);
  va_end(arguments);
  return {text, std::min(static_cast<std::size_t>(length), sizeof text - 1)};
}

/// Lines of at most one screen's width, and what follows each on the first line they are cut at.
class Screen {
 public:
  void line(const std::string& text) {
    std::string clean = printable(text);
    if (clean.size() > status_columns) clean = clean.substr(0, status_columns - 1) + "~";
    lines_.push_back(clean.substr(0, clean.find_last_not_of(' ') + 1));
  }
  /// As many lines as it takes, broken between words.
  void paragraph(const std::string& indent, std::string_view text) {
    const std::size_t width = status_columns - indent.size();
    while (!text.empty()) {
      std::size_t end = text.size();
      if (end > width) {
        end = text.rfind(' ', width);
        if (end == text.npos || end == 0) end = width;
      }
      line(indent + std::string(text.substr(0, end)));
      text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ', end)));
    }
  }
  std::string text() const {
    std::string out;
    const bool all = lines_.size() <= status_lines;
    const std::size_t shown = all ? lines_.size() : status_lines - 1;
    for (std::size_t i = 0; i < shown; ++i) out += lines_[i] + "\n";
    if (!all) out += print("... %zu more lines: holdfast status --json\n", lines_.size() - shown);
    return out;
  }

 private:
  std::vector<std::string> lines_;
};

void show_process(Screen& screen, const StatusReport& r) {
  const std::string node = r.node.empty() ? "simplex" : "node " + r.node;
  screen.line("holdfast " + r.facts.version + "  " + node + "  " + r.state + "  up " + span_text(r.up) +
              print("  pid %d  %zu loops", r.pid, r.loops));
  screen.line("config   " + r.file + print("  generation %ju  hash ", std::uintmax_t{r.generation}) +
              r.hash.substr(0, 12));
  if (r.reload_at.us) screen.line("reload   " + stamp(r.reload_at) + "  " + r.reload_text);
  screen.line("memory   " + size_text(r.facts.resident_bytes) + "  held bodies " +
              size_text(r.retained_bytes) + " + " + size_text(r.spilled_bytes) +
              print(" on disk  %ju descriptors", std::uintmax_t{r.facts.open_descriptors}));
  if (r.shed || r.facts.access_log_dropped)
    screen.line(print("lost     %ju requests shed  %ju access log records", std::uintmax_t{r.shed},
                      std::uintmax_t{r.facts.access_log_dropped}));
}

void show_peer(Screen& screen, const StatusVip& vip, const std::string& own_hash) {
  const StatusPeer& peer = vip.peer;
  if (!vip.paired) return screen.line("peer     none: VRRP decides alone");
  std::string line = "peer     " + peer.name + "  " + peer.link + "  for " + span_text(peer.since) +
                     "  time-out " + span_text(peer.timeout);
  if (!peer.version.empty()) line += "  version " + peer.version;
  if (!peer.hash.empty()) line += peer.drift ? "" : "  same config";
  screen.line(line);
  if (peer.drift)
    screen.line("drift    " + peer.name + " runs " + peer.hash.substr(0, 12) + ", this node " +
                own_hash.substr(0, 12) + ": holdfast push");
}

/// One line a group, and why: what one came to read when an address is not where it was thought to be.
void show_vip(Screen& screen, const StatusReport& r) {
  if (!r.vip.running) return;
  screen.line("");
  show_peer(screen, r.vip, r.hash);
  if (!r.vip.real_time || !r.vip.memory_locked)
    screen.line(std::string("warning  the virtual IP's thread is not ") +
                (r.vip.real_time ? "locked in memory" : "real-time") + ": under load it may be late");
  for (const StatusVipGroup& g : r.vip.groups) {
    std::string addresses;
    for (const std::string& address : g.addresses) addresses += "  " + address;
    std::string line = "vip      " + g.name + "  " + g.role + "  for " + span_text(g.since) +
                       print("  epoch %ju", std::uintmax_t{g.epoch});
    if (g.role == "lingering") line += print("  %ju connections left", std::uintmax_t{g.lingering});
    screen.line(line + addresses);
    std::string why = g.because;
    if (!g.moves_if.empty()) why += (why.empty() ? "" : "; ") + g.moves_if;
    screen.paragraph("         ", why);
  }
}

struct Widths {
  int name = 0, address = 0;
};

/// Columns as narrow as the service's names allow: the reason at the end is what one came to read.
Widths widths_of(const StatusService& s) {
  constexpr std::size_t most = 24;
  Widths w;
  for (const StatusInstance& i : s.instances) {
    w.name = std::max(w.name, static_cast<int>(std::min(i.name.size(), most)));
    w.address = std::max(w.address, static_cast<int>(std::min(i.address.size(), most)));
  }
  return w;
}

void show_instance(Screen& screen, const StatusInstance& i, Widths w) {
  // A SQL secondary is not up, in that it takes no sessions; it is well all the same.
  const bool standby = i.sql_role == "secondary" && i.state == "down";
  screen.line(print(" %c %-*.24s  %-*s  %-7s  %-7s  ", i.active ? '*' : ' ', w.name, i.name.c_str(),
                    w.address, i.address.c_str(),
                    i.drained ? "drained" : standby ? "standby" : i.state.c_str(),
                    span_text(i.since).c_str()) +
              (i.sql_readable ? "readable " : "") + i.why);  // a SQL server's role is in its reason
}

void show_service(Screen& screen, const StatusService& s) {
  screen.line("");
  std::string active = "nothing active";
  bool any = false;
  for (const StatusInstance& i : s.instances) {
    if (i.active) active = "active " + i.name;
    any = any || (i.state == "up" && !i.drained);
  }
  if (s.mode == "balance") active = any ? "balanced" : "nothing up";
  screen.line(s.name + "  " + active + print("  %.1f/s", s.per_second) + "  p50 " + span_text(s.median) +
              "  p99 " + span_text(s.percentile99));
  screen.line(print("   %ju requests  %ju replayed  %ju errors of our own  %ju parked",
                    std::uintmax_t{s.requests}, std::uintmax_t{s.replays}, std::uintmax_t{s.errors_local},
                    std::uintmax_t{s.parked}));
  for (const StatusInstance& i : s.instances) show_instance(screen, i, widths_of(s));
}

void show_listens(Screen& screen, const StatusReport& r) {
  if (r.listens.empty()) return;
  screen.line("");
  screen.line(
      print("%-12s %-8s %8s %10s %6s  %s", "listen", "protocol", "open", "accepted", "bad", "address"));
  for (const StatusListen& l : r.listens) {
    std::string addresses;
    for (const std::string& address : l.bind) addresses += (addresses.empty() ? "" : " ") + address;
    screen.line(print("%-12s %-8s %8ju %10ju %6ju  ", l.name.c_str(), l.protocol.c_str(),
                      std::uintmax_t{l.open}, std::uintmax_t{l.accepted}, std::uintmax_t{l.bad_requests}) +
                addresses);
  }
}

}  // namespace

std::string status_text(const StatusReport& report) {
  Screen screen;
  show_process(screen, report);
  show_vip(screen, report);
  for (const StatusService& s : report.services) show_service(screen, s);
  show_listens(screen, report);
  return screen.text();
}

std::string stamp(WallTime t) {
  const auto seconds = static_cast<std::time_t>(t.us / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[48];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return std::string(text, length) + print(".%03dZ", static_cast<int>(t.us / 1000 % 1000));
}

std::string span_text(Duration d) {
  const auto us = static_cast<long long>(d.to_micros());
  const long long s = us / 1'000'000;
  if (us <= 0) return "0";
  if (us < 1'000) return print("%lldus", us);
  if (us < 1'000'000) return print("%.1fms", static_cast<double>(us) / 1e3);
  if (s < 60) return print("%.1fs", static_cast<double>(us) / 1e6);
  if (s < 3'600) return print("%lldm %llds", s / 60, s % 60);
  if (s < 86'400) return print("%lldh %lldm", s / 3'600, s / 60 % 60);
  return print("%lldd %lldh", s / 86'400, s / 3'600 % 24);
}

std::string size_text(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return print(unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace holdfast
