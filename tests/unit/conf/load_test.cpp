#include <sys/stat.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

namespace {

const std::string kNodes =
    "[node.ef-a]\naddress = \"192.0.2.11\"\n[node.ef-b]\naddress = \"192.0.2.12\"\n" + kSimplex;

std::vector<std::string> texts(const std::vector<Address>& addresses) {
  std::vector<std::string> out;
  for (const Address& address : addresses) out.push_back(address.text());
  return out;
}

}  // namespace

TEST_CASE("four lines are a configuration") {
  const SnapshotPtr s = load_good(kSimplex);
  CHECK(s->generation == 1);
  CHECK(s->node == "");
  CHECK(s->file == "t.toml");
  REQUIRE(s->listens.size() == 1);
  CHECK(texts(s->listens[0].bind) == std::vector<std::string>{"0.0.0.0:8080", "[::]:8080"});
  REQUIRE(s->routes.size() == 1);
  CHECK(s->routes[0].name == "*:/*");
  CHECK(s->routes[0].path == "/*");
  CHECK(s->routes[0].service == "supervisor");
  CHECK(s->services[0].instances[1].name == "b");
  CHECK(s->services[0].instances[1].weight == 100);
}

TEST_CASE("defaults come from the schema") {
  const SnapshotPtr s = load_good(kSimplex);
  CHECK(s->process.loops == 0);
  CHECK(s->process.drain_timeout == Duration::seconds(30));
  CHECK(s->process.control_socket == "/run/holdfast.sock");
  CHECK(s->process.memory_budget == 256ull << 20);
  CHECK(s->process.access_log == "");
  CHECK(s->admin.bind.empty());
  const Listen& listen = s->listens[0];
  CHECK_FALSE(listen.tls);
  CHECK(listen.access_log);
  CHECK(listen.limits.header_bytes == 32768);
  CHECK(listen.limits.header_count == 100);
  CHECK(listen.timeouts.idle == Duration::seconds(75));
  const Service& service = s->services[0];
  CHECK(service.mode == Mode::ActiveStandby);
  CHECK(service.check.kind == CheckKind::Tcp);
  CHECK(service.check.status_min == 200);
  CHECK(service.check.status_max == 399);
  CHECK(service.check.every_down == Duration::millis(250));
  CHECK(service.timeouts.connect == Duration::seconds(2));
  CHECK(service.pool_max_idle == 128);
  CHECK(service.retry_budget_percent == 20);
  CHECK(service.on_active.timeout == Duration::seconds(5));
  CHECK_FALSE(service.tls);
  const Route& route = s->routes[0];
  CHECK(route.deadline == Duration::seconds(60));
  CHECK(route.replay == Replay::Idempotent);
  CHECK(route.attempts == 4);
  CHECK(route.retain_memory == 256u << 10);
  CHECK(route.shield == 32u << 10);
  CHECK(route.resume);
}

TEST_CASE("a route has nothing of the one before it") {
  const auto s = load_good(kSimplex +
                           "[[route]]\nservice = \"supervisor\"\npath = \"/a\"\nhost = \"a.example\"\nattempts = 7\n"
                           "deadline = \"1s\"\nrequest-headers = { set = { X-A = \"1\" }, remove = \"X-B\" }\n"
                           "[[route]]\nservice = \"supervisor\"\n"
                           "[[route]]\nservice = \"supervisor\"\npath = \"/a\"\n");
  REQUIRE(s->routes.size() == 3);
  CHECK(s->routes[0].request_headers.size() == 2);
  Route expected = load_good(kSimplex)->routes.at(0);  // the implied one: defaults alone
  CHECK(s->routes[1] == expected);
  expected.path = "/a";
  expected.name = "*:/a";
  CHECK(s->routes[2] == expected);
}

