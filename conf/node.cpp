#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <array>

#include "conf/validate.h"

namespace holdfast::conf {
namespace {

std::string system_host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool is_local(const std::string& ip) {
  const auto wanted = Address::from_ip(ip, 0);
  ifaddrs* all = nullptr;
  if (!wanted || getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* i = all; i && !found; i = i->ifa_next) {
    if (!i->ifa_addr) continue;
    const bool v6 = i->ifa_addr->sa_family == AF_INET6;
    if (!v6 && i->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, NI_MAXHOST> text{};
    const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    if (getnameinfo(i->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
      found = Address::from_ip(text.data(), 0) == wanted;
  }
  freeifaddrs(all);
  return found;
}

}  // namespace

void find_node(Snapshot& s, const LoadOptions& options, Report& report) {
  if (!options.node.empty()) {
    if (contains_name(s.nodes, options.node))
      s.node = options.node;
    else
      report.error({}, "--node names " + quoted(options.node) + ", and there is no such [node.NAME]" +
                           name_suggestion(options.node, s.nodes));
    return;
  }
  if (s.nodes.empty()) return;
  const std::string host = options.host_name.empty() ? system_host_name() : options.host_name;
  const std::string label = host.substr(0, host.find('.'));  // nodes have short names
  for (const Node& node : s.nodes)
    if (node.name == label) s.node = node.name;
  for (const Node& node : s.nodes)
    if (s.node.empty() && is_local(node.address)) s.node = node.name;
  if (s.node.empty())
    report.error(report.place("node." + s.nodes.front().name),
                 "no [node.NAME] is this host: neither is its name " + quoted(label) +
                     " there, nor has it one of the addresses; say --node NAME");
}

}  // namespace holdfast::conf
