// The table of promises; see io_contract.h. Included by one test of each implementation.
#pragma once

#include <algorithm>

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
};

}  // namespace holdfast::io::contract
