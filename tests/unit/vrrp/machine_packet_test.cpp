// What the machine makes of packets: those that keepalived 2.2.7 stumbles over, checksums, and the HMAC
// trailer.
#include <catch2/catch.hpp>

#include "tests/unit/vrrp/machine_rig.h"

namespace holdfast::vrrp {

namespace {

/// One packet against router_of(51) at priority 100 and an interval of 1 s, from 192.0.2.20 at priority 200.
struct Row {
  const char* what;
  bool counts;
  std::string packet;
  std::uint8_t ttl = 255;
  std::string_view source = "192.0.2.20";
};

std::string advertisement(Duration interval, std::vector<Address> addresses, Checksum checksum) {
  return encode({Version::V3, 51, 200, interval, std::move(addresses)}, multicast("192.0.2.20"), checksum);
}

std::string trailed() {
  std::string packet = advertisement(1_s, {ip("192.0.2.100")}, Checksum::PseudoHeader);
  append_hmac(packet, multicast("192.0.2.20"), {1, "key"}, {1'790'000'000'000'000}, 0);
  return packet;
}

// keepalived 2.2.7 refuses those marked *, and so makes two holders for good (vrrp.md B.3).
std::vector<Row> rows() {
  const Address vip = ip("192.0.2.100"), more = ip("192.0.2.101");
  const Checksum pseudo = Checksum::PseudoHeader, plain = Checksum::MessageOnly;
  const std::string good = advertisement(1_s, {vip}, pseudo);
  std::string wrong = good, zero = advertisement(1_s, {vip}, plain);
  wrong[7] = static_cast<char>(wrong[7] + 1);
  // Interval 0 with a checksum that fits: what the interval loses the checksum field gains.
  const unsigned sum = 100u + (static_cast<std::uint8_t>(zero[6]) << 8 | static_cast<std::uint8_t>(zero[7]));
  zero[4] = zero[5] = 0;
  zero[6] = static_cast<char>(sum >> 8), zero[7] = static_cast<char>(sum);
  const std::string v2 =
      encode({Version::V2, 51, 200, 1_s, {vip}}, multicast("192.0.2.20"), Checksum::MessageOnly);
  return {
      {"checksum with the pseudo-header", true, good},
      {"* checksum of RFC 9568", true, advertisement(1_s, {vip}, plain)},
      {"* one address more", true, advertisement(1_s, {vip, more}, pseudo)},
      {"* another address", true, advertisement(1_s, {more}, pseudo)},
      {"* a trailer of 28 octets, while we have no key", true, trailed()},
      {"another interval is learned", true, advertisement(100_ms, {vip}, pseudo)},
      {"the greatest interval", true, advertisement(40'950_ms, {vip}, pseudo)},
      {"TTL 64", false, good, 64},
      {"TTL 254", false, good, 254},
      {"interval 0: keepalived flaps", false, zero},
      {"wrong checksum", false, wrong},
      {"cut short", false, good.substr(0, 11)},
      {"one octet more", false, good + '\0'},
      {"empty", false, ""},
      {"version 2 to a version 3 router", false, v2},
      {"another vrid", false, encode({Version::V3, 52, 200, 1_s, {vip}}, multicast("192.0.2.20"), pseudo)},
      {"our own, come back", false,
       encode({Version::V3, 51, 200, 1_s, {vip}}, multicast("192.0.2.10"), pseudo), 255, "192.0.2.10"},
  };
}

std::uint64_t refused(const Rig& rig) {
  std::uint64_t sum = 0;
  for (std::uint64_t n : rig.machine.counters(0).refused) sum += n;
  return sum;
}

}  // namespace

TEST_CASE("an Active yields to what counts, and nothing else moves it") {
  for (const Row& row : rows()) {
    INFO(row.what);
    Rig rig = active_rig(group_of(100));
    const Instant before = rig.machine.deadline();
    Envelope envelope = multicast(row.source);
    envelope.ttl = row.ttl;
    rig.hear(row.packet, envelope);
    CHECK(rig.active() != row.counts);
    CHECK(rig.done() == (row.counts ? "SB" : ""));
    if (!row.counts) CHECK(rig.machine.deadline() == before);
    CHECK(rig.machine.counters(0).received == (row.counts ? 1 : 0));
    if (!row.counts) CHECK(rig.machine.heard().source.family == Address::Family::None);
  }
}

TEST_CASE("a Backup waits on for what counts, and for nothing else") {
  for (const Row& row : rows()) {
    INFO(row.what);
    Rig rig(group_of(100));
    rig.pass(3_s);
    const Instant before = rig.machine.deadline();
    Envelope envelope = multicast(row.source);
    envelope.ttl = row.ttl;
    rig.hear(row.packet, envelope);
    CHECK((rig.machine.deadline() != before) == row.counts);
    CHECK_FALSE(rig.active());
    CHECK(rig.done().empty());
  }
}

TEST_CASE("a storm of packets of interval 0 moves nothing and writes one line") {
  const std::vector<Row> all = rows();
  const auto zero = std::find_if(all.begin(), all.end(), [](const Row& r) { return r.what[0] == 'i'; });
  Rig rig = active_rig(group_of(100));
  for (int i = 0; i < 1000; ++i) rig.hear(zero->packet, multicast("192.0.2.20"));
  CHECK(rig.active());
  CHECK(rig.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Interval)] == 1000);
  const auto stories = rig.stories();
  REQUIRE(stories.size() == 1);
  CHECK(stories[0] == "vrid 51: refused an advertisement of 192.0.2.20: interval, interval 0");
}

TEST_CASE("another vrid is counted nowhere; other refusals are, each under its name") {
  Rig rig(group_of(100));
  rig.hear(encode({Version::V3, 52, 200, 1_s, {ip("192.0.2.100")}}, multicast("192.0.2.20"), {}),
           multicast("192.0.2.20"));
  CHECK(refused(rig) == 0);
  CHECK(rig.take().empty());
  rig.hear("", multicast("192.0.2.20"));
  CHECK(rig.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Length)] == 1);
}

TEST_CASE("other addresses than ours are said once") {
  Rig rig(group_of(100));
  const std::string packet = advertisement(1_s, {ip("192.0.2.101")}, Checksum::PseudoHeader);
  for (int i = 0; i < 100; ++i) rig.hear(packet, multicast("192.0.2.20"));
  CHECK(rig.stories() ==
        std::vector<std::string>{"vrid 51: 192.0.2.20 advertises other addresses than ours"});
}

TEST_CASE("version 2: an interval that is not ours is refused, ours counts") {
  GroupConfig group = group_of(100);
  group.routers[0].version = Version::V2;
  Rig rig(group);
  rig.pass(2_s);
  const Instant before = rig.machine.deadline();
  rig.hear({.interval = 2_s});
  CHECK(rig.machine.deadline() == before);
  CHECK(rig.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Interval)] == 1);
  rig.hear({.interval = 1_s});
  CHECK(rig.machine.deadline() > before);
}

