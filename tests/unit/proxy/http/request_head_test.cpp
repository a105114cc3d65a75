// What an accepted request head is read as.
#include <catch2/catch.hpp>

#include <string>

#include "proxy/http/fields.h"
#include "proxy/http/parser.h"

using namespace holdfast::http;

namespace {

struct Parsed {
  std::string block;
  RequestHead head;
};

Parsed accept(std::string block) {
  Parsed parsed{std::move(block), {}};
  HeadParser parser;
  INFO(parsed.block);
  REQUIRE(find_head_end(parsed.block, 0) == parsed.block.size());
  auto result = parser.parse_request(parsed.block, {}, parsed.head);
  if (!result) FAIL("refused: " << result.error().rule);
  return parsed;
}

Parsed accept_line(const std::string& line, const std::string& fields = "Host: a.example\r\n") {
  return accept(line + "\r\n" + fields + "\r\n");
}

}  // namespace

TEST_CASE("a plain request fills the whole head") {
  Parsed p = accept(
      "POST /a/b?c=d HTTP/1.1\r\nHost: A.example:8080\r\nX-One:  two words \t\r\nEmpty:\r\n"
      "cOnTeNt-LeNgTh: 000042\r\nExpect: 100-Continue\r\n\r\n");
  const RequestHead& head = p.head;
  CHECK(head.method == Method::Post);
  CHECK(head.method_text == "POST");
  CHECK(head.target == "/a/b?c=d");
  CHECK(head.path == "/a/b");
  CHECK(head.host == "A.example");
  CHECK(head.authority == "A.example:8080");
  CHECK(head.version_minor == 1);
  CHECK(head.framing == Framing::Length);
  CHECK(head.content_length == 42);
  CHECK(head.keep_alive);
  CHECK(head.expect_continue);
  CHECK_FALSE(head.upgrade);
  REQUIRE(head.fields.size() == 5);
  CHECK(head.fields[1].name == "X-One");
  CHECK(head.fields[1].value == "two words");
  CHECK(head.fields[2].value.empty());
  CHECK(head.value(Known::ContentLength) == "000042");
}

TEST_CASE("targets in each form") {
  CHECK(accept_line("GET / HTTP/1.1").head.path == "/");
  CHECK(accept_line("OPTIONS * HTTP/1.1").head.target == "*");
  CHECK(accept_line("GET //a/../b?c?d HTTP/1.1").head.path == "//a/../b");
  Parsed absolute = accept_line("GET HTTP://a.example/b?c HTTP/1.1");
  CHECK(absolute.head.target == "/b?c");
  CHECK(absolute.head.path == "/b");
  CHECK(absolute.head.host == "a.example");
  CHECK(accept_line("GET https://A.EXAMPLE HTTP/1.1").head.target == "/");
  CHECK(accept_line("OPTIONS http://a.example HTTP/1.1").head.target == "*");
  Parsed old = accept("GET http://a.example:81/ HTTP/1.0\r\n\r\n");
  CHECK(old.head.authority == "a.example:81");
}

TEST_CASE("hosts") {
  auto host = [](const std::string& value) {
    return std::string(accept_line("GET / HTTP/1.1", "Host: " + value + "\r\n").head.host);
  };
  CHECK(host("192.0.2.1:80") == "192.0.2.1");
  CHECK(host("[2001:db8::1]") == "[2001:db8::1]");
  CHECK(host("[2001:db8::1]:65535") == "[2001:db8::1]");
  CHECK(host("my_server") == "my_server");
  CHECK(host("a.example.") == "a.example.");
  CHECK(accept("GET / HTTP/1.0\r\n\r\n").head.host.empty());
}

TEST_CASE("any token is a method, whether llhttp knows it or not") {
  CHECK(accept_line("QUERY /a HTTP/1.1").head.method == Method::Query);
  for (const char* name :
       {"PROPFIND", "DESCRIBE", "SOURCE", "PRI", "get", "M-SEARCH", "X!#$%&'*+-.^_`|~9", "PURGE"}) {
    Parsed p = accept_line(std::string(name) + " /a HTTP/1.1");
    CHECK(p.head.method == Method::Other);
    CHECK(p.head.method_text == name);
  }
  for (Method m : {Method::Get, Method::Head, Method::Post, Method::Put, Method::Delete, Method::Options,
                   Method::Trace, Method::Patch, Method::Query})
    CHECK(accept_line(std::string(name_of(m)) + " / HTTP/1.1").head.method == m);
}

