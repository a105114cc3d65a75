#include "vrrp/plan.h"

#include <catch2/catch.hpp>

namespace holdfast::vrrp {
namespace {

Address ip(std::string_view text) { return *Address::from_ip(text, 0); }

HostInterface host() {
  HostInterface interface;
  interface.name = "eth0";
  interface.primary_v4 = ip("10.20.0.11");
  interface.link_local = ip("fe80::11");
  return interface;
}

conf::Snapshot pair() {
  conf::Snapshot s;
  s.cluster = "c";
  s.node = "a";
  s.hash = "0123456789abcdef";
  s.pair = {std::string(32, 's'), 8702, 50_ms, 200_ms, 1_s, 1_s, {"10.20.0.1"}, {}};
  s.nodes = {{"a", "10.20.0.11", "eth0", {"10.99.0.11"}, 0}, {"b", "10.20.0.12", "eth0", {"10.99.0.12"}, 0}};
  conf::Vip vip;
  vip.name = "portal";
  vip.addresses = {"10.20.0.10/24", "2001:db8::10/64", "fe80::10/64"};
  vip.vrid = 51;
  vip.prefer = "a";
  vip.advertise = 1_s;
  s.vips = {vip};
  return s;
}

TEST_CASE("one [vip] of both families is one group of two routers") {
  const auto plan = make_node_plan(pair(), host());
  REQUIRE(plan);
  REQUIRE(plan->groups.size() == 1);
  const StationGroup& group = plan->station.groups[0];
  REQUIRE(group.vrrp.routers.size() == 2);
  CHECK(group.vrrp.routers[0].addresses == std::vector{ip("10.20.0.10")});
  CHECK(group.vrrp.routers[0].source == ip("10.20.0.11"));
  // Erratum 8300: the link-local address leads.
  CHECK(group.vrrp.routers[1].addresses == std::vector{ip("fe80::10"), ip("2001:db8::10")});
  CHECK(group.vrrp.routers[1].source == ip("fe80::11"));
  CHECK(plan->groups[0].addresses.size() == 3);
}

TEST_CASE("the preferred node has the greater priority, unless the file gives one") {
  conf::Snapshot s = pair();
  CHECK(make_node_plan(s, host())->station.groups[0].vrrp.priority == 150);
  s.node = "b";
  CHECK(make_node_plan(s, host())->station.groups[0].vrrp.priority == 100);
  s.nodes[1].priority = 210;
  CHECK(make_node_plan(s, host())->station.groups[0].vrrp.priority == 210);
}

TEST_CASE("[vip]s of one group move together") {
  conf::Snapshot s = pair();
  conf::Vip second = s.vips[0];
  second.name = "api";
  second.addresses = {"10.20.0.20/24"};
  second.vrid = 52;
  s.vips.push_back(second);
  CHECK(make_node_plan(s, host())->groups.size() == 2);
  s.vips[0].group = s.vips[1].group = "both";
  const auto plan = make_node_plan(s, host());
  REQUIRE(plan->groups.size() == 1);
  CHECK(plan->groups[0].vips == std::vector<std::string>{"portal", "api"});
  CHECK(plan->station.groups[0].vrrp.routers.size() == 3);
}

TEST_CASE("heartbeats go over every path, and without a secret there is no pair") {
  conf::Snapshot s = pair();
  const auto plan = make_node_plan(s, host());
  REQUIRE(plan->paths.size() == 2);
  CHECK(plan->paths[1].own.text() == "10.99.0.11:8702");
  CHECK(plan->paths[1].peer.text() == "10.99.0.12:8702");
  CHECK(plan->station.paired);
  s.pair.secret.clear();
  const auto alone = make_node_plan(s, host());
  CHECK_FALSE(alone->station.paired);
  CHECK(alone->paths.empty());
  CHECK(alone->station.peer_addresses.size() == 2);
}

TEST_CASE("unicast goes to the other node's address of the family") {
  conf::Snapshot s = pair();
  s.vips[0].unicast = true;
  const auto without = make_node_plan(s, host());
  REQUIRE_FALSE(without);
  CHECK(without.error().text.find("no IPv6 address of the other node") != std::string::npos);
  s.vips[0].addresses = {"10.20.0.10/24"};
  CHECK(make_node_plan(s, host())->station.groups[0].vrrp.routers[0].unicast_peers ==
        std::vector{ip("10.20.0.12")});
}

TEST_CASE("unicast goes to the peers that the file lists, its own addresses left out") {
  conf::Snapshot s = pair();
  s.vips[0].unicast = true;
  s.vips[0].unicast_peers = {"10.20.0.11", "10.20.0.12", "fe80::11", "fe80::12"};
  const auto plan = make_node_plan(s, host());
  REQUIRE(plan);
  CHECK(plan->station.groups[0].vrrp.routers[0].unicast_peers == std::vector{ip("10.20.0.12")});
  CHECK(plan->station.groups[0].vrrp.routers[1].unicast_peers == std::vector{ip("fe80::12")});
}

TEST_CASE("an interface without an address of a needed family is an error that names both") {
  HostInterface interface = host();
  interface.link_local.reset();
  const auto plan = make_node_plan(pair(), interface);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text.find("[vip.portal]") != std::string::npos);
  CHECK(plan.error().text.find("eth0") != std::string::npos);
}

}  // namespace
}  // namespace holdfast::vrrp
