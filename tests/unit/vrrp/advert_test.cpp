#include "vrrp/advert.h"

#include <catch2/catch.hpp>

#include "tests/unit/vrrp/advert_bytes.h"

namespace holdfast::vrrp {

namespace {

// As keepalived 2.2.7 put them on the wire: captured from four instances in a network namespace.
struct Captured {
  const char* what;
  Version version;
  std::uint8_t vrid, priority;
  Duration interval;
  std::vector<Address> addresses;
  Envelope envelope;
  const char* hex;
};

const std::vector<Captured>& captured() {
  static const std::vector<Captured> table = {
      {"v3, two addresses",
       Version::V3,
       51,
       150,
       100_ms,
       {ip("192.0.2.100"), ip("192.0.2.101")},
       multicast("192.0.2.1"),
       "31339602000a1161c0000264c0000265"},
      {"v3, giving up",
       Version::V3,
       51,
       0,
       100_ms,
       {ip("192.0.2.100"), ip("192.0.2.101")},
       multicast("192.0.2.1"),
       "31330002000aa761c0000264c0000265"},
      {"v3, unicast",
       Version::V3,
       54,
       120,
       200_ms,
       {ip("192.0.2.103")},
       {ip("192.0.2.1"), ip("192.0.2.2"), 255},
       "3136780100140fccc0000267"},
      {"v2",
       Version::V2,
       52,
       200,
       1_s,
       {ip("192.0.2.102")},
       multicast("192.0.2.1"),
       "2134c80100015462c00002660000000000000000"},
      {"v2, giving up",
       Version::V2,
       52,
       0,
       1_s,
       {ip("192.0.2.102")},
       multicast("192.0.2.1"),
       "2134000100011c63c00002660000000000000000"},
      {"v3, IPv6",
       Version::V3,
       53,
       100,
       500_ms,
       {ip("fe80::100"), ip("2001:db8::100")},
       multicast("fe80::ff:fe00:1"),
       "3135640200323f2dfe80000000000000000000000000010020010db8000000000000000000000100"},
  };
  return table;
}

const Envelope from_peer = multicast("192.0.2.1");
const std::string v3 = from_hex(captured()[0].hex), v2 = from_hex(captured()[3].hex);

/// `packet` with other bytes at `at` and, unless told otherwise, a checksum that fits (RFC 9568's form).
std::string changed(std::string packet, std::size_t at, std::string_view hex, bool fix = true) {
  packet.replace(at, hex.size() / 2, from_hex(hex));
  if (!fix) return packet;
  packet.replace(6, 2, 2, '\0');
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < packet.size(); ++i)
    sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(packet[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  packet[6] = static_cast<char>(~sum >> 8);
  packet[7] = static_cast<char>(~sum);
  return packet;
}

}  // namespace

TEST_CASE("encode writes what keepalived writes, octet for octet") {
  for (const Captured& row : captured()) {
    INFO(row.what);
    const Advert advert{row.version, row.vrid, row.priority, row.interval, row.addresses};
    CHECK(to_hex(encode(advert, row.envelope, Checksum::PseudoHeader)) == row.hex);
  }
}

TEST_CASE("decode reads what keepalived writes") {
  for (const Captured& row : captured()) {
    INFO(row.what);
    const Decoded decoded = decode(from_hex(row.hex), row.envelope);
    REQUIRE(decoded.refusal == Refusal::None);
    CHECK(decoded.advert.version == row.version);
    CHECK(decoded.advert.vrid == row.vrid);
    CHECK(decoded.advert.priority == row.priority);
    CHECK(decoded.advert.interval == row.interval);
    CHECK(decoded.advert.addresses == row.addresses);
    CHECK_FALSE(decoded.trailer);
    CHECK(decoded.checksum == (row.version == Version::V2 ? Checksum::MessageOnly : Checksum::PseudoHeader));
  }
}

TEST_CASE("the checksum of RFC 9568 section 5.2.8, without a pseudo-header, is written and told apart") {
  Advert advert = decode(v3, from_peer).advert;
  const std::string packet = encode(advert, from_peer, Checksum::MessageOnly);
  CHECK(to_hex(packet) == "31339602000ab3f5c0000264c0000265");
  const Decoded decoded = decode(packet, from_peer);
  CHECK(decoded.refusal == Refusal::None);
  CHECK(decoded.checksum == Checksum::MessageOnly);
}

TEST_CASE("over IPv6 only the checksum with the pseudo-header is right") {
  const Captured& row = captured()[5];
  Advert advert = decode(from_hex(row.hex), row.envelope).advert;
  CHECK(to_hex(encode(advert, row.envelope, Checksum::MessageOnly)) == row.hex);
  CHECK(decode(changed(from_hex(row.hex), 2, "64"), row.envelope).refusal == Refusal::Checksum);
}

TEST_CASE("every rule that an advertisement can break has its refusal") {
  struct Row {
    const char* what;
    std::string packet;
    Refusal refusal;
  };
  const Row rows[] = {
      {"empty", "", Refusal::Length},
      {"seven octets", v3.substr(0, 7), Refusal::Length},
      {"header only", v3.substr(0, 8), Refusal::Length},
      {"an address cut short", v3.substr(0, 15), Refusal::Length},
      {"an octet too many", v3 + '\0', Refusal::Length},
      {"one address more than counted", v3 + v3.substr(8, 4), Refusal::Length},
      {"27 octets behind", v3 + std::string(27, 'x'), Refusal::Length},
      {"29 octets behind", v3 + std::string(29, 'x'), Refusal::Length},
      {"v2 without its authentication data", changed(v2.substr(0, 12), 0, "21"), Refusal::Length},
      {"version 1", changed(v3, 0, "11"), Refusal::Version},
      {"version 4", changed(v3, 0, "41"), Refusal::Version},
      {"type 2", changed(v3, 0, "32"), Refusal::Type},
      {"vrid 0", changed(v3, 1, "00"), Refusal::Vrid},
      {"count 0 (erratum 8299)", changed(v3.substr(0, 8), 3, "00"), Refusal::Count},
      {"count too small", changed(v3, 3, "01"), Refusal::Length},
      {"count too great", changed(v3, 3, "ff"), Refusal::Length},
      {"interval 0 (erratum 8301)", changed(v3, 4, "0000"), Refusal::Interval},
      {"interval 0 beside reserved bits", changed(v3, 4, "f000"), Refusal::Interval},
      {"v2 interval 0", changed(v2, 5, "00"), Refusal::Interval},
      {"v2 with a password", changed(v2, 4, "01"), Refusal::AuthType},
      {"v2 with an authentication header", changed(v2, 4, "02"), Refusal::AuthType},
      {"checksum off by one", changed(v3, 7, "62", false), Refusal::Checksum},
      {"no checksum", changed(v3, 6, "0000", false), Refusal::Checksum},
      {"v2 checksum off by one", changed(v2, 7, "63", false), Refusal::Checksum},
      {"reserved bits are ignored (RFC 9568 5.2.6)", changed(v3, 4, "f00a"), Refusal::None},
      {"v2 authentication data is ignored (RFC 3768 5.3.10)", changed(v2, 12, "41"), Refusal::None},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(name_of(decode(row.packet, from_peer).refusal) == name_of(row.refusal));
  }
}

TEST_CASE("a packet that crossed a router, or mixes families, is refused") {
  for (int ttl : {0, 1, 64, 254}) {
    Envelope routed = from_peer;
    routed.ttl = static_cast<std::uint8_t>(ttl);
    CHECK(decode(v3, routed).refusal == Refusal::Ttl);
  }
  CHECK(decode(v3, {ip("192.0.2.1"), ip("ff02::12"), 255}).refusal == Refusal::Source);
  CHECK(decode(v3, {}).refusal == Refusal::Source);
  CHECK(decode(v2, multicast("fe80::1")).refusal == Refusal::Version);
}

TEST_CASE("every flipped bit of a version 3 packet is noticed") {
  const std::string packet = encode(decode(v3, from_peer).advert, from_peer, Checksum::PseudoHeader);
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    std::string flipped = packet;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    INFO(bit);
    CHECK(decode(flipped, from_peer).refusal != Refusal::None);
  }
}

TEST_CASE("intervals go on the wire rounded up and within the field") {
  CHECK(on_the_wire(Version::V3, 15_ms) == 20_ms);
  CHECK(on_the_wire(Version::V3, {}) == 10_ms);
  CHECK(on_the_wire(Version::V3, 60_s) == 40'950_ms);
  CHECK(on_the_wire(Version::V2, 100_ms) == 1_s);
  CHECK(on_the_wire(Version::V2, 300_s) == 255_s);
}

// ---- the HMAC trailer; the packets were computed with another implementation of HMAC ----

namespace {

const HmacKey key{7, from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")};
const WallTime signed_at{1'790'000'000'250'000};
const std::string signed_v4 =
    "31339602000a1161c0000264c0000265010700006ab13b80400000035729b11526af6f4cd25068fe960a6e4b";
const std::string signed_v6 =
    "31356402003217ebfe80000000000000000000000000010020010db8000000000000000000000100"
    "010700006ab13b804000000335cb24255ed743f8b5b12a9ff4b26e26";

Refusal check(const std::string& packet, WallTime wall, const HmacKey& with = key,
              const Envelope& envelope = from_peer) {
  return check_hmac(packet, envelope, {HmacKey{1, "another"}, with}, wall, 5_s).refusal;
}

}  // namespace

TEST_CASE("a signed packet is what the draft says, octet for octet") {
  std::string packet = v3;
  append_hmac(packet, from_peer, key, signed_at, 3);
  CHECK(to_hex(packet) == signed_v4);
  std::string packet6 = from_hex(captured()[5].hex);
  append_hmac(packet6, captured()[5].envelope, key, signed_at, 3);
  CHECK(to_hex(packet6) == signed_v6);
}

TEST_CASE("a trailer is found, and checked against the key it names") {
  const std::string packet = from_hex(signed_v4);
  const Decoded decoded = decode(packet, from_peer);
  CHECK(decoded.refusal == Refusal::None);
  CHECK(decoded.trailer);
  const HmacCheck good = check_hmac(packet, from_peer, {key}, signed_at, 5_s);
  CHECK(good.refusal == Refusal::None);
  CHECK(good.sent.us == signed_at.us);
  CHECK(good.counter == 3);
  CHECK(decode(from_hex(signed_v6), captured()[5].envelope).refusal == Refusal::None);
  CHECK(check(from_hex(signed_v6), signed_at, key, captured()[5].envelope) == Refusal::None);

  CHECK(check(packet, signed_at, {8, key.key}) == Refusal::Mac);
  CHECK(check(packet, signed_at, {7, key.key + "x"}) == Refusal::Mac);
  CHECK(check(packet, signed_at, key, multicast("192.0.2.9")) == Refusal::Mac);
  CHECK(check_hmac(packet, from_peer, {}, signed_at, 5_s).refusal == Refusal::Mac);
  CHECK(check(packet.substr(0, 20), signed_at) == Refusal::Mac);
}

TEST_CASE("no bit of a signed packet can be changed, apart from the checksum that decode() looks at") {
  const std::string packet = from_hex(signed_v4);
  for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
    if (bit / 8 == 6 || bit / 8 == 7) continue;
    std::string flipped = packet;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    INFO(bit);
    CHECK(check(flipped, signed_at) == Refusal::Mac);
  }
}

TEST_CASE("a signature is good within the window on either side, and across the wrap of 32-bit seconds") {
  const std::string packet = from_hex(signed_v4);
  for (std::int64_t s : {-5, 5}) CHECK(check(packet, {signed_at.us + s * 1'000'000}) == Refusal::None);
  for (std::int64_t s : {-6, 6, 86'400})
    CHECK(check(packet, {signed_at.us + s * 1'000'000}) == Refusal::Stale);

  const WallTime before_wrap{(std::int64_t{1} << 32) * 1'000'000 - 500'000};
  std::string late = v3;
  append_hmac(late, from_peer, key, before_wrap, 0);
  const HmacCheck checked = check_hmac(late, from_peer, {key}, {before_wrap.us + 1'000'000}, 5_s);
  CHECK(checked.refusal == Refusal::None);
  CHECK(checked.sent.us == before_wrap.us);
}

}  // namespace holdfast::vrrp
