#include "proxy/base/address.h"

#include <catch2/catch.hpp>

using holdfast::Address;
using holdfast::Network;

TEST_CASE("an address with a port is read and written back") {
  for (const char* text : {"192.0.2.1:80", "[2001:db8::1]:65535", "0.0.0.0:1", "[::]:8080"}) {
    auto a = Address::parse(text);
    REQUIRE(a);
    CHECK(a->text() == text);
  }
  CHECK(Address::parse("[2001:DB8:0::1]:443")->text() == "[2001:db8::1]:443");
  CHECK(Address::parse("192.0.2.1:80")->port == 80);
  CHECK(Address::parse("192.0.2.1:80")->ip() == "192.0.2.1");
}

TEST_CASE("whatever is not exactly an address with a port is none") {
  for (const char* text : {"", ":", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                           "192.0.2.1:-1", "192.0.2.1:+80", "192.0.2.1: 80", "192.0.2.1:80 ", "192.0.2.1:8x",
                           "2001:db8::1:80", "[192.0.2.1]:80", "[2001:db8::1]", "[]:80", "[:80", "]:80",
                           "localhost:80", "192.0.2:80", "192.0.2.256:80", "192.0.2.1:99999999999"})
    CHECK_FALSE(Address::parse(text).has_value());
}

TEST_CASE("an address without a port takes no brackets and no zone") {
  CHECK(Address::from_ip("::1", 5)->text() == "[::1]:5");
  for (const char* text : {"", "[::1]", "::1%lo", "1.2.3", "1.2.3.4.5", "01.2.3.4x", "::g"})
    CHECK_FALSE(Address::from_ip(text, 1).has_value());
  CHECK_FALSE(Address::from_ip(std::string(500, '1'), 1).has_value());
}

TEST_CASE("no address is written as a dash and differs from all others") {
  CHECK(Address{}.text() == "-");
  CHECK(Address{} != *Address::from_ip("0.0.0.0", 0));
  CHECK(*Address::from_ip("10.0.0.1", 1) < *Address::from_ip("10.0.0.1", 2));
}

TEST_CASE("a network holds what shares its prefix, bit by bit") {
  auto in = [](const char* network, const char* ip) {
    return Network::parse(network)->contains(*Address::from_ip(ip, 9));
  };
  CHECK(in("10.0.0.0/8", "10.255.1.2"));
  CHECK_FALSE(in("10.0.0.0/8", "11.0.0.0"));
  CHECK(in("192.0.2.128/25", "192.0.2.255"));
  CHECK_FALSE(in("192.0.2.128/25", "192.0.2.127"));
  CHECK(in("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(in("10.1.2.3", "10.1.2.2"));
  CHECK(in("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(in("0.0.0.0/0", "::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129"})
    CHECK_FALSE(Network::parse(text).has_value());
}
