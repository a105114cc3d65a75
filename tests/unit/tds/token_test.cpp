// Tokens read and written, for 7.1 and for 7.4, and refused where a length lies.
#include "tds/token.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace std::string_literals;

namespace {

constexpr std::uint32_t new_version = tds_version::v7_4, old_version = tds_version::v7_1;

// No prefix of a token is a token.
template <class Parse>
void refuses_prefixes(const std::string& token, Parse parse) {
  for (std::size_t n = 0; n < token.size(); ++n) CHECK_FALSE(parse(Bytes(token).substr(0, n)));
  CHECK_FALSE(parse(token + "x"));
}

}  // namespace

TEST_CASE("DONE has eight bytes of count since 7.2 and four before") {
  const Done done{Token::DoneInProc, done_status::more | done_status::count, 0xc1, 0x1'0000'0002};
  std::string wide, narrow;
  append_done(wide, new_version, done);
  append_done(narrow, old_version, done);
  CHECK(wide == "\xff\x11\x00\xc1\x00\x02\x00\x00\x00\x01\x00\x00\x00"s);
  CHECK(narrow == "\xff\x11\x00\xc1\x00\xff\xff\xff\xff"s);
  CHECK(wide.size() == done_size(new_version));
  CHECK(done_size(tds_version::v8_0) == 13);
  CHECK(narrow.size() == done_size(old_version));
  CHECK(parse_done(wide, new_version)->count == 0x1'0000'0002);
  CHECK(parse_done(narrow, old_version)->count == 0xffffffff);
  CHECK(parse_done(wide, new_version)->token == Token::DoneInProc);
  CHECK_FALSE(parse_done(narrow, new_version));
  refuses_prefixes(wide, [](Bytes b) { return parse_done(b, new_version); });
  wide[0] = '\xfc';
  CHECK_FALSE(parse_done(wide, new_version));
}

TEST_CASE("ENVCHANGE: texts count units, descriptors bytes, routing has its own length") {
  std::string text, begin, rollback, reset, routing;
  append_env_change(text, EnvKind::Database, "d\0b\0"s, "m\0"s);
  CHECK(text ==
        "\xe3\x09\x00\x01\x02"
        "d\0b\0\x01m\0"s);
  CHECK(parse_env_change(text)->new_value == "d\0b\0"s);
  CHECK(parse_env_change(text)->old_value == "m\0"s);
  append_env_change(begin, EnvKind::Begin, "12345678", {});
  CHECK(begin ==
        "\xe3\x0b\x00\x08\x08"
        "12345678\0"s);
  CHECK(parse_env_change(begin)->new_value == "12345678");
  append_env_change(rollback, EnvKind::Rollback, {}, "12345678");
  CHECK(rollback ==
        "\xe3\x0b\x00\x0a\x00\x08"
        "12345678"s);
  CHECK(parse_env_change(rollback)->old_value == "12345678");
  append_env_change(reset, EnvKind::ResetAck, {}, {});
  CHECK(reset == "\xe3\x03\x00\x12\x00\x00"s);
  CHECK(parse_env_change(reset)->kind == EnvKind::ResetAck);
  append_env_change(routing, EnvKind::Routing, "\x00\x99\x05\x01\x00s\0"s, "never");
  CHECK(routing == "\xe3\x0c\x00\x14\x07\x00\x00\x99\x05\x01\x00s\0\0\0"s);
  CHECK(parse_env_change(routing)->new_value == "\x00\x99\x05\x01\x00s\0"s);
  CHECK(parse_env_change(routing)->old_value.empty());
  // The token without its old value is whole, too, if its length says so; these lengths do not.
  for (const std::string& token : {text, begin, rollback, reset, routing})
    refuses_prefixes(token, [](Bytes b) { return parse_env_change(b); });
}

TEST_CASE("ENVCHANGE: the old value may be left out, a descriptor has eight bytes") {
  CHECK(parse_env_change("\xe3\x04\x00\x01\x01m\0"s)->new_value == "m\0"s);
  CHECK_FALSE(
      parse_env_change("\xe3\x06\x00\x08\x03"
                       "abc\0"s));
  CHECK_FALSE(parse_env_change("\xe3\x00\x00"s));
}

TEST_CASE("ENVCHANGE 15: its length covers the type byte only") {
  std::string token;
  append_env_change(token, EnvKind::Promote, "cookie", {});
  CHECK(token ==
        "\xe3\x01\x00\x0f\x06\x00\x00\x00"
        "cookie\0"s);
  CHECK(parse_env_change(token)->new_value == "cookie");
  refuses_prefixes(token, [](Bytes b) { return parse_env_change(b); });
}

