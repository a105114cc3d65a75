// What clients and servers say in a login, for the tests of both machines.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tds/little.h"
#include "tds/login.h"
#include "tds/token.h"

namespace holdfast::tds::login_words {

using namespace std::string_literals;
using Outcome = ServerLogin::Outcome;

inline std::string message(PacketType type, Bytes payload, std::size_t size = packet_size_before_login) {
  std::string out;
  append_message(out, type, payload, size);
  return out;
}

inline std::string payload_of(Bytes packets, PacketType type) {
  MessageReader reader(login7_max);
  const auto whole = reader.next(packets);
  REQUIRE(whole == true);
  CHECK(packets.empty());
  CHECK(reader.type() == type);
  return reader.payload();
}

inline std::string prelogin_from_client(Encryption encryption) {
  Prelogin prelogin;
  prelogin.encryption = encryption;
  prelogin.instance = "x\0"s;
  prelogin.mars = 1;
  std::string payload;
  append_prelogin(payload, prelogin);
  return message(PacketType::Prelogin, payload);
}

inline std::string prelogin_from_server(Encryption encryption) {
  Prelogin prelogin;
  prelogin.encryption = encryption;
  std::string payload;
  append_prelogin(payload, prelogin);
  return message(PacketType::Response, payload);
}

inline Login7 sample() {
  Login7 login;
  login.version = tds_version::v7_4;
  login.user = to_utf16("sa");
  login.password = Secret(to_utf16("s3cret"));
  login.client_id = "123456";
  return login;
}

inline std::string login_message(const Login7& login) {
  return message(PacketType::Login7, build_login7(login).reveal());
}

// A login long enough for several packets.
inline Login7 long_sample() {
  Login7 login = sample();
  login.flags2 = 0x80;
  login.sspi = std::string(9000, 'k');
  return login;
}

inline LoginStep must(Result<LoginStep> step) {
  REQUIRE(step);
  return std::move(*step);
}

// ---- what servers say ----

inline std::string env(EnvKind kind, Bytes now, Bytes before = {}) {
  std::string out;
  append_env_change(out, kind, now, before);
  return out;
}
inline std::string ack(std::uint32_t version = tds_version::v7_4) {
  std::string out;
  append_login_ack(out, {1, version, to_utf16("SQL"), 0x10000abc});
  return out;
}
inline std::string done(std::uint32_t version = tds_version::v7_4, std::uint16_t status = 0) {
  std::string out;
  append_done(out, version, {Token::Done, status, 0, 0});
  return out;
}
inline std::string error(std::uint32_t number, const char* text, std::uint32_t version = tds_version::v7_4) {
  ServerMessage message;
  message.number = number;
  message.text = to_utf16(text);
  std::string out;
  append_server_message(out, version, message);
  return out;
}
inline std::string features(const std::vector<FeatureOption>& list) {
  std::string out;
  append_feature_ack(out, list);
  return out;
}
inline const std::string route = "\0\x9b\x05\x02\0h\0i\0"s;
inline const std::string common = env(EnvKind::Database, to_utf16("app"), to_utf16("master")) +
                                  env(EnvKind::Collation, "\x09\x04\xd0\x00\x34"s) +
                                  env(EnvKind::Language, to_utf16("us_english"));

inline Result<ServerLogin::Result_> response(const std::string& payload, std::uint64_t asked = 0,
                                             std::uint32_t version = tds_version::v7_4) {
  return parse_login_response(payload, version, asked);
}

}  // namespace holdfast::tds::login_words
