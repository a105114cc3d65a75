#include "proxy/vip_fitness.h"

#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

conf::Vip vip(const std::string& name, std::vector<std::string> addresses, const std::string& group = "") {
  conf::Vip v;
  v.name = name;
  v.addresses = std::move(addresses);
  v.group = group;
  return v;
}

conf::Listen listen(const std::string& name, std::vector<std::string> bind, const std::string& relayed = "") {
  conf::Listen l;
  l.name = name;
  for (const std::string& address : bind) l.bind.push_back(*Address::parse(address));
  l.protocol = relayed.empty() ? conf::Protocol::Http : conf::Protocol::Tds;
  l.service = relayed;
  return l;
}

conf::Route route(const std::string& service, std::vector<std::string> listens = {}) {
  conf::Route r;
  r.service = service;
  r.listen = std::move(listens);
  return r;
}

ServiceStatus service(const std::string& name, bool well, conf::Mode mode = conf::Mode::ActiveStandby) {
  ServiceStatus s;
  s.name = name;
  s.mode = mode;
  s.active = well && mode == conf::Mode::ActiveStandby ? 0 : -1;
  s.instances.resize(2);
  s.instances[1].usable = well;
  return s;
}

using All = std::vector<VipFitness>;
const VipFitness kFit{"v", true, ""};

VipFitness degraded(const std::string& group, const std::string& why) {
  return {group, false, why + " no instance that this node can reach"};
}

}  // namespace

TEST_CASE("fitness: every service behind the addresses must have an instance") {
  conf::Snapshot s;
  s.vips = {vip("v", {"10.0.0.9/24"})};
  s.listens = {listen("web", {"10.0.0.9:80"}), listen("sql", {"10.0.0.9:1433"}, "sql"),
               listen("other", {"127.0.0.1:80"})};
  s.routes = {route("web", {"web"}), route("other", {"other"})};
  CHECK(vip_fitness(s, {service("web", true), service("sql", true), service("other", false)}) == All{kFit});
  CHECK(vip_fitness(s, {service("web", false), service("sql", true)}) ==
        All{degraded("v", "service web has")});
  CHECK(vip_fitness(s, {service("web", false), service("sql", false)}) ==
        All{degraded("v", "services sql and web have")});
  CHECK(vip_fitness(s, {}) == All{degraded("v", "services sql and web have")});
  s.routes.push_back(route("other"));  // of all HTTP listeners
  CHECK(vip_fitness(s, {service("web", true), service("sql", true), service("other", false)}) ==
        All{degraded("v", "service other has")});
}

TEST_CASE("fitness: a listener on any address counts for the families it has") {
  conf::Snapshot s;
  s.vips = {vip("v", {"10.0.0.9/24"}), vip("six", {"2001:db8::9/64"})};
  s.listens = {listen("web", {"0.0.0.0:80"})};
  s.routes = {route("web")};
  CHECK(vip_fitness(s, {service("web", false)}) == All{degraded("v", "service web has"), {"six", true, ""}});
  s.listens.push_back(listen("six", {"[::]:80"}));
  CHECK(vip_fitness(s, {service("web", false)})[1].fit == false);
}

TEST_CASE("fitness: a group is as fit as the least of its members, and is told once") {
  conf::Snapshot s;
  s.vips = {vip("a", {"10.0.0.8/24"}, "v"), vip("b", {"10.0.0.9/24"}, "v")};
  s.listens = {listen("one", {"10.0.0.8:80"}), listen("two", {"10.0.0.9:80"})};
  s.routes = {route("x", {"one"}), route("y", {"two"})};
  CHECK(vip_fitness(s, {service("x", true), service("y", true)}) == All{kFit});
  CHECK(vip_fitness(s, {service("x", true), service("y", false)}) == All{degraded("v", "service y has")});
}

TEST_CASE("fitness: a balanced service needs any instance, and a redirect none") {
  conf::Snapshot s;
  s.vips = {vip("v", {"10.0.0.9/24"})};
  s.listens = {listen("web", {"10.0.0.9:80"})};
  s.routes = {route("web")};
  CHECK(vip_fitness(s, {service("web", true, conf::Mode::Balance)}) == All{kFit});
  CHECK(vip_fitness(s, {service("web", false, conf::Mode::Balance)})[0].fit == false);
  s.listens[0].redirect_https = 443;
  CHECK(vip_fitness(s, {}) == All{kFit});
}
