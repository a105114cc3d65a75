#include "tds/login.h"

#include <catch2/catch.hpp>

#include "tds/little.h"
#include "tds/token.h"

namespace holdfast::tds {

using namespace std::string_literals;
using Outcome = ServerLogin::Outcome;

namespace {

std::string message(PacketType type, Bytes payload, std::size_t size = packet_size_before_login) {
  std::string out;
  append_message(out, type, payload, size);
  return out;
}

std::string payload_of(Bytes packets, PacketType type) {
  MessageReader reader(login7_max);
  const auto whole = reader.next(packets);
  REQUIRE(whole == true);
  CHECK(packets.empty());
  CHECK(reader.type() == type);
  return reader.payload();
}

std::string prelogin_from_client(Encryption encryption) {
  Prelogin prelogin;
  prelogin.encryption = encryption;
  prelogin.instance = "x\0"s;
  prelogin.mars = 1;
  std::string payload;
  append_prelogin(payload, prelogin);
  return message(PacketType::Prelogin, payload);
}

std::string prelogin_from_server(Encryption encryption) {
  Prelogin prelogin;
  prelogin.encryption = encryption;
  std::string payload;
  append_prelogin(payload, prelogin);
  return message(PacketType::Response, payload);
}

Login7 sample() {
  Login7 login;
  login.version = tds_version::v7_4;
  login.user = to_utf16("sa");
  login.password = Secret(to_utf16("s3cret"));
  login.client_id = "123456";
  return login;
}

std::string login_message(const Login7& login) {
  return message(PacketType::Login7, build_login7(login).reveal());
}

// A login long enough for several packets.
Login7 long_sample() {
  Login7 login = sample();
  login.flags2 = 0x80;
  login.sspi = std::string(9000, 'k');
  return login;
}

LoginStep must(Result<LoginStep> step) {
  REQUIRE(step);
  return std::move(*step);
}

LoginStep feed_all(ClientLogin& login, Bytes in) {
  LoginStep step = must(login.feed(in));
  CHECK(in.empty());
  return step;
}

// ---- what servers say ----

std::string env(EnvKind kind, Bytes now, Bytes before = {}) {
  std::string out;
  append_env_change(out, kind, now, before);
  return out;
}
std::string ack(std::uint32_t version = tds_version::v7_4) {
  std::string out;
  append_login_ack(out, {1, version, to_utf16("SQL"), 0x10000abc});
  return out;
}
std::string done(std::uint32_t version = tds_version::v7_4, std::uint16_t status = 0) {
  std::string out;
  append_done(out, version, {Token::Done, status, 0, 0});
  return out;
}
std::string error(std::uint32_t number, const char* text, std::uint32_t version = tds_version::v7_4) {
  ServerMessage message;
  message.number = number;
  message.text = to_utf16(text);
  std::string out;
  append_server_message(out, version, message);
  return out;
}
std::string features(const std::vector<FeatureOption>& list) {
  std::string out;
  append_feature_ack(out, list);
  return out;
}
const std::string route = "\0\x9b\x05\x02\0h\0i\0"s;
const std::string common = env(EnvKind::Database, to_utf16("app"), to_utf16("master")) +
                           env(EnvKind::Collation, "\x09\x04\xd0\x00\x34"s) +
                           env(EnvKind::Language, to_utf16("us_english"));

Result<ServerLogin::Result_> response(const std::string& payload, std::uint64_t asked = 0,
                                      std::uint32_t version = tds_version::v7_4) {
  return parse_login_response(payload, version, asked);
}

}  // namespace

// ---- the client's side ----

TEST_CASE("a client logs in without encryption, in every split") {
  const std::string stream = prelogin_from_client(Encryption::NotSupported) + login_message(long_sample());
  for (std::size_t cut = 0; cut <= stream.size(); cut += cut < 200 ? 1 : 97) {
    ClientLogin login({Encryption::NotSupported, false, 0x10000000, 0});
    std::string sent;
    int done = 0;
    for (Bytes part : {Bytes(stream).substr(0, cut), Bytes(stream).substr(cut)}) {
      while (!part.empty()) {
        const LoginStep step = must(login.feed(part));
        sent += step.send;
        done += step.done;
        CHECK_FALSE(step.start_tls);
      }
    }
    CHECK(done == 1);
    const auto answer = parse_prelogin(payload_of(sent, PacketType::Response));
    REQUIRE(answer);
    CHECK(answer->version == 0x10000000);
    CHECK(answer->encryption == Encryption::NotSupported);
    CHECK(answer->mars == 0);
    CHECK_FALSE(answer->fed_auth_required);
    CHECK(to_utf8(login.login().user) == "sa");
    CHECK(to_utf8(login.login().password.reveal()) == "s3cret");
    CHECK(login.scope() == Scope::Nothing);
  }
}

TEST_CASE("encryption of everything begins behind the answer to PRELOGIN") {
  ClientLogin login({Encryption::On, false, 0x10000000, 0});
  const LoginStep hello = feed_all(login, prelogin_from_client(Encryption::On));
  CHECK(hello.start_tls);
  const auto answer = parse_prelogin(payload_of(hello.send, PacketType::Response));
  REQUIRE(answer);
  CHECK(answer->encryption == Encryption::On);
  const LoginStep in = feed_all(login, login_message(long_sample()));
  CHECK(in.done);
  CHECK_FALSE(in.end_tls);
  CHECK(login.scope() == Scope::All);
}

TEST_CASE("bytes smuggled in before the handshake are refused") {
  ClientLogin login({Encryption::On, false, 0x10000000, 0});
  const std::string stream = prelogin_from_client(Encryption::On) + login_message(sample());
  Bytes in = stream;
  CHECK_FALSE(login.feed(in));
  in = stream;
  CHECK_FALSE(login.feed(in));
}

TEST_CASE("login-only encryption ends with the first packet of LOGIN7") {
  SECTION("a login of one packet") {
    ClientLogin login({Encryption::Off, false, 0x10000000, 0});
    CHECK(feed_all(login, prelogin_from_client(Encryption::Off)).start_tls);
    const LoginStep step = feed_all(login, login_message(sample()));
    CHECK(step.end_tls);
    CHECK(step.done);
  }
  SECTION("of several, in every split") {
    const std::string stream = login_message(long_sample());
    REQUIRE(stream.size() > 8192);
    for (std::size_t cut = 1; cut < 4096; cut += 63) {
      ClientLogin login({Encryption::Off, false, 0x10000000, 0});
      feed_all(login, prelogin_from_client(Encryption::Off));
      CHECK_FALSE(feed_all(login, Bytes(stream).substr(0, cut)).end_tls);
      const LoginStep first = feed_all(login, Bytes(stream).substr(cut, 4096 - cut));
      CHECK(first.end_tls);
      CHECK_FALSE(first.done);
      const LoginStep rest = feed_all(login, Bytes(stream).substr(4096));
      CHECK_FALSE(rest.end_tls);
      CHECK(rest.done);
      CHECK(login.login().sspi.size() == 9000);
    }
  }
  SECTION("more than that in TLS is refused") {
    const std::string stream = login_message(long_sample());
    ClientLogin login({Encryption::Off, false, 0x10000000, 0});
    feed_all(login, prelogin_from_client(Encryption::Off));
    Bytes in = stream;
    CHECK_FALSE(login.feed(in));
  }
}

TEST_CASE("a strict client's ENCRYPTION is not looked at") {
  ClientLogin login({Encryption::On, true, 0x10000000, 0});
  const LoginStep hello = feed_all(login, prelogin_from_client(static_cast<Encryption>(4)));
  CHECK_FALSE(hello.start_tls);
  CHECK(hello.refused.empty());
  Login7 strict = sample();
  strict.version = tds_version::v8_0;
  const LoginStep step = feed_all(login, login_message(strict));
  CHECK(step.done);
  CHECK_FALSE(step.end_tls);
}

TEST_CASE("encryption that does not come to terms is answered, then refused") {
  ClientLogin login({Encryption::On, false, 0x10000000, 0});
  const LoginStep step = feed_all(login, prelogin_from_client(Encryption::NotSupported));
  CHECK_FALSE(step.refused.empty());
  CHECK_FALSE(step.send.empty());
  CHECK_FALSE(step.start_tls);
}

TEST_CASE("logins that are not relayed are refused in words that the client reads") {
  Login7 unfit = sample();
  SECTION("7.0") { unfit.version = tds_version::v7_0; }
  SECTION("federated") {
    unfit.has_features = true;
    unfit.features = {{0x02, "token"}};
  }
  ClientLogin login({Encryption::Off, false, 0x10000000, 0});
  feed_all(login, prelogin_from_client(Encryption::Off));
  const LoginStep step = feed_all(login, login_message(unfit));
  CHECK_FALSE(step.done);
  CHECK_FALSE(step.refused.empty());
  CHECK(step.end_tls);
  CHECK(step.send.empty());  // the first packet was all that TLS was for
  const auto result = response(payload_of(step.send_after, PacketType::Response), 0, unfit.version);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Refused);
  CHECK(result->error == error_login_failed);
}

