#include "proxy/vip_fitness.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace holdfast {

namespace {

using Names = std::set<std::string>;

bool serves(const conf::Listen& listen, const conf::Vip& vip) {
  for (const std::string& text : vip.addresses) {
    const auto ip = Address::from_ip(std::string_view(text).substr(0, text.find('/')), 0);
    if (!ip) continue;
    const Address any = *Address::from_ip(ip->family == Address::Family::V6 ? "::" : "0.0.0.0", 0);
    for (const Address& bound : listen.bind)
      if (bound.ip() == ip->ip() || bound.ip() == any.ip()) return true;
  }
  return false;
}

void add_services(const conf::Snapshot& s, const conf::Listen& listen, Names& names) {
  if (listen.protocol == conf::Protocol::Tds) names.insert(listen.service);
  if (listen.protocol != conf::Protocol::Http || listen.redirect_https) return;
  for (const conf::Route& route : s.routes)
    if (route.listen.empty() ||
        std::find(route.listen.begin(), route.listen.end(), listen.name) != route.listen.end())
      names.insert(route.service);
}

bool can_serve(const ServiceStatus& service) {
  if (service.mode == conf::Mode::ActiveStandby) return service.active >= 0;
  return std::any_of(service.instances.begin(), service.instances.end(),
                     [](const InstanceStatus& i) { return i.usable; });
}

std::string sentence(const Names& without) {
  std::string names;
  std::size_t n = 0;
  for (const std::string& name : without) {
    if (n > 0) names += n + 1 == without.size() ? " and " : ", ";
    names += name;
    ++n;
  }
  return (n == 1 ? "service " : "services ") + names + (n == 1 ? " has" : " have") +
         " no instance that this node can reach";
}

}  // namespace

std::vector<VipFitness> vip_fitness(const conf::Snapshot& snapshot,
                                    const std::vector<ServiceStatus>& services) {
  std::vector<VipFitness> out;
  std::vector<Names> needed;
  for (const conf::Vip& vip : snapshot.vips) {
    auto group = std::find_if(out.begin(), out.end(),
                              [&](const VipFitness& f) { return f.group == vip.group_name(); });
    if (group == out.end()) {
      out.push_back({vip.group_name(), true, {}});
      needed.emplace_back();
      group = out.end() - 1;
    }
    for (const conf::Listen& listen : snapshot.listens)
      if (serves(listen, vip))
        add_services(snapshot, listen, needed[static_cast<std::size_t>(group - out.begin())]);
  }
  Names able;
  for (const ServiceStatus& service : services)
    if (can_serve(service)) able.insert(service.name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::erase_if(needed[i], [&](const std::string& name) { return able.contains(name); });
    if (needed[i].empty()) continue;
    out[i].fit = false;
    out[i].why = sentence(needed[i]);
  }
  return out;
}

}  // namespace holdfast