TEST_CASE("what was not written stands where its table does, or its nearest part that was written") {
  const std::string head = kSimplex + "\n[[route]]\nservice = \"supervisor\"\n";
  const unsigned line = static_cast<unsigned>(std::ranges::count(head, '\n'));  // of the route's last directive
  const auto places = [](const std::string& text) {
    std::string out;
    for (const Diagnostic& d : load_text(text, "t.toml", alone()).diagnostics)
      out += std::to_string(d.line) + ":" + std::to_string(d.column) + " ";
    return out;
  };
  const auto at = [&](unsigned down, unsigned column) {
    return std::to_string(line + down) + ":" + std::to_string(column) + " ";
  };
  CHECK(places(head + "retain = \"1KiB\"\nretain-memory = \"2KiB\"\n") == at(2, 17));
  CHECK(places(head + "listen = \"portall\"\n") == at(1, 10));
  CHECK(places(head + "listen = [\"portal\",\n \"portall\"]\n") == at(2, 2));
  CHECK(places(head + "\n[[route]]\nservice = \"supervisor\"\n") == at(2, 1));  // hidden by the first
  CHECK(places(head + "[service.b]\ninstances = { a = \"10.0.0.1:1\", b = \"10.0.0.1:1\" }\n") == at(2, 37));
}

TEST_CASE("a route is implied only where it is certain") {
  const std::string sql =
      "[listen.sql]\nbind = \"127.0.0.1:1433\"\nprotocol = \"tds\"\nservice = \"sql\"\n"
      "[service.sql]\ninstances = { x = \"127.0.0.1:1434\" }\n";
  const SnapshotPtr s = load_good(kSimplex + sql);
  REQUIRE(s->routes.size() == 1);
  CHECK(s->routes[0].service == "supervisor");
  CHECK(load_good(sql)->routes.empty());
}

TEST_CASE("a node finds itself by option, by host name, by address") {
  LoadOptions options = alone();
  options.node = "ef-b";
  CHECK(load_good(kNodes, options)->node == "ef-b");
  options.node = "ef-c";
  const Loaded missing = load_text(kNodes, "t.toml", options);
  CHECK_FALSE(missing.snapshot);
  REQUIRE(missing.diagnostics.size() == 1);
  CHECK(missing.diagnostics[0].format() ==
        "t.toml: error: --node names \"ef-c\", and there is no such [node.NAME]; did you mean \"ef-a\"?");
  options.node = "";
  options.host_name = "ef-a.example.com";
  CHECK(load_good(kNodes, options)->node == "ef-a");
  options.host_name = "elsewhere";
  CHECK(load_good("[node.here]\naddress = \"127.0.0.1\"\n" + kSimplex, options)->node == "here");
}

TEST_CASE("a virtual address can be bound by its name") {
  LoadOptions options = alone();
  options.node = "n";
  const Loaded loaded = load_text(
      "[node.n]\naddress = \"192.0.2.9\"\ninterface = \"eth0\"\n[vip.a]\naddresses = [\"192.0.2.1/24\", "
      "\"2001:db8::1/64\"]\nvrid = 7\n"
      "[vip.b]\naddresses = \"192.0.2.2/24\"\nvrid = 8\n[listen.l]\nbind = [\"vip.a:80\", \"vip.b:81\"]\n"
      "[service.s]\ninstances = { a = \"127.0.0.1:9\" }\n",
      "t.toml", options);
  INFO(all_text(loaded.diagnostics));
  REQUIRE(loaded.snapshot);
  CHECK(texts(loaded.snapshot->listens[0].bind) ==
        std::vector<std::string>{"192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:81"});
  CHECK(loaded.diagnostics.empty());
}

TEST_CASE("values reach their members") {
  const Directory directory;
  directory.write("busy.json", "{\"busy\":true}");
  const std::string path = directory.write("h.toml", kSimplex + R"(
on-active = { command = ["/bin/true", "{instance}"], post = "/on", timeout = "2s" }
check = { head = "/up", host = "a:80", expect = 204, jitter = 0 }
[[route]]
service = "supervisor"
host = ["A.example", "*.B.example"]
method = "POST"
replay = "keyed"
error-page = "busy.json"
request-headers = { set = { X-A = "1", X-B = "2" }, add = { X-A = "3" }, remove = "X-C" }
[[route]]
service = "supervisor"
)");
  const Loaded loaded = load_file(path, alone());
  INFO(all_text(loaded.diagnostics));
  REQUIRE(loaded.snapshot);
  const Service& service = loaded.snapshot->services[0];
  CHECK(service.on_active.command == std::vector<std::string>{"/bin/true", "{instance}"});
  CHECK(service.on_active.post == "/on");
  CHECK(service.check.method == "HEAD");
  CHECK(service.check.status_min == 204);
  CHECK(service.check.status_max == 204);
  CHECK(service.check.jitter_percent == 0);
  const Route& route = loaded.snapshot->routes[0];
  CHECK(route.name == "*:POST a.example,*.b.example/*");
  CHECK(route.hosts == std::vector<std::string>{"a.example", "*.b.example"});
  CHECK(route.replay == Replay::Keyed);
  CHECK(route.error_page == "{\"busy\":true}");
  CHECK(route.error_type == "application/json");
  REQUIRE(route.request_headers.size() == 4);
  CHECK(route.request_headers[1].name == "X-B");
  CHECK(route.request_headers[2].kind == HeaderOpKind::Add);
  CHECK(route.request_headers[3].kind == HeaderOpKind::Remove);
}

