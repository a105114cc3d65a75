#include "tests/sim/io_contract_cases.h"
#include "tests/sim/sim_loop.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::contract;
using namespace holdfast::sim;

namespace {

class SimBench final : public Bench {
 public:
  explicit SimBench(std::uint64_t seed) : world_(seed), loop_(world_.make_loop()) {}
  Loop& loop() override { return *loop_; }
  Address address() override { return SimWorld::address_of(SimWorld::host_of(*loop_), 0); }
  bool until(std::function<bool()> predicate) override {
    return world_.run_until(predicate, Duration::seconds(60));
  }
  void pass(Duration time) override { world_.run_for(time); }

 private:
  SimWorld world_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace

TEST_CASE("the simulated loop keeps the contract of the seam") {
  for (const Case& one : kCases)
    DYNAMIC_SECTION(one.name) {
      for_each_seed(5, [&](std::uint64_t seed) {
        SimBench bench(seed);
        one.run(bench);
      });
    }
}

namespace {

std::uint64_t roll(std::uint64_t hash, Bytes bytes) {
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

/// Passes bytes on in both directions, as a relay does: reading stops while the other side is full.
class Relay final : public ListenerEvents {
 public:
  Relay(Loop& loop, const Address& here, const Address& there) : loop_(loop), there_(there) {
    ListenOptions options;
    options.address = here;
    listener_ = *loop.listen(options, *this);
  }

 private:
  struct Leg final : StreamEvents {
    Relay* relay = nullptr;
    StreamPtr stream;
    Leg* other = nullptr;
    bool ended = false;

    void on_data(Bytes bytes) override {
      if (other->stream->write(bytes) > 0) stream->stop_reading();
    }
    void on_drained() override {
      if (!other->ended) other->stream->start_reading();
    }
    void on_end() override {
      ended = true;
      other->stream->finish();
      if (other->ended) stream.reset(), other->stream.reset();
    }
    void on_fault(Fault, std::string_view) override {
      if (other->stream) other->stream->reset_on_close();
      other->stream.reset(), stream.reset();
    }
  };

  void on_accept(StreamPtr stream) override {
    Leg& client = *legs_.emplace_back(std::make_unique<Leg>());
    Leg& server = *legs_.emplace_back(std::make_unique<Leg>());
    client.other = &server, server.other = &client;
    client.stream = std::move(stream);
    client.stream->set_events(client);
    server.stream = loop_.connect(there_, server);
    client.stream->start_reading();
    server.stream->start_reading();
  }

  Loop& loop_;
  Address there_;
  ListenerPtr listener_;
  std::vector<std::unique_ptr<Leg>> legs_;
};

/// Sends `total` bytes made by its own chance, hashing both ways.
struct Caller final : StreamEvents {
  Loop& loop;
  Random random;
  StreamPtr stream;
  std::size_t left;
  std::uint64_t out = 0, in = 0;
  bool ended = false, failed = false;

  Caller(Loop& l, const Address& to, std::uint64_t seed, std::size_t total)
      : loop(l), random(seed), left(total) {
    stream = loop.connect(to, *this);
    stream->start_reading();
  }
  void send() {
    while (left > 0) {
      std::string piece(std::min(left, std::size_t{1} + random.below(3000)), 0);
      for (char& c : piece) c = static_cast<char>(random.next());
      out = roll(out, piece);
      left -= piece.size();
      if (stream->write(piece) > 0) return;
    }
    stream->finish();
  }
  void on_connected() override { send(); }
  void on_drained() override { send(); }
  void on_data(Bytes bytes) override { in = roll(in, bytes); }
  void on_end() override { ended = true; }
  void on_fault(Fault, std::string_view) override { failed = true; }
};

void echo_back(Server& server) {
  server.accepted = [](Peer& p) {
    p.data = [&p](Bytes bytes) {
      if (p.stream->write(bytes) > 0) p.stream->stop_reading();
    };
    p.any = [&p] {
      if (p.fault) return p.stream.reset();
      if (p.ended && p.stream->queued() == 0) p.stream->finish();
      else if (p.drained && p.stream->queued() == 0) p.stream->start_reading();
    };
    p.stream->start_reading();
  };
}

struct Outcome {
  int whole = 0, failed = 0;
  std::uint64_t trace = 0;  ///< differs if anything at all differs
};

/// Callers - relay - echo server, each a process of its own; checks that nothing is changed or left.
Outcome relay_run(std::uint64_t seed, const SimFaults& faults) {
  SimWorld world(seed);
  world.faults = faults;
  Outcome outcome;
  {
    auto a = world.make_loop(), b = world.make_loop(), c = world.make_loop();
    {
      Server server(*c, SimWorld::address_of(SimWorld::host_of(*c), 0));
      echo_back(server);
      Address here = SimWorld::address_of(SimWorld::host_of(*b), 80);
      Relay relay(*b, here, server.at());
      std::vector<std::unique_ptr<Caller>> callers;
      for (std::uint64_t i = 0; i < 4; ++i)
        callers.push_back(std::make_unique<Caller>(*a, here, seed * 100 + i, 40'000));
      bool over = world.run_until(
          [&] {
            return std::all_of(callers.begin(), callers.end(), [](auto& k) { return k->ended || k->failed; });
          },
          Duration::seconds(600));
      REQUIRE(over);
      for (auto& caller : callers) {
        caller->failed ? ++outcome.failed : ++outcome.whole;
        if (!caller->failed) REQUIRE(caller->in == caller->out);
      }
    }
    REQUIRE(world.run_until_idle(Duration::seconds(60)));
    REQUIRE(world.leftovers() == "");
  }
  outcome.trace = roll(world.random.next(), std::to_string(world.now().ns));
  return outcome;
}

}  // namespace

TEST_CASE("bytes out of a relay are the bytes in, whatever the timing") {
  for_each_seed(50, [](std::uint64_t seed) {
    Outcome outcome = relay_run(seed, SimFaults::rough());
    REQUIRE(outcome.whole == 4);
  });
}

TEST_CASE("resets at any byte and refused connects end streams and leave nothing behind") {
  int seeds = 0, whole = 0, failed = 0;
  for_each_seed(50, [&](std::uint64_t seed) {
    SimFaults faults = SimFaults::rough();
    faults.resets = 0.4;
    faults.reset_within = 60'000;
    faults.refused = 0.1;
    Outcome outcome = relay_run(seed, faults);
    ++seeds, whole += outcome.whole, failed += outcome.failed;
  });
  if (!std::getenv("SIM_SEED")) {
    CHECK(whole * 50 > 20 * seeds);
    CHECK(failed * 50 > 20 * seeds);
  }
}

TEST_CASE("a seed is a run: the same one twice is the same to the last draw, another one is not") {
  SimFaults faults = SimFaults::rough();
  faults.resets = 0.4;
  CHECK(relay_run(7, faults).trace == relay_run(7, faults).trace);
  CHECK(relay_run(7, faults).trace != relay_run(8, faults).trace);
}

TEST_CASE("a killed process is silent, its peers see the end, and its host refuses until it is back") {
  SimWorld world(1);
  auto here = world.make_loop(), there = world.make_loop();
  int host = SimWorld::host_of(*there);
  Peer client, second, third;
  auto server = std::make_unique<Server>(*there, SimWorld::address_of(host, 80));
  Address at = server->at();
  client.connect(*here, at);
  client.read();
  REQUIRE(world.run_until([&] { return !server->peers.empty() && client.connected; }, Duration::seconds(1)));
  server->last().read();
  world.kill(host);
  int calls = server->last().calls;
  client.write("nobody reads this");
  REQUIRE(world.run_until([&] { return client.ended || client.fault; }, Duration::seconds(1)));
  CHECK(server->last().calls == calls);
  second.connect(*here, at);
  REQUIRE(world.run_until([&] { return second.faults == 1; }, Duration::seconds(1)));
  CHECK(*second.fault == Fault::Refused);
  server.reset();
  CHECK(there->handles() == 0);
  there = world.make_loop(host);
  server = std::make_unique<Server>(*there, at);
  third.connect(*here, at);
  REQUIRE(world.run_until([&] { return third.connected && !server->peers.empty(); }, Duration::seconds(1)));
}

TEST_CASE("a frozen process answers when it thaws; a partition loses nothing and heals") {
  SimWorld world(1);
  auto here = world.make_loop(), there = world.make_loop();
  int host = SimWorld::host_of(*there);
  Server server(*there, SimWorld::address_of(host, 80));
  echo_back(server);
  world.freeze(host, Duration::seconds(3));
  Peer client;
  client.connect(*here, server.at());
  client.read();
  client.write("one ");
  REQUIRE(world.run_until([&] { return client.connected; }, Duration::seconds(1)));  // by the kernel
  world.run_for(Duration::seconds(1));
  CHECK(client.got.empty());
  REQUIRE(world.run_until([&] { return client.got == "one "; }, Duration::seconds(3)));

  world.partition(SimWorld::host_of(*here), host);
  client.write("two");
  Peer late;
  late.connect(*here, server.at());
  world.run_for(Duration::seconds(10));
  CHECK(client.got == "one ");
  CHECK(late.calls == 0);
  world.heal();
  REQUIRE(world.run_until([&] { return client.got == "one two" && late.connected; }, Duration::seconds(1)));
}

TEST_CASE("a lost host is only silence, until the network is back") {
  SimWorld world(1);
  auto here = world.make_loop(), there = world.make_loop();
  int host = SimWorld::host_of(*there);
  Server server(*there, SimWorld::address_of(host, 80));
  Peer client;
  client.connect(*here, server.at());
  client.read();
  REQUIRE(world.run_until([&] { return client.connected && !server.peers.empty(); }, Duration::seconds(1)));
  client.write("unread at the other end, so that its kernel would answer with a reset");
  world.run_for(Duration::millis(5));
  client.calls = 0;
  world.partition(SimWorld::host_of(*here), host);
  world.kill(host);
  client.write("more");
  world.run_for(Duration::seconds(60));
  CHECK(client.calls == 0);
  world.heal();
  REQUIRE(world.run_until([&] { return client.fault == Fault::Reset; }, Duration::seconds(1)));
  CHECK(world.leftovers() != "");
}

TEST_CASE("a late timer is late, never early, and a Unix path belongs to its host") {
  SimWorld world(3);
  world.faults.late_timers = 1;
  auto loop = world.make_loop(), other = world.make_loop();
  Alarm alarm(*loop);
  Instant due = loop->now() + Duration::millis(10);
  alarm.at(due);
  REQUIRE(world.run_until([&] { return alarm.fired == 1; }, Duration::seconds(1)));
  CHECK(alarm.early == 0);
  CHECK(loop->now() > due + Duration::millis(1));

  ListenOptions options;
  options.path = "/run/holdfast.sock";
  struct Taken final : ListenerEvents {
    std::vector<StreamPtr> streams;
    void on_accept(StreamPtr stream) override { streams.push_back(std::move(stream)); }
  } taken;
  auto listener = loop->listen(options, taken);
  REQUIRE(listener);
  CHECK_FALSE(loop->listen(options, taken));
  Peer near, far;
  near.stream = loop->connect(options.path, near);
  far.stream = other->connect(options.path, far);
  REQUIRE(world.run_until([&] { return near.connected && far.faults == 1; }, Duration::seconds(1)));
  CHECK(near.stream->peer().family == Address::Family::None);
}