TEST_CASE("TDS 7.1 passes, with PRELOGIN and without") {
  Login7 old = sample();
  old.version = tds_version::v7_1;
  ClientLogin login({Encryption::NotSupported, false, 0x10000000, 0});
  CHECK(feed_all(login, login_message(old)).done);
  ClientLogin insisting({Encryption::On, false, 0x10000000, 0});
  const std::string bytes = login_message(old);
  Bytes in = bytes;
  CHECK_FALSE(insisting.feed(in));
}

TEST_CASE("behind the login only SSPI tokens are read") {
  ClientLogin login({Encryption::NotSupported, false, 0x10000000, 0});
  CHECK(feed_all(login, login_message(sample())).done);
  const LoginStep step = feed_all(login, message(PacketType::Sspi, "token"));
  CHECK(step.sspi == "token");
  CHECK_FALSE(step.done);
  const std::string batch = message(PacketType::Batch, "x");
  Bytes in = batch;
  CHECK_FALSE(login.feed(in));
}

TEST_CASE("packets over 4096 bytes, other types and TLS where none was agreed are refused") {
  const std::string bad =
      GENERATE_COPY(message(PacketType::Prelogin, std::string(5000, 'x'), 8000),
                    message(PacketType::Batch, "x"), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"s,
                    message(PacketType::Login6, "x"), message(PacketType::Prelogin, "\xff"));
  ClientLogin login({Encryption::Off, false, 0x10000000, 0});
  Bytes in = bad;
  CHECK_FALSE(login.feed(in));
}

