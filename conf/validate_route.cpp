#include <algorithm>
#include <unordered_map>

#include "conf/schema.h"
#include "conf/units.h"
#include "conf/validate.h"

namespace holdfast::conf {
namespace {

void append_joined(std::string& out, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) out.append(&text == &texts.front() ? "" : ",").append(text);
}

/// "portal:/api/*", "portal,api:app.example/", "*:POST /x".
std::string made_name(const Route& route) {
  std::string name = route.listen.empty() ? "*" : "";
  append_joined(name, route.listen);
  name += ':';
  append_joined(name, route.methods);
  if (!route.methods.empty()) name += ' ';
  append_joined(name, route.hosts);
  return name += route.path;
}

std::string path_of(std::size_t index) { return "route." + std::to_string(index); }

void check_references(const Snapshot& s, const Route& route, const std::string& path, Report& report) {
  if (!route.service.empty() && !contains_name(s.services, route.service))
    report.error(report.place(path + ".service"),
                 "there is no [service." + route.service + "]" + name_suggestion(route.service, s.services));
  for (std::size_t i = 0; i < route.listen.size(); ++i) {
    const auto place = [&] { return report.place(path + ".listen." + std::to_string(i)); };
    const auto found = std::find_if(s.listens.begin(), s.listens.end(),
                                    [&](const Listen& listen) { return listen.name == route.listen[i]; });
    if (found == s.listens.end())
      report.error(place(), "there is no [listen." + route.listen[i] + "]" +
                              name_suggestion(route.listen[i], s.listens));
    else if (found->protocol != Protocol::Http)
      report.error(place(), "[listen." + found->name + "] is not an HTTP listener: routes are of HTTP only");
  }
}

void check_amounts(const Route& route, const std::string& path, Report& report) {
  if (route.retain_memory > route.retain_max && report.given(path + ".retain-memory"))
    report.error(report.place(path + ".retain-memory"),
                 "retain-memory is a part of retain, which is only " + format_size(route.retain_max));
}

/// Visits every listener, host, path and method that the route stands for, as one text; "*" is any.
template <class Visit>
void for_each_claim(const Snapshot& s, const Route& route, Visit visit) {
  static const std::vector<std::string> any = {"*"};
  std::vector<std::string> all;
  if (route.listen.empty())
    for (const Listen& listen : s.listens)
      if (listen.protocol == Protocol::Http) all.push_back(listen.name);
  std::string claim;  // one memory for all of them
  for (const std::string& listen : route.listen.empty() ? all : route.listen)
    for (const std::string& host : route.hosts.empty() ? any : route.hosts)
      for (const std::string& method : route.methods.empty() ? any : route.methods) {
        claim.assign(listen).append(" ").append(method).append(" ").append(host).append(" ").append(route.path);
        visit(claim);
      }
}

/// The router takes the most specific route, so a route is hidden only by its equal.
void check_reachable(const Snapshot& s, Report& report) {
  std::unordered_map<std::string, std::size_t> owners;
  owners.reserve(s.routes.size());
  for (std::size_t i = 0; i < s.routes.size(); ++i) {
    if (report.spoiled(path_of(i))) continue;  // it may be another's equal only by its mistake
    bool reachable = false;
    std::size_t hider = i;
    for_each_claim(s, s.routes[i], [&](const std::string& claim) {
      const auto [first, added] = owners.try_emplace(claim, i);
      reachable = reachable || added || first->second == i;
      if (!added) hider = first->second;
    });
    if (!reachable && hider != i)
      report.error(report.place(path_of(i)), "this route is never reached: the one in line " +
                                                 std::to_string(report.place(path_of(hider)).line) +
                                                 " has the same listener, host, path and method");
  }
}

void check_listeners_served(const Snapshot& s, Report& report) {
  if (report.spoiled("route")) return;
  for (std::size_t i = 0; i < s.routes.size(); ++i)
    if (report.spoiled(path_of(i))) return;  // it may be the one that is missed
  for (const Listen& listen : s.listens) {
    if (listen.protocol != Protocol::Http || listen.redirect_https) continue;
    const bool served = std::any_of(s.routes.begin(), s.routes.end(), [&](const Route& route) {
      return route.listen.empty() ||
             std::find(route.listen.begin(), route.listen.end(), listen.name) != route.listen.end();
    });
    if (!served)
      report.error(report.place("listen." + listen.name),
                   "[listen." + listen.name + "] has no route: add a [[route]]");
  }
}

void name_routes(Snapshot& s, Report& report) {
  std::unordered_map<std::string_view, std::size_t> names;
  names.reserve(s.routes.size());
  for (std::size_t i = 0; i < s.routes.size(); ++i) {
    Route& route = s.routes[i];
    for (std::string& host : route.hosts)  // RFC 9110 section 4.2.3: hosts have no case
      for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool given = !route.name.empty();
    if (!given) route.name = made_name(route);
    const auto [first, added] = names.emplace(route.name, i);
    if (!added && given)
      report.error(report.place(path_of(i) + ".name"),
                   "the route in line " + std::to_string(report.place(path_of(first->second)).line) +
                       " has the same name");
  }
}

}  // namespace

void validate_routes(Snapshot& s, Report& report) {
  name_routes(s, report);
  for (std::size_t i = 0; i < s.routes.size(); ++i) {
    const std::size_t before = report.errors();
    const std::string path = path_of(i);
    check_references(s, s.routes[i], path, report);
    check_amounts(s.routes[i], path, report);
    if (report.errors() > before) report.spoil(path);
  }
  check_reachable(s, report);
  check_listeners_served(s, report);
}

}  // namespace holdfast::conf
