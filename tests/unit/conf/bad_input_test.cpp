// Files with one mistake each: the error must stand at the mistake, and say what was expected.
#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

namespace {

struct Bad {
  std::string text;
  unsigned line, column;
  const char* fragment;
};

const std::string kListen = "[listen.l]\nbind = \"*:81\"\n";
const std::string kService = "[service.s]\ninstances = { a = \"127.0.0.1:9\" }\n";
const std::string kRoute = "[[route]]\nservice = \"s\"\n";

// What a row adds stands in line 5, or line 7 of a route.
std::string listen(const std::string& added) { return kService + kListen + added + "\n"; }
std::string service(const std::string& added) { return kListen + kService + added + "\n"; }
std::string route(const std::string& added) { return kListen + kService + kRoute + added + "\n"; }
std::string instances(const std::string& value) {
  return kListen + "[service.s]\ninstances = " + value + "\n";
}
std::string bind(const std::string& value) { return kService + "[listen.l]\nbind = " + value + "\n"; }

void expect_only(const Bad& bad) {
  INFO(bad.text);
  const Loaded loaded = load_text(bad.text, "t.toml", alone());
  INFO(all_text(loaded.diagnostics));
  CHECK_FALSE(loaded.snapshot);
  std::vector<Diagnostic> errors;
  for (const Diagnostic& diagnostic : loaded.diagnostics)
    if (diagnostic.error) errors.push_back(diagnostic);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].file == "t.toml");
  CHECK(errors[0].line == bad.line);
  CHECK(errors[0].column == bad.column);
  CHECK_THAT(errors[0].text, Catch::Matchers::Contains(bad.fragment));
}

}  // namespace

