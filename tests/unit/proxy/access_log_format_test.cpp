#include <catch2/catch.hpp>

#include "proxy/access_log.h"
#include "proxy/access_log_record.h"

using namespace holdfast;

namespace {

AccessRecord sample() {
  AccessRecord r;
  r.at = {1'795'348'800'123'456};  // 2026-11-22 12:00:00.123456
  r.listen = "api";
  r.route = "ivr";
  r.service = "supervisor";
  r.instance = "ef-b";
  r.client = *Address::parse("192.0.2.7:4711");
  r.method = "GET";
  r.host = "portal.example";
  r.target = "/api/ivr/menu?x=1";
  r.user_agent = "ivr/1";
  r.request_id = "0123";
  r.tls = "TLSv1.3";
  r.status = 200;
  r.bytes_in = 5;
  r.bytes_out = 1024;
  r.total = 12'500_us;
  r.parked = 3_ms;
  r.connect = 250_us;
  r.first_byte = 12_ms;
  r.attempts = 2;
  r.reasons = "refused";
  r.outcome = "ok";
  return r;
}

std::string json(const AccessRecord& r) {
  std::string out;
  format(r, conf::LogFormat::Json, out);
  return out;
}

std::string common(const AccessRecord& r) {
  std::string out;
  format(r, conf::LogFormat::Common, out);
  return out;
}

}  // namespace

TEST_CASE("access log: a JSON line") {
  CHECK(json(sample()) ==
        R"({"at":"2026-11-22T12:00:00.123456Z","client":"192.0.2.7:4711","listen":"api","route":"ivr",)"
        R"("service":"supervisor","instance":"ef-b","method":"GET","host":"portal.example",)"
        R"("target":"/api/ivr/menu?x=1","version":"HTTP/1.1","status":200,"user_agent":"ivr/1",)"
        R"("request_id":"0123","tls":"TLSv1.3","bytes_in":5,"bytes_out":1024,"total_ms":12.5,"parked_ms":3,)"
        R"("connect_ms":0.25,"first_byte_ms":12,"attempts":2,"reasons":"refused","outcome":"ok"})"
        "\n");
}

TEST_CASE("access log: a relayed connection has no request in its line") {
  AccessRecord r;
  r.at = {1'795'348'800'000'000};
  r.client = *Address::parse("[2001:db8::1]:1");
  r.listen = "sql";
  r.outcome = "ok";
  CHECK(json(r) == R"({"at":"2026-11-22T12:00:00.000000Z","client":"[2001:db8::1]:1","listen":"sql",)"
                   R"("bytes_in":0,"bytes_out":0,"total_ms":0,"attempts":0,"outcome":"ok"})"
                   "\n");
  CHECK(common(r).rfind("2001:db8::1 - - [22/Nov/2026:12:00:00 +0000] \"-\" - 0 \"-\" \"-\" ", 0) == 0);
}

TEST_CASE("access log: the combined format comes first, our fields after it") {
  CHECK(
      common(sample()) ==
      "192.0.2.7 - - [22/Nov/2026:12:00:00 +0000] \"GET /api/ivr/menu?x=1 HTTP/1.1\" 200 1024 \"-\" \"ivr/1\""
      " host=\"portal.example\" listen=\"api\" route=\"ivr\" service=\"supervisor\" instance=\"ef-b\""
      " request_id=\"0123\" tls=\"TLSv1.3\" bytes_in=5 total_ms=12.500 parked_ms=3.000 connect_ms=0.250"
      " first_byte_ms=12.000 attempts=2 reasons=\"refused\" outcome=\"ok\"\n");
}

TEST_CASE("access log: a hostile value can break neither a line nor a quote") {
  AccessRecord r = sample();
  const std::string_view hostile("\" 200 0\r\n\x1b[2J\xff\\\0", 16);
  r.target = r.user_agent = r.host = hostile;
  for (const std::string& line : {json(r), common(r)}) {
    CHECK(line.find('\n') == line.size() - 1);
    for (char c : line.substr(0, line.size() - 1)) REQUIRE((c >= ' ' && c < 0x7f));
  }
  CHECK(json(r).find(R"("target":"\" 200 0\r\n\u001b[2J\ufffd\\\u0000")") != std::string::npos);
  CHECK(common(r).find(R"(host="\" 200 0\x0d\x0a\x1b[2J\xff\\\x00")") != std::string::npos);
}

TEST_CASE("access log: a record survives being packed, and long strings are cut") {
  AccessRecord r = sample();
  const std::string long_target = "/" + std::string(100'000, 'a');
  r.target = long_target;
  std::string bytes;
  pack(r, bytes);
  CHECK(bytes.size() < 5000);
  const AccessRecord back = unpack(bytes);
  CHECK(back.target == long_target.substr(0, access_string_max));
  r.target = back.target;
  CHECK(json(back) == json(r));
}
