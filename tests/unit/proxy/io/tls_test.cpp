#include "proxy/io/tls.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <ctime>
#include <fstream>
#include <thread>
#include <utility>

#include "proxy/io/tls_tickets.h"
#include "tests/unit/proxy/io/tls_certs.h"
#include "tests/unit/proxy/io/tls_pair.h"

using namespace holdfast;
using namespace holdfast::io;
using test::Context, test::End, test::Pair;

namespace {

const test::TestCertificates& certs() { return test::TestCertificates::get(); }

TlsServerOptions server_options(std::vector<std::string> names) {
  TlsServerOptions options;
  for (const std::string& name : names) {
    options.certificates.push_back(certs().file(name));
    options.keys.push_back(certs().key(name));
  }
  return options;
}
TlsClientOptions client_options(std::string name) {
  TlsClientOptions options;
  options.ca = certs().ca();
  options.name = std::move(name);
  return options;
}
Context server(const TlsServerOptions& options) {
  auto made = TlsContext::server(options);
  INFO((made ? "" : made.error().text));
  REQUIRE(made);
  return *made;
}
Context client(const TlsClientOptions& options) {
  auto made = TlsContext::client(options);
  INFO((made ? "" : made.error().text));
  REQUIRE(made);
  return *made;
}

}  // namespace

TEST_CASE("tls: bytes pass both ways in every chunking", "[tls]") {
  auto c = client(client_options("one.test")), s = server(server_options({"one"}));
  std::string big(100000, 'x');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 31 >> 3);
  for (std::size_t chunk : {1u, 2u, 5u, 7u, 100u, 16389u, 100000u}) {
    for (std::size_t room : {1u, 100u, 65536u}) {
      if (chunk == 1 && room == 1) continue;
      INFO("chunk " << chunk << " room " << room);
      Pair pair(c, s);
      pair.talk(chunk, room);
      REQUIRE((pair.client.done && pair.server.done));
      REQUIRE(pair.client.session->encrypt("GET / HTTP/1.1\r\n\r\n", pair.client.out));
      REQUIRE(pair.server.session->encrypt(big, pair.server.out));
      pair.server.session->close(pair.server.out);
      pair.talk(chunk, room);
      CHECK(pair.server.plain == "GET / HTTP/1.1\r\n\r\n");
      CHECK(pair.client.plain == big);
      CHECK(pair.client.closed);
      CHECK_FALSE(pair.server.closed);
    }
  }
}

TEST_CASE("tls: info tells version, name and protocol", "[tls]") {
  auto options = client_options("one.test");
  options.alpn = {"h2", "http/1.1"};
  Pair pair(client(options), server(server_options({"one"})));
  pair.shake();
  const TlsInfo& info = pair.server.session->info();
  CHECK(info.version == "TLSv1.3");
  CHECK(info.cipher == "TLS_AES_128_GCM_SHA256");
  CHECK(info.server_name == "one.test");
  CHECK(info.alpn == "http/1.1");
  CHECK_FALSE(info.resumed);
  CHECK(pair.client.session->info().alpn == "http/1.1");
}

TEST_CASE("tls: no common ALPN protocol is refused", "[tls]") {
  auto options = client_options("one.test");
  options.alpn = {"h2"};
  Pair pair(client(options), server(server_options({"one"})));
  pair.talk();
  CHECK_FALSE(pair.client.done);
  CHECK(pair.client.error == "refused by the peer: no application protocol");
}

TEST_CASE("tls: the certificate is chosen by name", "[tls]") {
  auto s = server(server_options({"one", "wild", "one-rsa", "address"}));
  for (std::string name : {"one.test", "alias.test", "ONE.test", "a.wild.test"}) {
    INFO(name);
    Pair(client(client_options(name)), s).shake();
  }
  // A wildcard stands for exactly one label; an unknown name gets the first certificate.
  for (std::string name : {"a.b.wild.test", "wild.test", "other.test", "192.0.2.7"}) {
    INFO(name);
    Pair pair(client(client_options(name)), s);
    pair.talk();
    CHECK_FALSE(pair.client.done);
    CHECK(pair.client.error.find("certificate not accepted: ") == 0);
  }
  Pair(client(client_options("192.0.2.7")), server(server_options({"address"}))).shake();
}