// ---- the server's side ----

TEST_CASE("a server is logged in to, in every split of its words") {
  const std::string hello = prelogin_from_server(Encryption::NotSupported);
  const std::string answer = message(PacketType::Response, common + ack() + done());
  for (std::size_t cut = 0; cut <= hello.size() + answer.size(); ++cut) {
    ServerLogin login({Encryption::NotSupported, false, "inst"}, sample(), 0);
    const auto prelogin = parse_prelogin(payload_of(login.start().send, PacketType::Prelogin));
    REQUIRE(prelogin);
    CHECK(prelogin->instance == "inst\0"s);
    CHECK(prelogin->mars == 0);
    std::string sent;
    bool done = false;
    // A server says nothing before it is spoken to, so each of its messages is cut apart.
    for (const std::string* words : {&hello, &answer}) {
      const std::size_t at =
          words == &hello ? std::min(cut, hello.size()) : cut - std::min(cut, hello.size());
      for (Bytes part : {Bytes(*words).substr(0, at), Bytes(*words).substr(at)}) {
        if (part.empty()) continue;
        const LoginStep step = must(login.feed(part));
        sent += step.send;
        done = done || step.done;
      }
    }
    CHECK(done);
    const auto said = parse_login7(payload_of(sent, PacketType::Login7));
    REQUIRE(said);
    CHECK(to_utf8(said->password.reveal()) == "s3cret");
    CHECK(login.result().outcome == Outcome::Accepted);
  }
}

