#include "proxy/proxy_stream.h"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/fake_io.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

const std::string header = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";

struct World {
  FakeLoop loop;
  Told owner;
  FakeWire* wire = nullptr;
  World() {
    auto raw = loop.accept();
    wire = &loop.wires.back();
    owner.stream = io::make_proxy_stream(loop, std::move(raw), owner);
  }
};

}  // namespace

TEST_CASE("proxy stream: reads the header in any split, then is transparent", "[proxy_stream]") {
  std::string bytes = header + "hello";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    World w;
    CHECK(w.wire->reading);
    w.owner.stream->start_reading();
    w.wire->data(Bytes(bytes).substr(0, split));
    w.wire->data(Bytes(bytes).substr(split));
    CHECK(w.owner.connected == 1);
    CHECK(w.owner.data == "hello");
    CHECK(w.owner.stream->peer().text() == "192.0.2.1:56324");
    CHECK(w.owner.stream->local().text() == "198.51.100.2:443");
    w.wire->end();
    CHECK(w.owner.ends == 1);
    CHECK(w.owner.stream->write("answer") == 0);
    CHECK(w.wire->written == "answer");
  }
}

TEST_CASE("proxy stream: bytes after the header wait for the owner", "[proxy_stream]") {
  World w;
  w.wire->data(header + "early");
  CHECK(w.owner.connected == 1);
  CHECK(w.owner.data.empty());
  CHECK_FALSE(w.wire->reading);
  w.owner.stream->start_reading();
  CHECK(w.owner.data.empty());  // never from inside the call
  w.loop.turn();
  CHECK(w.owner.data == "early");
  CHECK(w.wire->reading);
}

TEST_CASE("proxy stream: stopping inside a callback holds, and later goes on", "[proxy_stream]") {
  World w;
  w.owner.stop_on_data = true;
  w.owner.stream->start_reading();
  w.wire->data(header + "one");
  CHECK(w.owner.data == "one");
  CHECK_FALSE(w.wire->reading);
  w.owner.stream->start_reading();
  CHECK(w.wire->reading);
}

TEST_CASE("proxy stream: LOCAL keeps the connection's own addresses", "[proxy_stream]") {
  World w;
  w.wire->data("PROXY UNKNOWN\r\n");
  CHECK(w.owner.stream->peer().text() == "198.51.100.9:1234");
}

TEST_CASE("proxy stream: no header is a fault", "[proxy_stream]") {
  World w;
  w.wire->data("GET / HTTP/1.1\r\n");
  CHECK(w.owner.fault == "protocol: PROXY header: missing");
  CHECK(w.wire->disposed);
  World cut;
  cut.wire->data("PROXY ");
  cut.wire->end();
  CHECK(cut.owner.fault == "protocol: PROXY header: the peer left before its end");
}

TEST_CASE("proxy stream: its owner may let it go in any callback", "[proxy_stream]") {
  World w;
  w.owner.drop_when_connected = true;
  w.owner.stream->start_reading();
  w.wire->data(header + "rest");
  CHECK(w.wire->disposed);
  CHECK(w.owner.data.empty());
  World v;
  v.owner.drop_on_data = true;
  v.owner.stream->start_reading();
  v.wire->data(header + "rest");
  CHECK(v.wire->disposed);
}
