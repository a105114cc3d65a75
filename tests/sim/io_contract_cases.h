// The promises about ends, time and tasks, and the table of them all; see io_contract.h. Included by
// one test of each implementation.
#pragma once

#include <algorithm>
#include <random>

#include "tests/sim/io_contract_bytes.h"

namespace holdfast::io::contract {

/// The owner lets go in the n-th callback, for every n: nothing is called after.
inline void may_be_disposed_anywhere(Bench& b) {
  for (int n = 1; n <= 5; ++n) {
    {
      Server server(b.loop(), b.address());
      server.accepted = [](Peer& p) {
        p.data = [&p](Bytes bytes) { p.stream->write(bytes); };
        p.any = [&p] {
          if (p.ended) p.stream->finish();
        };
        p.read();
      };
      Peer client;
      client.any = [&] {
        if (client.connected && client.calls == 1) {
          client.stream->write("x");
          client.stream->finish();
        }
        if (client.calls == n) client.stream.reset();
      };
      client.connect(b.loop(), server.at());
      client.read();
      REQUIRE(b.until([&] { return !client.stream || client.ended; }));
      int calls = client.calls;
      b.pass(Duration::millis(5));
      CHECK(client.calls == calls);
      Peer refused;
      refused.any = [&] { refused.stream.reset(); };
      refused.connect(b.loop(), Address{});
      REQUIRE(b.until([&] { return refused.faults == 1 && !refused.stream; }));
    }
    CHECK(all_closed(b));
  }
  Server server(b.loop(), b.address());
  Peer drained;
  drained.any = [&] {
    if (drained.drained) drained.stream.reset();
  };
  drained.connect(b.loop(), server.at());
  drained.write("queued");
  REQUIRE(b.until([&] { return !drained.stream; }));
  Peer client;
  client.connect(b.loop(), server.at());
  client.stream.reset();  // while connecting
  b.pass(Duration::millis(5));
  CHECK(client.calls == 0);
}

inline void reports_a_failed_write_later(Bench& b) {
  Server server(b.loop(), b.address());
  Peer client;
  client.connect(b.loop(), server.at());
  REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
  server.last().stream->reset_on_close();
  server.last().stream.reset();
  b.pass(Duration::millis(5));
  client.calls = 0;
  client.write("x");
  client.write("y");
  CHECK(client.calls == 0);
  REQUIRE(b.until([&] { return client.faults > 0; }));
  b.pass(Duration::millis(5));
  CHECK(client.faults == 1);
  CHECK(client.stream->queued() == 0);
}

/// An answer that was on its way before the reset is read before the fault is told.
inline void delivers_what_arrived_before_the_fault(Bench& b) {
  Server server(b.loop(), b.address());
  server.accepted = [](Peer& p) { p.write("early answer"); };
  Peer client;
  client.connect(b.loop(), server.at());
  REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
  b.pass(Duration::millis(5));
  server.last().stream->reset_on_close();
  server.last().stream.reset();
  b.pass(Duration::millis(5));
  client.read();
  client.write("x");
  client.write("y");
  REQUIRE(b.until([&] { return client.faults > 0; }));
  CHECK(client.got == "early answer");
}

inline void sends_the_queue_of_a_disposed_stream(Bench& b) {
  const std::string all = pattern(8 << 20);
  {
    Server server(b.loop(), b.address());
    server.accepted = [&](Peer& p) {
      CHECK(p.write(all) > 0);
      p.stream.reset();
    };
    Peer client;
    client.connect(b.loop(), server.at());
    REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
    b.pass(Duration::millis(5));
    client.read();
    REQUIRE(b.until([&] { return client.ended || client.faults; }));
    CHECK(client.faults == 0);
    CHECK((client.got == all));
  }
  CHECK(all_closed(b));
}

/// RFC 9112 section 9.6: the last bytes reach a peer that is still sending.
inline void lingers_after_finish(Bench& b) {
  const std::string answer = pattern(64 << 10);
  {
    Server server(b.loop(), b.address());
    server.accepted = [&](Peer& p) {
      p.data = [&](Bytes) {
        p.stream->write(answer);
        p.stream->finish();
        p.stream.reset();
      };
      p.read();
    };
    Peer client;
    client.connect(b.loop(), server.at());
    client.write(pattern(16 << 10));
    REQUIRE(b.until([&] { return !server.peers.empty() && !server.last().stream; }));
    client.write(pattern(64 << 10));  // never read by the owner over there
    b.pass(Duration::millis(5));
    client.read();
    REQUIRE(b.until([&] { return client.ended || client.faults; }));
    CHECK(client.faults == 0);
    CHECK((client.got == answer));
  }
  CHECK(all_closed(b));
}

struct Alarm final : TimerEvents {
  TimerPtr timer;
  Loop& loop;
  Instant due{};
  int fired = 0;
  int early = 0;
  std::function<void()> then;

