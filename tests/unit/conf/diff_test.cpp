#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

namespace {

using Lines = std::vector<std::string>;

Lines changes(const std::string& before, const std::string& after) {
  return diff(*load_good(before), *load_good(after));
}

std::string with_instances(const std::string& instances) {
  return "[listen.portal]\nbind = \"*:8080\"\n[service.supervisor]\ninstances = { " + instances + " }\n";
}

}  // namespace

TEST_CASE("the same file changes nothing, however it is written") {
  CHECK(changes(kSimplex, kSimplex) == Lines{});
  CHECK(changes(kSimplex, "# a remark\n" + kSimplex) == Lines{});
  CHECK(changes(kSimplex, "listen.portal.bind = \"*:8080\"\n" + kSimplex.substr(kSimplex.find("[service"))) ==
        Lines{});
}

TEST_CASE("an instance's changes have words of their own") {
  const std::string before = with_instances("a = \"10.0.0.1:80\", b = \"10.0.0.2:80\"");
  CHECK(changes(before, with_instances("a = \"10.0.0.1:80\", b = \"10.0.0.3:80\"")) ==
        Lines{"service.supervisor: instance b address 10.0.0.2:80 -> 10.0.0.3:80"});
  CHECK(
      changes(before, with_instances("a = \"10.0.0.1:80\", b = { address = \"10.0.0.2:80\", weight = 7 }")) ==
      Lines{"service.supervisor: instance b weight 100 -> 7"});
  CHECK(changes(before, with_instances("b = \"10.0.0.2:80\", a = \"10.0.0.1:80\"")) ==
        Lines{"service.supervisor: instances in another order"});
  CHECK(changes(before, with_instances("a = \"10.0.0.1:80\", c = \"10.0.0.4:80\"")) ==
        Lines{"service.supervisor: instance b removed (10.0.0.2:80)",
              "service.supervisor: instance c added (10.0.0.4:80)"});
}

TEST_CASE("every other directive is compared by its row of the schema") {
  CHECK(changes(kSimplex, kSimplex + "timeouts.connect = \"500ms\"\n") ==
        Lines{"service.supervisor: timeouts.connect 2s -> 500ms"});
  CHECK(changes(kSimplex, kSimplex + "check = { get = \"/health\", expect = \"200\" }\n") ==
        Lines{"service.supervisor: check.get (none) -> \"/health\"",
              "service.supervisor: check.tcp true -> (none)",
              "service.supervisor: check.expect 200-399 -> 200"});
  CHECK(changes(kSimplex, kSimplex + "tls = {}\n") == Lines{"service.supervisor: tls added"});
  CHECK(changes(kSimplex, kSimplex + "mode = \"balance\"\ncookie = \"HF\"\n") ==
        Lines{"service.supervisor: mode active-standby -> balance",
              "service.supervisor: cookie (none) -> \"HF\""});
  CHECK(changes(kSimplex, kSimplex + "[process]\nmemory-budget = \"1GiB\"\n") ==
        Lines{"process: memory-budget 256MiB -> 1GiB"});
  CHECK(changes(kSimplex, kSimplex + "[listen.api]\nbind = \"127.0.0.1:81\"\n") ==
        Lines{"listen.api: added"});
  CHECK(changes(kSimplex + "[listen.api]\nbind = \"127.0.0.1:81\"\n", kSimplex) ==
        Lines{"listen.api: removed"});
  const std::string route = "[[route]]\nservice = \"supervisor\"\n";
  CHECK(changes(kSimplex, kSimplex + route) == Lines{});  // what was implied is now written
  CHECK(changes(kSimplex + route, kSimplex + route + "deadline = \"4s\"\nreplay = \"keyed\"\n") ==
        Lines{"route *:/*: deadline 1m -> 4s", "route *:/*: replay idempotent -> keyed"});
}

TEST_CASE("routes are compared by name, wherever in the list they stand") {
  const auto routes = [](std::initializer_list<const char*> names) {
    std::string text = kSimplex;
    for (const std::string name : names)
      text += "[[route]]\nname = \"" + name.substr(0, 1) + "\"\nservice = \"supervisor\"\npath = \"/" +
              name.substr(0, 1) + "\"\n" + (name.size() > 1 ? "attempts = 7\n" : "");
    return text + "[[route]]\nservice = \"supervisor\"\n";
  };
  const std::string before = routes({"a", "b", "c", "d"});
  CHECK(changes(before, routes({"d", "c", "b", "a"})) == Lines{});
  CHECK(changes(before, routes({"a", "c", "d"})) == Lines{"route b: removed"});
  CHECK(changes(before, routes({"a", "b", "c", "d", "e"})) == Lines{"route e: added"});
  CHECK(changes(before, routes({"e", "a", "b", "c", "d"})) == Lines{"route e: added"});
  CHECK(changes(before, routes({"a", "b", "c+", "d"})) == Lines{"route c: attempts 4 -> 7"});
  CHECK(changes(before, routes({"a+", "b", "c", "d+"})) ==
        Lines{"route a: attempts 4 -> 7", "route d: attempts 4 -> 7"});
  CHECK(changes(before, routes({"a", "c+", "b", "e"})) ==
        Lines{"route d: removed", "route c: attempts 4 -> 7", "route e: added"});
}

TEST_CASE("a header's value is told apart and not shown") {
  const std::string route = kSimplex + "[[route]]\nservice = \"supervisor\"\nrequest-headers.set.X-Key = ";
  const Lines lines = changes(route + "\"geheim-1\"\n", route + "\"geheim-2\"\n");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("route *:/*: request-headers.set [X-Key (8 bytes #") == 0);
  CHECK(lines[0].find("geheim") == std::string::npos);
}
