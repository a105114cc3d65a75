#include "tds/login.h"

#include <catch2/catch.hpp>

#include "tests/unit/tds/login_words.h"

namespace holdfast::tds {

using namespace login_words;

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

TEST_CASE("a server is gone to as far as the login, which is told later") {
  ServerLogin login({Encryption::On, false, ""});
  login.start();
  const std::string hello = prelogin_from_server(Encryption::On);
  Bytes in = hello;
  CHECK(must(login.feed(in)).start_tls);
  const LoginStep ready = must(login.tls_ready());
  CHECK((ready.ready && ready.send.empty()));
  const LoginStep said = login.say(sample(), 0);
  const auto read = parse_login7(payload_of(said.send, PacketType::Login7));
  REQUIRE(read);
  CHECK(to_utf8(read->password.reveal()) == "s3cret");
  const std::string answer = message(PacketType::Response, common + ack() + done());
  in = answer;
  CHECK(must(login.feed(in)).done);
  CHECK(login.result().outcome == Outcome::Accepted);

  ServerLogin early({Encryption::NotSupported, false, ""});
  early.start();
  const std::string plain = prelogin_from_server(Encryption::NotSupported);
  in = plain;
  CHECK(must(early.feed(in)).ready);
  in = plain;
  CHECK_FALSE(early.feed(in));  // it speaks, and nobody has asked
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

}  // namespace holdfast::tds
