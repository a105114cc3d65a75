// Heartbeats: round trip, exact bytes, limits, and refusal of every changed bit.
#include "vrrp/heartbeat.h"

#include <catch2/catch.hpp>

#include "proxy/base/crypto.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

const std::string key(32, 'k');

Heartbeat sample() {
  return {.sequence = 0x0102030405060708,
          .wall_us = 1'790'000'000'000'000,
          .claims = {{"main", Role::Holder, Fitness::Fit, 150, 7},
                     {"b", Role::Lingering, Fitness::Unfit, 1, 1ull << 40}}};
}

std::string signed_body(std::string body) {
  const Digest digest = hmac_sha256(key, body);
  return body.append(reinterpret_cast<const char*>(digest.data()), 16);
}

std::string error_of(Bytes datagram, Bytes with = key) {
  auto read = decode_heartbeat(datagram, with);
  return read ? "" : read.error().text;
}

}  // namespace

TEST_CASE("A heartbeat comes back as it was sent") {
  const std::string sent = encode(sample(), key);
  auto read = decode_heartbeat(sent, key);
  REQUIRE(read);
  CHECK(read->sequence == sample().sequence);
  CHECK(read->wall_us == sample().wall_us);
  CHECK(read->claims == sample().claims);
  CHECK(decode_heartbeat(encode({.sequence = 1, .wall_us = -5, .claims = {}}, key), key)->wall_us == -5);
}

TEST_CASE("The bytes on the wire are those of the header file") {
  const std::string sent =
      encode({.sequence = 2, .wall_us = 3, .claims = {{"g", Role::Holder, Fitness::Fit, 9, 4}}}, key);
  std::string body("HFB1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\1\1g\1\2\x09\0\0\0\0\0\0\0\4", 34);
  CHECK(sent == signed_body(body));
}

TEST_CASE("Every changed bit, every cut and another key are refused") {
  const std::string sent = encode(sample(), key);
  for (std::size_t bit = 0; bit < sent.size() * 8; ++bit) {
    std::string changed = sent;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    CHECK(error_of(changed) == "authentication");
  }
  for (std::size_t size = 0; size < sent.size(); ++size)
    CHECK(error_of(Bytes(sent).substr(0, size)) == (size < 37 ? "length" : "authentication"));
  CHECK(error_of(sent, std::string(32, 'x')) == "authentication");
  CHECK(error_of(std::string(max_heartbeat + 1, 'x')) == "length");
}

TEST_CASE("What is signed is still read strictly") {
  const std::string head("HFB1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0", 20);
  const std::string claim("\1g\1\2\x64\0\0\0\0\0\0\0\7", 13);
  auto with = [&](char count, const std::string& claims) {
    return error_of(signed_body(head + count + claims));
  };
  CHECK(with(1, claim) == "");
  CHECK(with(1, claim + "x") == "claims");
  CHECK(with(2, claim) == "claims");
  CHECK(with(2, claim + claim) == "claims");  // one group twice
  CHECK(with(33, "") == "claims");
  CHECK(with(1, std::string("\0\1\2\x64\0\0\0\0\0\0\0\7", 12)) == "claims");
  for (std::size_t at : {2u, 3u}) {
    std::string bad = claim;
    bad[at] = 3;  // no such role, no such fitness
    CHECK(with(1, bad) == "claims");
  }
  std::string control = claim;
  control[1] = '\n';
  CHECK(with(1, control) == "claims");
  CHECK(error_of(signed_body("HFB2" + head.substr(4) + '\0')) == "magic");
}

TEST_CASE("Claims beyond the datagram's size are left out, and it stays readable") {
  Heartbeat big;
  for (int i = 0; i < 40; ++i)
    big.claims.push_back({std::string(60, 'n') + std::to_string(i), Role::Standby, Fitness::Fit, 100, 1});
  const std::string sent = encode(big, key);
  CHECK(sent.size() <= max_heartbeat);
  auto read = decode_heartbeat(sent, key);
  REQUIRE(read);
  CHECK(read->claims.size() == 15);
  big.claims.clear();
  for (int i = 0; i < 40; ++i) big.claims.push_back({std::to_string(i), Role::Standby, Fitness::Fit, 100, 1});
  CHECK(decode_heartbeat(encode(big, key), key)->claims.size() == max_claims);
}
