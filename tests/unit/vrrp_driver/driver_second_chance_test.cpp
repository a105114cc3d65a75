#include "vrrp/driver_second_chance.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

Address ip(std::string_view text, std::uint16_t port = 0) { return *Address::from_ip(text, port); }

ForwardPlan plan() { return {{ip("10.9.0.10"), ip("fd09::10")}, "eth0", ip("10.9.0.2"), ip("fe80::2")}; }

bool has(const std::string& text, std::string_view piece) { return text.find(piece) != text.npos; }

}  // namespace

TEST_CASE("a plan must be possible before the kernel is asked") {
  CHECK(check_plan(plan()));
  ForwardPlan none = plan();
  none.addresses.clear();
  CHECK_FALSE(check_plan(none));
  ForwardPlan no_v6 = plan();
  no_v6.peer_v6 = {};
  CHECK_FALSE(check_plan(no_v6));
  no_v6.addresses.pop_back();
  CHECK(check_plan(no_v6));
  for (std::string name : {"", "eth0\" drop", "eth 0", "a\nb", "a-name-of-16-chr", "{"}) {
    ForwardPlan bad = plan();
    bad.interface = name;
    CHECK_FALSE(check_plan(bad));
  }
}

TEST_CASE("no rules: both tables are made, so that deleting cannot fail, and are gone") {
  CHECK(forward_script({}, true) ==
        "table ip holdfast_forward\ndelete table ip holdfast_forward\n"
        "table ip6 holdfast_forward\ndelete table ip6 holdfast_forward\n");
}

TEST_CASE("unknown flows go to the peer of their family; known ones and new ones stay") {
  const std::string script =
      forward_script({{"g", {plan(), {{ip("10.9.0.10", 443), ip("10.9.0.1", 5000)}}}}}, true);
  CHECK(has(script, "ip daddr { 10.9.0.10 } jump group0"));
  CHECK(has(script, "ip6 daddr { fd09::10 } jump group0"));
  CHECK(has(script, "ct state new counter dup to 10.9.0.2 device \"eth0\" drop"));
  CHECK(has(script, "ct state new counter dup to fe80::2 device \"eth0\" drop"));
  CHECK(has(script, "elements = { 10.9.0.1 . 5000 . 10.9.0.10 . 443 }"));
  // Out of window packets of our own flows are invalid too: only FIN and RST of those may leave.
  CHECK(has(script, "tcp flags & (fin | rst) != 0 ct state invalid counter dup"));
  CHECK_FALSE(has(script, "new,invalid"));
}

TEST_CASE("where the administrator made connection tracking strict, an unknown flow is invalid") {
  CHECK(
      has(forward_script({{"g", {plan(), {}}}}, false), "meta l4proto tcp ct state new,invalid counter dup"));
}

TEST_CASE("each group has a chain of its own, in the families that it has") {
  ForwardPlan only_v4 = plan();
  only_v4.addresses = {ip("10.9.0.11")};
  const std::string script = forward_script({{"a", {only_v4, {}}}, {"b", {plan(), {}}}}, true);
  CHECK(has(script, "ip daddr { 10.9.0.11 } jump group0"));
  CHECK(has(script, "ip daddr { 10.9.0.10 } jump group1"));
  CHECK(has(script, "ip6 daddr { fd09::10 } jump group0"));
}
