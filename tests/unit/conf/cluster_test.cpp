// The pair of nodes, its virtual IPs and their secrets: what is read, what is refused, what is never shown.
#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

namespace {

const std::string kSecret = "0123456789abcdef-geheim";

/// Lines 1 to 4 are kSimplex, 5 to 7 the node, 8 to 10 the virtual IP; `added` follows.
const std::string kOne = kSimplex + "[node.a]\naddress = \"10.0.0.1\"\ninterface = \"eth0\"\n" +
                         "[vip.v]\naddresses = \"10.0.0.9/24\"\nvrid = 7\n";
/// Lines 11 to 13.
const std::string kTwo = kOne + "[node.b]\naddress = \"10.0.0.2\"\ninterface = \"eth0\"\n";

LoadOptions as_a() {
  LoadOptions options = alone();
  options.node = "a";
  return options;
}

struct Bad {
  std::string text;
  unsigned line, column;
  const char* fragment;
};

void expect_only(const Bad& bad) {
  INFO(bad.text);
  const Loaded loaded = load_text(bad.text, "t.toml", as_a());
  INFO(all_text(loaded.diagnostics));
  CHECK_FALSE(loaded.snapshot);
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(loaded.diagnostics[0].line == bad.line);
  CHECK(loaded.diagnostics[0].column == bad.column);
  CHECK_THAT(loaded.diagnostics[0].text, Catch::Matchers::Contains(bad.fragment));
}

std::string with_secret(const Directory& directory, const std::string& rest) {
  const std::string file = directory.write("secret", "\n" + kSecret + " \n");
  std::filesystem::permissions(file,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return "[cluster]\nname = \"c\"\nsecret-file = \"" + file + "\"\n" + rest;
}

}  // namespace

TEST_CASE("cluster: a single virtual IP has its defaults without a [cluster]") {
  const SnapshotPtr s = load_good(kOne, as_a());
  CHECK(s->pair.secret == "");
  CHECK(s->pair.port == 8702);
  CHECK(s->pair.heartbeat == 50_ms);
  CHECK(s->pair.silence_min == 200_ms);
  CHECK(s->pair.silence_max == 1_s);
  CHECK(s->pair.stall == 1_s);
  REQUIRE(s->vips.size() == 1);
  const Vip& vip = s->vips[0];
  CHECK(vip.version == 3);
  CHECK(vip.advertise == 1_s);
  CHECK_FALSE((vip.preempt || vip.unicast || vip.virtual_mac));
  CHECK(vip.checksum == VrrpChecksum::PseudoHeader);
  CHECK(vip.hmac == VrrpHmac::Off);
  CHECK(vip.linger == 600_s);
  CHECK(vip.on_holder.command.empty());
  CHECK(vip.on_holder.timeout == 5_s);
  CHECK(s->nodes[0].priority == 0);
}

TEST_CASE("cluster: values reach their members") {
  const Directory directory;
  const std::string key = directory.write("key", "fedcba9876543210");
  std::filesystem::permissions(key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const std::string text = with_secret(
      directory,
      "port = 9\nheartbeat = \"10ms\"\nsilence-min = \"40ms\"\nsilence-max = \"50ms\"\nstall = \"2s\"\n"
      "gateway = [\"10.0.0.254\"]\n" +
          kTwo + "heartbeat = \"10.1.0.2\"\npriority = 7\n");
  const std::string good =
      text +
      "[vip.w]\naddresses = [\"10.0.0.8/24\"]\nvrid = 8\ngroup = \"g\"\nversion = 2\nadvertise = \"3s\"\n"
      "preempt = true\npreempt-delay = \"4s\"\nunicast = true\nchecksum = \"rfc9568\"\nhmac = \"enforce\"\n"
      "hmac-key-file = \"" +
      key +
      "\"\nvirtual-mac = true\nlinger = \"1m\"\n"
      "on-holder = { command = [\"/bin/x\", \"{role}\"], timeout = \"1s\" }\non-standby.command = "
      "\"/bin/y\"\n";
  std::string paths = good;
  paths.insert(paths.find("[vip.v]"), "heartbeat = \"10.1.0.1\"\n");
  const SnapshotPtr s = load_good(paths, as_a());
  CHECK(s->pair.secret == kSecret);
  CHECK(s->pair.port == 9);
  CHECK(s->pair.heartbeat == 10_ms);
  CHECK(s->pair.silence_min == 40_ms);
  CHECK(s->pair.silence_max == 50_ms);
  CHECK(s->pair.stall == 2_s);
  CHECK(s->pair.gateways == std::vector<std::string>{"10.0.0.254"});
  CHECK(s->nodes[0].heartbeat == std::vector<std::string>{"10.1.0.1"});
  CHECK(s->nodes[1].priority == 7);
  const Vip& vip = s->vips.at(1);
  CHECK(vip.group == "g");
  CHECK(vip.version == 2);
  CHECK(vip.advertise == 3_s);
  CHECK((vip.preempt && vip.unicast && vip.virtual_mac));
  CHECK(vip.preempt_delay == 4_s);
  CHECK(vip.checksum == VrrpChecksum::Rfc9568);
  CHECK(vip.hmac == VrrpHmac::Enforce);
  CHECK(vip.hmac_key == "fedcba9876543210");
  CHECK(vip.linger == 60_s);
  CHECK(vip.on_holder.command == std::vector<std::string>{"/bin/x", "{role}"});
  CHECK(vip.on_holder.timeout == 1_s);
  CHECK(vip.on_standby.command == std::vector<std::string>{"/bin/y"});
}

TEST_CASE("cluster: nodes that cannot be a pair") {
  const std::string cluster = "[cluster]\nname = \"c\"\n";
  const std::string third = "[node.c]\naddress = \"10.0.0.3\"\ninterface = \"eth0\"\n";
  const Bad rows[] = {
      {kTwo + third, 14, 7, "a cluster is a pair"},
      {kTwo + "heartbeat = \"10.0.0.1\"\n", 14, 13, "[node.a] has the same address"},
      {kTwo + "heartbeat = \"10.1.0.2\"\n", 14, 13, "[node.a] has 0 in heartbeat, this one 1"},
      {kOne + "[node.b]\naddress = \"10.0.0.1\"\ninterface = \"e\"\n", 12, 11,
       "[node.a] has the same address"},
      {kOne + "[node.b]\naddress = \"::2\"\ninterface = \"e\"\n", 12, 11, "cannot be reached from 10.0.0.1"},
      {kOne + "[node.b]\naddress = \"10.0.0.2\"\n", 11, 7, "needs \"interface\" to carry virtual addresses"},
      {kTwo + cluster + "heartbeat = \"101ms\"\n", 16, 13,
       "at least twice the heartbeat: 202ms; it is 200ms"},
      {kTwo + cluster + "silence-min = \"99ms\"\n", 16, 15,
       "at least twice the heartbeat: 100ms; it is 99ms"},
      {kTwo + cluster + "silence-max = \"199ms\"\n", 16, 15,
       "not be less than silence-min, 200ms; it is 199ms"},
      {kTwo + cluster + "heartbeat = \"4ms\"\n", 16, 13, "expected from 5ms to 1s"},
      {kTwo + cluster + "gateway = \"10.0.0.0/8\"\n", 16, 11, "an IP address without a port"},
  };
  for (const Bad& bad : rows) expect_only(bad);
  LoadOptions nobody = alone();
  const Loaded none =
      load_text(kSimplex + "[vip.v]\naddresses = \"10.0.0.9/24\"\nvrid = 7\n", "t.toml", nobody);
  CHECK_THAT(all_text(none.diagnostics),
             Catch::Matchers::Contains("t.toml:5:6: error: a virtual IP needs a"));
}

TEST_CASE("cluster: virtual IPs that cannot be") {
  const Directory directory;
  const std::string other = "[vip.w]\naddresses = \"10.0.0.8/24\"\nvrid = 8\n";
  const Bad rows[] = {
      {kTwo + "[vip.w]\naddresses = \"10.0.0.8/24\"\nvrid = 256\n", 16, 8, "expected from 1 to 255"},
      {kTwo + "[vip.w]\naddresses = \"10.0.0.8/24\"\nvrid = 7\n", 16, 8,
       "[vip.v] has the same vrid for IPv4"},
      {kTwo + "[vip.w]\naddresses = [\"::8/64\", \"10.0.0.9/32\"]\nvrid = 8\n", 15, 24,
       "10.0.0.9 is an address of [vip.v] already"},
      {kTwo + "[vip.w]\naddresses = \"10.0.0.2/24\"\nvrid = 8\n", 15, 13,
       "is an address of [node.b] already"},
      {kTwo + other + "prefer = \"x\"\n", 17, 10, "there is no [node.x]"},
      {kTwo + other + "advertise = \"15ms\"\n", 17, 13, "3 counts hundredths of a second; got 15ms"},
      {kTwo + other + "advertise = \"41s\"\n", 17, 13, "expected from 10ms to 40950ms"},
      {kTwo + other + "version = 2\nadvertise = \"1500ms\"\n", 18, 13, "2 counts whole seconds; got 1500ms"},
      {kTwo + "[vip.w]\naddresses = \"::8/64\"\nvrid = 7\nversion = 2\n", 15, 13,
       "version 2 is of IPv4 only"},
      {kTwo + other + "hmac = \"enforce\"\n", 17, 8, "hmac needs hmac-key-file"},
      {kTwo + other + "hmac = \"on\"\n", 17, 8, "valid: \"off\", \"receive\""},
      {kOne + "unicast = true\n", 11, 11, "needs to know the other node"},
      {kTwo + other +
           "group = \"g\"\nprefer = \"a\"\n[vip.x]\naddresses = \"10.0.0.7/24\"\nvrid = 9\ngroup = \"g\"\n",
       18, 10, "[vip.w] and [vip.x] are of one group and differ in \"prefer\""},
      {kTwo + other + "group = \"v\"\n", 17, 9, "[vip.v] has the group's name and is not in it"},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("cluster: one virtual router id serves one IPv4 and one IPv6 router") {
  CHECK(load_good(kTwo + "[vip.w]\naddresses = \"2001:db8::8/64\"\nvrid = 7\n", as_a())->vips.size() == 2);
}

TEST_CASE("cluster: a listener is not bound to a virtual IP's link-local address") {
  const auto loaded =
      load_good(kTwo + "[vip.w]\naddresses = [\"fe80::8/64\", \"2001:db8::8/64\"]\nvrid = 8\n" +
                    "[listen.w]\nbind = \"vip.w:81\"\n",
                as_a());
  REQUIRE(loaded->listens.back().bind.size() == 1);
  CHECK(loaded->listens.back().bind[0].text() == "[2001:db8::8]:81");
}

TEST_CASE("cluster: a secret must be there, long enough, and for two") {
  const Directory directory;
  const std::string shorter = directory.write("short", "fifteen bytes..  \n");
  std::filesystem::permissions(shorter,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const std::string cluster = "[cluster]\nname = \"c\"\nsecret-file = ";
  const Bad rows[] = {
      {cluster + "\"/nowhere/s\"\n" + kTwo, 3, 15, "file \"/nowhere/s\" cannot be read: No such file"},
      {cluster + "\"" + shorter + "\"\n" + kTwo, 3, 15,
       "has 15 bytes, and needs at least 16: head -c 32 /dev/urandom | base64 > "},
      {with_secret(directory, kOne), 3, 15, "between two nodes, and there is only [node.a]"},
  };
  for (const Bad& bad : rows) expect_only(bad);
}

TEST_CASE("cluster: a secret is in no message and no difference, though another one is noticed") {
  const Directory directory;
  const SnapshotPtr before = load_good(with_secret(directory, kTwo), as_a());
  const SnapshotPtr after = load_good(with_secret(directory, kTwo), as_a());
  CHECK(diff(*before, *after).empty());
  Snapshot changed = *after;
  changed.pair.secret = "another-geheim-of-the-pair";
  CHECK(diff(*before, changed) ==
        std::vector<std::string>{"cluster: secret-file (a secret) -> (a secret), another one"});
  changed.pair.secret.clear();
  CHECK(diff(*before, changed) == std::vector<std::string>{"cluster: secret-file (a secret) -> (none)"});
}

TEST_CASE("cluster: a peer channel without a virtual IP is good for little, and says so") {
  const Directory directory;
  const Loaded loaded = load_text(
      with_secret(directory, kSimplex + "[node.a]\naddress = \"::1\"\n[node.b]\naddress = \"::2\"\n"),
      "t.toml", as_a());
  REQUIRE(loaded.snapshot);
  CHECK(all_text(loaded.diagnostics) ==
        "t.toml:3:15: warning: there is no [vip.NAME]: nothing moves between the nodes\n");
}

TEST_CASE("cluster: a witness needs a service whose monitor has a database") {
  const std::string cluster = kOne + "[cluster]\nname = \"c\"\nwitness = ";
  expect_only({cluster + "\"nowhere\"\n", 13, 11, "there is no [service.nowhere]"});
  expect_only({cluster + "\"supervisor\"\n", 13, 11, "needs a monitor"});
}
