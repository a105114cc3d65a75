// What one route lookup costs as the configuration grows: nanoseconds per match() at 10 to 10,000
// routes, for a hit deep in a prefix, a wildcard host, and a miss. Prints one row a size; the columns
// must stay flat. Build: any optimised target that links hf_proxy.
#include <ctime>

#include <cstdio>
#include <string>
#include <vector>

#include "proxy/router.h"

namespace {

using namespace holdfast;

double seconds_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

conf::Snapshot snapshot_of(int routes) {
  conf::Snapshot s;
  s.listens.resize(1);
  for (int i = 0; i < routes; ++i) {
    conf::Route r;
    std::string n = std::to_string(i);
    r.path = "/api/v1/group" + n + (i % 3 == 0 ? "/*" : i % 3 == 1 ? "/items/*" : "/*/detail");
    if (i % 4 == 1) r.hosts = {"host" + n + ".example"};
    if (i % 4 == 3) r.hosts = {"*.site" + n + ".example"};
    s.routes.push_back(std::move(r));
  }
  return s;
}

double nanos_per_match(const Router& router, const std::vector<std::string>& hosts,
                       const std::vector<std::string>& paths) {
  constexpr std::size_t rounds = 400'000;
  const ListenRoutes& routes = *router.routes_of(0);
  std::size_t found = 0;
  double begin = seconds_now();
  for (std::size_t i = 0; i < rounds; ++i)
    found += router.find(routes, hosts[i % hosts.size()], paths[i % paths.size()], "GET") != nullptr;
  double spent = seconds_now() - begin;
  if (found == rounds + 1) std::puts("impossible");  // the result is used
  return spent / static_cast<double>(rounds) * 1e9;
}

}  // namespace

int main() {
  std::puts("routes     prefix   wildcard-host       miss   (ns per lookup)");
  for (int size : {10, 100, 1000, 10000}) {
    conf::Snapshot snapshot = snapshot_of(size);
    Router router(snapshot);
    std::vector<std::string> prefixes, wild_hosts, wild_paths;
    for (int i = 0; i < size; i += 12) prefixes.push_back("/api/v1/group" + std::to_string(i) + "/a/b/c/d");
    for (int i = 3; i < size; i += 12) {
      wild_hosts.push_back("www.site" + std::to_string(i) + ".example");
      wild_paths.push_back("/api/v1/group" + std::to_string(i) + "/x");
    }
    std::printf("%6d %10.1f %15.1f %10.1f\n", size, nanos_per_match(router, {"portal.example"}, prefixes),
                nanos_per_match(router, wild_hosts, wild_paths),
                nanos_per_match(router, {"portal.example"}, {"/static/css/site.css"}));
  }
}
