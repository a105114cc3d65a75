// TLS over a network that misbehaves: whatever the splits, stalls and resets, a receiver sees a prefix of
// what was sent, and a clean end only after all of it.
#include <catch2/catch.hpp>

#include <algorithm>

#include "proxy/io/tls.h"
#include "tests/sim/sim_loop.h"
#include "tests/unit/proxy/io/tls_certs.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::sim;

namespace {

std::string pattern(std::size_t size, char salt) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>((i * 131 >> 4) + static_cast<std::size_t>(salt));
  return text;
}

/// One end: sends its text in random pieces, and stops reading now and then.
struct End final : StreamEvents, TimerEvents {
  SimWorld& world;
  Loop& loop;
  StreamPtr stream;
  TimerPtr timer;
  std::string to_send, received;
  std::size_t sent = 0;
  bool ended = false, failed = false;

  End(SimWorld& w, Loop& l, std::string text)
      : world(w), loop(l), timer(l.timer(*this)), to_send(std::move(text)) {}
  bool over() const { return ended || failed; }

  void on_connected() override {
    stream->start_reading();
    send();
  }
  void send() {
    while (stream->queued() < 32 * 1024 && sent < to_send.size()) {
      Bytes head = Bytes(to_send).substr(sent, world.random.below(400));
      Bytes body = Bytes(to_send).substr(sent + head.size(), world.random.below(40'000));
      sent += head.size() + body.size();
      Bytes pieces[] = {head, body};
      stream->write(pieces);
    }
    if (sent == to_send.size()) stream->finish();
  }
  void on_data(Bytes data) override {
    received.append(data);
    if (!world.random.chance(0.2)) return;
    stream->stop_reading();
    timer->arm(loop.now() + world.random.between(Duration{}, Duration::millis(20)));
  }
  void on_timer() override {
    if (!failed) stream->start_reading();
  }
  void on_end() override { ended = true; }
  void on_drained() override { send(); }
  void on_fault(Fault, std::string_view) override { failed = true; }
};

struct Acceptor final : ListenerEvents {
  End& end;
  std::shared_ptr<const TlsContext> context;
  ListenerPtr listener;
  Acceptor(End& e, std::shared_ptr<const TlsContext> c) : end(e), context(std::move(c)) {}
  void on_accept(StreamPtr stream) override {
    end.stream = make_tls_stream(end.loop, std::move(stream), context->session(), end);
  }
};

std::shared_ptr<const TlsContext> server_context() {
  const auto& certs = test::TestCertificates::get();
  TlsServerOptions options;
  options.certificates = {certs.file("one")};
  options.keys = {certs.key("one")};
  return *TlsContext::server(options);
}
std::shared_ptr<const TlsContext> client_context() {
  TlsClientOptions options;
  options.ca = test::TestCertificates::get().ca();
  options.name = "one.test";
  return *TlsContext::client(options);
}

void check_end(const End& receiver, const End& sender) {
  REQUIRE(receiver.received.size() <= sender.to_send.size());
  REQUIRE(std::equal(receiver.received.begin(), receiver.received.end(), sender.to_send.begin()));
  if (receiver.ended) REQUIRE(receiver.received.size() == sender.to_send.size());
}

void transfer(std::uint64_t seed, double resets) {
  SimWorld world(seed);
  world.faults = SimFaults::rough();
  world.faults.resets = resets;
  auto server_loop = world.make_loop(), client_loop = world.make_loop();
  {
    End server(world, *server_loop, pattern(150'000, 's')), client(world, *client_loop, pattern(60'000, 'c'));
    Acceptor acceptor(server, server_context());
    ListenOptions options;
    options.address = SimWorld::address_of(SimWorld::host_of(*server_loop), 443);
    acceptor.listener = std::move(*server_loop->listen(options, acceptor));
    client.stream = make_tls_stream(*client_loop, client_loop->connect(options.address, client),
                                    client_context()->session(), client);
    bool done = world.run_until([&] { return (client.over() && server.over()); }, Duration::seconds(600));
    if (resets == 0) {
      REQUIRE(done);
      REQUIRE((client.ended && server.ended));
    }
    check_end(client, server);
    check_end(server, client);
  }
  REQUIRE(world.run_until_idle(Duration::seconds(60)));
  REQUIRE(client_loop->handles() == 0);
  REQUIRE(server_loop->handles() == 0);
}

}  // namespace

TEST_CASE("simulation: TLS carries all bytes and clean ends over a rough network") {
  for_each_seed(10, [](std::uint64_t seed) { transfer(seed, 0); });
}

TEST_CASE("simulation: TLS never passes a reset off as a clean end") {
  for_each_seed(20, [](std::uint64_t seed) { transfer(seed, 1); });
}
