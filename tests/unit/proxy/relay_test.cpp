#include "proxy/relay.h"

#include <catch2/catch.hpp>

#include <memory>

#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

struct World final : RelayEvents {
  FakeLoop loop;
  FakeWire *client = nullptr, *server = nullptr;
  std::unique_ptr<Relay> relay;
  int ends = 0;
  RelayEnd::Reason reason{};

  explicit World(RelayOptions options = {}) {
    auto client_stream = loop.accept();
    client = &loop.wires.back();
    auto server_stream = loop.accept();
    server = &loop.wires.back();
    relay = std::make_unique<Relay>(loop, std::move(client_stream), std::move(server_stream),
                                    std::move(options), *this);
  }
  void on_relay_end(const RelayEnd& end) override {
    ++ends;
    reason = end.reason;
    relay.reset();
  }
};

}  // namespace

TEST_CASE("relay: bytes pass both ways and are counted", "[relay]") {
  RelayOptions options;
  options.to_server = "sent before";
  options.to_client = "left over";
  World w(options);
  CHECK(w.client->reading);
  CHECK(w.server->reading);
  w.client->data(" question");
  w.server->data(" answer");
  CHECK(w.server->written == "sent before question");
  CHECK(w.client->written == "left over answer");
  CHECK(w.relay->bytes_from_client() == 20);
  CHECK(w.relay->bytes_from_server() == 16);
}

TEST_CASE("relay: a slow side stops the other, and starts it when it has drained", "[relay]") {
  World w;
  w.client->queued = Relay::high_water;
  w.server->data("x");
  CHECK(w.server->reading);
  w.client->queued = Relay::high_water + 1;
  w.server->data("x");
  CHECK_FALSE(w.server->reading);
  CHECK(w.client->reading);
  w.client->drained();
  CHECK(w.server->reading);
}

TEST_CASE("relay: what the loop forwards is counted, stops the other side, and keeps it from being idle", "[relay]") {
  RelayOptions options;
  options.idle = Duration::seconds(10);
  World w(options);
  REQUIRE(w.client->forwards_to);
  REQUIRE(w.server->forwards_to);
  CHECK(w.client->forwards_to != w.server->forwards_to);
  w.loop.turn(Duration::seconds(9));
  w.server->events->on_forwarded(1 << 20);
  w.client->events->on_forwarded(3);
  CHECK(w.relay->bytes_from_server() == 1 << 20);
  CHECK(w.relay->bytes_from_client() == 3);
  CHECK((w.client->written + w.server->written).empty());
  CHECK(w.server->reading);
  w.client->queued = Relay::high_water + 1;
  w.server->events->on_forwarded(1);
  CHECK_FALSE(w.server->reading);
  w.client->drained();
  CHECK(w.server->reading);
  w.loop.turn(Duration::seconds(9));
  CHECK(w.ends == 0);
  w.loop.turn(Duration::seconds(1));
  CHECK(w.ends == 1);
}

TEST_CASE("relay: a half-close passes through", "[relay]") {
  World w;
  w.client->end();
  CHECK(w.server->finished);
  CHECK_FALSE(w.client->finished);
  w.server->data("late answer");
  CHECK(w.client->written == "late answer");
  w.client->queued = 10;
  w.server->end();
  CHECK(w.client->finished);
  CHECK(w.ends == 0);  // the answer is still leaving
  w.client->drained();
  CHECK(w.ends == 1);
  CHECK(w.reason == RelayEnd::Reason::Finished);
  CHECK(w.client->disposed);
  CHECK(w.server->disposed);
  CHECK_FALSE(w.client->reset);
}

TEST_CASE("relay: a fault of one side resets the other", "[relay]") {
  World w;
  w.server->fault(io::Fault::Reset);
  CHECK(w.ends == 1);
  CHECK(w.reason == RelayEnd::Reason::ServerFault);
  CHECK(w.client->reset);
  CHECK(w.client->disposed);
  World v;
  v.client->fault(io::Fault::Reset);
  CHECK(v.reason == RelayEnd::Reason::ClientFault);
  CHECK(v.server->reset);
}

TEST_CASE("relay: idle is measured from the last byte", "[relay]") {
  RelayOptions options;
  options.idle = Duration::seconds(10);
  World w(options);
  w.loop.turn(Duration::seconds(9));
  w.server->data("x");
  w.loop.turn(Duration::seconds(9));
  CHECK(w.ends == 0);
  w.loop.turn(Duration::seconds(1));
  CHECK(w.ends == 1);
  CHECK(w.reason == RelayEnd::Reason::Idle);
  CHECK(w.client->reset);
}

TEST_CASE("relay: cut resets both without a callback", "[relay]") {
  World w;
  w.relay->cut();
  CHECK((w.client->reset && w.client->disposed));
  CHECK((w.server->reset && w.server->disposed));
  CHECK(w.ends == 0);
}
