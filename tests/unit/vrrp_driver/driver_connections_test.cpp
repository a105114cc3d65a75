#include "vrrp/driver_connections.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

Address ip(std::string_view text) { return *Address::from_ip(text, 0); }

std::string line(std::string_view local, std::string_view remote, std::string_view state) {
  return "   0: " + std::string(local) + " " + std::string(remote) + " " + std::string(state) +
         " 00000000:00000000 00:00000000 00000000     0        0 18651 1 0000000000000000 100 0 0 10 0\n";
}

const std::string header =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
// As a little-endian kernel prints 10.9.0.10:443 and 10.9.0.1:4096.
const std::string_view vip = "0A00090A:01BB", client = "0100090A:1000";

std::size_t found(const std::string& text) { return parse_connections(text, {ip("10.9.0.10")}).size(); }

}  // namespace

TEST_CASE("connections of a virtual address are found, and only those") {
  const auto all = parse_connections(header + line(vip, client, "01") + line("0B00090A:01BB", client, "01") +
                                         line(vip, "00000000:0000", "0A"),
                                     {ip("10.9.0.10"), ip("fd09::10")});
  REQUIRE(all.size() == 1);
  CHECK(all[0].local.text() == "10.9.0.10:443");
  CHECK(all[0].remote.text() == "10.9.0.1:4096");
}

TEST_CASE("states: what can still carry data, and what is over") {
  for (std::string_view open : {"01", "02", "03", "04", "05", "08", "09", "0B", "0C"})
    CHECK(found(line(vip, client, open)) == 1);
  for (std::string_view over : {"06", "07"}) CHECK(found(line(vip, client, over)) == 0);
}

TEST_CASE("IPv6, and IPv4 mapped into it") {
  const std::string six = "000009FD000000000000000010000000:01BB",
                    other = "000009FD000000000000000001000000:1000";
  const std::string mapped = "0000000000000000FFFF00000A00090A:01BB",
                    peer = "0000000000000000FFFF00000100090A:1000";
  const auto all =
      parse_connections(line(six, other, "01") + line(mapped, peer, "08"), {ip("10.9.0.10"), ip("fd09::10")});
  REQUIRE(all.size() == 2);
  CHECK(all[0].local.text() == "[fd09::10]:443");
  CHECK(all[0].remote.text() == "[fd09::1]:4096");
  CHECK(all[1].local.text() == "10.9.0.10:443");
  CHECK(all[1].remote.text() == "10.9.0.1:4096");
}

TEST_CASE("a line that is not the kernel's is no connection") {
  CHECK(found(line(vip, client, "01")) == 1);
  for (std::string_view bad : {"", "0A00090A", "0A00090A:", "0A00090A:01B", "0A00090A:01BBB", "0A00090G:01BB",
                               "-A00090A:01BB", "0A00090A:-1BB", "0A0009:01BB", "0A00090A0A00090A:01BB"}) {
    CHECK(found(line(bad, client, "01")) == 0);
    CHECK(found(line(vip, bad, "01")) == 0);
  }
  for (std::string_view bad : {"00", "0D", "FF", "1", "001", "x1"}) CHECK(found(line(vip, client, bad)) == 0);
  CHECK(found("") == 0);
  CHECK(found("\n\n   \n:") == 0);
  CHECK(found(std::string("0: \0 \0 01", 9)) == 0);
  CHECK(found(std::string(100'000, ':')) == 0);
}