TEST_CASE("bad syntax and unknown names") {
  const std::string fine = kListen + kService;
  const Bad rows[] = {
      {"", 0, 0, "there is no [listen.NAME]"},
      {"[listen.l\n", 1, 10, ""},
      {"a = tru\n", 1, 8, "saw 'tru\\n'"},
      {"# a\n[[[x]]]\n", 2, 3, "cannot stand here"},
      {"# \xc3\xa4\n[listen.\xc3\xa4]\n", 2, 9, ""},
      {fine + "[service.s]\n", 5, 1, ""},
      {fine + "[proces]\n", 5, 2, "there is no section \"proces\"; did you mean \"process\"?"},
      {fine + "[zebra]\n", 5, 2, "there is no section \"zebra\"; valid: \"cluster\", \"node\""},
      {"x = 1\n" + fine, 1, 1, "there is no section \"x\""},
      {listen("bnd = \"*:82\""), 5, 1, "[listen.l] has no directive \"bnd\"; did you mean \"bind\"?"},
      {listen("timeouts = { idel = \"4s\" }"), 5, 14,
       "\"timeouts\" of [listen.l] has no directive \"idel\"; did you mean \"idle\"?"},
      {listen("timeouts.hedaer = \"4s\""), 5, 10, "did you mean \"header\"?"},
      {service("moed = \"balance\""), 5, 1, "did you mean \"mode\"?"},
      {service("check = { gett = \"/\" }"), 5, 11, "did you mean \"get\"?"},
      {service("password = \"hunter2\""), 5, 1, "[service.s] has no directive \"password\""},
      {route("pth = \"/\""), 7, 1, "[[route]] has no directive \"pth\"; did you mean \"path\"?"},
      {fine + "[listen]\nx = 1\n", 6, 1, "expected [listen.NAME]"},
      {fine + "[service.\"a b\"]\ninstances = { a = \"127.0.0.1:8\" }\n[[route]]\nservice = \"s\"\n", 5, 10,
       "expected a name"},
      {fine + "[route]\nservice = \"s\"\n", 5, 2, "expected [[route]], in two pairs of brackets"},
      {fine + "[[process]]\nloops = 1\n", 5, 3, "expected [process]; got a list"},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("wrong types, missing units, out of range") {
  const Bad rows[] = {
      {listen("access-log = \"yes\""), 5, 14, "expected true or false; got a text"},
      {listen("limits = 5"), 5, 10, "expected a table { ... }; got a number"},
      {listen("limits = { connections = \"many\" }"), 5, 26, "expected a whole number; got a text"},
      {listen("limits = { connections = 1.5 }"), 5, 26, "expected a whole number; got a fraction"},
      {listen("limits = { connections = -1 }"), 5, 26, "at least 0"},
      {listen("limits = { header-count = 1 }"), 5, 27, "expected from 4 to 10000; got 1"},
      {listen("limits = { header-bytes = 4096 }"), 5, 27,
       "a size with its unit, such as \"64KiB\"; got the bare number 4096"},
      {listen("limits = { header-bytes = \"4096\" }"), 5, 27, "one of B, KiB"},
      {listen("limits = { header-bytes = \"4kib\" }"), 5, 27, "got \"4kib\""},
      {listen("limits = { header-bytes = \"1GiB\" }"), 5, 27, "expected from 256B to 1MiB; got 1GiB"},
      {listen("timeouts = { idle = 75 }"), 5, 21,
       "a duration with its unit, such as \"500ms\"; got the bare number 75"},
      {listen("timeouts = { idle = \"75\" }"), 5, 21, "one of us, ms, s, m, h, d"},
      {listen("timeouts = { idle = \"1 s\" }"), 5, 21, "got \"1 s\""},
      {listen("timeouts = { idle = \"0s\" }"), 5, 21, "expected from 1ms to 1d; got 0s"},
      {listen("timeouts = { idle = \"2d\" }"), 5, 21, "expected from 1ms to 1d; got 2d"},
      {listen("timeouts = { idle = true }"), 5, 21, "expected a duration"},
      {listen("timeouts = { idle = 1979-05-27 }"), 5, 21, "got a date or time"},
      {listen("protocol = \"htpp\""), 5, 12, "\"htpp\" is not a choice here; did you mean \"http\"?"},
      {listen("redirect-https = 65536"), 5, 18, "expected from 0 to 65535"},
      {service("mode = \"standby\""), 5, 8, "valid: \"active-standby\", \"balance\""},
      {service("mode = 2"), 5, 8, "expected a text"},
      {service("send-proxy = 3"), 5, 14, "expected from 0 to 2"},
      {service("cookie = \"a;b\"\nmode = \"balance\""), 5, 10, "a cookie's name"},
      {service("cookie = \"\"\nmode = \"balance\""), 5, 10, "1 to 64 characters; got 0"},
      {service("check = { fall = 0 }"), 5, 18, "expected from 1 to 100"},
      {service("check = { get = \"health\" }"), 5, 17, "a path that starts with \"/\""},
      {service("check = { get = \"/\", expect = \"ok\" }"), 5, 31, "a status from 100 to 599"},
      {service("check = { get = \"/\", expect = \"399-200\" }"), 5, 31, "a status from 100 to 599"},
      {service("check = { get = \"/\", expect = 42 }"), 5, 31, "got \"42\""},
      {service("check = { tcp = false }"), 5, 17, "true, or to leave it out"},
      {service("on-active = { command = [] }"), 5, 25, "expected 1 to 64 items; got 0"},
      {service("on-active = { command = [1] }"), 5, 26, "expected a text; got a number"},
      {route("deadline = \"0s\""), 7, 12, "expected from 1ms to 1d; got 0s"},
      {route("deadline = 4"), 7, 12, "bare number 4"},
      {route("replay = \"alway\""), 7, 10, "did you mean \"always\"?"},
      {route("attempts = 0"), 7, 12, "expected from 1 to 100"},
      {route("path = \"api\""), 7, 8, "a path that starts with \"/\""},
      {route("path = \"/api*\""), 7, 8, "\"*\" stands for a whole segment"},
      {route("host = \"a.example:80\""), 7, 8, "a host name without a port"},
      {route("host = [\"a\", \"b/c\"]"), 7, 14, "a host name without a port"},
      {route("method = \"get\""), 7, 10, "a method in capitals"},
      {route("method = \"CONNECT\""), 7, 10, "other than CONNECT"},
      {route("resume = 1"), 7, 10, "expected true or false"},
      {route("name = \"a b\""), 7, 8, "without spaces"},
      {kListen + kService + "[process]\nloops = 1000\n", 6, 9, "expected from 0 to 256"},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("addresses, instances and headers") {
  const Bad rows[] = {
      {bind("[]"), 4, 8, "expected 1 to 64 items; got 0"},
      {bind("80"), 4, 8, "a text or a list of texts"},
      {bind("\"80\""), 4, 8, "expected \"ip:port\""},
      {bind("\"*:0\""), 4, 8, "a port from 1 to 65535"},
      {bind("\"*:65536\""), 4, 8, "a port from 1 to 65535"},
      {bind("[\"*:81\", \"localhost:82\"]"), 4, 17, "got \"localhost:82\""},
      {bind("\"::1:80\""), 4, 8, "\"[ipv6]:port\""},
      {bind("\"vip.portal:80\""), 4, 8, "there is no [vip.portal]; there is none"},
      {listen("trusted-forwarders = \"10.0.0.0/99\""), 5, 22, "a network such as \"10.0.0.0/8\""},
      {instances("{}"), 4, 13, "expected 1 to 64 instances; got 0"},
      {instances("[\"127.0.0.1:9\"]"), 4, 13, "a table { name = \"host:port\" }"},
      {instances("{ a = 9 }"), 4, 19, "\"host:port\" or { address ="},
      {instances("{ a = \"127.0.0.1\" }"), 4, 19, "expected \"host:port\""},
      {instances("{ a = \"127.0.0.1:0\" }"), 4, 19, "a port from 1 to 65535"},
      {instances("{ a = \"127.0.0.256:80\" }"), 4, 19, "expected \"host:port\""},
      {instances("{ a = \"host.invalid:80\" }"), 4, 19, "host name \"host.invalid\" cannot be looked up"},
      {instances("{ a = { weight = 1 } }"), 4, 15, "instance \"a\" needs \"address\""},
      {instances("{ a = { address = \"127.0.0.1:9\", wait = 1 } }"), 4, 46,
       "instance \"a\" has no directive \"wait\""},
      {instances("{ a = \"127.0.0.1:9\", b = \"127.0.0.1:9\" }"), 4, 38,
       "instance \"a\" has the same address"},
      {instances("{ \"a b\" = \"127.0.0.1:9\" }"), 4, 15, "expected a name"},
      {route("request-headers.set.Connection = \"close\""), 7, 21, "the proxy's own"},
      {route("request-headers = { remove = [\"Transfer-Encoding\"] }"), 7, 31, "the proxy's own"},
      {route("response-headers = { set = { \"X Y\" = \"1\" } }"), 7, 30, "a header name"},
      {route("response-headers = { add = { X-Y = \"a\\r\\nb\" } }"), 7, 36, "without line breaks"},
      {route("response-headers = { add = { X-Y = 5 } }"), 7, 36, "expected a text; got a number"},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("references, duplicates and what can never be") {
  const std::string tds = kService + "[listen.l]\nbind = \"*:81\"\nprotocol = \"tds\"\n";
  const std::string two = kListen + kService + "[listen.m]\nbind = \"*:82\"\n";
  const Bad rows[] = {
      {kListen + kService + "[[route]]\npath = \"/\"\n", 5, 1, "[[route]] needs \"service\""},
      {kService + "[listen.l]\n", 3, 9, "[listen.l] needs \"bind\""},
      {kListen + "[service.s]\n", 3, 10, "[service.s] needs \"instances\""},
      {kListen + kService + "[[route]]\nservice = \"ss\"\n", 6, 11,
       "there is no [service.ss]; did you mean \"s\"?"},
      {route("listen = [\"l\", \"m\"]"), 7, 16, "there is no [listen.m]"},
      {two + "[[route]]\nlisten = \"l\"\nservice = \"s\"\n", 5, 9, "[listen.m] has no route"},
      {kListen, 1, 9, "[listen.l] has no route"},
      {kListen + kService + "[service.t]\ninstances = { a = \"127.0.0.1:9\" }\n", 1, 9,
       "[listen.l] has no route"},
      {route("[[route]]\nservice = \"s\""), 7, 1, "never reached: the one in line 5"},
      {route("path = \"/a\"\n[[route]]\nservice = \"s\"\npath = \"/a\"\nlisten = \"l\"\nhost = []"), 12, 8,
       "expected 1 to 64 items"},
      {route("host = \"A\"\n[[route]]\nservice = \"s\"\nhost = \"a\""), 8, 1, "never reached"},
      {route("name = \"x\"\npath = \"/a\"\n[[route]]\nname = \"x\"\nservice = \"s\"\n"), 10, 8,
       "line 5 has the same name"},
      {route("retain = \"1KiB\"\nretain-memory = \"2KiB\""), 8, 17, "only 1KiB"},
      {listen("[listen.m]\nbind = \"0.0.0.0:81\""), 6, 8,
       "0.0.0.0:81 is bound twice: by [listen.l] and [listen.m]"},
      {listen("[admin]\nbind = \"[::]:81\""), 6, 8, "[::]:81 is bound twice"},
      {bind("[\"127.0.0.1:5\", \"127.0.0.1:5\"]"), 4, 8, "bound twice"},
      {listen("service = \"s\""), 5, 11, "needs a [[route]]"},
      {tds, 3, 9, "needs \"service\""},
      {tds + "service = \"sq\"\n", 6, 11, "there is no [service.sq]; did you mean \"s\"?"},
      {listen("[service.q]\ninstances = { a = \"127.0.0.1:8\" }\ntls = { verify = false }\n[listen.q]\n"
              "bind = \"*:82\"\nprotocol = \"tds\"\nservice = \"q\"\nmode = \"opaque\""),
       7, 7, "tls is not supported for a service that an opaque tds listener, [listen.q], relays to"},
      {tds + "service = \"s\"\nencrypt = \"on\"\n", 7, 11, "encrypt needs a certificate"},
      {tds + "service = \"s\"\nencrypt = \"strict\"\n", 7, 11, "valid: \"none\", \"login\", \"on\""},
      {tds + "service = \"s\"\nmode = \"opaque\"\nencrypt = \"none\"\n", 8, 11, "needs mode = \"aware\""},
      {listen("mode = \"aware\""), 5, 8, "of tds listeners only"},
      {service("tls = { verify = false }\nsql.encrypt = \"none\"\n[listen.q]\nbind = \"*:82\"\n"
               "protocol = \"tds\"\nservice = \"s\"\n[[route]]\nlisten = \"l\"\nservice = \"s\"\n"),
       5, 7, "there is nothing to verify"},
      {service("sql.rule = [{ deny = true }]"), 5, 13, "rule needs \"name\""},
      {service("sql.rule = [{ name = \"r\", from = \"24:00\" }]"), 5, 34, "expected a time of day"},
      {service("sql.rule = [{ name = \"r\", digest = \"0\" }]"), 5, 36, "16 hexadecimal digits"},
      {service("sql.rule = { name = \"r\" }"), 5, 12, "expected a list of tables"},
      {service("sql.hold = 5"), 5, 12, "a duration with its unit"},
      {tds + "service = \"s\"\nredirect-https = 443\n", 7, 18, "HTTP listeners only"},
      {tds + "service = \"s\"\n[[route]]\nlisten = \"l\"\nservice = \"s\"\n", 8, 10,
       "is not an HTTP listener"},
      {listen("accept-proxy-from = \"10.0.0.0/8\""), 5, 21, "needs accept-proxy = true"},
      {listen("limits = { header-bytes = \"4KiB\", request-line = \"5KiB\" }"), 5, 50,
       "larger than header-bytes"},
      {service("prefer = \"b\""), 5, 10, "there is no such instance; valid: \"a\""},
      {service("cookie = \"HF\""), 5, 10, "need mode = \"balance\""},
      {service("mode = \"balance\"\nprefer = \"a\""), 6, 10, "prefer needs mode = \"active-standby\""},
      {service("check = { get = \"/\", tcp = true }"), 5, 28, "there is \"get\" too"},
      {service("check = { head = \"/\", body = \"ok\" }"), 5, 30, "a HEAD has no body"},
      {service("check = { host = \"a\" }"), 5, 18, "\"host\" needs an HTTP check"},
      {service("monitor = { user = \"u\" }"), 5, 1, "needs \"password-file\""},
      {kListen + kService + "[node.a]\naddress = \"192.0.2.1\"\n", 5, 7, "no [node.NAME] is this host"},
      {kListen + kService + "[cluster]\n", 5, 2, "[cluster] needs \"name\""},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("files that cannot be used") {
  const Directory directory;
  const std::string page = directory.write("page.css", "x");
  const std::string large = directory.write("large.html", std::string(1 << 20, 'x'));
  const std::string good = directory.write("good.pem", "x");
  const auto tls = [&](const std::string& inside) { return listen("tls = { " + inside + " }"); };
  const Bad rows[] = {
      {tls("certificate = \"/nowhere/a.pem\""), 5, 23,
       "file \"/nowhere/a.pem\" cannot be read: No such file"},
      {tls("certificate = [\"" + good + "\", \"/nowhere/b.pem\"]"), 5,
       static_cast<unsigned>(23 + good.size() + 5), "/nowhere/b.pem"},
      {tls("certificate = \"/dev/zero\""), 5, 23, "it is not a regular file"},
      {tls("certificate = \"" + directory.path() + "\""), 5, 23, "it is not a regular file"},
      {tls("key = \"" + good + "\""), 5, 1, "needs \"certificate\""},
      {tls("certificate = [\"" + good + "\", \"" + good + "\"], key = \"" + good + "\""), 5,
       static_cast<unsigned>(23 + 2 * good.size() + 16), "expected one key for each certificate (2)"},
      {tls("certificate = \"" + good + "\", min-version = \"1.1\""), 5,
       static_cast<unsigned>(23 + good.size() + 18), "expected \"1.2\" or \"1.3\""},
      {tls("certificate = \"" + good + "\", alpn = [\"h2\"]"), 5,
       static_cast<unsigned>(23 + good.size() + 12), "HTTP/2 is not supported by this version"},
      {kService + "[listen.l]\nbind = \"*:81\"\nprotocol = \"tds\"\nservice = \"s\"\nmode = \"opaque\"\n" +
           "tls.certificate = \"" + good + "\"\n",
       8, 1, "tls needs mode = \"aware\""},
      {tls("certificate = \"" + good + "\" }\nredirect-https = 443\n#"), 6, 18, "redirect for ever"},
      {route("error-page = \"" + page + "\""), 7, 14, "ends in .html, .json, .txt or .xml"},
      {route("error-page = \"" + large + "\""), 7, 14, "larger than 1048575 bytes"},
      {route("error-page = \"/nowhere/a.html\""), 7, 14, "No such file"},
      {kListen + kService + "[process]\nspill-dir = \"/nowhere\"\n", 6, 13, "cannot be written"},
      {kListen + kService + "[process]\nspill-dir = \"" + good + "\"\n", 6, 13, ""},
  };
  for (const Bad& bad : rows) expect_only(bad);
}
