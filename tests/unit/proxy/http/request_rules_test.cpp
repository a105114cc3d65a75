// The strictness list: each row is a head that must be refused, by which rule and with what answer; a
// second table says which section each rule is from, and that each has a row. Part of the rows are what
// llhttp 8.1 accepts even when it is built strict.
#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/http/parser.h"

using namespace holdfast::http;
using namespace std::string_literals;

namespace {

struct Row {
  const char* what;
  std::string head;
  const char* rule;
  unsigned status;
};

std::string with(const std::string& fields, const char* line = "GET /a HTTP/1.1") {
  return line + "\r\nHost: a.example\r\n"s + fields + "\r\n";
}

std::string line(const std::string& start) { return start + "\r\nHost: a.example\r\n\r\n"; }

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      // RFC 9112 section 2.2: lines end with CRLF and nothing else.
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a.example\r\n\r\n", "bare-lf", 400},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a.example\n\r\n", "bare-lf", 400},
      {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a.example\r\n\n", "bare-lf", 400},
      {"LF alone throughout", "GET / HTTP/1.1\nHost: a.example\n\n", "bare-lf", 400},
      {"LF before the request line", "\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "bare-lf", 400},
      {"bare CR in a value, CVE-2023-30589", with("X:\rTransfer-Encoding: chunked\r\n"), "bare-cr", 400},
      {"bare CR within a value", with("X: a\rb\r\n"), "bare-cr", 400},
      {"CR and another CR", with("X: a\r\r\n"), "bare-cr", 400},
      {"CR LF CR X as the end", with("X: a\r\n\rX: b\r\n"), "bare-cr", 400},
      {"bare CR in the request line", line("GET / HTTP/1.1\rX"), "bare-cr", 400},
      {"CR in a name", with("X\rY: a\r\n"), "bare-cr", 400},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "empty-start-line", 400},
      // RFC 9110 section 5.5: no control bytes in values.
      {"NUL in a value", with("X: a\0b\r\n"s), "control-byte", 400},
      {"NUL ends a value", with("X: a\0\r\n"s), "control-byte", 400},
      {"DEL in a value", with("X: a\x7f\r\n"), "control-byte", 400},
      {"ESC in a value", with("X: \x1b[0m\r\n"), "control-byte", 400},
      {"VT in a value", with("X: a\vb\r\n"), "control-byte", 400},
      {"FF before a coding", with("Transfer-Encoding: \fchunked\r\n"), "control-byte", 400},
      {"NUL in a name", with("X\0Y: a\r\n"s), "control-byte", 400},
      // RFC 9112 sections 5.1 and 5.2: names and folds.
      {"folded value", with("X: a\r\n b\r\n"), "obs-fold", 400},
      {"folded by a tab", with("X: a\r\n\tb\r\n"), "obs-fold", 400},
      {"folded length, CVE-2024-27982", with("Content-Length:\r\n 5\r\n"), "obs-fold", 400},
      {"space before the first field", "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", "obs-fold", 400},
      {"empty name", with(": a\r\n"), "empty-name", 400},
      {"space before the colon", with("Content-Length : 5\r\n"), "space-in-name", 400},
      {"tab before the colon", with("X\t: 5\r\n"), "space-in-name", 400},
      {"space within a name", with("X Y: 5\r\n"), "space-in-name", 400},
      {"parenthesis in a name", with("X(): a\r\n"), "bad-name", 400},
      {"byte above ASCII in a name", with("X\xe9: a\r\n"), "bad-name", 400},
      {"line without a colon", with("Xabc\r\n"), "missing-colon", 400},
      // RFC 9112 section 3.2: the target.
      {"no target", line("GET  HTTP/1.1"), "bad-target", 400},
      {"space in the target", line("GET /a b HTTP/1.1"), "bad-target", 400},
      {"two spaces before the target", line("GET  /a HTTP/1.1"), "bad-target", 400},
      {"two spaces after the target", line("GET /a  HTTP/1.1"), "bad-target", 400},
      {"fragment", line("GET /a#b HTTP/1.1"), "bad-target", 400},
      {"tab in the target", line("GET /a\tb HTTP/1.1"), "bad-target", 400},
      {"FF in the target", line("GET /a\fb HTTP/1.1"), "bad-target", 400},
      {"NUL in the target", line("GET /a\0b HTTP/1.1"s), "bad-target", 400},
      {"byte above ASCII in the target", line("GET /\xc3\xa9 HTTP/1.1"), "bad-target", 400},
      {"asterisk but not OPTIONS", line("GET * HTTP/1.1"), "bad-target", 400},
      {"authority but not CONNECT", line("GET a.example:80 HTTP/1.1"), "bad-target", 400},
      {"no leading slash", line("GET a/b HTTP/1.1"), "bad-target", 400},
      {"another scheme", line("GET ftp://a.example/ HTTP/1.1"), "bad-target", 400},
      {"absolute-form, query without a path", line("GET http://a.example?b HTTP/1.1"), "bad-target", 400},
      // RFC 9110 section 9.1: the method.
      {"method of separators", line("G(T / HTTP/1.1"), "bad-method", 400},
      {"no method", line(" / HTTP/1.1"), "bad-method", 400},
      {"method of 33 letters", line(std::string(33, 'A') + " / HTTP/1.1"), "bad-method", 400},
      {"a TLS hello", "\x16\x03\x01\x02 / HTTP/1.1\r\n\r\n", "bad-method", 400},
      {"CONNECT", line("CONNECT a.example:443 HTTP/1.1"), "connect", 501},
      // RFC 9112 section 2.3: the version.
      {"HTTP/0.9", line("GET / HTTP/0.9"), "bad-version", 505},
      {"HTTP/2.0", line("GET / HTTP/2.0"), "bad-version", 505},
      {"HTTP/1.2", line("GET / HTTP/1.2"), "bad-version", 505},
      {"HTTP/1.10", line("GET / HTTP/1.10"), "bad-version", 505},
      {"lower case", line("GET / http/1.1"), "bad-version", 505},
      {"space at the end", line("GET / HTTP/1.1 "), "bad-version", 505},
      {"no version", line("GET /"), "bad-version", 505},
      {"method alone", line("GET"), "bad-version", 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", "bad-version", 505},
      {"another protocol", line("GET / RTSP/1.0"), "bad-version", 505},
      // RFC 9112 sections 3.2 and 3.2.2: Host.
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "missing-host", 400},
      {"two Hosts", with("Host: b.example\r\n"), "repeated-host", 400},
      {"two equal Hosts", with("host: a.example\r\n"), "repeated-host", 400},
      {"two Hosts in HTTP/1.0", with("Host: a.example\r\n", "GET / HTTP/1.0"), "repeated-host", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host", 400},
      {"list in Host", "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", "bad-host", 400},
      {"space in Host", "GET / HTTP/1.1\r\nHost: a .example\r\n\r\n", "bad-host", 400},
      {"user in Host", "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", "bad-host", 400},
      {"path in Host", "GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n", "bad-host", 400},
      {"quote in Host", "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n", "bad-host", 400},
      {"port too large", "GET / HTTP/1.1\r\nHost: a.example:65536\r\n\r\n", "bad-host", 400},
      {"port zero", "GET / HTTP/1.1\r\nHost: a.example:0\r\n\r\n", "bad-host", 400},
      {"port signed", "GET / HTTP/1.1\r\nHost: a.example:+80\r\n\r\n", "bad-host", 400},
      {"port empty", "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", "bad-host", 400},
      {"port twice", "GET / HTTP/1.1\r\nHost: a.example:80:80\r\n\r\n", "bad-host", 400},
      {"port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "bad-host", 400},
      {"IPv4 out of range", "GET / HTTP/1.1\r\nHost: 192.0.2.256\r\n\r\n", "bad-host", 400},
      {"IPv4 shortened", "GET / HTTP/1.1\r\nHost: 127.1\r\n\r\n", "bad-host", 400},
      {"IPv6 without brackets", "GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n", "bad-host", 400},
      {"IPv6 malformed", "GET / HTTP/1.1\r\nHost: [2001:db8:::1]\r\n\r\n", "bad-host", 400},
      {"IPv6 with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "bad-host", 400},
      {"bracket not closed", "GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n", "bad-host", 400},
      {"text after the bracket", "GET / HTTP/1.1\r\nHost: [2001:db8::1]x:80\r\n\r\n", "bad-host", 400},
      {"bad host in the target", line("GET http://a,b/ HTTP/1.1"), "bad-host", 400},
      {"user in the target", line("GET http://u@a.example/ HTTP/1.1"), "bad-host", 400},
      {"no host in the target", line("GET http:///a HTTP/1.1"), "bad-host", 400},
      {"target and Host differ", line("GET http://b.example/ HTTP/1.1"), "host-mismatch", 400},
      {"ports differ", line("GET http://a.example:8080/ HTTP/1.1"), "host-mismatch", 400},
      {"absolute-form without Host", "GET http://a.example/ HTTP/1.1\r\n\r\n", "missing-host", 400},
      // RFC 9112 section 6: framing.
      {"two lengths", with("Content-Length: 5\r\nContent-Length: 6\r\n"), "repeated-length", 400},
      {"two equal lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n"), "repeated-length", 400},
      {"list of lengths", with("Content-Length: 5, 5\r\n"), "bad-length", 400},
      {"empty length", with("Content-Length:\r\n"), "bad-length", 400},
      {"blank length", with("Content-Length:  \t\r\n"), "bad-length", 400},
      {"positive sign", with("Content-Length: +5\r\n"), "bad-length", 400},
      {"negative length", with("Content-Length: -5\r\n"), "bad-length", 400},
      {"hexadecimal length", with("Content-Length: 0x5\r\n"), "bad-length", 400},
      {"letter after a length", with("Content-Length: 5a\r\n"), "bad-length", 400},
      {"fraction", with("Content-Length: 5.0\r\n"), "bad-length", 400},
      {"length of 19 digits", with("Content-Length: 1000000000000000000\r\n"), "bad-length", 400},
      {"length past 64 bits", with("Content-Length: 18446744073709551621\r\n"), "bad-length", 400},
      {"length, then chunked", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
       "length-with-transfer-encoding", 400},
      {"chunked, then length", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
       "length-with-transfer-encoding", 400},
      {"gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n"), "bad-transfer-encoding", 400},
      {"chunked, gzip", with("Transfer-Encoding: chunked, gzip\r\n"), "bad-transfer-encoding", 400},
      {"chunked twice in one", with("Transfer-Encoding: chunked, chunked\r\n"), "bad-transfer-encoding", 400},
      {"chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       "bad-transfer-encoding", 400},
      {"identity", with("Transfer-Encoding: identity\r\n"), "bad-transfer-encoding", 400},
      {"xchunked", with("Transfer-Encoding: xchunked\r\n"), "bad-transfer-encoding", 400},
      {"chunked in quotes", with("Transfer-Encoding: \"chunked\"\r\n"), "bad-transfer-encoding", 400},
      {"chunked with a parameter", with("Transfer-Encoding: chunked;a=b\r\n"), "bad-transfer-encoding", 400},
      {"empty coding", with("Transfer-Encoding:\r\n"), "bad-transfer-encoding", 400},
      {"comma first", with("Transfer-Encoding: ,chunked\r\n"), "bad-transfer-encoding", 400},
      {"coding in HTTP/1.0", with("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"),
       "transfer-encoding-on-1.0", 400},
      // RFC 9110 sections 7.6.1 and 10.1.1.
      {"option of two words", with("Connection: close x\r\n"), "bad-connection", 400},
      {"option in quotes", with("Connection: \"close\"\r\n"), "bad-connection", 400},
      {"option with a parameter", with("Connection: keep-alive;a\r\n"), "bad-connection", 400},
      {"another expectation", with("Expect: 200-ok\r\n"), "bad-expect", 417},
      {"expectation list", with("Expect: 100-continue, x\r\n"), "bad-expect", 417},
      {"second expectation", with("Expect: 100-continue\r\nExpect: x\r\n"), "bad-expect", 417},
  };
  return table;
}

const std::map<std::string_view, std::string_view>& sections() {
  static const std::map<std::string_view, std::string_view> table = {
      {"empty-start-line", "RFC 9112 section 2.2"},
      {"bare-cr", "RFC 9112 section 2.2"},
      {"bare-lf", "RFC 9112 section 2.2"},
      {"control-byte", "RFC 9110 section 5.5"},
      {"bad-method", "RFC 9110 section 9.1"},
      {"connect", "RFC 9110 section 9.3.6"},
      {"bad-target", "RFC 9112 section 3.2"},
      {"bad-version", "RFC 9112 section 2.3"},
      {"obs-fold", "RFC 9112 section 5.2"},
      {"empty-name", "RFC 9110 section 5.1"},
      {"space-in-name", "RFC 9112 section 5.1"},
      {"bad-name", "RFC 9110 section 5.1"},
      {"missing-colon", "RFC 9112 section 5"},
      {"bad-connection", "RFC 9110 section 7.6.1"},
      {"bad-expect", "RFC 9110 section 10.1.1"},
      {"missing-host", "RFC 9112 section 3.2"},
      {"repeated-host", "RFC 9112 section 3.2"},
      {"bad-host", "RFC 9110 section 7.2"},
      {"host-mismatch", "RFC 9112 section 3.2.2"},
      {"bad-length", "RFC 9110 section 8.6"},
      {"repeated-length", "RFC 9112 section 6.3"},
      {"length-with-transfer-encoding", "RFC 9112 section 6.3"},
      {"bad-transfer-encoding", "RFC 9112 section 6.1"},
      {"transfer-encoding-on-1.0", "RFC 9112 section 6.1"},
  };
  return table;
}

/// Feeds a head byte by byte, as the slowest client would, and parses it at the end that is found.
std::expected<void, Refusal> parse_bytewise(const std::string& head, RequestHead& out) {
  HeadParser parser;
  for (std::size_t n = 1; n <= head.size(); ++n) {
    std::size_t end = find_head_end(std::string_view(head).substr(0, n), n - 1);
    if (end) return parser.parse_request(std::string_view(head).substr(0, end), {}, out);
  }
  FAIL("no end found");
  return {};
}

}  // namespace

