#include "proxy/router.h"

#include <catch2/catch.hpp>
#include <random>

#include "proxy/router_path.h"

using namespace holdfast;

namespace {

struct Setup {
  conf::Snapshot snapshot;
  std::unique_ptr<Router> router;

  Setup() {
    snapshot.listens.resize(2);
    snapshot.listens[0].name = "portal";
    snapshot.listens[1].name = "api";
  }
  conf::Route& add(std::string name, std::string path, std::vector<std::string> hosts = {},
                   std::vector<std::string> methods = {}, std::vector<std::string> listen = {}) {
    conf::Route r;
    r.name = std::move(name);
    r.path = std::move(path);
    r.hosts = std::move(hosts);
    r.methods = std::move(methods);
    r.listen = std::move(listen);
    router.reset();
    snapshot.routes.push_back(std::move(r));
    return snapshot.routes.back();
  }
  Router::Match match(std::string_view host, std::string_view path, std::string_view method = "GET",
                      std::size_t listen = 0) {
    if (!router) router = std::make_unique<Router>(snapshot);
    return router->match(*router->routes_of(listen), host, path, method);
  }
  std::string name(std::string_view host, std::string_view path, std::string_view method = "GET",
                   std::size_t listen = 0) {
    Router::Match m = match(host, path, method, listen);
    if (m.route) return m.route->name;
    return m.miss == Router::Miss::Method ? "405" : m.miss == Router::Miss::Path ? "400" : "404";
  }
};

}  // namespace

TEST_CASE("the most specific path wins, whatever the order in the file") {
  Setup s;
  s.add("all", "/*");
  s.add("a-below", "/a/*");
  s.add("a", "/a");
  s.add("star-b", "/a/*/b");
  s.add("x-below", "/a/x/*");
  s.add("deep", "/a/*/b/*");
  struct Row {
    const char* path;
    const char* route;
  };
  const Row rows[] = {{"/", "all"},
                      {"/a", "a"},
                      {"/a/", "a-below"},
                      {"/a/y", "a-below"},
                      {"/a/y/b", "star-b"},
                      {"/a/x/b", "x-below"},
                      {"/a/x", "x-below"},
                      {"/a/y/b/c", "deep"},
                      {"/a/y/c", "a-below"},
                      {"/ab", "all"},
                      {"/A", "all"},
                      {"*", "all"},
                      {"/a/y/c/d/e", "a-below"}};
  for (Row row : rows) {
    INFO(row.path);
    CHECK(s.name("h", row.path) == row.route);
  }
}

TEST_CASE("a prefix route takes its own path and ends at a segment") {
  Setup s;
  s.add("api", "/api/*");
  CHECK(s.name("h", "/api") == "api");
  CHECK(s.name("h", "/api/") == "api");
  CHECK(s.name("h", "/api/v1/x") == "api");
  CHECK(s.name("h", "/apis") == "404");
  CHECK(s.name("h", "/") == "404");
  CHECK(s.name("h", "*") == "404");
}

TEST_CASE("a wildcard segment takes one segment that is not empty") {
  Setup s;
  s.add("call", "/calls/*/notes");
  CHECK(s.name("h", "/calls/17/notes") == "call");
  CHECK(s.name("h", "/calls/17/18/notes") == "404");
  CHECK(s.name("h", "/calls/notes") == "404");
  CHECK(s.name("h", "/calls/17") == "404");
}

TEST_CASE("hosts: exact, then longest wildcard, then any; one without the path falls through") {
  Setup s;
  s.add("any", "/*");
  s.add("wide", "/*", {"*.example"});
  s.add("narrow", "/*", {"*.a.example"});
  s.add("exact", "/only", {"x.a.example", "Y.Example."});
  CHECK(s.name("x.a.example", "/only") == "exact");
  CHECK(s.name("x.a.example", "/other") == "narrow");
  CHECK(s.name("deep.er.a.example", "/") == "narrow");
  CHECK(s.name("b.example", "/") == "wide");
  CHECK(s.name("example", "/") == "any");
  CHECK(s.name("", "/") == "any");
  CHECK(s.name("y.example", "/only") == "exact");
}

TEST_CASE("hosts compare without case, port and trailing dot") {
  Setup s;
  s.add("h", "/*", {"portal.example"});
  s.add("six", "/*", {"[2001:db8::1]"});
  for (const char* host :
       {"portal.example", "PORTAL.Example", "portal.example:8443", "portal.example.", "portal.example.:80"})
    CHECK(s.name(host, "/") == "h");
  CHECK(s.name("[2001:DB8::1]:443", "/") == "six");
  CHECK(s.name("xportal.example", "/") == "404");
  CHECK(s.name(std::string(70000, 'a'), "/") == "404");
}