TEST_CASE("TLS towards the server as its answer has it") {
  SECTION("all") {
    ServerLogin login({Encryption::On, false, ""}, long_sample(), 0);
    login.start();
    const std::string hello = prelogin_from_server(Encryption::On);
    Bytes in = hello;
    const LoginStep step = must(login.feed(in));
    CHECK(step.start_tls);
    CHECK(step.send.empty());
    in = hello;
    CHECK_FALSE(login.feed(in));  // nothing may come before the handshake
    const LoginStep said = must(login.tls_ready());
    CHECK_FALSE(said.end_tls);
    CHECK(said.send_after.empty());
    CHECK(parse_login7(payload_of(said.send, PacketType::Login7)));
    CHECK_FALSE(login.tls_ready());
  }
  SECTION("login only: the first packet, then the others in clear") {
    ServerLogin login({Encryption::Off, false, ""}, long_sample(), 0);
    login.start();
    const std::string hello = prelogin_from_server(Encryption::Off);
    Bytes in = hello;
    CHECK(must(login.feed(in)).start_tls);
    const LoginStep said = must(login.tls_ready());
    CHECK(said.end_tls);
    CHECK(said.send.size() == 4096);
    CHECK(parse_login7(payload_of(said.send + said.send_after, PacketType::Login7)));
  }
  SECTION("strict: it is there already") {
    ServerLogin login({Encryption::On, true, ""}, sample(), 0);
    login.start();
    const std::string hello = prelogin_from_server(Encryption::NotSupported);
    Bytes in = hello;
    const LoginStep said = must(login.feed(in));
    CHECK_FALSE(said.start_tls);
    CHECK_FALSE(said.send.empty());
  }
  SECTION("a server that will not encrypt is an error of its own") {
    ServerLogin login({Encryption::On, false, ""}, sample(), 0);
    login.start();
    const std::string hello = prelogin_from_server(Encryption::NotSupported);
    Bytes in = hello;
    const auto step = login.feed(in);
    REQUIRE_FALSE(step);
    CHECK(step.error().blame == Blame::Server);
  }
}

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

TEST_CASE("SSPI goes back and forth until the server has had enough") {
  ServerLogin login({Encryption::NotSupported, false, ""}, long_sample(), 0);
  login.start();
  const std::string hello = prelogin_from_server(Encryption::NotSupported);
  Bytes in = hello;
  must(login.feed(in));
  const std::string token = "\xed\x05\x00magic"s;
  const std::string asked = message(PacketType::Response, token);
  in = asked;
  CHECK(must(login.feed(in)).done);
  CHECK(login.result().outcome == Outcome::SspiAsked);
  CHECK(login.result().answer == token);
  CHECK(payload_of(login.sspi("more").send, PacketType::Sspi) == "more");
  CHECK(login.result().outcome == Outcome::Pending);
  const std::string accepted = message(PacketType::Response, ack() + done());
  in = accepted;
  CHECK(must(login.feed(in)).done);
  CHECK(login.result().outcome == Outcome::Accepted);
  in = accepted;
  CHECK_FALSE(login.feed(in));
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

TEST_CASE("a server's answer has a limit") {
  ServerLogin login({Encryption::NotSupported, false, ""}, sample(), 0);
  login.start();
  const std::string hello = prelogin_from_server(Encryption::NotSupported);
  Bytes in = hello;
  must(login.feed(in));
  const std::string flood = message(PacketType::Response, std::string(login_response_max + 1, '\xab'));
  in = flood;
  const auto step = login.feed(in);
  REQUIRE_FALSE(step);
  CHECK(step.error().blame == Blame::Server);
}

TEST_CASE("which errors tell of a failover") {
  for (const std::uint32_t number : {596u, 921u, 976u, 978u, 979u, 983u, 3906u, 6005u, 9001u, 17142u, 18401u})
    CHECK(is_failover_error(number));
  for (const std::uint32_t number : {0u, 1205u, 2627u, 4060u, 18456u}) CHECK_FALSE(is_failover_error(number));
}

TEST_CASE("the features of a login as a set") {
  Login7 login;
  login.features = {{1, ""}, {10, ""}, {63, ""}, {64, ""}, {254, ""}};
  CHECK(feature_set(login) == (1ull << 1 | 1ull << 10 | 1ull << 63));
}

}  // namespace holdfast::tds
