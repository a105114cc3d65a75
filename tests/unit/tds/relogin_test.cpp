#include "tds/relogin.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

using namespace holdfast;
using namespace holdfast::tds;
using conf::SessionRecovery;

namespace {

Login7 plain(std::uint32_t version) {
  Login7 login;
  login.version = version;
  login.packet_size = 8000;
  return login;
}

Login7 asking(std::uint32_t version) {
  Login7 login = plain(version);
  login.has_features = true;
  login.features.push_back({static_cast<std::uint8_t>(Feature::SessionRecovery), "x"});
  return login;
}

}  // namespace

TEST_CASE("session recovery is asked for in the client's place where the version has it, 8.0 too") {
  const auto asks = [](std::uint32_t version, SessionRecovery setting) {
    const Login7 login = login_for_server(plain(version), setting, nullptr);
    const FeatureOption* feature = login.feature(Feature::SessionRecovery);
    if (feature) CHECK((feature->data.empty() && login.has_features));
    return feature != nullptr;
  };
  CHECK(asks(tds_version::v7_4, SessionRecovery::Always));
  CHECK(asks(tds_version::v8_0, SessionRecovery::Always));
  CHECK_FALSE(asks(tds_version::v7_3b, SessionRecovery::Always));
  CHECK_FALSE(asks(tds_version::v8_0, SessionRecovery::Client));
  CHECK_FALSE(asks(tds_version::v8_0, SessionRecovery::Never));
}

TEST_CASE("a client that asks for session recovery has it, unless the operator forbids it") {
  const Login7 client = asking(tds_version::v8_0);
  CHECK(login_for_server(client, SessionRecovery::Client, nullptr).feature(Feature::SessionRecovery)->data ==
        "x");
  CHECK(login_for_server(client, SessionRecovery::Always, nullptr).feature(Feature::SessionRecovery)->data ==
        "x");
  CHECK(login_for_server(client, SessionRecovery::Never, nullptr).feature(Feature::SessionRecovery) ==
        nullptr);
}

TEST_CASE("after a loss the login says what the session has come to") {
  Conversation::Relogin again;
  again.packet_size = 4096;
  again.recovery = "states";
  Login7 login = login_for_server(asking(tds_version::v7_4), SessionRecovery::Client, &again);
  CHECK(login.packet_size == 4096);
  REQUIRE(login.features.size() == 1);
  CHECK(login.features[0].data == "states");
  again = {};
  again.database = to_utf16("shop");
  login = login_for_server(plain(tds_version::v7_4), SessionRecovery::Client, &again);
  CHECK(to_utf8(login.database) == "shop");
  CHECK(login.features.empty());
}
