// The promises about bytes; see io_contract.h and io_contract_cases.h.
#pragma once

#include "tests/sim/io_contract.h"

namespace holdfast::io::contract {

inline std::string pattern(std::size_t size) {
  std::string text(size, 0);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + i / 251);
  return text;
}

inline bool all_closed(Bench& b) {
  return b.until([&] { return b.loop().handles() == b.own_handles(); });
}

inline void echoes(Bench& b) {
  {
    Server server(b.loop(), b.address());
    server.accepted = [](Peer& p) {
      p.data = [&p](Bytes bytes) { p.stream->write(bytes); };
      p.read();
    };
    Peer client;
    client.connect(b.loop(), server.at());
    CHECK_FALSE(client.connected);
    client.read();
    REQUIRE(b.until([&] { return client.connected; }));
    std::array<Bytes, 3> pieces{"hel", "", "lo"};
    CHECK(client.stream->write(pieces) == 0);
    REQUIRE(b.until([&] { return client.got == "hello"; }));
    CHECK(client.stream->peer() == server.at());
    CHECK(server.last().stream->peer() == client.stream->local());
    CHECK(server.last().stream->local() == server.at());
    CHECK(client.drained == 0);
  }
  CHECK(all_closed(b));
}

inline void writes_before_connected(Bench& b) {
  Server server(b.loop(), b.address());
  server.accepted = [](Peer& p) { p.read(); };
  Peer client;
  client.connect(b.loop(), server.at());
  CHECK(client.write("first ") == 6);
  CHECK(client.write("second") == 12);
  client.stream->finish();
  REQUIRE(b.until([&] { return !server.peers.empty() && server.last().ended; }));
  CHECK(server.last().got == "first second");
  CHECK(client.connected);
  CHECK(client.drained == 1);
}

/// Never a byte while stopped, never one lost, through a reader that stops after each piece.
inline void holds_back(Bench& b) {
  const std::string all = pattern(10 << 20);
  Server server(b.loop(), b.address());
  server.accepted = [&](Peer& p) {
    CHECK(p.write(all) > 0);
    p.stream->finish();
  };
  Peer client;
  bool stopped = false;
  int early = 0, pieces = 0;
  client.data = [&](Bytes) {
    if (stopped) ++early;
    client.stream->stop_reading();
    stopped = true;
    auto go_on = [&] {
      stopped = false;
      client.stream->start_reading();
    };
    if (++pieces % 16 == 0) b.loop().post(go_on);
    else if (pieces % 2) go_on();  // a stop and a start in one turn
    else b.loop().post([&b, go_on] { b.loop().post(go_on); });
  };
  client.connect(b.loop(), server.at());
  client.read();
  REQUIRE(b.until([&] { return client.ended; }));
  CHECK(early == 0);
  CHECK((client.got == all));
  CHECK(server.last().drained == 1);
}

inline void stopped_hears_nothing(Bench& b) {
  Server server(b.loop(), b.address());
  server.accepted = [](Peer& p) {
    p.write("abc");
    p.stream->finish();
  };
  Peer client;
  client.connect(b.loop(), server.at());
  client.read();
  client.any = [&] { client.stream->stop_reading(); };
  REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
  b.pass(Duration::millis(20));
  CHECK(client.got.empty());
  client.any = nullptr;
  client.data = [&](Bytes) { client.stream->stop_reading(); };
  client.read();
  REQUIRE(b.until([&] { return client.got == "abc"; }));
  b.pass(Duration::millis(20));
  CHECK_FALSE(client.ended);
  client.read();
  REQUIRE(b.until([&] { return client.ended; }));
}

inline void reports_refusal(Bench& b) {
  Address nobody;
  {
    Server server(b.loop(), b.address());
    nobody = server.at();
  }
  b.pass(Duration::millis(5));
  Peer client;
  client.connect(b.loop(), nobody);
  CHECK(client.faults == 0);
  REQUIRE(b.until([&] { return client.faults > 0; }));
  CHECK(*client.fault == Fault::Refused);
  b.pass(Duration::millis(5));
  CHECK(client.calls == 1);
  CHECK(client.write("x") == 0);  // harmless on a dead stream
  client.stream->start_reading();
  client.stream->finish();
  Peer nowhere;
  nowhere.connect(b.loop(), Address{});
  REQUIRE(b.until([&] { return nowhere.faults == 1; }));
}

inline void reports_reset(Bench& b) {
  Server server(b.loop(), b.address());
  Peer client;
  client.connect(b.loop(), server.at());
  client.read();
  REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
  server.last().stream->reset_on_close();
  server.last().stream.reset();
  REQUIRE(b.until([&] { return client.faults > 0; }));
  CHECK(*client.fault == Fault::Reset);
  CHECK_FALSE(client.ended);
}

inline void closes_halves(Bench& b) {
  Server server(b.loop(), b.address());
  server.accepted = [](Peer& p) {
    p.any = [&p] {
      if (!p.ended) return;
      p.stream->write("answer to " + p.got);
      p.stream->finish();
    };
    p.read();
  };
  Peer client;
  client.connect(b.loop(), server.at());
  client.read();
  client.write("question");
  client.stream->finish();
  client.stream->write("ignored");
  REQUIRE(b.until([&] { return client.ended; }));
  CHECK(client.got == "answer to question");
  CHECK(client.faults == 0);
  CHECK(server.last().faults == 0);
}

}  // namespace holdfast::io::contract