TEST_CASE("keep-alive by version and Connection") {
  auto keeps = [](const char* version, const std::string& connection) {
    std::string fields = "Host: a\r\n" + (connection.empty() ? "" : "Connection: " + connection + "\r\n");
    return accept_line(std::string("GET / HTTP/") + version, fields).head.keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK_FALSE(keeps("1.1", "Close"));
  CHECK_FALSE(keeps("1.1", "keep-alive, , close"));
  CHECK_FALSE(keeps("1.1", "x\r\nConnection: close"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Keep-Alive"));
  CHECK_FALSE(keeps("1.0", "keep-alive, close"));
}

TEST_CASE("an upgrade is one that Connection names, of HTTP/1.1, and not to HTTP/2") {
  auto upgrades = [](const char* version, const std::string& fields) {
    return accept_line(std::string("GET / HTTP/") + version, "Host: a\r\n" + fields).head.upgrade;
  };
  CHECK(upgrades("1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK_FALSE(upgrades("1.1", "Upgrade: websocket\r\n"));
  CHECK_FALSE(upgrades("1.1", "Connection: Upgrade\r\n"));
  CHECK_FALSE(upgrades("1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK_FALSE(
      upgrades("1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"));
  CHECK_FALSE(upgrades("1.1", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"));
}

TEST_CASE("chunked is read in any case, and Expect is ignored in HTTP/1.0") {
  CHECK(accept_line("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: \tChunKED \r\n").head.framing ==
        Framing::Chunked);
  CHECK(accept_line("POST / HTTP/1.1", "Host: a\r\nContent-Length: 999999999999999999\r\n")
            .head.content_length == 999999999999999999u);
  CHECK_FALSE(
      accept_line("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n").head.expect_continue);
}

TEST_CASE("values hold tabs and bytes above ASCII") {
  Parsed p = accept_line("GET / HTTP/1.1", "Host: a\r\nX: a\tb \xc3\xa9\xff; long enough for words\t.\r\n");
  CHECK(p.head.fields[1].value == "a\tb \xc3\xa9\xff; long enough for words\t.");
}

TEST_CASE("a head is reused without a trace of the one before") {
  HeadParser parser;
  RequestHead head;
  std::string one =
      "POST http://a/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  std::string two = "GET / HTTP/1.0\r\n\r\n";
  REQUIRE(parser.parse_request(one, {}, head));
  REQUIRE(parser.parse_request(two, {}, head));
  CHECK(head.fields.empty());
  CHECK(head.host.empty());
  CHECK(head.authority.empty());
  CHECK_FALSE(head.has(Known::ContentLength));
  CHECK(head.framing == Framing::None);
  CHECK(head.content_length == 0);
  CHECK_FALSE(head.expect_continue);
}

TEST_CASE("known names are found in any case, and nothing near them") {
  CHECK(known_of("Host") == Known::Host);
  CHECK(known_of("TRANSFER-ENCODING") == Known::TransferEncoding);
  CHECK(known_of("x-holdfast-attempt") == Known::HoldfastAttempt);
  CHECK(known_of("te") == Known::Te);
  CHECK(known_of("hosT\r") == Known::Other);
  CHECK(known_of("") == Known::Other);
  CHECK(known_of("content_length") == Known::Other);
  CHECK(known_of("content\rlength") == Known::Other);
}

TEST_CASE("control bytes are found at every place of a long value") {
  for (std::size_t size = 1; size < 40; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (char bad : {'\0', '\x01', '\n', '\r', '\x1f', '\x7f'}) {
        std::string text(size, '\xe0');
        if (at > 2) text[at / 2] = '\t';
        text[at] = bad;
        REQUIRE(skip_value(text.data(), text.data() + size) == text.data() + at);
      }
}

TEST_CASE("the end of a head is found wherever the search goes on") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string bytes = head + "next\n\n";
  for (std::size_t from = 0; from < head.size(); ++from) CHECK(find_head_end(bytes, from) == head.size());
  CHECK(find_head_end(head.substr(0, head.size() - 1), 0) == 0);
  CHECK(find_head_end("", 0) == 0);
  CHECK(leading_empty_lines("\r\n\r\nGET") == 4);
  CHECK(leading_empty_lines("\r") == 0);
  CHECK(leading_empty_lines("\nGET") == 0);
}
