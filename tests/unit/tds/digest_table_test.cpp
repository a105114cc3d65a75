#include "tds/digest_table.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::tds;

namespace {

DigestSample sample(std::uint64_t digest, std::int64_t ms = 1) {
  DigestSample s;
  s.digest = digest;
  s.text = "SELECT ?";
  s.took = Duration::millis(ms);
  s.rows = 2;
  s.bytes_in = 10;
  s.bytes_out = 100;
  return s;
}

Instant at(std::int64_t s) { return Instant{} + Duration::seconds(s); }

DigestRow sum(const DigestTable& table) {
  DigestRow all;
  for (const DigestRow* row : table.rows()) all.add(*row);
  return all;
}

}  // namespace

TEST_CASE("latency histogram: quantiles are at most an eighth too high, and never over the longest") {
  LatencyHistogram h;
  CHECK(h.quantile(0.5) == Duration{});
  for (int us = 1; us <= 1000; ++us) h.record(Duration::micros(us));
  CHECK(h.count() == 1000);
  CHECK(h.max() == Duration::micros(1000));
  CHECK(h.quantile(0.5) >= Duration::micros(500));
  CHECK(h.quantile(0.5) <= Duration::micros(563));
  CHECK(h.quantile(0.99) >= Duration::micros(990));
  CHECK(h.quantile(0.99) <= Duration::micros(1000));
  CHECK(h.quantile(0) <= Duration::micros(2));
  CHECK(h.quantile(1) == Duration::micros(1000));
}

TEST_CASE("latency histogram: every latency has a bucket, and its quantile is near it") {
  for (std::int64_t us = 1; us < 500'000'000; us += 1 + us / 37) {
    LatencyHistogram h;
    h.record(Duration::micros(us));
    h.record(Duration::seconds(100'000));
    const Duration half = h.quantile(0.5);
    INFO(us);
    CHECK(half > Duration::micros(us));
    CHECK(half.to_micros() <= us + us / 8 + 1);
  }
  LatencyHistogram h;
  h.record(Duration::seconds(100'000));
  h.record(Duration{-5});
  CHECK(h.quantile(1) == Duration::seconds(100'000));
  CHECK(h.quantile(0.1) <= Duration::micros(1));
}

TEST_CASE("digest table: a row counts what it is told") {
  DigestTable table(4);
  DigestSample s = sample(7, 3);
  table.record(s, at(1));
  s.error = s.repeated = true;
  s.held = 5_ms;
  table.record(s, at(2));
  const DigestRow* row = table.find(7);
  REQUIRE(row);
  CHECK(row->text == "SELECT ?");
  CHECK(row->count == 2);
  CHECK(row->errors == 1);
  CHECK(row->repeated == 1);
  CHECK(row->held == 1);
  CHECK(row->rows == 4);
  CHECK(row->bytes_in == 20);
  CHECK(row->bytes_out == 200);
  CHECK(row->took == 6_ms);
  CHECK(row->last_seen == at(2));
  CHECK(row->latency.count() == 2);
  CHECK(table.find(8) == nullptr);
}

TEST_CASE("digest table: rows come with most time first, others last") {
  DigestTable table(2);
  table.record(sample(1, 5), at(1));
  table.record(sample(2, 50), at(1));
  table.record(sample(0, 500), at(1));
  const auto rows = table.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]->digest == 2);
  CHECK(rows[1]->digest == 1);
  CHECK(rows[2]->text == "(others)");
}

TEST_CASE("digest table: when full the rarest gives way and the sums stay true") {
  DigestTable table(8);
  for (int round = 0; round < 50; ++round)
    for (std::uint64_t often = 1; often <= 4; ++often) table.record(sample(often), at(round));
  for (std::uint64_t once = 100; once < 1100; ++once) table.record(sample(once), at(100));
  CHECK(table.size() == 8);
  for (std::uint64_t often = 1; often <= 4; ++often) CHECK(table.find(often) != nullptr);
  const DigestRow all = sum(table);
  CHECK(all.count == 1200);
  CHECK(all.rows == 2400);
  CHECK(all.took == Duration::millis(1200));
  CHECK(all.latency.count() == 1200);
  CHECK(table.rows().back()->count == 1200 - 200 - 4);
}

TEST_CASE("digest table: memory is bounded as it says") {
  const std::string longest(5000, 'x');
  for (std::size_t rows : {1u, 10u, 200u}) {
    DigestTable table(rows, 256);
    for (std::uint64_t i = 1; i < 2000; ++i) {
      DigestSample s = sample(i * 0x9E3779B97F4A7C15u);
      s.text = longest;
      table.record(s, at(1));
      REQUIRE(table.size() <= rows);
    }
    CHECK(table.memory() <= DigestTable::memory_max(rows, 256));
    CHECK(table.rows().front()->text.size() == 256);
  }
  CHECK(DigestTable::memory_max(1000, 1024) < 2400 * 1024);
}

TEST_CASE("digest table: a text is cut at a character") {
  DigestTable table(2, 4);
  DigestSample s = sample(1);
  s.text = "abc\xc3\xa9";
  table.record(s, at(1));
  CHECK(table.find(1)->text == "abc");
}

TEST_CASE("digest table: the tables of two loops are summed") {
  DigestTable a(8), b(8);
  a.record(sample(1, 5), at(1));
  a.record(sample(2, 5), at(1));
  b.record(sample(2, 7), at(3));
  b.record(sample(3, 7), at(2));
  b.record(sample(0, 1), at(2));
  a.add(b);
  CHECK(a.size() == 3);
  CHECK(a.find(2)->count == 2);
  CHECK(a.find(2)->took == 12_ms);
  CHECK(a.find(2)->last_seen == at(3));
  CHECK(sum(a).count == 5);
  CHECK(b.find(2)->count == 1);
}

TEST_CASE("digest table: a sum holds the bound too") {
  DigestTable a(4), b(64);
  for (std::uint64_t i = 1; i <= 64; ++i) b.record(sample(i), at(1));
  a.add(b);
  CHECK(a.size() == 4);
  CHECK(sum(a).count == 64);
}

TEST_CASE("digest table: no rows wanted, or emptied") {
  DigestTable none(0);
  none.record(sample(1), at(1));
  CHECK(none.size() == 0);
  CHECK(none.rows().size() == 1);
  DigestTable table(2);
  table.record(sample(1), at(1));
  table.clear();
  CHECK(table.rows().empty());
  table.record(sample(1), at(1));
  CHECK(table.find(1)->count == 1);
}
