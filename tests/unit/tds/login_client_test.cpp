#include "tds/login.h"

#include <catch2/catch.hpp>

#include "tests/unit/tds/login_words.h"

namespace holdfast::tds {

using namespace login_words;

namespace {

LoginStep feed_all(ClientLogin& login, Bytes in) {
  LoginStep step = must(login.feed(in));
  CHECK(in.empty());
  return step;
}

}  // namespace

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

TEST_CASE("the features of a login as a set") {
  Login7 login;
  login.features = {{1, ""}, {10, ""}, {63, ""}, {64, ""}, {254, ""}};
  CHECK(feature_set(login) == (1ull << 1 | 1ull << 10 | 1ull << 63));
}

}  // namespace holdfast::tds
