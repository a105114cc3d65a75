#include "vrrp/driver_second_chance.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "proxy/base/log.h"
#include "vrrp/driver_nft.h"

namespace holdfast::vrrp {

namespace {

using Family = Address::Family;

std::string_view word(Family family) { return family == Family::V4 ? "ip" : "ip6"; }

bool has(const ForwardPlan& plan, Family family) {
  return std::any_of(plan.addresses.begin(), plan.addresses.end(),
                     [&](auto& a) { return a.family == family; });
}

/// "ip saddr . tcp sport . ip daddr . tcp dport"
std::string flow_key(std::string_view ip) {
  return std::string(ip) + " saddr . tcp sport . " + std::string(ip) + " daddr . tcp dport";
}

std::string known_set(const ForwardRules& rules, Family family, const std::string& name) {
  std::string elements;
  for (const Connection& c : rules.known) {
    if (c.local.family != family) continue;
    elements += (elements.empty() ? "" : ", ") + c.remote.ip() + " . " + std::to_string(c.remote.port) +
                " . " + c.local.ip() + " . " + std::to_string(c.local.port);
  }
  std::string set = "  set " + name + " {\n    typeof " + flow_key(word(family)) + "\n";
  if (!elements.empty()) set += "    elements = { " + elements + " }\n";
  return set + "  }\n";
}

/// The rules of one group. A flow that conntrack never saw open is `new` when its first packet carries data
/// or an acknowledgement, as long as the sysctl is loose, and `invalid` when it is a FIN or RST or the sysctl
/// is strict. As we drop it, it never becomes a tracked flow. Out of window packets of flows that live here
/// are `invalid` as well: those must stay here, or the peer would reset a connection it does not know.
std::string group_chain(const ForwardRules& rules, Family family, const std::string& name, bool loose) {
  const Address& peer = family == Family::V4 ? rules.plan.peer_v4 : rules.plan.peer_v6;
  const std::string away = " counter dup to " + peer.ip() + " device \"" + rules.plan.interface + "\" drop\n";
  const std::string errors =
      family == Family::V4
          ? "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
          : "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }";
  std::string chain = "  chain " + name + " {\n";
  chain += "    " + flow_key(word(family)) + " @" + name + "_known accept\n";
  chain += "    tcp flags & (syn | ack) == syn accept\n";
  if (loose) {
    chain += "    meta l4proto tcp ct state new" + away;
    chain += "    tcp flags & (fin | rst) != 0 ct state invalid" + away;
  } else {
    chain += "    meta l4proto tcp ct state new,invalid" + away;
  }
  // Path MTU discovery of the connections over there; what belongs to one of ours is `related`.
  chain += "    " + errors + " ct state invalid" + away;
  return chain + "  }\n";
}

std::string destinations(const ForwardPlan& plan, Family family) {
  std::string list;
  for (const Address& a : plan.addresses)
    if (a.family == family) list += (list.empty() ? "" : ", ") + a.ip();
  return std::string(word(family)) + " daddr { " + list + " }";
}

std::string family_table(const std::map<std::string, ForwardRules>& rules, Family family, bool loose) {
  const std::string name = "table " + std::string(word(family)) + " " + std::string(forward_table);
  std::string chains, jumps;
  std::size_t number = 0;
  for (const auto& [group, one] : rules) {
    if (!has(one.plan, family)) continue;
    const std::string chain = "group" + std::to_string(number++);
    chains += known_set(one, family, chain + "_known") + group_chain(one, family, chain, loose);
    jumps += "    " + destinations(one.plan, family) + " jump " + chain + "\n";
  }
  std::string out = name + "\ndelete " + name + "\n";  // naming it makes it, so that deleting cannot fail
  if (chains.empty()) return out;
  out += name + " {\n" + chains + "  chain prerouting {\n";
  out += "    type filter hook prerouting priority mangle; policy accept;\n    iif lo accept\n";
  return out + jumps + "  }\n}\n";
}

bool plain_interface(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == '@' || c == ':';
  };
  return !name.empty() && name.size() < 16 && std::all_of(name.begin(), name.end(), plain);
}

/// Absent as long as nothing tracks connections; the kernel's default is 1.
bool tcp_loose() {
  char digit = '1';
  const int fd = ::open("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  const bool read = ::read(fd, &digit, 1) == 1;
  ::close(fd);
  return !read || digit != '0';
}

bool conntrack_present() { return ::access("/proc/sys/net/netfilter/nf_conntrack_max", F_OK) == 0; }

}  // namespace

Status check_plan(const ForwardPlan& plan) {
  if (plan.addresses.empty()) return fail(Blame::Operator, "there is no virtual address to forward for");
  if (!plain_interface(plan.interface))
    return fail(Blame::Operator, "'" + plan.interface + "' cannot be an interface in a packet rule");
  if (has(plan, Family::V4) && plan.peer_v4.family != Family::V4)
    return fail(Blame::Operator,
                "no IPv4 address of the other node is known, so its connections cannot be kept");
  if (has(plan, Family::V6) && plan.peer_v6.family != Family::V6)
    return fail(Blame::Operator,
                "no IPv6 address of the other node is known, so its connections cannot be kept");
  return {};
}

std::string forward_script(const std::map<std::string, ForwardRules>& rules, bool loose) {
  return family_table(rules, Family::V4, loose) + family_table(rules, Family::V6, loose);
}

void SecondChance::start() {
  // Without nft there is nothing to take away, and no hand-over without a reset until somebody asks for one.
  errands_.run([] { (void)run_nft(forward_script({}, true)); }, [] {});
}

Status SecondChance::change(std::map<std::string, ForwardRules> next) {
  Status done = run_nft(forward_script(next, tcp_loose()));
  if (done) {
    rules_ = std::move(next);
  } else if (!conntrack_present()) {
    done.error().text += "; the kernel has no connection tracking (nf_conntrack)";
  }
  return done;
}

void SecondChance::install(std::string group, ForwardPlan plan, Done done) {
  auto result = std::make_unique<Status>();
  Status* out = result.get();
  auto work = [this, out, group = std::move(group), plan = std::move(plan)]() mutable {
    if (*out = check_plan(plan); !*out) return;
    auto known = read_connections(plan.addresses);
    if (!known) {
      *out = std::unexpected(known.error());
      return;
    }
    auto next = rules_;
    next.insert_or_assign(group, ForwardRules{std::move(plan), std::move(*known)});
    *out = change(std::move(next));
  };
  errands_.run(std::move(work),
               [result = std::move(result), done = std::move(done)]() mutable { done(std::move(*result)); });
}

void SecondChance::remove(std::string group) {
  auto work = [this, group = std::move(group)] {
    auto next = rules_;
    if (next.erase(group) == 0) return;
    if (Status done = change(std::move(next)); !done)
      log_error("packet rules stay", {{"group", group}, {"why", done.error().text}});
  };
  errands_.run(std::move(work), [] {});
}

}  // namespace holdfast::vrrp
