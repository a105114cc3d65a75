// What proxy/io/io.h promises, as tests that know no implementation. A Bench brings the loop and runs
// it; the libuv loop and the simulated one each run the whole table.
#pragma once

#include <catch2/catch.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/io/io.h"

namespace holdfast::io::contract {

class Bench {
 public:
  virtual ~Bench() = default;
  virtual Loop& loop() = 0;
  virtual Address address() = 0;  ///< to listen on; Listener::local() says where it became
  /// Runs until the predicate holds; false if it never does.
  virtual bool until(std::function<bool()> predicate) = 0;
  /// Runs for so long on the loop's clock.
  virtual void pass(Duration time) = 0;
  virtual std::size_t own_handles() const { return 0; }  ///< handles the bench itself holds open
};

/// A stream's owner that remembers everything, and fails on a callback inside one of its own calls.
struct Peer final : StreamEvents {
  StreamPtr stream;
  std::string got;
  bool connected = false;
  bool ended = false;
  int drained = 0;
  std::optional<Fault> fault;
  int faults = 0;
  int calls = 0;
  bool inside = false;
  std::function<void(Bytes)> data;
  std::function<void()> any;  ///< after each callback; may reset `stream`

  void called() {
    CHECK_FALSE(inside);
    ++calls;
  }
  void told() {
    if (any) any();
  }
  void on_connected() override { called(), connected = true, told(); }
  void on_data(Bytes bytes) override {
    called();
    got += bytes;
    if (data) data(bytes);
    told();
  }
  void on_end() override { called(), ended = true, told(); }
  void on_drained() override { called(), ++drained, told(); }
  void on_fault(Fault f, std::string_view) override { called(), fault = f, ++faults, told(); }

  void connect(Loop& loop, const Address& to) {
    inside = true;
    stream = loop.connect(to, *this);
    inside = false;
  }
  std::size_t write(Bytes bytes) {
    inside = true;
    std::size_t queued = stream->write(bytes);
    inside = false;
    return queued;
  }
  void read() {
    inside = true;
    stream->start_reading();
    inside = false;
  }
};

struct Server final : ListenerEvents {
  ListenerPtr listener;
  std::vector<std::unique_ptr<Peer>> peers;
  std::function<void(Peer&)> accepted;

  Server(Loop& loop, const Address& address) {
    ListenOptions options;
    options.address = address;
    auto made = loop.listen(options, *this);
    REQUIRE(made.has_value());
    listener = std::move(*made);
  }
  Address at() const { return listener->local(); }
  void on_accept(StreamPtr stream) override {
    Peer& peer = *peers.emplace_back(std::make_unique<Peer>());
    peer.stream = std::move(stream);
    peer.stream->set_events(peer);
    if (accepted) accepted(peer);
  }
  Peer& last() { return *peers.back(); }
};

struct Case {
  const char* name;
  void (*run)(Bench&);
};

}  // namespace holdfast::io::contract