TEST_CASE("a check over HTTP is doubted where TDS is relayed, and nowhere else") {
  const std::string sql =
      "[service.sql]\ninstances = { a = \"127.0.0.1:1433\" }\ncheck = { CHECK }\n"
      "[listen.sql]\nbind = \"127.0.0.1:1434\"\nprotocol = \"tds\"\nservice = \"sql\"\n";
  const auto load = [&](const std::string& check) {
    std::string text = sql;
    text.replace(text.find("CHECK"), 5, check);
    return load_text(kSimplex + "check = { get = \"/\" }\n" + text, "t.toml", alone());
  };
  for (const char* check : {"get = \"/\"", "head = \"/\""}) {
    const Loaded loaded = load(check);
    REQUIRE(loaded.snapshot);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK_FALSE(loaded.diagnostics[0].error);
    CHECK(loaded.diagnostics[0].line == 8);
    CHECK_THAT(loaded.diagnostics[0].text, Catch::Matchers::Contains("check = { tcp = true }"));
  }
  CHECK(load("tcp = true").diagnostics.empty());
}

TEST_CASE("a secret that others may read is warned about") {
  const Directory directory;
  const std::string secret = directory.write("secret", "sixteen bytes...");
  const std::string path =
      directory.write("h.toml", kSimplex +
                                    "monitor = { user = \"u\", password-file = \"secret\" }\n"
                                    "[cluster]\nname = \"c\"\nsecret-file = \"secret\"\n"
                                    "[node.a]\naddress = \"192.0.2.1\"\n[node.b]\naddress = \"192.0.2.2\"\n");
  LoadOptions options = alone();
  options.node = "a";
  const auto warnings = [&](mode_t mode) {
    REQUIRE(chmod(secret.c_str(), mode) == 0);
    const Loaded loaded = load_file(path, options);
    REQUIRE(loaded.snapshot);
    std::vector<std::string> found;
    for (const Diagnostic& diagnostic : loaded.diagnostics)
      if (diagnostic.text.find("holds a secret") != std::string::npos) found.push_back(diagnostic.format());
    return found;
  };
  CHECK(warnings(0600).empty());
  REQUIRE(warnings(0640).size() == 2);
  CHECK_THAT(warnings(0640)[0], Catch::Matchers::Contains("h.toml:5:41: warning: ") &&
                                    Catch::Matchers::Contains("its group may read it: set its mode to 600"));
  REQUIRE(warnings(0604).size() == 2);
  CHECK_THAT(warnings(0604)[1],
             Catch::Matchers::Contains(":8:15: ") && Catch::Matchers::Contains("everyone"));
}

TEST_CASE("all mistakes are reported at once, in the file's order") {
  const Loaded loaded = load_text(
      "[listen.portal]\n"
      "bind = [\"*:8080\"]\n"
      "timeouts = { idle = 75 }\n"
      "[service.supervisor]\n"
      "instances = { a = \"127.0.0.1\" }\n"
      "mod = \"balance\"\n"
      "[[route]]\n"
      "service = \"superviser\"\n",
      "/etc/h.toml", alone());
  CHECK_FALSE(loaded.snapshot);
  CHECK(all_text(loaded.diagnostics) ==
        "/etc/h.toml:3:21: error: expected a duration with its unit, such as \"500ms\"; got the bare number "
        "75\n"
        "/etc/h.toml:5:19: error: expected \"host:port\" or \"[ipv6]:port\" with a port from 1 to 65535; got "
        "\"127.0.0.1\"\n"
        "/etc/h.toml:6:1: error: [service.supervisor] has no directive \"mod\"; did you mean \"mode\"?\n"
        "/etc/h.toml:8:11: error: there is no [service.superviser]; did you mean \"supervisor\"?\n");
}

