#include <catch2/catch.hpp>

#include "proxy/io/tls.h"
#include "tests/unit/proxy/fake_io.h"
#include "tests/unit/proxy/io/tls_certs.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::test;

namespace {

using Context = std::shared_ptr<const TlsContext>;

Context server_context() {
  const auto& certs = TestCertificates::get();
  TlsServerOptions options;
  options.certificates = {certs.file("one"), certs.file("one-rsa")};
  options.keys = {certs.key("one"), certs.key("one-rsa")};
  return *TlsContext::server(options);
}
Context client_context(const std::string& name = "one.test") {
  TlsClientOptions options;
  options.ca = TestCertificates::get().ca();
  options.name = name;
  return *TlsContext::client(options);
}

/// A client and a server stream whose wires the test joins.
struct Joined {
  FakeLoop loop;
  Told client, server;
  FakeWire *client_wire = nullptr, *server_wire = nullptr;

  explicit Joined(const std::string& name = "one.test") {
    auto outgoing = loop.connect(Address{}, client);
    client_wire = &loop.wires.back();
    client.stream = make_tls_stream(loop, std::move(outgoing), client_context(name)->session(), client);
    auto accepted = loop.accept();
    server_wire = &loop.wires.back();
    server.stream = make_tls_stream(loop, std::move(accepted), server_context()->session(), server);
  }
  // Moves what was written to the other end while that end reads.
  void pump() {
    for (int turn = 0; turn < 50; ++turn) {
      move(*client_wire, *server_wire);
      move(*server_wire, *client_wire);
    }
  }
  static void move(FakeWire& from, FakeWire& to) {
    if (from.written.empty() || to.disposed || !to.reading) return;
    std::string bytes;
    bytes.swap(from.written);
    to.data(bytes);
  }
  void shake() {
    client.stream->start_reading();
    server.stream->start_reading();
    client_wire->connected();
    pump();
    REQUIRE(client.connected == 1);
    REQUIRE(server.connected == 1);
  }
};

}  // namespace

TEST_CASE("tls stream: carries bytes and a clean end", "[tls_stream]") {
  Joined j;
  j.shake();
  CHECK(j.server.stream->tls()->version == "TLSv1.3");
  j.client.stream->write("ping");
  j.server.stream->write("pong");
  j.client.stream->finish();
  CHECK(j.client_wire->finished);
  j.pump();
  CHECK(j.server.data == "ping");
  CHECK(j.server.ends == 1);
  j.server_wire->end();  // the FIN after close_notify says nothing new
  CHECK(j.server.ends == 1);
  CHECK(j.server.fault.empty());
  j.server.stream->write(" after the client's end");
  j.pump();
  CHECK(j.client.data == "pong after the client's end");
}

TEST_CASE("tls stream: what is written early leaves first", "[tls_stream]") {
  Joined j;
  j.client.stream->write("first ");
  CHECK(j.client.stream->queued() == 6);
  j.client.stream->write("second");
  j.client.stream->finish();
  j.shake();
  CHECK(j.server.data == "first second");
  CHECK(j.server.ends == 1);
  CHECK(j.client.drained == 1);
}

TEST_CASE("tls stream: head and body leave in one record and one write", "[tls_stream]") {
  Joined j;
  j.shake();
  int before = j.server_wire->writes;
  std::string head(300, 'h'), body(1000, 'b');
  Bytes pieces[] = {head, body};
  j.server.stream->write(pieces);
  CHECK(j.server_wire->writes == before + 1);
  CHECK(j.server_wire->written.size() == 1300 + 22);  // RFC 8446 section 5.2: header 5, type 1, tag 16
  j.pump();
  CHECK(j.client.data == head + body);
}

TEST_CASE("tls stream: pieces of every size arrive in order", "[tls_stream]") {
  for (std::size_t first : {0u, 1u, 16383u, 16384u, 16385u, 40000u}) {
    for (std::size_t second : {0u, 1u, 16383u, 16384u, 70000u}) {
      Joined j;
      j.shake();
      std::string a(first, 'a'), b(second, 'b'), c(5, 'c');
      Bytes pieces[] = {a, b, c};
      j.server.stream->write(pieces);
      j.pump();
      INFO(first << " " << second);
      CHECK((j.client.data == a + b + c));
    }
  }
}