TEST_CASE("a route that names the method wins, and only a method that nobody takes is 405") {
  Setup s;
  s.add("read", "/api/*", {}, {"GET", "HEAD"});
  s.add("post", "/api/calls", {}, {"POST"});
  CHECK(s.name("h", "/api/calls", "POST") == "post");
  CHECK(s.name("h", "/api/calls", "GET") == "read");
  CHECK(s.name("h", "/api/calls", "DELETE") == "405");
  CHECK(s.name("h", "/api/calls", "get") == "405");
  CHECK(s.name("h", "/x", "DELETE") == "404");
  s.add("rest", "/api/*");
  CHECK(s.name("h", "/api/x", "GET") == "read");
  CHECK(s.name("h", "/api/calls", "DELETE") == "rest");
}

TEST_CASE("routes belong to their listeners; none named means every HTTP listener") {
  Setup s;
  s.snapshot.listens.emplace_back().protocol = conf::Protocol::Tds;
  s.add("both", "/*");
  s.add("api", "/v1/*", {}, {}, {"api"});
  CHECK(s.name("h", "/v1/x", "GET", 0) == "both");
  CHECK(s.name("h", "/v1/x", "GET", 1) == "api");
  CHECK(s.name("h", "/v1/x", "GET", 2) == "404");
}

TEST_CASE("of equal routes the first in the file wins") {
  Setup s;
  s.add("first", "/a");
  s.add("second", "/a");
  CHECK(s.name("h", "/a") == "first");
}

TEST_CASE("no spelling of a path slips past its route") {
  Setup s;
  s.add("all", "/*");
  s.add("admin", "/admin/*");
  for (const char* path : {"/admin/x", "/%61dmin/x", "/pub/../admin/x", "/pub/%2e%2E/admin", "//admin/x",
                           "/./admin", "/pub/.%2e/admin/", "/admin//x", "/a/b/../../admin"}) {
    INFO(path);
    CHECK(s.name("h", path) == "admin");
  }
  for (const char* path :
       {"/..", "/../admin", "/a/../../admin", "/a%", "/a%2", "/a%zz", "/a%00b", "/pub/..%2fadmin",
        "/pub/..;/admin", "/pub/..%5cadmin", "/pub/..\\admin", "/pub%2f..%2fadmin", "/pub/.%2e%3b/admin"}) {
    INFO(path);
    CHECK(s.name("h", path) == "400");
  }
  for (const char* path :
       {"/pub/...", "/pub/a..b", "/pub;v=1/x", "/pub/a%2fb", "/.well-known/x", "/pub/%C3%BC", "/Admin"}) {
    INFO(path);
    CHECK(s.name("h", path) == "all");
  }
}

TEST_CASE("normalising is done once: doing it again changes nothing, and unneeded means unchanged") {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"/",   "/",   "a", "b",  ".",   "..", "%2e",
                                     "%2f", "%41", ";", "\\", "%25", "%2", "//"};
  for (int i = 0; i < 20000; ++i) {
    std::string path = "/";
    for (unsigned k = random() % 9; k > 0; --k) path += pieces[random() % std::size(pieces)];
    INFO(path);
    auto once = normalise(path);
    if (!needs_normalising(path)) REQUIRE(once == path);
    if (!once) continue;
    REQUIRE(once->starts_with('/'));
    REQUIRE(normalise(*once) == once);
    REQUIRE((*once + "/").find("/../") == std::string::npos);
    REQUIRE((*once + "/").find("/./") == std::string::npos);
  }
}

// The same rules, written as a scan over all routes that compares ranks.
namespace {

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < path.size();) {
    std::size_t next = std::min(path.find('/', i + 1), path.size());
    out.emplace_back(path.substr(i + 1, next - i - 1));
    i = next;
  }
  return out;
}

// "3" literal, "2" one wild segment, "1" the rest; longer and larger is more specific. Empty: no match.
std::string rank(const std::string& pattern, const std::string& path) {
  auto p = segments(pattern), s = segments(path);
  std::string out;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == "*" && i + 1 == p.size()) return out + "1";
    if (i >= s.size()) return {};
    if (p[i] == s[i])
      out += '3';
    else if (p[i] == "*" && !s[i].empty())
      out += '2';
    else
      return {};
  }
  return p.size() == s.size() ? out + "2" : std::string{};
}

}  // namespace

TEST_CASE("random routes agree with a plain scan") {
  std::mt19937 random(11);
  const std::string_view alphabet[] = {"a", "b", "*", "c", "dd"};
  for (int round = 0; round < 200; ++round) {
    Setup s;
    for (int i = 0; i < 30; ++i) {
      std::string path;
      for (unsigned k = 1 + random() % 4; k > 0; --k) path.append("/").append(alphabet[random() % 5]);
      s.add(path, path);
    }
    for (int i = 0; i < 100; ++i) {
      std::string path;
      for (unsigned k = 1 + random() % 5; k > 0; --k)
        path.append("/").append(random() % 9 ? alphabet[random() % 2] : "zz");
      std::string best_rank, best = "404";
      for (const conf::Route& r : s.snapshot.routes) {
        std::string k = rank(r.path, path);
        if (!k.empty() && k > best_rank) best_rank = k, best = r.name;
      }
      INFO(path);
      REQUIRE(s.name("h", path) == best);
    }
  }
}
