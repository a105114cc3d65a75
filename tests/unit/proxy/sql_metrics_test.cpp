#include <catch2/catch.hpp>

#include "proxy/metrics_exposition.h"

using namespace holdfast;

TEST_CASE("sql metrics: loops are added up, and labels are services and outcomes only") {
  LoopMetrics a, b;
  a.sql("sql").sessions.add(2);
  b.sql("sql").sessions.add(3);
  a.sql("sql").requests[0].add(7);
  b.sql("sql").requests.back().add(1);
  a.sql("sql").survived.add();
  const LoopMetrics* loops[] = {&a, &b};
  Exposition e;
  show_sql(e, sum_sql(loops));
  const std::string text = e.take();
  CHECK(text.find("\nholdfast_sql_sessions{service=\"sql\"} 5\n") != text.npos);
  CHECK(text.find("\nholdfast_sql_survived_total{service=\"sql\"} 1\n") != text.npos);
  CHECK(text.find("\nholdfast_sql_requests_total{service=\"sql\",outcome=\"ok\"} 7\n") != text.npos);
  CHECK(text.find("\nholdfast_sql_requests_total{service=\"sql\",outcome=\"rolled-back\"} 0\n") != text.npos);
  CHECK(text.find("\nholdfast_sql_requests_total{service=\"sql\",outcome=\"other\"} 1\n") != text.npos);
}

TEST_CASE("sql metrics: a process without aware SQL shows none") {
  LoopMetrics a;
  a.service("web", 1);
  const LoopMetrics* loops[] = {&a};
  CHECK(sum_sql(loops).empty());
}