TEST_CASE("each hostile request head is refused by its own rule") {
  std::set<std::string_view> seen;
  for (const Row& row : rows()) {
    INFO(row.what);
    RequestHead head;
    HeadParser parser;
    REQUIRE(find_head_end(row.head, 0) != 0);
    auto whole = parser.parse_request(row.head, {}, head);
    REQUIRE_FALSE(whole.has_value());
    CHECK(whole.error().rule == row.rule);
    CHECK(whole.error().status == row.status);
    REQUIRE(sections().contains(row.rule));
    CHECK(whole.error().section == sections().at(row.rule));
    seen.insert(row.rule);
  }
  CHECK(seen.size() == sections().size());
}

TEST_CASE("a hostile head that comes byte by byte is refused too") {
  for (const Row& row : rows()) {
    INFO(row.what);
    RequestHead head;
    auto result = parse_bytewise(row.head, head);
    REQUIRE_FALSE(result.has_value());
    if (find_head_end(row.head, 0) == row.head.size()) CHECK(result.error().rule == row.rule);
  }
}

TEST_CASE("sizes and counts of a head have limits") {
  HeadParser parser;
  RequestHead head;
  ParseLimits limits{.start_line = 30, .head_bytes = 200, .field_count = 3};
  auto rule = [&](const std::string& text) {
    auto result = parser.parse_request(text, limits, head);
    return result ? std::string("accepted") : std::string(result.error().rule);
  };
  auto exact = line("GET /" + std::string(30 - 14, 'a') + " HTTP/1.1");
  CHECK(rule(exact) == "accepted");
  CHECK(rule(line("GET /" + std::string(30 - 13, 'a') + " HTTP/1.1")) == "line-too-long");
  CHECK(rule(with("X: a\r\nY: b\r\n")) == "accepted");
  CHECK(rule(with("X: a\r\nY: b\r\nZ: c\r\n")) == "too-many-fields");
  CHECK(rule(with("X: " + std::string(200, 'a') + "\r\n")) == "head-too-large");

  CHECK_FALSE(too_large(std::string(31, 'a'), limits));
  CHECK(too_large(std::string(32, 'a'), limits)->rule == "line-too-long");
  CHECK_FALSE(too_large(std::string(30, 'a') + "\r\n", limits));
  CHECK(too_large("GET / HTTP/1.1\r\n" + std::string(200, 'a'), limits)->rule == "head-too-large");
}