TEST_CASE("tls: a client refuses what it cannot verify", "[tls]") {
  struct Row {
    std::string certificate, name, ca, why;
  };
  for (const Row& row : {Row{"one", "two.test", "ca", "hostname mismatch"},
                         Row{"one", "one.test", "stranger", "unable to get local issuer certificate"},
                         Row{"expired", "old.test", "ca", "certificate has expired"},
                         Row{"one", "192.0.2.7", "ca", "IP address mismatch"}}) {
    INFO(row.why);
    auto options = client_options(row.name);
    options.ca = certs().file(row.ca);
    Pair pair(client(options), server(server_options({row.certificate})));
    pair.talk();
    CHECK_FALSE(pair.client.done);
    CHECK(pair.client.error == "certificate not accepted: " + row.why);
    CHECK(pair.server.error.find("refused by the peer: ") == 0);
    options.verify = false;
    Pair(client(options), server(server_options({row.certificate}))).shake();
  }
}

TEST_CASE("tls: a session is resumed, also by another context of the process", "[tls]") {
  auto c = client(client_options("one.test"));
  auto first = server(server_options({"one"})), second = server(server_options({"one"}));
  Pair(c, first).shake();
  for (const Context& s : {first, second}) {
    Pair pair(c, s);
    pair.shake();
    CHECK(pair.client.session->info().resumed);
    CHECK(pair.server.session->info().resumed);
  }
  auto options = server_options({"one"});
  options.tickets = false;
  Pair without(c, server(options));
  without.shake();
  CHECK_FALSE(without.server.session->info().resumed);
}

TEST_CASE("tls: contexts are shared by threads", "[tls]") {
  auto c = client(client_options("one.test")), s = server(server_options({"one"}));
  Pair(c, s).shake();
  std::atomic<int> resumed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        Pair pair(c, s);
        pair.talk();
        if (pair.server.done && pair.server.session->info().resumed) ++resumed;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(resumed == 40);
}

TEST_CASE("tls: a ticket does not stand in for a client certificate", "[tls]") {
  auto plain = client_options("one.test");
  auto c = client(plain);
  Pair(c, server(server_options({"one"}))).shake();
  auto options = server_options({"one"});
  options.client_ca = certs().ca();
  auto strict = server(options);
  Pair refused(c, strict);
  refused.talk();
  CHECK_FALSE(refused.server.done);
  CHECK(refused.server.error == "peer did not return a certificate");
  auto combined = certs().file("visitor-both");
  std::ofstream(combined) << std::ifstream(certs().file("visitor")).rdbuf()
                          << std::ifstream(certs().key("visitor")).rdbuf();
  plain.certificate = combined;
  Pair(client(plain), strict).shake();
}

TEST_CASE("tls: only TLS 1.3 where asked", "[tls]") {
  auto options = server_options({"one"});
  options.tls13_only = true;
  Pair(client(client_options("one.test")), server(options)).shake();
}

