#include "proxy/proxy_protocol.h"

#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

const std::string v2_start("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(char command, char kind, const std::string& payload) {
  std::string out = v2_start + command + kind;
  Writer(out).u16(static_cast<std::uint16_t>(payload.size())).bytes(payload);
  return out;
}

/// The header of `bytes`, which must be asked for at every shorter length too.
ProxyHeader whole(const std::string& bytes) {
  INFO(bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    auto part = read_proxy_header(Bytes(bytes).substr(0, n));
    REQUIRE(part);
    REQUIRE_FALSE(*part);
  }
  for (std::string after : {"", "GET /", "\r\n"}) {
    auto read = read_proxy_header(bytes + after);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK((*read)->length == bytes.size());
  }
  return **read_proxy_header(bytes);
}

std::string refusal(const std::string& bytes) {
  INFO(bytes);
  auto read = read_proxy_header(bytes);
  REQUIRE_FALSE(read);
  CHECK(read.error().blame == Blame::Client);
  return read.error().text;
}

}  // namespace

TEST_CASE("proxy protocol: version 1", "[proxy_protocol]") {
  auto header = whole("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
  CHECK(header.source.text() == "192.0.2.1:56324");
  CHECK(header.destination.text() == "198.51.100.2:443");
  CHECK_FALSE(header.local);
  CHECK(whole("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n").source.text() == "[2001:db8::1]:0");
  CHECK(whole("PROXY UNKNOWN\r\n").local);
  CHECK(whole("PROXY UNKNOWN ffff::1 ::1 65535 65535\r\n").local);
}

TEST_CASE("proxy protocol: version 1 is strict", "[proxy_protocol]") {
  for (const char* line :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 056 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 +5 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n", "PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n", "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n", "PROXY \r\n", "PROXY \n", "PROXY UNKNOWNX\r\n"})
    CHECK(refusal(line).find("PROXY header: ") == 0);
  CHECK(refusal("GET / HTTP/1.1\r\n") == "PROXY header: missing");
  CHECK(refusal("PROXX") == "PROXY header: missing");
  CHECK(refusal("\x16\x03\x01") == "PROXY header: missing");
}

TEST_CASE("proxy protocol: version 1 fits in its limit or is refused", "[proxy_protocol]") {
  std::string line = "PROXY UNKNOWN ";
  line.append(proxy_v1_max - 2 - line.size(), 'x');
  CHECK(whole(line + "\r\n").length == proxy_v1_max);
  CHECK(refusal(line + "x\r\n") == "PROXY header: version 1 line too long");
  CHECK(refusal(line + "xx") == "PROXY header: version 1 line too long");
}

TEST_CASE("proxy protocol: version 2", "[proxy_protocol]") {
  std::string ipv4("\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", 12);
  auto header = whole(v2('\x21', '\x11', ipv4));
  CHECK(header.source.text() == "192.0.2.1:56324");
  CHECK(header.destination.text() == "198.51.100.2:443");
  CHECK(whole(v2('\x21', '\x11', ipv4 + std::string("\x04\x00\x03xyz", 6))).source.port == 56324);
  CHECK(whole(v2('\x21', '\x11', ipv4 + std::string(proxy_v2_max - 12, 't'))).source.port == 56324);
  std::string ipv6(36, '\0');
  ipv6[15] = 1;
  CHECK(whole(v2('\x21', '\x21', ipv6)).source.text() == "[::1]:0");
  CHECK(whole(v2('\x20', '\x00', "")).local);
  CHECK(whole(v2('\x20', '\x11', ipv4)).local);
  CHECK(whole(v2('\x21', '\x00', "anything")).local);
}

TEST_CASE("proxy protocol: version 2 is strict", "[proxy_protocol]") {
  std::string ipv4(12, '\1');
  CHECK(refusal(v2_start + "\x11") == "PROXY header: unknown version 2 command");
  CHECK(refusal(v2('\x22', '\x11', ipv4)) == "PROXY header: unknown version 2 command");
  CHECK(refusal(v2('\x21', '\x12', ipv4)) == "PROXY header: version 2 family is not TCP over IPv4 or IPv6");
  CHECK(refusal(v2('\x21', '\x31', std::string(216, 'a'))).find("family") != std::string::npos);
  CHECK(refusal(v2('\x21', '\x11', ipv4.substr(1))) == "PROXY header: version 2 addresses cut short");
  CHECK(refusal(v2('\x21', '\x21', std::string(35, 'a'))) == "PROXY header: version 2 addresses cut short");
  CHECK(refusal(v2('\x20', '\x00', std::string(proxy_v2_max + 1, 'a'))) ==
        "PROXY header: version 2 header too long");
}

TEST_CASE("proxy protocol: what is written is read back", "[proxy_protocol]") {
  for (const char* pair : {"192.0.2.1:5 198.51.100.2:443", "[2001:db8::1]:5 [::1]:443"}) {
    std::string text = pair;
    auto from = *Address::parse(text.substr(0, text.find(' '))),
         to = *Address::parse(text.substr(text.find(' ') + 1));
    for (unsigned version : {1u, 2u}) {
      std::string out;
      write_proxy_header(version, from, to, out);
      auto header = whole(out);
      CHECK(header.source == from);
      CHECK(header.destination == to);
      out.clear();
      write_proxy_header(version, from, Address{}, out);
      CHECK(whole(out).local);
    }
  }
  std::string line;
  write_proxy_header(1, *Address::parse("192.0.2.1:5"), *Address::parse("198.51.100.2:443"), line);
  CHECK(line == "PROXY TCP4 192.0.2.1 198.51.100.2 5 443\r\n");
}