  explicit Alarm(Loop& l) : timer(l.timer(*this)), loop(l) {}
  void at(Instant when) { timer->arm(due = when); }
  void on_timer() override {
    ++fired;
    if (loop.now() < due) ++early;
    if (then) then();
  }
};

inline void keeps_time(Bench& b) {
  {
    Loop& loop = b.loop();
    std::string order;
    Alarm first(loop), second(loop), third(loop), never(loop), gone(loop);
    first.then = [&] { order += '1'; };
    second.then = [&] { order += '2'; };
    third.then = [&] { order += '3', third.timer.reset(); };
    Instant start = loop.now();
    third.at(start + Duration::millis(15));
    first.at(start + Duration::millis(5) + Duration::nanos(1));
    never.at(start + Duration::millis(4));
    second.at(start + Duration::millis(2));
    second.at(start + Duration::millis(10));  // later: only a store
    never.timer->disarm();
    gone.at(start);
    gone.timer.reset();
    REQUIRE(b.until([&] { return order.size() == 3; }));
    CHECK(order == "123");
    CHECK(first.early + second.early == 0);
    CHECK(never.fired + gone.fired == 0);
    CHECK(loop.now() >= start + Duration::millis(15));
    second.at(loop.now() + Duration::seconds(100));
    second.at(loop.now() - Duration::millis(1));  // in the past: soon, but not inside the call
    CHECK(second.fired == 1);
    REQUIRE(b.until([&] { return second.fired == 2; }));
    first.then = [&] {
      if (first.fired < 5) first.at(loop.now());
    };
    first.at(loop.now());
    REQUIRE(b.until([&] { return first.fired == 5; }));
  }
  CHECK(all_closed(b));
}

inline void runs_tasks_in_order(Bench& b) {
  std::string order;
  int ends = 0;
  b.loop().set_turn_end([&] { ++ends; });
  b.loop().post([&] {
    order += 'a';
    b.loop().post([&] { order += 'c'; });
  });
  b.loop().post([&] { order += 'b'; });
  CHECK(order.empty());
  REQUIRE(b.until([&] { return order.size() == 3; }));
  CHECK(order == "abc");
  CHECK(ends > 0);
  b.loop().set_turn_end(nullptr);
}

inline void pauses_a_listener(Bench& b) {
  {
    Server server(b.loop(), b.address());
    server.listener->pause();
    Peer client;
    client.connect(b.loop(), server.at());
    b.pass(Duration::millis(10));
    CHECK(server.peers.empty());
    server.listener->resume();
    REQUIRE(b.until([&] { return !server.peers.empty() && client.connected; }));
    server.accepted = [&](Peer&) { server.listener.reset(); };
    Peer second;
    second.connect(b.loop(), server.at());
    REQUIRE(b.until([&] { return server.peers.size() == 2; }));
  }
  CHECK(all_closed(b));
}

/// Many streams whose owners do anything at any time; nobody is called after letting go.
inline void survives_churn(Bench& b) {
  {
    std::minstd_rand random(1);
    auto act = [&](Peer& p) {
      if (!p.stream) return;
      switch (random() % 10) {
        case 0: return p.stream.reset();
        case 1: p.stream->reset_on_close(); return p.stream.reset();
        case 2: return p.stream->finish();
        case 3: p.stream->finish(); return p.stream.reset();
        case 4: return p.stream->stop_reading();
        case 5: p.stream->write(pattern(random() % 300'000)); return;
        case 6: p.stream->write(pattern(random() % 100)); return p.stream->start_reading();
        default: return p.stream->start_reading();
      }
    };
    int after_end = 0;
    auto attach = [&](Peer& p) {
      p.any = [&] {
        if (!p.stream) ++after_end;
        act(p);
      };
    };
    Server server(b.loop(), b.address());
    server.accepted = [&](Peer& p) {
      attach(p);
      p.stream->start_reading();
    };
    std::vector<std::unique_ptr<Peer>> clients;
    for (int round = 0; round < 40; ++round) {
      for (int i = 0; i < 5; ++i) {
        Peer& p = *clients.emplace_back(std::make_unique<Peer>());
        attach(p);
        p.connect(b.loop(), server.at());
        if (random() % 2) p.stream->write("first");
      }
      b.pass(Duration::millis(1));
      for (auto& p : clients) act(*p);
      for (auto& p : server.peers) act(*p);
    }
    CHECK(server.peers.size() > 20);
    CHECK(after_end == 0);
    for (auto& p : clients) CHECK(p->faults <= 1);
  }
  CHECK(all_closed(b));
}

inline constexpr Case kCases[] = {
    {"echoes", echoes},
    {"writes before connected", writes_before_connected},
    {"holds back", holds_back},
    {"stopped hears nothing", stopped_hears_nothing},
    {"reports refusal", reports_refusal},
    {"reports reset", reports_reset},
    {"closes halves", closes_halves},
    {"may be disposed anywhere", may_be_disposed_anywhere},
    {"reports a failed write later", reports_a_failed_write_later},
    {"delivers what arrived before the fault", delivers_what_arrived_before_the_fault},
    {"sends the queue of a disposed stream", sends_the_queue_of_a_disposed_stream},
    {"lingers after finish", lingers_after_finish},
    {"keeps time", keeps_time},
    {"runs tasks in order", runs_tasks_in_order},
    {"pauses a listener", pauses_a_listener},
    {"survives churn", survives_churn},
};

}  // namespace holdfast::io::contract
