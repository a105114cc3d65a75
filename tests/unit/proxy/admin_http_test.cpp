#include "proxy/admin_http.h"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/admin_fake.h"

using namespace holdfast;

namespace {

std::string ask(FakeAdmin& admin, const std::string& request) {
  http::HeadParser parser;
  const std::optional<std::string> answer = answer_http(request, parser, admin);
  return answer ? *answer : "more";
}

std::string get(FakeAdmin& admin, const std::string& target) {
  return ask(admin, "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

bool is(const std::string& answer, const std::string& status) {
  return answer.starts_with("HTTP/1.1 " + status);
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

}  // namespace

TEST_CASE("admin http: the three pages, and nothing else") {
  FakeAdmin admin;
  CHECK(is(get(admin, "/metrics"), "200 OK"));
  CHECK(body_of(get(admin, "/metrics")) == "metric 1\n");
  CHECK(get(admin, "/metrics").find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
  CHECK(is(get(admin, "/healthz"), "200 OK"));
  CHECK(body_of(get(admin, "/healthz?x")) == "ok\n");
  CHECK(body_of(get(admin, "/status")).starts_with("{\"version\":\"9.9\""));
  for (const char* target : {"/", "/metrics/", "/reload", "/status.json"})
    CHECK(is(get(admin, target), "404 "));
  CHECK(get(admin, "/healthz").find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("admin http: what is not healthy is 503 with the reason") {
  FakeAdmin admin;
  admin.health_ = {false, "draining"};
  CHECK(is(get(admin, "/healthz"), "503 Service Unavailable"));
  CHECK(body_of(get(admin, "/healthz")) == "draining\n");
}

TEST_CASE("admin http: a HEAD has the length and no body") {
  FakeAdmin admin;
  const std::string answer = ask(admin, "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(answer.find("Content-Length: 9\r\n") != std::string::npos);
  CHECK(body_of(answer).empty());
}

TEST_CASE("admin http: other methods, bodies and malformed heads are refused") {
  FakeAdmin admin;
  const std::string post = ask(admin, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  CHECK(is(post, "405 "));
  CHECK(post.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
  CHECK(is(ask(admin, "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), "400 "));
  CHECK(is(ask(admin, "GET /metrics HTTP/1.1\r\n\r\n"), "400 "));
  CHECK(is(ask(admin, "GET  /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "400 "));
}

TEST_CASE("admin http: a request may come in any pieces, but not without end") {
  FakeAdmin admin;
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t n = 0; n < request.size(); ++n) {
    INFO(n);
    CHECK(ask(admin, request.substr(0, n)) == "more");
  }
  CHECK(is(ask(admin, "GET /healthz HTTP/1.1\r\nX: " + std::string(admin_http_head_max, 'a')), "431 "));
  CHECK(ask(admin, std::string(admin_http_head_max, '\r')) != "more");
  std::string empty_lines;
  for (int i = 0; i < 10; ++i) empty_lines += "\r\n";
  CHECK(ask(admin, empty_lines) != "more");
}
