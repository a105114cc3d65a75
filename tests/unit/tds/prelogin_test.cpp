#include "tds/prelogin.h"

#include <catch2/catch.hpp>

namespace holdfast::tds {

using namespace std::string_literals;

namespace {

// As a client of TDS 7.4 sends it: VERSION, ENCRYPTION off, no instance, a thread, MARS off.
const std::string transcript =
    "\x00\x00\x1a\x00\x06\x01\x00\x20\x00\x01\x02\x00\x21\x00\x01"s
    "\x03\x00\x22\x00\x04\x04\x00\x26\x00\x01\xff"s
    "\x11\x09\x00\x01\x00\x00"
    "\x00"
    "\x00"
    "\x00\x00\x0d\xb8"
    "\x00"s;

}  // namespace

TEST_CASE("a PRELOGIN is read") {
  const auto read = parse_prelogin(transcript);
  REQUIRE(read);
  CHECK(read->version == 0x11090001);
  CHECK(read->sub_build == 0);
  CHECK(read->encryption == Encryption::Off);
  CHECK(read->instance == std::string(1, '\0'));
  CHECK(read->thread == 0xdb8u);
  CHECK(read->mars == 0);
  CHECK_FALSE(read->fed_auth_required);
  std::string again;
  append_prelogin(again, *read);
  CHECK(again == transcript);
}

TEST_CASE("every option is written and read back") {
  Prelogin all;
  all.version = 0x10000abc, all.sub_build = 3;
  all.encryption = Encryption::Required;
  all.instance = "SQL\0"s;
  all.thread = 1;
  all.mars = 1;
  all.trace = std::string(36, 't');
  all.fed_auth_required = 1;
  all.nonce = std::string(32, 'n');
  std::string out;
  append_prelogin(out, all);
  const auto read = parse_prelogin(out);
  REQUIRE(read);
  CHECK(read->version == all.version);
  CHECK(read->sub_build == 3);
  CHECK(read->encryption == Encryption::Required);
  CHECK(read->instance == "SQL\0"s);
  CHECK(read->thread == 1u);
  CHECK(read->mars == 1);
  CHECK(read->trace == all.trace);
  CHECK(read->fed_auth_required == 1);
  CHECK(read->nonce == all.nonce);
}

TEST_CASE("no prefix of a PRELOGIN is one") {
  for (std::size_t n = 0; n < transcript.size(); ++n)
    CHECK_FALSE(parse_prelogin(Bytes(transcript).substr(0, n)));
}

TEST_CASE("unknown options are passed over and empty ones taken as absent") {
  const auto read = parse_prelogin("\0\0\x10\0\6\x77\0\0\0\0\3\0\0\0\0\xff\1\2\3\4\5\6"s);
  REQUIRE(read);
  CHECK(read->version == 0x01020304);
  CHECK_FALSE(read->thread);
}

TEST_CASE("bad PRELOGINs are refused") {
  const std::string bad = GENERATE("\xff"s,                                                  // no VERSION
                                   "\1\0\6\0\1\xff\0"s,  // another option first
                                   "\0\0\6\0\5\xff\1\2\3\4\5"s,  // VERSION of five bytes
                                   "\0\0\0\0\6\xff"s,  // inside the table
                                   "\0\0\6\0\6\xff\1\2\3\4\5"s,  // past the end
                                   "\0\xff\xff\0\6\xff\1\2\3\4\5\6"s,  // far past the end
                                   "\0\0\xb\0\6\0\0\xb\0\6\xff\1\2\3\4\5\6"s,  // twice
                                   "\0\0\xb\0\6\4\0\xb\0\2\xff\1\2\3\4\5\6"s,  // MARS of two bytes
                                   std::string(prelogin_max + 1, '\0'));
  CHECK_FALSE(parse_prelogin(bad));
}

TEST_CASE("the table of encryption") {
  using E = Encryption;
  const auto [server, client, answer, scope, refused] = GENERATE(table<E, E, E, Scope, bool>({
      {E::Off, E::Off, E::Off, Scope::Login, false},
      {E::Off, E::On, E::On, Scope::All, false},
      {E::Off, E::NotSupported, E::NotSupported, Scope::Nothing, false},
      {E::Off, E::Required, E::On, Scope::All, false},
      {E::On, E::Off, E::Required, Scope::All, false},
      {E::On, E::On, E::On, Scope::All, false},
      {E::On, E::NotSupported, E::Required, Scope::Nothing, true},
      {E::On, E::Required, E::On, Scope::All, false},
      {E::NotSupported, E::Off, E::NotSupported, Scope::Nothing, false},
      {E::NotSupported, E::On, E::NotSupported, Scope::Nothing, true},
      {E::NotSupported, E::NotSupported, E::NotSupported, Scope::Nothing, false},
      {E::NotSupported, E::Required, E::NotSupported, Scope::Nothing, true},
  }));
  const EncryptionAnswer got = answer_encryption(server, client);
  CHECK(got.answer == answer);
  CHECK(got.scope == scope);
  CHECK(got.refused == refused);
  const auto understood = scope_of_answer(client, answer);
  CHECK(understood.has_value() == !refused);
  if (understood) CHECK(*understood == scope);
}

TEST_CASE("an answer that does not fit ends the connection") {
  CHECK_FALSE(scope_of_answer(Encryption::On, Encryption::Off));
  CHECK_FALSE(scope_of_answer(Encryption::NotSupported, Encryption::Off));
  CHECK_FALSE(scope_of_answer(Encryption::Off, static_cast<Encryption>(9)));
}

}  // namespace holdfast::tds
