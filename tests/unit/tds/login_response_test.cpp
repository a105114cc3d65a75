#include "tds/login.h"

#include <catch2/catch.hpp>

#include "tests/unit/tds/login_words.h"

namespace holdfast::tds {

using namespace login_words;

TEST_CASE("the facts of an accepted login") {
  const auto result =
      response(common + env(EnvKind::PacketSize, to_utf16("8000"), to_utf16("4096")) + ack() + done());
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Accepted);
  CHECK(result->facts.version == tds_version::v7_4);
  CHECK(result->facts.server_version == 0x10000abc);
  CHECK(to_utf8(result->facts.database) == "app");
  CHECK(to_utf8(result->facts.language) == "us_english");
  CHECK(result->facts.collation == "\x09\x04\xd0\x00\x34"s);
  CHECK(result->facts.client_packet_size == 8000);
  CHECK(result->facts.server_packet_size == 8000);
  CHECK_FALSE(result->facts.client_asked_recovery);
}

TEST_CASE("what leads a client away from here is not told to it") {
  const std::string mirror = env(EnvKind::Mirror, to_utf16("partner"));
  const auto result = response(common + mirror + ack() + done());
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Accepted);
  CHECK(result->answer == common + ack() + done());
}

TEST_CASE("a route is followed by us, not by the client") {
  const auto result = response(common + ack() + env(EnvKind::Routing, route) + done());
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Routed);
  CHECK(result->routed_host == "hi");
  CHECK(result->routed_port == 1435);
  CHECK_FALSE(response(ack() + env(EnvKind::Routing, "\1\x9b\x05\x02\0h\0i\0"s) + done()));
  CHECK_FALSE(response(ack() + env(EnvKind::Routing, "\0\0\0\x02\0h\0i\0"s) + done()));
}

TEST_CASE("only features that the client asked for are acknowledged to it") {
  const std::vector<FeatureOption> all = {{1, "\7\1\2"}, {4, "\1"}, {10, "\1"}, {200, ""}};
  const std::string payload = ack() + features(all) + done();
  SECTION("none") {
    const auto result = response(payload, 0);
    REQUIRE(result);
    CHECK(result->answer == ack() + done());
    CHECK(result->facts.server_has_recovery);
    CHECK_FALSE(result->facts.client_asked_recovery);
    CHECK(result->facts.column_encryption);
    REQUIRE(result->facts.initial_state.size() == 1);
    CHECK(result->facts.initial_state[0].id == 7);
  }
  SECTION("some") {
    const auto result = response(payload, 1u << 1 | 1u << 10);
    REQUIRE(result);
    CHECK(result->answer == ack() + features({{1, "\7\1\2"}, {10, "\1"}}) + done());
    CHECK(result->facts.client_asked_recovery);
  }
}

TEST_CASE("a refused login keeps the server's own words") {
  const std::string payload = error(4060, "Cannot open database") + error(18456, "Login failed") +
                              done(tds_version::v7_4, done_status::error);
  const auto result = response(payload);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Refused);
  CHECK(result->error == 4060);
  CHECK(result->error_text == "Cannot open database");
  CHECK(result->answer == payload);
}

TEST_CASE("a server older than the client refuses in its own widths") {
  const auto result =
      response(error(18456, "no", tds_version::v7_1) + done(tds_version::v7_1, done_status::error));
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Refused);
  CHECK(result->error == 18456);
  CHECK(response(ack(tds_version::v7_1) + done(tds_version::v7_1))->facts.version == tds_version::v7_1);
}

TEST_CASE("federated authentication is refused in clear words") {
  const auto result = response("\xee\x04\0\0\0abcd"s);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Refused);
  CHECK_FALSE(result->answer.empty());
  CHECK(result->error_text.find("federated") != std::string::npos);
}

TEST_CASE("responses that cannot be are errors") {
  const std::string good = common + ack() + features({{10, "\1"}}) + done();
  REQUIRE(response(good));
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(response(good.substr(0, n)));
  CHECK_FALSE(response(good + done()));
  CHECK_FALSE(response(done()));
  CHECK_FALSE(response(common + done()));
  CHECK_FALSE(response(ack() + ack() + done()));
  CHECK_FALSE(response("\x81\0\0"s + good));
  const char* const size = GENERATE("511", "32768", "x", "8000x", "", "99999999999999999999999");
  CHECK_FALSE(response(env(EnvKind::PacketSize, to_utf16(size)) + ack() + done()));
}

TEST_CASE("which errors tell of a failover") {
  for (const std::uint32_t number : {596u, 921u, 976u, 978u, 979u, 983u, 3906u, 6005u, 9001u, 17142u, 18401u})
    CHECK(is_failover_error(number));
  for (const std::uint32_t number : {0u, 1205u, 2627u, 4060u, 18456u}) CHECK_FALSE(is_failover_error(number));
}

}  // namespace holdfast::tds
