// The pair of nodes and its virtual IPs: what must be different, what must be the same, and what the
// wire cannot carry.
#include <map>
#include <set>

#include "conf/units.h"
#include "conf/validate.h"

namespace holdfast::conf {
namespace {

std::string at(const Node& node, const char* name) { return "node." + node.name + "." + name; }
std::string at(const Vip& vip, const char* name) { return "vip." + vip.name + "." + name; }

Address ip_of(const std::string& address) {
  return Address::from_ip(std::string_view(address).substr(0, address.find('/')), 0).value_or(Address{});
}
bool is_v6(const std::string& address) { return ip_of(address).family == Address::Family::V6; }

// ---- nodes ----

void check_addresses(const Snapshot& s, Report& report) {
  std::map<std::string, std::string> owners;
  const auto claim = [&](const std::string& ip, const Node& node, const std::string& path) {
    const auto [first, added] = owners.emplace(ip_of(ip).ip(), node.name);
    if (!added && !ip.empty())
      report.error(report.place(path), "[node." + first->second + "] has the same address");
  };
  for (const Node& node : s.nodes) {
    claim(node.address, node, at(node, "address"));
    for (std::size_t i = 0; i < node.heartbeat.size(); ++i)
      claim(node.heartbeat[i], node, at(node, "heartbeat.") + std::to_string(i));
  }
}

/// What a peer channel and heartbeats need of both nodes; a path has an end on each.
void check_paths(const Node& a, const Node& b, Report& report) {
  const auto one_family = [&](const std::string& x, const std::string& y, const std::string& path) {
    if (!x.empty() && !y.empty() && is_v6(x) != is_v6(y))
      report.error(report.place(path), y + " cannot be reached from " + x + ": one is IPv4 and one IPv6");
  };
  one_family(a.address, b.address, at(b, "address"));
  if (a.heartbeat.size() != b.heartbeat.size())
    return report.error(report.place(at(b, "heartbeat")),
                        "each path has an address on both nodes, and [node." + a.name + "] has " +
                            std::to_string(a.heartbeat.size()) + " in heartbeat, this one " +
                            std::to_string(b.heartbeat.size()));
  for (std::size_t i = 0; i < a.heartbeat.size(); ++i)
    one_family(a.heartbeat[i], b.heartbeat[i], at(b, "heartbeat.") + std::to_string(i));
}

void check_nodes(const Snapshot& s, Report& report) {
  const std::size_t before = report.errors();
  check_addresses(s, report);
  const std::size_t count = s.nodes.size();
  if (count > 2)
    report.error(report.place("node." + s.nodes[2].name),
                 "a cluster is a pair: there are " + std::to_string(count) + " [node.NAME], and may be two");
  else if (report.given("cluster.secret-file") && count != 2)
    report.error(report.place("cluster.secret-file"),
                 std::string("a peer channel is between two nodes, and there is ") +
                     (count == 0 ? "no [node.NAME]" : "only [node." + s.nodes[0].name + "]") +
                     ": add the other, or leave secret-file out and let VRRP decide alone");
  else if (count == 2 && report.errors() == before)
    check_paths(s.nodes[0], s.nodes[1], report);
}

/// Zero has had its own mistake reported.
void check_pace(const Snapshot& s, Report& report) {
  const Cluster& c = s.pair;
  if (c.silence_min > Duration{} && c.silence_min < c.heartbeat * 2)
    report.error(
        report.place(report.given("cluster.silence-min") ? "cluster.silence-min" : "cluster.heartbeat"),
        "silence-min must be at least twice the heartbeat: " + format_duration(c.heartbeat * 2) + "; it is " +
            format_duration(c.silence_min));
  if (c.silence_max > Duration{} && c.silence_max < c.silence_min)
    report.error(
        report.place(report.given("cluster.silence-max") ? "cluster.silence-max" : "cluster.silence-min"),
        "silence-max must not be less than silence-min, " + format_duration(c.silence_min) + "; it is " +
            format_duration(c.silence_max));
}

// ---- virtual IPs ----

/// On one network, and with one interface a node there is one, an address and a virtual router are once.
void check_unique(const Snapshot& s, Report& report) {
  std::map<std::string, std::string> addresses;
  for (const Node& node : s.nodes) addresses.emplace(ip_of(node.address).ip(), "node." + node.name);
  std::map<std::pair<int, bool>, std::string> routers;
  for (const Vip& vip : s.vips) {
    std::set<bool> families;
    for (std::size_t i = 0; i < vip.addresses.size(); ++i) {
      families.insert(is_v6(vip.addresses[i]));
      const auto [first, added] = addresses.emplace(ip_of(vip.addresses[i]).ip(), "vip." + vip.name);
      if (!added)
        report.error(report.place(at(vip, "addresses.") + std::to_string(i)),
                     first->first + " is an address of [" + first->second + "] already");
    }
    for (bool v6 : families) {
      const auto [first, added] = routers.emplace(std::pair(vip.vrid, v6), vip.name);
      if (!added && vip.vrid != 0)
        report.error(report.place(at(vip, "vrid")), "[vip." + first->second + "] has the same vrid for " +
                                                        (v6 ? "IPv6" : "IPv4") +
                                                        ", and would be taken for the same router");
    }
  }
}

void check_interval(const Vip& vip, Report& report) {
  const bool v2 = vip.version == 2;
  const Duration unit = v2 ? 1_s : 10_ms;
  if (vip.advertise.ns % unit.ns != 0)
    report.error(report.place(at(vip, "advertise")),
                 std::string("VRRP version ") +
                     (v2 ? "2 counts whole seconds" : "3 counts hundredths of a second") + "; got " +
                     format_duration(vip.advertise));
  if (!v2) return;
  for (std::size_t i = 0; i < vip.addresses.size(); ++i)
    if (is_v6(vip.addresses[i]))
      report.error(report.place(at(vip, "addresses.") + std::to_string(i)),
                   "VRRP version 2 is of IPv4 only: give " + vip.addresses[i] + " a [vip] of its own");
}

void check_vip(const Snapshot& s, const Vip& vip, Report& report) {
  check_interval(vip, report);
  if (!vip.prefer.empty() && !contains_name(s.nodes, vip.prefer))
    report.error(report.place(at(vip, "prefer")),
                 "there is no [node." + vip.prefer + "]" + name_suggestion(vip.prefer, s.nodes));
  if (vip.hmac != VrrpHmac::Off && !report.given(at(vip, "hmac-key-file")))
    report.error(report.place(at(vip, "hmac")), "hmac needs hmac-key-file");
  if (vip.hmac == VrrpHmac::Off && !vip.hmac_key.empty())
    report.warning(report.place(at(vip, "hmac-key-file")),
                   "the key is not used: hmac is off; say \"receive\", \"permissive\" or \"enforce\"");
  if (vip.unicast && s.nodes.size() < 2)
    report.error(report.place(at(vip, "unicast")),
                 "unicast needs to know the other node, keepalived or not: add its [node.NAME]");
}

/// What a group does is done for all of its members: they cannot differ in it.
void check_groups(const Snapshot& s, Report& report) {
  std::map<std::string, const Vip*> groups;
  for (const Vip& vip : s.vips) {
    if (vip.group.empty()) continue;
    const Vip& first = *groups.emplace(vip.group, &vip).first->second;
    const auto same = [&](bool equal, const char* name) {
      if (!equal)
        report.error(report.place(at(report.given(at(vip, name)) ? vip : first, name)),
                     "[vip." + first.name + "] and [vip." + vip.name + "] are of one group and differ in " +
                         quoted(name));
    };
    same(first.prefer == vip.prefer, "prefer");
    same(first.preempt == vip.preempt, "preempt");
    same(first.preempt_delay == vip.preempt_delay, "preempt-delay");
    same(first.linger == vip.linger, "linger");
  }
  for (const Vip& vip : s.vips)  // one that is alone is a group of its own name
    if (vip.group != vip.name && groups.contains(vip.name))
      report.error(report.place(at(*groups[vip.name], "group")),
                   "[vip." + vip.name + "] has the group's name and is not in it: name the group otherwise");
}

void check_witness(const Snapshot& s, Report& report) {
  if (s.pair.witness.empty()) return;
  const Service* service = s.service(s.pair.witness);
  const auto wrong = [&](const std::string& what) { report.error(report.place("cluster.witness"), what); };
  if (!service)
    wrong("there is no [service." + s.pair.witness + "]" + name_suggestion(s.pair.witness, s.services));
  else if (!service->monitor)
    wrong("[service." + s.pair.witness + "] needs a monitor: the witness logs in as it does");
  else if (service->monitor->database.empty())
    wrong("[service." + s.pair.witness + "] needs monitor.database: the witness's table is made there");
  else if (s.pair.secret.empty())
    wrong("a witness is asked when the peer channel is silent, and there is none without secret-file");
}

}  // namespace

void validate_cluster(const Snapshot& s, Report& report) {
  check_nodes(s, report);
  check_pace(s, report);
  check_witness(s, report);
  if (s.vips.empty()) {
    if (report.given("cluster.secret-file"))
      report.warning(report.place("cluster.secret-file"),
                     "there is no [vip.NAME]: nothing moves between the nodes");
    return;
  }
  if (s.nodes.empty())
    report.error(report.place("vip." + s.vips.front().name),
                 "a virtual IP needs a [node.NAME] with the address and interface of this host");
  for (const Node& node : s.nodes)
    if (node.interface.empty())
      report.error(
          report.place("node." + node.name),
          "[node." + node.name + "] needs \"interface\" to carry virtual addresses, such as \"eth0\"");
  check_unique(s, report);
  for (const Vip& vip : s.vips) check_vip(s, vip, report);
  check_groups(s, report);
}

}  // namespace holdfast::conf