TEST_CASE("IPv6 routers speak to their own group, from a link-local address") {
  GroupConfig group = group_of(100, {router_of(51, "fe80::a", "fe80::100")});
  Rig rig = active_rig(group);
  rig.pass(1_s);
  const auto actions = rig.take();
  REQUIRE(actions.size() == 1);
  CHECK(actions[0].to == ip("ff02::12"));
  CHECK(decode(actions[0].packet, multicast("fe80::a")).refusal == Refusal::None);
  rig.hear({.from = "fe80::9"});
  CHECK_FALSE(rig.active());
}

TEST_CASE("checksums: what a neighbour writes is what it is sent, by multicast to all forms heard") {
  const auto forms = [](Rig& rig) {
    std::vector<Checksum> out;
    rig.pass(1_s);
    for (const MachineAction& action : rig.take())
      if (action.kind == Kind::Send) out.push_back(decode(action.packet, multicast("192.0.2.10")).checksum);
    return out;
  };
  using Forms = std::vector<Checksum>;
  const Checksum pseudo = Checksum::PseudoHeader, plain = Checksum::MessageOnly;
  Rig rig = active_rig(group_of(100));
  CHECK(forms(rig) == Forms{pseudo});
  rig.hear({.priority = 50, .checksum = plain});
  rig.take();
  CHECK(forms(rig) == Forms{plain});
  rig.hear({.from = "192.0.2.30", .priority = 50, .checksum = pseudo});
  rig.take();
  CHECK(forms(rig) == Forms{pseudo, plain});

  GroupConfig fixed = group_of(100);
  fixed.routers[0].learn_checksum = false;
  Rig stubborn = active_rig(fixed);
  stubborn.hear({.priority = 50, .checksum = plain});
  stubborn.take();
  CHECK(forms(stubborn) == Forms{pseudo});
}

TEST_CASE("unicast: each peer gets its packet and its checksum, and only peers are heard") {
  GroupConfig group = group_of(100);
  group.routers[0].unicast_peers = {ip("192.0.2.20"), ip("192.0.2.30")};
  Rig rig = active_rig(group);
  const Envelope to_us{ip("192.0.2.30"), ip("192.0.2.10"), 255};
  rig.hear(encode(rig.advert({.priority = 50}), to_us, Checksum::MessageOnly), to_us);
  const auto actions = rig.take();
  REQUIRE(actions.size() == 3);
  for (std::size_t i : {0, 1}) {
    CHECK(actions[i].to == group.routers[0].unicast_peers[i]);
    const Decoded sent = decode(actions[i].packet, {ip("192.0.2.10"), actions[i].to, 255});
    CHECK(sent.refusal == Refusal::None);
    CHECK(sent.checksum == (i == 0 ? Checksum::PseudoHeader : Checksum::MessageOnly));
  }
  rig.hear({.from = "192.0.2.40"});
  CHECK(rig.active());
  CHECK(rig.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Source)] == 1);
}

TEST_CASE("the table of neighbours is bounded; who signs is forgotten last") {
  GroupConfig group = group_of(100);
  group.routers[0].hmac = HmacMode::Permissive;
  group.routers[0].hmac_keys = {{1, "key"}};
  Rig rig(group);
  std::string packet = rig.packet({});
  append_hmac(packet, multicast("192.0.2.20"), {1, "key"}, rig.wall(), 0);
  rig.hear(packet, multicast("192.0.2.20"));
  for (int i = 0; i < 200; ++i) rig.hear({.from = "10.0.0." + std::to_string(i)});
  rig.hear(packet, multicast("192.0.2.20"));  // the same again
  CHECK(rig.machine.counters(0).refused[static_cast<std::size_t>(Refusal::Stale)] == 1);
}

}  // namespace holdfast::vrrp