TEST_CASE("ERROR and INFO: the line has four bytes since 7.2 and two before") {
  const ServerMessage message{Token::Error, 1205, 51, 13, "x\0y\0"s, "s\0"s, "p\0"s, 70000};
  std::string wide, narrow;
  append_server_message(wide, new_version, message);
  append_server_message(narrow, old_version, message);
  CHECK(wide == "\xaa\x16\x00\xb5\x04\x00\x00\x33\x0d\x02\x00x\0y\0\x01s\0\x01p\0\x70\x11\x01\x00"s);
  CHECK(narrow == "\xaa\x14\x00\xb5\x04\x00\x00\x33\x0d\x02\x00x\0y\0\x01s\0\x01p\0\xff\xff"s);
  const auto back = parse_server_message(wide, new_version);
  REQUIRE(back);
  CHECK(back->number == 1205);
  CHECK(back->state == 51);
  CHECK(back->severity == 13);
  CHECK(back->text == message.text);
  CHECK(back->server == message.server);
  CHECK(back->procedure == message.procedure);
  CHECK(back->line == 70000);
  CHECK(parse_server_message(narrow, old_version)->line == 0xffff);
  refuses_prefixes(wide, [](Bytes b) { return parse_server_message(b, new_version); });
  wide[0] = '\xab';
  CHECK(parse_server_message(wide, new_version)->token == Token::Info);
}

TEST_CASE("a message that is too long is cut, so that its lengths stay true") {
  std::string token;
  append_server_message(token, new_version,
                        {Token::Info, 1, 1, 0, std::string(200'000, 'a'), std::string(1000, 'b'), {}, 1});
  const auto back = parse_server_message(token, new_version);
  REQUIRE(back);
  CHECK(back->text.size() == 8000);
  CHECK(back->server.size() == 256);
}

TEST_CASE("LOGINACK: versions are big-endian, 7.1 has two names") {
  std::string token;
  append_login_ack(token, {1, tds_version::v7_4, "S\0"s, 0x10000fa0});
  CHECK(token == "\xad\x0c\x00\x01\x74\x00\x00\x04\x01S\0\x10\x00\x0f\xa0"s);
  const auto back = parse_login_ack(token);
  REQUIRE(back);
  CHECK(back->version == tds_version::v7_4);
  CHECK(back->program == "S\0"s);
  CHECK(back->program_version == 0x10000fa0);
  refuses_prefixes(token, [](Bytes b) { return parse_login_ack(b); });
  const std::string old = "\xad\x0a\x00\x01\x07\x01\x00\x00\x00\x08\x00\x00\x00"s;
  REQUIRE(parse_login_ack(old));
  CHECK(parse_login_ack(old)->version == tds_version::v7_1);
  std::string again;
  append_login_ack(again, *parse_login_ack(old));
  CHECK(again == old);
}

TEST_CASE("FEATUREEXTACK is a list up to its terminator, of a limited length") {
  std::string token;
  append_feature_ack(token, {{1, "abc"}, {0x0a, "\x01"}});
  CHECK(token == "\xae\x01\x03\0\0\0abc\x0a\x01\0\0\0\x01\xff"s);
  const auto back = parse_feature_ack(token);
  REQUIRE(back);
  REQUIRE(back->size() == 2);
  CHECK(back->at(1).id == 0x0a);
  CHECK(back->at(0).data == "abc");
  refuses_prefixes(token, [](Bytes b) { return parse_feature_ack(b); });
  std::string many;
  append_feature_ack(many, std::vector<FeatureOption>(features_max + 1, {1, {}}));
  CHECK_FALSE(parse_feature_ack(many));
}

TEST_CASE("SESSIONSTATE: sequence, recoverable, values") {
  std::string token;
  append_session_state(token, {7, true, {{7, "\x02"}, {11, std::string(300, 'c')}}});
  const auto back = parse_session_state(token);
  REQUIRE(back);
  CHECK(back->sequence == 7);
  CHECK(back->recoverable);
  REQUIRE(back->states.size() == 2);
  CHECK(back->states[1].value == std::string(300, 'c'));
  refuses_prefixes(token, [](Bytes b) { return parse_session_state(b); });
}

TEST_CASE("RETURNVALUE: where the integer stands, so that it can be changed") {
  for (const std::uint32_t version : {new_version, old_version}) {
    std::string token;
    append_returned_int(token, version, "@\0h\0"s, -2);
    const auto back = parse_returned_int(token, version);
    REQUIRE(back);
    CHECK(back->value == -2);
    CHECK(back->at == token.size() - 4);
    CHECK(back->ordinal == 0);
    refuses_prefixes(token, [&](Bytes b) { return parse_returned_int(b, version); });
  }
}

TEST_CASE("RETURNVALUE: null and other types are none") {
  const std::string head = "\xac\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"s;
  CHECK(parse_returned_int(head + "\x26\x04\x04\x05\x00\x00\x00"s, new_version)->value == 5);
  CHECK(parse_returned_int(head + "\x38\x05\x00\x00\x00"s, new_version)->value == 5);
  CHECK_FALSE(parse_returned_int(head + "\x26\x04\x00"s, new_version));
  CHECK_FALSE(parse_returned_int(head + "\x26\x08\x04\x05\x00\x00\x00"s, new_version));
  CHECK_FALSE(parse_returned_int(head + "\x3b\x05\x00\x00\x00"s, new_version));
}

TEST_CASE("RETURNSTATUS is four bytes") {
  std::string token;
  append_return_status(token, -3);
  CHECK(token == "\x79\xfd\xff\xff\xff"s);
}