TEST_CASE("tls: strangers on the port get a reason", "[tls]") {
  auto s = server(server_options({"one"}));
  End http{s->session(), {}, {}, {}};
  http.take("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1000, 1000);
  CHECK(http.error == "plain HTTP request on a TLS port");
  End noise{s->session(), {}, {}, {}};
  noise.take(std::string(100, '\xff'), 1000, 1000);
  CHECK_FALSE(noise.error.empty());
}

TEST_CASE("tls: a forged record is an error, what came before it is delivered", "[tls]") {
  Pair pair(client(client_options("one.test")), server(server_options({"one"})));
  pair.shake();
  REQUIRE(pair.client.session->encrypt("good", pair.client.out));
  std::size_t good = pair.client.out.size();
  REQUIRE(pair.client.session->encrypt("bad", pair.client.out));
  pair.client.out[good + 8] ^= 1;
  pair.server.take(pair.client.out, 10000, 10000);
  CHECK(pair.server.plain == "good");
  CHECK_FALSE(pair.server.error.empty());
}

TEST_CASE("tls: contexts say which file is wrong and why", "[tls]") {
  auto error = [](const TlsServerOptions& options) {
    auto made = TlsContext::server(options);
    return made ? std::string("no error") : made.error().text;
  };
  CHECK(error({}) == "TLS needs a certificate");
  auto options = server_options({"one"});
  options.certificates[0] = "/nonexistent.pem";
  CHECK(error(options) == "cannot read /nonexistent.pem: No such file or directory");
  options = server_options({"one"});
  options.keys[0] = certs().key("wild");
  CHECK(error(options) == "the private key in " + certs().key("wild") +
                              " does not match the certificate in " + certs().file("one"));
  options.keys.clear();
  CHECK(error(options) == certs().file("one") + " holds no PEM private key");
  options = server_options({"one"});
  options.certificates[0] = certs().key("one");
  CHECK(error(options) == certs().key("one") + " holds no PEM certificate");
  options = server_options({"one"});
  options.keys = {certs().key("sealed")};
  CHECK(error(options) ==
        "the private key in " + certs().key("sealed") + " needs a pass phrase; store it without one");
  options = server_options({"one"});
  options.ciphers = "NONSENSE";
  CHECK(error(options) == "no known cipher in \"NONSENSE\"");
  options = server_options({"one"});
  options.client_ca = "/nonexistent.pem";
  CHECK(error(options).find("no client CA certificate in /nonexistent.pem: ") == 0);
  TlsClientOptions nameless;
  CHECK_FALSE(TlsContext::client(nameless));
}

TEST_CASE("tls: expires is the earliest end", "[tls]") {
  CHECK(server(server_options({"one"}))->expires() > std::time(nullptr) + 20 * 86400);
  CHECK(server(server_options({"one", "expired"}))->expires() < std::time(nullptr));
  CHECK(client(client_options("one.test"))->expires() == 0);
}

TEST_CASE("tls: a ticket of one node opens at another with the same secret, and at no other", "[tls]") {
  auto options = server_options({"one"});
  options.ticket_secret = std::string(32, 's');
  auto c = client(client_options("one.test"));
  auto here = server(options), there = server(options);
  Pair(c, here).shake();
  for (const Context& s : {there, here}) {
    Pair pair(c, s);
    pair.shake();
    CHECK(pair.server.session->info().resumed);
  }
  options.ticket_secret = std::string(32, 't');
  for (const Context& s : {server(options), server(server_options({"one"}))}) {
    Pair(c, here).shake();  // its ticket is the last one that the client keeps
    Pair pair(c, s);
    pair.shake();
    CHECK_FALSE(pair.server.session->info().resumed);
  }
}

TEST_CASE("tls: ticket keys of a secret change with the date, and the neighbouring ones open", "[tls]") {
  TicketKeys here("a secret"), there("a secret"), other("another");
  constexpr auto half_day = TicketKeys::rotation;
  constexpr std::int64_t now = 1'700'000'000 / half_day * half_day + 100;
  auto name = [](const TicketKey& key) {
    return std::string(reinterpret_cast<const char*>(key.name.data()), key.name.size());
  };
  const TicketKey key = *here.sealing(now);
  auto found = there.opening(name(key), now);
  REQUIRE(found);
  CHECK_FALSE(found->stale);
  CHECK(found->key.cipher == key.cipher);
  CHECK(found->key.mac == key.mac);
  CHECK_FALSE(other.opening(name(key), now));
  CHECK(name(*there.sealing(now + half_day)) != name(key));
  CHECK(there.opening(name(key), now + half_day)->stale);
  CHECK(there.opening(name(key), now - half_day));  // its clock is behind
  CHECK_FALSE(there.opening(name(key), now + 2 * half_day));
  CHECK_FALSE(there.opening(name(key), now - 2 * half_day));
  CHECK(name(*there.sealing(now)) == name(key));
}

TEST_CASE("tls: ticket keys rotate, and the previous one still opens", "[tls]") {
  TicketKeys keys;
  constexpr auto day_half = TicketKeys::rotation;
  auto name = [](const TicketKey& key) {
    return std::string(reinterpret_cast<const char*>(key.name.data()), key.name.size());
  };
  std::string first = name(*keys.sealing(1000));
  CHECK(name(*keys.sealing(1000 + day_half - 1)) == first);
  CHECK_FALSE(keys.opening(first, 1000 + day_half - 1)->stale);
  std::string second = name(*keys.sealing(1000 + day_half));
  CHECK(second != first);
  CHECK(keys.opening(first, 1000 + day_half)->stale);
  CHECK_FALSE(keys.opening(second, 1000 + day_half)->stale);
  CHECK_FALSE(keys.opening(first, 1000 + 2 * day_half));
  CHECK(keys.opening(second, 1000 + 2 * day_half)->stale);
  CHECK_FALSE(keys.opening(second, 1000 + 9 * day_half));
  CHECK_FALSE(keys.opening("short", 1000));
}
