#include "conf/schema.h"

#include <array>

#include "conf/rules.h"

namespace holdfast::conf {
namespace {

// clang-format off: a row is two lines, what it is and what it says
constexpr Directive kProcess[] = {
    {"loops", Kind::Count, "0", slot<&Process::loops>,
     "Data loops (threads); 0: one per processor this process may use.", {0, 256}},
    {"batch-wakeups", Kind::Boolean, "true", slot<&Process::batch_wakeups>,
     "Under load a data loop may wait 50 us for more events before it asks for them, as long as that is seen to spare CPU."},
    {"drain-timeout", Kind::Duration, "30s", slot<&Process::drain_timeout>,
     "After SIGTERM, how long requests and tunnels may go on.", {0, 86'400'000}},
    {"control-socket", Kind::Output, "/run/holdfast.sock", slot<&Process::control_socket>,
     "Unix socket of `holdfast status`, `drain` and the other commands.", {1, 100}},
    {"spill-dir", Kind::Directory, "/var/tmp", slot<&Process::spill_dir>,
     "Directory for unlinked files of request bodies too large for memory."},
    {"memory-budget", Kind::Size, "256MiB", slot<&Process::memory_budget>,
     "Memory for parked and retained bodies of the whole process.", {1 << 20, 1ull << 40}},
    {"spill-budget", Kind::Size, "4GiB", slot<&Process::spill_budget>,
     "Disk space for the same.", {0, 1ull << 44}},
    {"access-log", Kind::Output, "", slot<&Process::access_log>,
     "File of the access log; \"-\" is standard output; none by default."},
    {"access-log-format", Kind::Choice, "json", slot<&Process::access_log_format>,
     "JSON lines, or the common log format."},
    {"user", Kind::Text, "", slot<&Process::user>,
     "User to become once the listeners are bound; not followed where a [vip] needs root.", {1, 64}, rule_name},
};

constexpr Directive kAdmin[] = {
    {"bind", Kind::BindList, "", slot<&Admin::bind>,
     "Addresses of `/metrics` and `/healthz`; none by default. Anyone who reaches them may read.", {1, 16}},
};
// clang-format on

template <auto Member>
void* add_named(Snapshot& snapshot, const std::string& name) {
  auto& item = (snapshot.*Member).emplace_back();
  item.name = name;
  return &item;
}

void* copy_route(Snapshot& snapshot, const void* object) {
  return &snapshot.routes.emplace_back(*static_cast<const Route*>(object));
}

bool equal_routes(const void* route, const void* other) {
  return *static_cast<const Route*>(route) == *static_cast<const Route*>(other);
}

template <auto Member>
std::vector<Item> named_items(Snapshot& snapshot) {
  std::vector<Item> items;
  items.reserve((snapshot.*Member).size());
  for (auto& item : snapshot.*Member) items.push_back({item.name, &item});
  return items;
}

template <auto Member>
void* only(Snapshot& snapshot, const std::string&) {
  return &(snapshot.*Member);
}

template <auto Member>
std::vector<Item> only_item(Snapshot& snapshot) {
  return {{"", &(snapshot.*Member)}};
}

void* whole_snapshot(Snapshot& snapshot, const std::string&) { return &snapshot; }
std::vector<Item> whole_snapshot_item(Snapshot& snapshot) { return {{"", &snapshot}}; }

constexpr std::array<std::string_view, 2> kLogFormats = {"json", "common"};
constexpr std::array<std::string_view, 2> kProtocols = {"http", "tds"};
constexpr std::array<std::string_view, 2> kModes = {"active-standby", "balance"};
constexpr std::array<std::string_view, 2> kVrrpChecksums = {"pseudo-header", "rfc9568"};
constexpr std::array<std::string_view, 4> kVrrpHmacs = {"off", "receive", "permissive", "enforce"};
constexpr std::array<std::string_view, 2> kTdsModes = {"aware", "opaque"};
constexpr std::array<std::string_view, 4> kTdsEncrypts = {"none", "login", "on", "strict"};
constexpr std::array<std::string_view, 3> kRecoveries = {"client", "always", "never"};
constexpr std::array<std::string_view, 3> kPools = {"off", "session", "transaction"};
constexpr std::array<std::string_view, 5> kReplays = {"never", "unsent", "idempotent", "keyed", "always"};

}  // namespace

std::span<const Directive> process_rows() { return kProcess; }
std::span<const Directive> admin_rows() { return kAdmin; }

std::span<const Section> sections() {
  static const Section kSections[] = {
      {"cluster", Shape::One, "The pair of nodes. Leave it out on a single server.", cluster_rows(),
       whole_snapshot, whole_snapshot_item},
      {"node", Shape::Named,
       "One server of the cluster. A node finds itself by `--node`, its host name or its address.",
       node_rows(), add_named<&Snapshot::nodes>, named_items<&Snapshot::nodes>},
      {"vip", Shape::Named,
       "A virtual IP: addresses that one node holds at a time. Listeners bind it by its name.", vip_rows(),
       add_named<&Snapshot::vips>, named_items<&Snapshot::vips>},
      {"process", Shape::One, "The process as a whole.", process_rows(), only<&Snapshot::process>,
       only_item<&Snapshot::process>},
      {"admin", Shape::One, "Metrics and health of Holdfast itself, over HTTP.", admin_rows(),
       only<&Snapshot::admin>, only_item<&Snapshot::admin>},
      {"listen", Shape::Named, "Where clients connect.", listen_rows(), add_named<&Snapshot::listens>,
       named_items<&Snapshot::listens>},
      {"service", Shape::Named, "The instances of one application, and how one of them is chosen.",
       service_rows(), add_named<&Snapshot::services>, named_items<&Snapshot::services>},
      {"route", Shape::List,
       "Which requests go to which service. The most specific route wins: host, then path, then "
       "method; the order in the file does not matter. With one service and no route, all requests go "
       "to it.",
       route_rows(), add_named<&Snapshot::routes>, named_items<&Snapshot::routes>, copy_route,
       equal_routes},
  };
  return kSections;
}

namespace {

std::span<const std::string_view> all_choices(const Slot& slot) {
  if (std::holds_alternative<LogFormat*>(slot)) return kLogFormats;
  if (std::holds_alternative<Protocol*>(slot)) return kProtocols;
  if (std::holds_alternative<Mode*>(slot)) return kModes;
  if (std::holds_alternative<Replay*>(slot)) return kReplays;
  if (std::holds_alternative<VrrpChecksum*>(slot)) return kVrrpChecksums;
  if (std::holds_alternative<VrrpHmac*>(slot)) return kVrrpHmacs;
  if (std::holds_alternative<TdsMode*>(slot)) return kTdsModes;
  if (std::holds_alternative<TdsEncrypt*>(slot)) return kTdsEncrypts;
  if (std::holds_alternative<SessionRecovery*>(slot)) return kRecoveries;
  if (std::holds_alternative<SqlPool*>(slot)) return kPools;
  return {};
}

}  // namespace

std::span<const std::string_view> choices(const Directive& row, const Slot& slot) {
  const auto all = all_choices(slot);
  return row.range.max ? all.first(row.range.max) : all;
}

}  // namespace holdfast::conf
