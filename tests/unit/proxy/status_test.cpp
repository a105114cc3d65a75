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
