// Responses are read as strictly as requests: what is refused here becomes 502 and is never forwarded.
#include <catch2/catch.hpp>

#include <string>

#include "proxy/http/parser.h"

using namespace holdfast::http;
using namespace std::string_literals;

namespace {

struct Row {
  const char* what;
  std::string head;
  const char* rule;
};

std::string ok(const std::string& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n"; }

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {"LF only", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare-lf"},
      {"bare LF in the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "bare-lf"},
      {"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", "bare-cr"},
      {"NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"s, "bad-status-line"},
      {"bare CR splits a value", ok("X: a\rSet-Cookie: b\r\n"), "bare-cr"},
      {"folded value", ok("X: a\r\n b\r\n"), "obs-fold"},
      {"empty name", ok(": a\r\n"), "empty-name"},
      {"space before the colon", ok("Content-Length : 5\r\n"), "space-in-name"},
      {"NUL in a value", ok("X: \0\r\n"s), "control-byte"},
      {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "bad-version"},
      {"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "bad-version"},
      {"not HTTP", "SSH-2.0-x\r\n\r\n", "bad-version"},
      {"ICY", "ICY 200 OK\r\n\r\n", "bad-version"},
      {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "bad-status-line"},
      {"two digits", "HTTP/1.1 20 OK\r\n\r\n", "bad-status-line"},
      {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "bad-status-line"},
      {"no space after the status", "HTTP/1.1 200OK\r\n\r\n", "bad-status-line"},
      {"status 099", "HTTP/1.1 099 X\r\n\r\n", "bad-status-line"},
      {"status 600", "HTTP/1.1 600 X\r\n\r\n", "bad-status-line"},
      {"signed status", "HTTP/1.1 +20 X\r\n\r\n", "bad-status-line"},
      {"no status", "HTTP/1.1\r\n\r\n", "bad-status-line"},
      {"two lengths", ok("Content-Length: 5\r\nContent-Length: 6\r\n"), "repeated-length"},
      {"two equal lengths", ok("Content-Length: 5\r\nContent-Length: 5\r\n"), "repeated-length"},
      {"list of lengths", ok("Content-Length: 5, 5\r\n"), "bad-length"},
      {"signed length", ok("Content-Length: +5\r\n"), "bad-length"},
      {"length and coding", ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
       "length-with-transfer-encoding"},
      {"gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), "bad-transfer-encoding"},
      {"identity", ok("Transfer-Encoding: identity\r\n"), "bad-transfer-encoding"},
      {"coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "transfer-encoding-on-1.0"},
      {"coding on 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "body-on-bodiless"},
      {"length on 204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "body-on-bodiless"},
      {"length on 101", "HTTP/1.1 101 X\r\nContent-Length: 5\r\n\r\n", "body-on-bodiless"},
      {"coding on 100", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", "body-on-bodiless"},
      {"malformed option", ok("Connection: a b\r\n"), "bad-connection"},
  };
  return table;
}

ResponseHead accept(const std::string& block, bool to_head = false) {
  ResponseHead head;
  HeadParser parser;
  INFO(block);
  auto result = parser.parse_response(block, {}, to_head, head);
  if (!result) FAIL("refused: " << result.error().rule);
  return head;
}

}  // namespace

TEST_CASE("each hostile response head is refused by its own rule, as 502") {
  for (const Row& row : rows()) {
    INFO(row.what);
    ResponseHead head;
    HeadParser parser;
    auto whole = parser.parse_response(row.head, {}, false, head);
    REQUIRE_FALSE(whole.has_value());
    CHECK(whole.error().rule == row.rule);
    CHECK(whole.error().status == 502);

    std::size_t end = 0;
    for (std::size_t n = 1; n <= row.head.size() && !end; ++n)
      end = find_head_end(std::string_view(row.head).substr(0, n), n - 1);
    REQUIRE(end == row.head.size());
  }
}

TEST_CASE("response limits are 502 too") {
  ResponseHead head;
  HeadParser parser;
  auto result = parser.parse_response(ok("A: b\r\nC: d\r\n"), ParseLimits{.field_count = 1}, false, head);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().rule == "too-many-fields");
  CHECK(result.error().status == 502);
}

TEST_CASE("status lines with and without a reason") {
  CHECK(accept("HTTP/1.1 200 OK\r\n\r\n").reason == "OK");
  CHECK(accept("HTTP/1.0 404 Not  Found \xe9\r\n\r\n").reason == "Not  Found \xe9");
  CHECK(accept("HTTP/1.1 200 \r\n\r\n").reason.empty());
  CHECK(accept("HTTP/1.1 599\r\n\r\n").status == 599);
}

TEST_CASE("framing of responses, RFC 9112 section 6.3") {
  CHECK(accept(ok("")).framing == Framing::UntilClose);
  CHECK(accept(ok("Content-Length: 0\r\n")).framing == Framing::Length);
  CHECK(accept(ok("Transfer-Encoding: chunked\r\n")).framing == Framing::Chunked);
  CHECK(accept("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").framing == Framing::None);
  CHECK(accept("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n").framing == Framing::Length);
  CHECK(accept("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n").framing ==
        Framing::None);
  ResponseHead not_modified = accept("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
  CHECK(not_modified.framing == Framing::None);
  ResponseHead to_head = accept(ok("Content-Length: 7\r\n"), true);
  CHECK(to_head.framing == Framing::None);
  CHECK(to_head.content_length == 7);
  CHECK(accept(ok("Transfer-Encoding: chunked\r\n"), true).framing == Framing::None);
}