TEST_CASE("the hash is of the text, and a file that is not there is an error of the whole file") {
  CHECK(load_good(kSimplex)->hash == load_good(kSimplex)->hash);
  CHECK(load_good(kSimplex)->hash != load_good(kSimplex + "\n")->hash);
  CHECK(load_good(kSimplex)->hash.size() == 16);
  const Loaded loaded = load_file("/nowhere/h.toml", alone());
  CHECK_FALSE(loaded.snapshot);
  CHECK(all_text(loaded.diagnostics) ==
        "/nowhere/h.toml: error: cannot be read: No such file or directory\n");
}

TEST_CASE("a hostile file has a bounded answer") {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "x" + std::to_string(i) + " = 1\n";
  CHECK(load_text(many, "t.toml", alone()).diagnostics.size() <= 201);
  CHECK_FALSE(load_text(std::string(5000, '['), "t.toml", alone()).snapshot);
  CHECK_FALSE(load_text("a = " + std::string(5000, '['), "t.toml", alone()).snapshot);
  CHECK_FALSE(load_text(std::string("a\0b", 3), "t.toml", alone()).snapshot);
  CHECK_FALSE(load_text("\xff\xfe", "t.toml", alone()).snapshot);
}

TEST_CASE("a header's value is in no message") {
  const Loaded loaded = load_text(
      kSimplex +
          "[[route]]\nservice = \"supervisor\"\nrequest-headers.set.Authorization = \"Bearer geheim \"\n",
      "t.toml", alone());
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(all_text(loaded.diagnostics).find("geheim") == std::string::npos);
}

TEST_CASE("a SQL listener and its service: defaults that hang on others, and a monitor in place of the check") {
  const Directory directory;
  directory.write("password", " Hunter2! \n");
  directory.write("sql.pem", "x");
  const std::string listen = "[listen.sql]\nbind = \"127.0.0.1:1434\"\nprotocol = \"tds\"\nservice = \"sql\"\n";
  const std::string service = "[service.sql]\ninstances = { a = \"127.0.0.1:1433\" }\n";
  const auto load = [&](const std::string& of_listen, const std::string& of_service) {
    const std::string text = listen + of_listen + service + of_service;
    const Loaded loaded = load_file(directory.write("h.toml", text), alone());
    INFO(all_text(loaded.diagnostics));
    REQUIRE(loaded.snapshot);
    return loaded.snapshot;
  };
  const SnapshotPtr plain = load("", "");
  CHECK(plain->listens[0].tds.mode == TdsMode::Aware);
  CHECK(plain->listens[0].tds.encrypt == TdsEncrypt::None);
  CHECK(plain->services[0].check.kind == CheckKind::Tcp);
  CHECK(plain->services[0].sql.hold == Duration::seconds(10));
  CHECK(plain->services[0].sql.retain == 256u << 10);
  CHECK(plain->services[0].sql.replay_reads);
  CHECK_FALSE(plain->services[0].sql.replay_transactions);
  CHECK_FALSE(plain->services[0].monitor);

  const SnapshotPtr full = load("tls = { certificate = \"sql.pem\" }\n",
                                "monitor = { user = \"u\", password-file = \"password\" }\n"
                                "[[service.sql.sql.rule]]\nname = \"r\"\nfrom = \"22:30\"\n");
  CHECK(full->listens[0].tds.encrypt == TdsEncrypt::Login);
  CHECK(full->listens[0].tls->alpn == std::vector<std::string>{"tds/8.0"});
  REQUIRE(full->services[0].monitor);
  CHECK(full->services[0].monitor->password.reveal() == "Hunter2!");
  const Check& check = full->services[0].check;
  CHECK(check.kind == CheckKind::Sql);
  CHECK(check.every_down == Duration::millis(50));
  CHECK(check.timeout == Duration::seconds(2));
  CHECK(check.fall == 1);
  CHECK(check.rise == 1);
  REQUIRE(full->services[0].sql.rules.size() == 1);
  CHECK(full->services[0].sql.rules[0].from_minute == 22 * 60 + 30);

  directory.write("password", "another");
  const SnapshotPtr changed = load("", "monitor = { user = \"u\", password-file = \"password\" }\n");
  const std::vector<std::string> lines = diff(*full, *changed);
  const std::string all = std::accumulate(lines.begin(), lines.end(), std::string());
  CHECK_THAT(all, Catch::Matchers::Contains("monitor.password-file (a secret) -> (a secret), another one"));
  CHECK(all.find("Hunter2") == std::string::npos);
}
