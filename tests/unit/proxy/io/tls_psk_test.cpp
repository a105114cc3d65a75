// The peer channel's handshake: who knows the key gets through, nobody else does.
#include "proxy/io/tls.h"
#include "tests/unit/proxy/io/tls_certs.h"
#include "tests/unit/proxy/io/tls_pair.h"

using namespace holdfast;
using namespace holdfast::io;
using test::Context, test::End, test::Pair;

namespace {

const std::string key(32, 'k');

Context made(Result<Context> context) {
  INFO((context ? "" : context.error().text));
  REQUIRE(context);
  return *context;
}
Context server(std::string identity = "holdfast peer", std::string with = key) {
  return made(TlsContext::psk_server(std::move(identity), std::move(with)));
}
Context client(std::string identity = "holdfast peer", std::string with = key) {
  return made(TlsContext::psk_client(std::move(identity), std::move(with)));
}

void expect_refusal(const Context& c, const Context& s, const std::string& client_says,
                    const std::string& server_says) {
  Pair pair(c, s);
  pair.talk();
  CHECK_FALSE(pair.client.done);
  CHECK_FALSE(pair.server.done);
  CHECK(pair.client.error == client_says);
  CHECK(pair.server.error == server_says);
}

}  // namespace

TEST_CASE("tls psk: two that share the key talk, in every chunking", "[tls]") {
  auto c = client(), s = server();
  for (std::size_t chunk : {1u, 7u, 100000u}) {
    Pair pair(c, s);
    pair.talk(chunk);
    INFO(pair.client.error << " / " << pair.server.error);
    REQUIRE((pair.client.done && pair.server.done));
    REQUIRE(pair.client.session->encrypt("a claim", pair.client.out));
    REQUIRE(pair.server.session->encrypt("a confirmation", pair.server.out));
    pair.client.session->close(pair.client.out);
    pair.talk(chunk);
    CHECK(pair.server.plain == "a claim");
    CHECK(pair.client.plain == "a confirmation");
    CHECK(pair.server.closed);
  }
}

TEST_CASE("tls psk: TLS 1.3 with the one suite", "[tls]") {
  Pair pair(client(), server());
  pair.shake();
  for (const End* end : {&pair.client, &pair.server}) {
    CHECK(end->session->info().version == "TLSv1.3");
    CHECK(end->session->info().cipher == "TLS_AES_128_GCM_SHA256");
    CHECK(end->session->info().resumed);  // by the key, not by a certificate
  }
}

TEST_CASE("tls psk: another key fails on both sides", "[tls]") {
  std::string near = key;
  near.back() ^= 1;
  expect_refusal(client("holdfast peer", near), server(), "refused by the peer: illegal parameter",
                 "binder does not verify");
}

TEST_CASE("tls psk: another identity fails on both sides", "[tls]") {
  expect_refusal(client("stranger"), server(), "refused by the peer: handshake failure",
                 "no suitable signature algorithm");
}

TEST_CASE("tls psk: certificates do not get anybody in", "[tls]") {
  const auto& certs = test::TestCertificates::get();
  TlsServerOptions with_certificate;
  with_certificate.certificates = {certs.file("one")};
  with_certificate.keys = {certs.key("one")};
  expect_refusal(client(), made(TlsContext::server(with_certificate)),
                 "certificate not accepted: unable to get local issuer certificate",
                 "refused by the peer: unknown CA");
  TlsClientOptions without_key;
  without_key.verify = false;
  expect_refusal(made(TlsContext::client(without_key)), server(), "refused by the peer: handshake failure",
                 "no suitable signature algorithm");
}

TEST_CASE("tls psk: a recorded connection is worth nothing when played again", "[tls]") {
  auto c = client(), s = server();
  Pair pair(c, s);
  std::string recorded;
  pair.client.take("", 100000, 65536);
  recorded += pair.client.out;
  pair.server.take(std::exchange(pair.client.out, {}), 100000, 65536);
  pair.client.take(std::exchange(pair.server.out, {}), 100000, 65536);
  REQUIRE(pair.client.session->encrypt("hand over", pair.client.out));
  recorded += pair.client.out;
  End again{s->session(), {}, {}, {}};
  again.take(recorded, 100000, 65536);
  CHECK_FALSE(again.done);
  CHECK(again.plain.empty());
  CHECK_FALSE(again.error.empty());
}

TEST_CASE("tls psk: no ticket is issued, so each connection proves the key anew", "[tls]") {
  Pair pair(client(), server());
  pair.client.take("", 100000, 65536);
  pair.server.take(std::exchange(pair.client.out, {}), 100000, 65536);
  pair.client.take(std::exchange(pair.server.out, {}), 100000, 65536);
  pair.server.take(std::exchange(pair.client.out, {}), 100000, 65536);
  REQUIRE((pair.client.done && pair.server.done));
  CHECK(pair.server.out.empty());
}

TEST_CASE("tls psk: keys and identities of a wrong size are refused", "[tls]") {
  CHECK_FALSE(TlsContext::psk_server("holdfast peer", "short"));
  CHECK_FALSE(TlsContext::psk_client("holdfast peer", std::string(33, 'k')));
  CHECK_FALSE(TlsContext::psk_client("", key));
  CHECK_FALSE(TlsContext::psk_client(std::string(129, 'i'), key));
}

TEST_CASE("tls psk: noise on the port is an error, not a crash", "[tls]") {
  for (const std::string& noise : {std::string(100, '\xff'), std::string("GET / HTTP/1.1\r\n\r\n")}) {
    End end{server()->session(), {}, {}, {}};
    end.take(noise, 1000, 1000);
    CHECK_FALSE(end.done);
    CHECK_FALSE(end.error.empty());
  }
}