TEST_CASE("tls stream: stopping holds what was not delivered", "[tls_stream]") {
  Joined j;
  j.shake();
  std::string big(300'000, 'z');
  j.client.stop_on_data = true;
  j.server.stream->write(big);
  j.server.stream->finish();
  j.pump();
  CHECK(j.client.data.size() == 65536);  // one chunk, no more
  CHECK_FALSE(j.client_wire->reading);
  for (int turn = 0; turn < 20 && j.client.ends == 0; ++turn) {
    std::size_t had = j.client.data.size();
    j.client.stream->start_reading();
    CHECK(j.client.data.size() == had);  // never from inside the call
    j.loop.turn();
    CHECK(j.client.data.size() <= had + 65536);
  }
  CHECK(j.client.data == big);
  CHECK(j.client.ends == 1);
}

TEST_CASE("tls stream: an end without close_notify is not clean", "[tls_stream]") {
  Joined j;
  j.shake();
  j.server.stream->write("half a body");
  j.pump();
  j.client_wire->end();
  CHECK(j.client.data == "half a body");
  CHECK(j.client.ends == 0);
  CHECK(j.client.fault == "reset: TLS truncated: the peer ended without close_notify");
}

TEST_CASE("tls stream: a handshake that fails tells both ends", "[tls_stream]") {
  Joined j("two.test");
  j.client_wire->connected();
  j.pump();
  CHECK(j.client.fault == "tls: certificate not accepted: hostname mismatch");
  CHECK(j.client_wire->finished);
  CHECK(j.server.fault.find("tls: refused by the peer: ") == 0);
}

TEST_CASE("tls stream: plain HTTP, an early end and a reset", "[tls_stream]") {
  Joined http;
  http.server_wire->data("GET / HTTP/1.1\r\n\r\n");
  CHECK(http.server.fault == "tls: plain HTTP request on a TLS port");
  Joined left;
  left.server_wire->end();
  CHECK(left.server.fault == "tls: the peer left during the TLS handshake");
  Joined reset;
  reset.server_wire->fault(Fault::Reset);
  CHECK(reset.server.fault == "reset: reset");
}

TEST_CASE("tls stream: its owner may let it go in any callback", "[tls_stream]") {
  Joined j;
  j.server.drop_when_connected = true;
  j.client.stream->write("data right behind the handshake");
  j.client_wire->connected();
  j.pump();
  CHECK(j.server_wire->disposed);
  CHECK(j.server.data.empty());
  Joined k;
  k.shake();
  k.server.drop_on_data = true;
  k.client.stream->write(std::string(200'000, 'x'));
  k.pump();
  CHECK(k.server_wire->disposed);
  CHECK(k.server.data.size() == 65536);
}

namespace {

/// Accepts TLS on the real loop, answers each line and stops when the command has ended.
struct Echo final : ListenerEvents, StreamEvents, ProcessEvents {
  Loop& loop;
  Context context = server_context();
  ListenerPtr listener;
  ProcessPtr process;
  std::vector<StreamPtr> streams;
  int exit_code = -1;

  explicit Echo(Loop& l) : loop(l) {
    ListenOptions options;
    options.address = *Address::from_ip("127.0.0.1", 0);
    listener = std::move(*loop.listen(options, *this));
  }
  void on_accept(StreamPtr stream) override {
    streams.push_back(make_tls_stream(loop, std::move(stream), context->session(), *this));
    streams.back()->start_reading();
  }
  void on_connected() override {
    streams.back()->write("welcome\n");
    streams.back()->finish();
  }
  void on_data(Bytes) override {}
  void on_end() override {}
  void on_fault(Fault, std::string_view) override {}
  void on_exit(int code, int) override {
    exit_code = code;
    listener.reset();
    streams.clear();
    process.reset();
    loop.stop();
  }
};

}  // namespace

TEST_CASE("tls stream: openssl gets the certificate type and version that it asks for", "[tls_stream]") {
  struct Row {
    const char *arguments, *expected;
  };
  for (const Row& row : {Row{"-tls1_3 -sigalgs ecdsa_secp256r1_sha256", "CN = one$"},
                         Row{"-tls1_3 -sigalgs rsa_pss_rsae_sha256", "CN = one-rsa$"},
                         Row{"-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", "CN = one-rsa$"},
                         Row{"-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "CN = one$"}}) {
    INFO(row.arguments);
    auto loop = make_uv_loop();
    Echo echo(*loop);
    const auto& certs = TestCertificates::get();
    std::string command =
        "openssl s_client -connect " + echo.listener->local().text() + " -servername one.test " +
        "-verify_return_error -verify_hostname one.test -CAfile " + certs.ca() + " " + row.arguments +
        " </dev/null >" + certs.file("log") + " 2>&1; grep -q 'subject=" + row.expected + "' " +
        certs.file("log") + " && grep -q 'Verify return code: 0' " + certs.file("log");
    echo.process = std::move(*loop->spawn({"/bin/sh", "-c", command}, echo));
    loop->run();
    CHECK(echo.exit_code == 0);
  }
}
