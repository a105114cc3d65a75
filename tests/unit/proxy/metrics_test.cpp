#include "proxy/metrics.h"

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "proxy/metrics_sum.h"
#include "proxy/metrics_text.h"

using namespace holdfast;

namespace {

conf::Snapshot snapshot() {
  conf::Snapshot s;
  s.hash = "abc123";
  s.node = "ef-a";
  s.generation = 3;
  conf::Service service;
  service.name = "supervisor";
  service.instances.resize(2);
  service.instances[0].name = "ef-a";
  service.instances[1].name = "ef-b";
  s.services.push_back(service);
  return s;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("histogram: a duration falls into the first bucket that is not below it") {
  struct Row {
    std::int64_t us;
    std::size_t bucket;
  };
  const Row rows[] = {{-5, 0},
                      {0, 0},
                      {64, 0},
                      {65, 1},
                      {128, 1},
                      {129, 2},
                      {256, 2},
                      {257, 3},
                      {std::int64_t{64} << 20, 20},
                      {(std::int64_t{64} << 20) + 1, 21},
                      {INT64_MAX / 1000, 21}};
  for (const Row& row : rows) {
    Histogram h;
    h.record(Duration::micros(row.us));
    INFO(row.us);
    CHECK(h.counts[row.bucket].get() == 1);
  }
}

TEST_CASE("histogram: quantiles are interpolated in their bucket") {
  HistogramTotals h;
  CHECK(h.quantile(0.5) == Duration{});
  h.counts[4] = 100;  // 512 us to 1024 us
  CHECK(h.quantile(0.5).to_micros() == 768);
  CHECK(h.quantile(1.0).to_micros() == 1024);
  h.counts[10] = 1;   // 32.8 ms to 65.5 ms
  CHECK(h.quantile(0.5).to_micros() < 1024);
  CHECK(h.quantile(1.0).to_micros() == 65536);
}

TEST_CASE("metrics: references are stable and instances only grow") {
  LoopMetrics loop;
  ServiceCounters& a = loop.service("a", 1);
  InstanceCounters* first = a.instances[0].get();
  loop.service("b", 9);
  CHECK(&loop.service("a", 3) == &a);
  CHECK(a.instances.size() == 3);
  CHECK(a.instances[0].get() == first);
  loop.service("a", 1);
  CHECK(a.instances.size() == 3);
  CHECK(&loop.listen("x") == &loop.listen("x"));
}

TEST_CASE("metrics: loops are added up, also where one counts down what another counted up") {
  LoopMetrics one, two;
  one.service("supervisor", 2).requests.add(3);
  two.service("supervisor", 2).requests.add(4);
  two.service("supervisor", 2).instances[1]->outstanding.add(5);
  one.service("supervisor", 2).instances[1]->outstanding.sub(2);
  one.service("supervisor", 2).latency.record(1_ms);
  two.service("supervisor", 2).status[5].add(2);
  one.listen("api").accepted.add(7);
  one.retained_bytes.add(10);
  two.retained_bytes.add(20);
  const LoopMetrics* loops[] = {&one, &two};
  const Totals totals = sum(loops);
  const ServiceTotals& s = totals.services.at("supervisor");
  CHECK(s.requests == 7);
  CHECK(s.instances.at(1).outstanding == 3);
  CHECK(s.status[5] == 2);
  CHECK(s.latency.count() == 1);
  CHECK(s.latency.sum_us == 1000);
  CHECK(totals.listens.at("api").accepted == 7);
  CHECK(totals.retained_bytes == 30);
}

TEST_CASE("metrics: the exposition holds each number under its name and labels") {
  LoopMetrics loop;
  ServiceCounters& s = loop.service("supervisor", 2);
  s.requests.add(12);
  s.replays_unsent.add(2);
  s.status[2].add(11);
  s.latency.record(100_us);
  s.latency.record(100_s);
  s.instances[1]->failures.add(4);
  loop.listen("api").bytes_in.add(99);
  const LoopMetrics* loops[] = {&loop};
  const conf::Snapshot snap = snapshot();
  MetricsInput in{snap, sum(loops), {}, {{"supervisor", "ef-b", true, true, false}}, false};
  in.facts.version = "0.1.0";
  in.facts.reload_failures = 1;
  in.facts.access_log_dropped = 6;
  const std::string text = metrics_text(in);
  CHECK(has_line(text, "holdfast_requests_total{service=\"supervisor\"} 12"));
  CHECK(has_line(text, "holdfast_replays_unsent_total{service=\"supervisor\"} 2"));
  CHECK(has_line(text, "holdfast_responses_total{service=\"supervisor\",class=\"2xx\"} 11"));
  CHECK(has_line(text, "holdfast_instance_failures_total{service=\"supervisor\",instance=\"ef-b\"} 4"));
  CHECK(has_line(text, "holdfast_instance_active{service=\"supervisor\",instance=\"ef-b\"} 1"));
  CHECK(has_line(text, "holdfast_received_bytes_total{listen=\"api\"} 99"));
  CHECK(has_line(text, "holdfast_config_info{hash=\"abc123\",node=\"ef-a\"} 1"));
  CHECK(has_line(text, "holdfast_config_generation 3"));
  CHECK(has_line(text, "holdfast_reloads_total{result=\"failure\"} 1"));
  CHECK(has_line(text, "holdfast_access_log_dropped_total 6"));
  CHECK(has_line(text, "holdfast_build_info{version=\"0.1.0\"} 1"));
  CHECK(has_line(text, "holdfast_request_duration_seconds_bucket{service=\"supervisor\",le=\"6.4e-05\"} 0"));
  CHECK(has_line(text, "holdfast_request_duration_seconds_bucket{service=\"supervisor\",le=\"0.000128\"} 1"));
  CHECK(has_line(text, "holdfast_request_duration_seconds_bucket{service=\"supervisor\",le=\"+Inf\"} 2"));
  CHECK(has_line(text, "holdfast_request_duration_seconds_count{service=\"supervisor\"} 2"));
}

TEST_CASE("metrics: each family is announced once, before its samples, and counters end in _total") {
  LoopMetrics loop;
  loop.service("a", 1);
  loop.service("b", 1);
  loop.listen("l");
  const LoopMetrics* loops[] = {&loop};
  const conf::Snapshot snap = snapshot();
  MetricsInput in{snap, sum(loops), {}, {}, false};
  in.vip.running = in.vip.paired = true;
  in.vip.groups.resize(2);
  std::istringstream lines(metrics_text(in));
  std::set<std::string> announced;
  std::string line, current;
  while (std::getline(lines, line)) {
    if (line.rfind("# TYPE ", 0) == 0) {
      std::istringstream words(line.substr(7));
      std::string type;
      words >> current >> type;
      CHECK(announced.insert(current).second);
      const bool total = current.size() > 6 && current.substr(current.size() - 6) == "_total";
      CHECK(total == (type == "counter"));
    } else if (line.rfind("# HELP ", 0) != 0) {
      INFO(line);
      CHECK(line.rfind(current, 0) == 0);
    }
  }
  CHECK(announced.size() > 40);
}

TEST_CASE("metrics: virtual IPs and the other node, where there are any") {
  const conf::Snapshot snap = snapshot();
  MetricsInput in{snap, {}, {}, {}, false};
  CHECK(metrics_text(in).find("holdfast_vip") == std::string::npos);
  in.vip.running = true;
  StatusVipGroup& g = in.vip.groups.emplace_back();
  g.name = "portal";
  g.role = "holder";
  g.epoch = 7;
  g.adverts_sent = 3;
  g.adverts_refused = {{"ttl", 2}};
  g.lingering = 4;
  const std::string alone = metrics_text(in);
  CHECK(has_line(alone, "holdfast_vip_holder{group=\"portal\"} 1"));
  CHECK(has_line(alone, "holdfast_vip_epoch{group=\"portal\"} 7"));
  CHECK(has_line(alone, "holdfast_vip_adverts_sent_total{group=\"portal\"} 3"));
  CHECK(has_line(alone, "holdfast_vip_adverts_refused_total{group=\"portal\",reason=\"ttl\"} 2"));
  CHECK(has_line(alone, "holdfast_vip_lingering_connections{group=\"portal\"} 4"));
  CHECK(alone.find("holdfast_peer_up") == std::string::npos);
  g.role = "lingering";
  in.vip.paired = in.vip.peer.up = in.vip.peer.drift = true;
  in.vip.peer.heartbeats_refused = 5;
  const std::string paired = metrics_text(in);
  CHECK(has_line(paired, "holdfast_vip_holder{group=\"portal\"} 0"));
  CHECK(has_line(paired, "holdfast_peer_up 1"));
  CHECK(has_line(paired, "holdfast_peer_heartbeats_refused_total 5"));
  CHECK(has_line(paired, "holdfast_config_drift 1"));
}

TEST_CASE("metrics: labels are escaped") {
  std::string out;
  append_label(out, "a\"b\\c\nd");
  CHECK(out == R"("a\"b\\c\nd")");
}

TEST_CASE("metrics: the process measures itself") {
  ProcessFacts facts;
  measure_process(facts);
  CHECK(facts.resident_bytes > 100'000);
  CHECK(facts.open_descriptors >= 3);
  CHECK(facts.descriptor_limit >= facts.open_descriptors);
}
