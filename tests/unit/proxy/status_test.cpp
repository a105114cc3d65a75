#include "proxy/status.h"

#include <catch2/catch.hpp>
#include <sstream>

using namespace holdfast;

namespace {

StatusReport sample() {
  StatusReport r;
  r.facts.version = "0.1.0";
  r.facts.resident_bytes = 40'000'000;
  r.pid = 42;
  r.up = 90'061_s;
  r.state = "serving";
  r.node = "ef-a";
  r.file = "/etc/holdfast/holdfast.toml";
  r.hash = "0123456789abcdef";
  r.generation = 3;
  r.reload_at = {1'795'348'800'123'456};
  r.reload_text = "ok";
  r.loops = 2;
  StatusService s;
  s.name = "supervisor";
  s.mode = "active-standby";
  s.per_second = 120.25;
  s.median = 1200_us;
  s.percentile99 = 9800_us;
  s.parked = 1;
  s.requests = 5000;
  s.replays = 12;
  s.instances.push_back({"ef-a", "10.20.0.11:8443", "up", true, false, 7200_s, "2 of 2 checks passed", 3, 0});
  s.instances.push_back({"ef-b", "10.20.0.12:8443", "down", false, false, 12_s, "connect refused", 0, 9});
  r.services.push_back(s);
  r.listens.push_back({"portal", "https", {"10.20.0.10:443"}, 12, 12345, 1});
  return r;
}

StatusVip sample_vip() {
  StatusVip vip;
  vip.running = vip.real_time = vip.memory_locked = vip.paired = true;
  vip.peer.name = "ef-b";
  vip.peer.link = "alive";
  vip.peer.up = true;
  vip.peer.since = 3'720_s;
  vip.peer.timeout = 215_ms;
  vip.peer.version = "0.2.0";
  vip.peer.hash = "0123456789abcdef";
  vip.peer.generation = 3;
  vip.peer.heartbeats_sent = 10;
  vip.peer.heartbeats_received = 9;
  vip.peer.heartbeats_refused = 1;
  StatusVipGroup g;
  g.name = "portal";
  g.role = "holder";
  g.fitness = "fit";
  g.vrrp = "active";
  g.interface = "eth0";
  g.addresses = {"10.20.0.10/24", "2001:db8::10/64"};
  g.since = 62_s;
  g.epoch = 7;
  g.changes = 2;
  g.because = "ef-b was proven dead: its process closed the peer channel and its port is refused";
  g.moves_if = "moves to ef-b if this node cannot reach its active instance";
  g.adverts_sent = 100;
  g.adverts_received = 4;
  g.adverts_refused = {{"ttl", 2}, {"checksum", 1}};
  g.announcements = 6;
  g.questions_answered = 33;
  vip.groups.push_back(g);
  return vip;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("status: the screen tells the story") {
  CHECK(status_text(sample()) ==
        "holdfast 0.1.0  node ef-a  serving  up 1d 1h  pid 42  2 loops\n"
        "config   /etc/holdfast/holdfast.toml  generation 3  hash 0123456789ab\n"
        "reload   2026-11-22T12:00:00.123Z  ok\n"
        "memory   38.1 MiB  held bodies 0 B + 0 B on disk  0 descriptors\n"
        "\n"
        "supervisor  active ef-a  120.2/s  p50 1.2ms  p99 9.8ms\n"
        "   5000 requests  12 replayed  0 errors of our own  1 parked\n"
        " * ef-a  10.20.0.11:8443  up       2h 0m    2 of 2 checks passed\n"
        "   ef-b  10.20.0.12:8443  down     12.0s    connect refused\n"
        "\n"
        "listen       protocol     open   accepted    bad  address\n"
        "portal       https          12      12345      1  10.20.0.10:443\n");
}

TEST_CASE("status: whatever is in it fits the screen and stays printable") {
  StatusReport r = sample();
  r.reload_text = std::string(500, 'x') + "\x1b[2J\n";
  for (int i = 0; i < 40; ++i) {
    r.services[0].instances.push_back(r.services[0].instances[0]);
    r.services[0].instances.back().why = "\xff\r\n" + std::string(200, 'y');
    r.services[0].instances.back().name = std::string(1000, 'n');
  }
  const std::vector<std::string> lines = lines_of(status_text(r));
  CHECK(lines.size() == status_lines);
  for (const std::string& line : lines) {
    CHECK(line.size() <= status_columns);
    for (char c : line) REQUIRE((c >= ' ' && c <= '~'));
  }
  CHECK(lines.back().find("more lines: holdfast status --json") != std::string::npos);
}

TEST_CASE("status: nothing up is said at once") {
  StatusReport r = sample();
  for (StatusInstance& i : r.services[0].instances) i.active = false;
  CHECK(status_text(r).find("supervisor  nothing active") != std::string::npos);
  r.services[0].mode = "balance";
  CHECK(status_text(r).find("supervisor  balanced") != std::string::npos);
  r.services[0].instances[0].drained = true;
  CHECK(status_text(r).find("supervisor  nothing up") != std::string::npos);
  CHECK(status_text(r).find(" drained ") != std::string::npos);
}

TEST_CASE("status: JSON leaves nothing out") {
  const std::string json = status_json(sample());
  for (
      const char* part :
      {R"("version":"0.1.0","pid":42,"state":"serving","node":"ef-a")", R"("up_seconds":90061)",
       R"("config":{"file":"/etc/holdfast/holdfast.toml","hash":"0123456789abcdef","generation":3)",
       R"("last_reload":"2026-11-22T12:00:00.123Z","last_reload_result":"ok")",
       R"("name":"supervisor","mode":"active-standby")", R"("median_ms":1.2,"percentile99_ms":9.8)",
       R"({"name":"ef-b","address":"10.20.0.12:8443","state":"down","active":false,"drained":false,)"
       R"("since_seconds":12,"why":"connect refused","outstanding":0,"failures":9})",
       R"("listens":[{"name":"portal","protocol":"https","bind":["10.20.0.10:443"],"open":12,"accepted":12345)"}) {
    INFO(part);
    CHECK(json.find(part) != std::string::npos);
  }
}

TEST_CASE("status: spans and sizes have a unit") {
  CHECK(span_text({}) == "0");
  CHECK(span_text(999_us) == "999us");
  CHECK(span_text(1500_us) == "1.5ms");
  CHECK(span_text(59'940_ms) == "59.9s");
  CHECK(span_text(3599_s) == "59m 59s");
  CHECK(span_text(86'399_s) == "23h 59m");
  CHECK(span_text(180'000_s) == "2d 2h");
  CHECK(size_text(1023) == "1023 B");
  CHECK(size_text(1536) == "1.5 KiB");
  CHECK(size_text(std::uint64_t{5} << 40) == "5.0 TiB");
}

TEST_CASE("status: the screen says where each virtual IP is, why, and how the other node is") {
  StatusReport r = sample();
  r.vip = sample_vip();
  const std::string text = status_text(r);
  CHECK(text.find("\n\n"
                  "peer     ef-b  alive  for 1h 2m  time-out 215.0ms  version 0.2.0  same config\n"
                  "vip      portal  holder  for 1m 2s  epoch 7  10.20.0.10/24  2001:db8::10/64\n"
                  "         ef-b was proven dead: its process closed the peer channel and its port\n"
                  "         is refused; moves to ef-b if this node cannot reach its active instance\n"
                  "\nsupervisor") != std::string::npos);
  r.vip.peer.drift = true;
  r.vip.peer.hash = "fedcba9876543210";
  r.vip.real_time = false;
  r.vip.groups[0].role = "lingering";
  r.vip.groups[0].lingering = 12;
  const std::string drifted = status_text(r);
  CHECK(drifted.find("drift    ef-b runs fedcba987654, this node 0123456789ab: holdfast push\n") !=
        std::string::npos);
  CHECK(drifted.find("warning  the virtual IP's thread is not real-time") != std::string::npos);
  CHECK(drifted.find("lingering  for 1m 2s  epoch 7  12 connections left") != std::string::npos);
  r.vip.paired = false;
  CHECK(status_text(r).find("peer     none: VRRP decides alone\n") != std::string::npos);
  CHECK(status_text(r).find("drift") == std::string::npos);
}

TEST_CASE("status: long sentences of virtual IPs stay on the screen") {
  StatusReport r = sample();
  r.vip = sample_vip();
  r.vip.groups[0].because = std::string(500, 'x') + " " + std::string(300, 'y') + "\xff\n";
  for (int i = 0; i < 20; ++i) r.vip.groups.push_back(r.vip.groups[0]);
  const std::vector<std::string> lines = lines_of(status_text(r));
  CHECK(lines.size() == status_lines);
  for (const std::string& line : lines) CHECK(line.size() <= status_columns);
}

TEST_CASE("status: JSON has all of the virtual IPs, and nothing where there are none") {
  StatusReport r = sample();
  CHECK(status_json(r).find("\"vip\"") == std::string::npos);
  r.vip = sample_vip();
  const std::string json = status_json(r);
  for (
      const char* part :
      {R"("vip":{"real_time":true,"memory_locked":true,"paired":true,"peer":{"name":"ef-b","link":"alive")",
       R"("up":true,"since_seconds":3720,"timeout_ms":215,"version":"0.2.0","hash":"0123456789abcdef")",
       R"("generation":3,"drift":false,"heartbeats_sent":10,"heartbeats_received":9,"heartbeats_refused":1})",
       R"("groups":[{"name":"portal","role":"holder","fitness":"fit","vrrp":"active","interface":"eth0")",
       R"("addresses":["10.20.0.10/24","2001:db8::10/64"],"since_seconds":62,"epoch":7,"changes":2)",
       R"("moves_if":"moves to ef-b if this node cannot reach its active instance","lingering":0)",
       R"("adverts_refused":[{"reason":"ttl","count":2},{"reason":"checksum","count":1}])",
       R"("announcements":6,"questions_answered":33}]})"}) {
    INFO(part);
    CHECK(json.find(part) != std::string::npos);
  }
}
