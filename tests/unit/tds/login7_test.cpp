#include "tds/login7.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

namespace holdfast::tds {

using namespace std::string_literals;

namespace {

Login7 sample(std::uint32_t version = tds_version::v7_4) {
  Login7 login;
  login.version = version;
  login.packet_size = 8000, login.client_version = 7, login.process = 4711, login.connection = 3;
  login.flags1 = 0xE0, login.flags2 = 0x03, login.type_flags = 0x20, login.time_zone = 0xffffffc4;
  login.collation = 0x409;
  login.host = to_utf16("host"), login.user = to_utf16("sa"), login.application = to_utf16("app");
  login.server = to_utf16("sql"), login.library = to_utf16("lib"), login.language = to_utf16("us_english");
  login.database = to_utf16("master"), login.attach_file = to_utf16("c:\\x.mdf");
  login.password = Secret(to_utf16("s3cret"));
  login.client_id = "\1\2\3\4\5\6";
  if (version == tds_version::v7_4 || version == tds_version::v8_0) {
    login.has_features = true;
    login.flags3 = 0x10;
    login.features = {{1, ""}, {10, "\1"}};
  }
  return login;
}

std::string built(const Login7& login) { return std::string(build_login7(login).reveal()); }

void poke(std::string& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<char>(value & 0xff);
  bytes[at + 1] = static_cast<char>(value >> 8);
}
std::size_t peek(const std::string& bytes, std::size_t at) {
  return LittleReader(Bytes(bytes).substr(at)).u16().value_or(0);
}

}  // namespace

TEST_CASE("a LOGIN7 comes back as it was, in every version") {
  const std::uint32_t version = GENERATE(tds_version::v7_0, tds_version::v7_1, tds_version::v7_2,
                                         tds_version::v7_3b, tds_version::v7_4, tds_version::v8_0);
  Login7 login = sample(version);
  if (tds_version::has_all_headers(version)) login.new_password = Secret(to_utf16("new"));
  const std::string bytes = built(login);
  const auto read = parse_login7(bytes);
  REQUIRE(read);
  CHECK(read->version == version);
  CHECK(read->packet_size == 8000);
  CHECK(read->process == 4711);
  CHECK(read->flags1 == 0xE0);
  CHECK(read->read_only_intent());
  CHECK_FALSE(read->integrated());
  CHECK(to_utf8(read->host) == "host");
  CHECK(to_utf8(read->user) == "sa");
  CHECK(to_utf8(read->password.reveal()) == "s3cret");
  CHECK(read->new_password.reveal() == login.new_password.reveal());
  CHECK(to_utf8(read->application) == "app");
  CHECK(to_utf8(read->server) == "sql");
  CHECK(to_utf8(read->library) == "lib");
  CHECK(to_utf8(read->language) == "us_english");
  CHECK(to_utf8(read->database) == "master");
  CHECK(to_utf8(read->attach_file) == "c:\\x.mdf");
  CHECK(read->client_id == "\1\2\3\4\5\6");
  CHECK(read->features.size() == login.features.size());
  CHECK((read->feature(Feature::SessionRecovery) != nullptr) == login.has_features);
  CHECK(built(*read) == bytes);
}

TEST_CASE("the password is not in clear on the wire, and scrambled as the specification says") {
  Login7 login = sample();
  login.password = Secret(to_utf16("a"));
  const std::string bytes = built(login);
  CHECK(peek(bytes, 46) == 1);
  // 61 00: nibbles swapped 16 00, XORed B3 A5.
  CHECK(bytes.substr(peek(bytes, 44), 2) == "\xb3\xa5");
}

TEST_CASE("the layout is what servers expect") {
  const std::string bytes = built(sample());
  CHECK(LittleReader(bytes).u32() == bytes.size());
  CHECK(bytes.substr(4, 4) == "\x04\0\0\x74"s);
  CHECK(bytes.substr(peek(bytes, 36), 8) == to_utf16("host"));
  CHECK(bytes.substr(peek(bytes, 68), 12) == to_utf16("master"));
  const std::size_t features = LittleReader(Bytes(bytes).substr(peek(bytes, 56))).u32().value_or(0);
  CHECK(bytes.substr(features) == "\x01\0\0\0\0\x0a\1\0\0\0\1\xff"s);
  CHECK(built(sample(tds_version::v7_1)).substr(36, 2) ==
        "\x66\0"s);  // 86, and the file's name is laid out first
}

TEST_CASE("long SSPI tokens use the long field") {
  const std::size_t size = GENERATE(1u, 65534u, 65535u, 65536u, 100000u);
  Login7 login = sample();
  login.flags2 = 0x80;
  login.sspi = std::string(size, 'k');
  const auto read = parse_login7(built(login));
  REQUIRE(read);
  CHECK(read->integrated());
  CHECK(read->sspi == login.sspi);
  CHECK(read->features.size() == 2);
}

TEST_CASE("no prefix of a LOGIN7 is one, nor with a length that lies") {
  std::string bytes = built(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(parse_login7(Bytes(bytes).substr(0, n)));
  // Nor when its length is made to fit.
  for (std::size_t n = 4; n < bytes.size(); ++n) {
    std::string cut = bytes.substr(0, n);
    poke(cut, 0, static_cast<std::uint16_t>(n));
    CHECK_FALSE(parse_login7(cut));
  }
  CHECK_FALSE(parse_login7(bytes + "x"));
  CHECK_FALSE(parse_login7(std::string(login7_max + 1, '\0')));
}

TEST_CASE("fields out of bounds are refused") {
  const std::string good = built(sample());
  for (const std::size_t pair : {36u, 40u, 44u, 48u, 52u, 56u, 60u, 64u, 68u, 78u, 82u, 86u}) {
    std::string bad = good;
    poke(bad, pair + 2, 4);
    poke(bad, pair, static_cast<std::uint16_t>(good.size() - 1));
    CHECK_FALSE(parse_login7(bad));
    poke(bad, pair, 93);  // in the fixed part
    CHECK_FALSE(parse_login7(bad));
  }
}

TEST_CASE("names have their limits") {
  Login7 login = sample();
  login.user = std::string(256, 'u');
  CHECK(parse_login7(built(login)));
  login.user = std::string(258, 'u');
  const auto refused = parse_login7(built(login));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find('u' + "uu"s) == std::string::npos);
}

TEST_CASE("features: a list that does not end, one twice, too many") {
  Login7 login = sample();
  std::string bytes = built(login);
  bytes.back() = '\x05';
  CHECK_FALSE(parse_login7(bytes));
  login.features = {{1, ""}, {1, ""}};
  CHECK_FALSE(parse_login7(built(login)));
  login.features.clear();
  for (std::uint8_t id = 1; id <= features_max; ++id) login.features.push_back({id, ""});
  CHECK(parse_login7(built(login)));
  login.features.push_back({200, ""});
  CHECK_FALSE(parse_login7(built(login)));
}

TEST_CASE("an empty feature block stays one, and before 7.4 the bit means nothing") {
  Login7 login = sample();
  login.features.clear();
  const auto read = parse_login7(built(login));
  REQUIRE(read);
  CHECK(read->has_features);
  Login7 old = sample(tds_version::v7_2);
  old.flags3 = 0x10;
  const auto old_read = parse_login7(built(old));
  REQUIRE(old_read);
  CHECK_FALSE(old_read->has_features);
}

TEST_CASE("which versions have ALL_HEADERS and FeatureExt") {
  CHECK_FALSE(tds_version::has_feature_ext(tds_version::v7_3b));
  CHECK(tds_version::has_feature_ext(tds_version::v7_4));
  CHECK(tds_version::has_feature_ext(tds_version::v8_0));
  CHECK_FALSE(tds_version::has_all_headers(tds_version::v7_0));
  CHECK_FALSE(tds_version::has_all_headers(tds_version::v7_1_sp1));
  CHECK(tds_version::has_all_headers(tds_version::v7_2));
  CHECK(tds_version::has_all_headers(tds_version::v7_4));
  CHECK(tds_version::has_all_headers(tds_version::v8_0));
}

TEST_CASE("recovery data is written and read") {
  const RecoveryState initial{
      to_utf16("master"), to_utf16("us_english"), "\x09\x04\xd0\x00\x34"s, {{0, "ab"}, {11, ""}}};
  const RecoveryState now{to_utf16("app"), "", "", {{9, std::string(300, 't')}, {2, std::string(254, 'd')}}};
  const std::string data = build_recovery_data(initial, now);
  const auto read = parse_recovery_data(data);
  REQUIRE(read);
  CHECK(read->first.database == initial.database);
  CHECK(read->first.language == initial.language);
  CHECK(read->first.collation == initial.collation);
  REQUIRE(read->first.states.size() == 2);
  CHECK(read->first.states[1].id == 11);
  REQUIRE(read->second.states.size() == 2);
  CHECK(read->second.states[0].value == std::string(300, 't'));
  CHECK(read->second.states[1].value == std::string(254, 'd'));
  CHECK(read->second.collation.empty());
  for (std::size_t n = 0; n < data.size(); ++n) CHECK_FALSE(parse_recovery_data(Bytes(data).substr(0, n)));
  CHECK_FALSE(parse_recovery_data(data + "x"));
}

TEST_CASE("a state's length is one byte, or FF and four") {
  std::string out;
  append_state_values(out, {{7, "\2"}, {9, std::string(255, 'x')}});
  CHECK(out.substr(0, 3) == "\7\1\2");
  CHECK(out.substr(3, 6) == "\x09\xff\xff\0\0\0"s);
  const auto read = parse_state_values(out);
  REQUIRE(read);
  CHECK(read->size() == 2);
  CHECK_FALSE(parse_state_values("\7"));
  CHECK_FALSE(parse_state_values("\7\xff\xff\xff\xff\xff"));
}

}  // namespace holdfast::tds
