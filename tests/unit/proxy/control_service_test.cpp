#include "proxy/control_service.h"

#include <catch2/catch.hpp>
#include <random>

#include "proxy/control_state.h"

using namespace holdfast;

namespace {

constexpr Instant at(std::int64_t ms) { return Instant{} + Duration::millis(ms); }

conf::Service service_of(std::size_t instances, conf::Mode mode = conf::Mode::ActiveStandby) {
  conf::Service s;
  s.name = "supervisor";
  s.mode = mode;
  s.check.kind = conf::CheckKind::Http;
  s.check.every = 500_ms;
  s.check.every_down = 100_ms;
  s.check.timeout = 1_s;
  s.check.fall = s.check.rise = 2;
  for (std::size_t i = 0; i < instances; ++i) {
    conf::Instance instance;
    instance.name = std::string("ef-") + static_cast<char>('a' + i);
    instance.address = *Address::from_ip("192.0.2.1", static_cast<std::uint16_t>(8000 + i));
    instance.weight = 1;
    s.instances.push_back(instance);
  }
  return s;
}

// The machine with the driver's part played by hand; every action is kept.
struct Played {
  ServiceMachine machine;
  std::vector<bool> probing;
  std::vector<std::string> stories, roles;
  unsigned published = 0;

  explicit Played(const conf::Service& config, const ServiceMemory* memory = nullptr, Instant now = at(0))
      : machine(config, 1, now), probing(config.instances.size()) {
    if (memory) machine.recall(*memory);
    machine.start(now);
    collect();
  }
  void collect() {
    ServiceActions a = machine.take_actions();
    for (std::size_t i : a.probes) probing[i] = true;
    for (auto& s : a.stories) stories.push_back(s.kind + " " + s.subject + " " + s.text);
    for (auto& r : a.roles)
      roles.push_back(std::string(r.post ? "post " : "run ") + machine.config().instances[r.instance].name +
                      (r.active ? " active" : " standby"));
    published += a.published;
  }
  void timer(Instant now) { machine.on_timer(now), collect(); }
  void answer(Instant now, std::size_t i, bool ok) {
    REQUIRE(probing[i]);
    probing[i] = false;
    machine.on_check(now, i, ok, ok ? "" : "status 500", 1_ms);
    collect();
  }
  void evidence(Instant now, std::size_t i, Evidence e) { machine.on_evidence(now, i, e, 1), collect(); }
  void drain(Instant now, std::size_t i, bool drained) { machine.set_drained(now, i, drained), collect(); }
  int active() const { return machine.view().active; }
  const InstanceView& seen(std::size_t i) const { return machine.view().instances[i]; }

  // All instances up, the first active.
  void bring_up() {
    timer(at(0));
    for (std::size_t i = 0; i < probing.size(); ++i) answer(at(1), i, true);
    stories.clear();
    roles.clear();
  }
};

}  // namespace

TEST_CASE("at the start nothing is usable or lost, checks begin at once, the first pass elects") {
  Played p(service_of(2));
  CHECK(p.machine.view().epoch == 1);
  CHECK(p.active() == -1);
  CHECK_FALSE(p.seen(0).usable);
  CHECK_FALSE(p.seen(0).lost);
  CHECK(p.machine.deadline() == at(0));
  p.timer(at(0));
  p.answer(at(1), 1, true);
  CHECK(p.active() == -1);  // the first choice is still being asked
  p.answer(at(2), 0, true);
  CHECK(p.active() == 0);
  CHECK(p.machine.view().any);
  CHECK(p.stories.back() == "election supervisor ef-a is active: the first election");
  CHECK(p.roles == std::vector<std::string>{"run ef-a active", "run ef-b standby", "post ef-a active",
                                            "post ef-b standby"});
}

TEST_CASE("a reset, then a refused check: the other is active within the same turn") {
  Played p(service_of(2));
  p.bring_up();
  p.evidence(at(50), 0, Evidence::Reset);
  CHECK(p.probing[0]);
  CHECK(p.active() == 0);
  p.answer(at(51), 0, false);
  CHECK(p.active() == 1);
  CHECK(p.seen(0).lost);
  CHECK_FALSE(p.seen(0).usable);
  REQUIRE(p.stories.size() == 2);
  CHECK(p.stories[0] ==
        "health supervisor/ef-a down: a request's connection was reset, then a check failed: "
        "status 500");
  CHECK(p.stories[1] ==
        "election supervisor ef-b is active: ef-a is down (a request's connection was reset, "
        "then a check failed: status 500)");
}

TEST_CASE("an instance that returns is told its role, and stays standby") {
  Played p(service_of(2));
  p.bring_up();
  p.evidence(at(50), 0, Evidence::Refused);
  CHECK(p.roles == std::vector<std::string>{"run ef-a standby", "run ef-b active", "post ef-b active"});
  p.timer(at(150));
  p.answer(at(150), 0, true);
  CHECK(p.seen(0).lost);  // one of two: the other is up
  p.timer(at(250));
  p.answer(at(250), 0, true);
  CHECK(p.seen(0).usable);
  CHECK_FALSE(p.seen(0).lost);
  CHECK(p.active() == 1);
  CHECK(p.roles.back() == "post ef-a standby");
}

TEST_CASE("all down: one passed check brings back the first that answers, at once") {
  Played p(service_of(2));
  p.bring_up();
  p.evidence(at(50), 0, Evidence::Refused);
  p.evidence(at(51), 1, Evidence::Refused);
  CHECK(p.active() == -1);
  CHECK_FALSE(p.machine.view().any);
  p.timer(at(151));
  p.answer(at(152), 1, true);
  CHECK(p.active() == 1);
}

TEST_CASE("draining moves on without loss, ready does not move back") {
  Played p(service_of(2));
  p.bring_up();
  p.drain(at(10), 0, true);
  CHECK(p.active() == 1);
  CHECK_FALSE(p.seen(0).usable);
  CHECK_FALSE(p.seen(0).lost);
  CHECK(p.stories.front() == "drain supervisor/ef-a drained by hand: it gets no new requests");
  unsigned published = p.published;
  p.drain(at(11), 0, true);
  CHECK(p.published == published);
  p.drain(at(12), 0, false);
  CHECK(p.active() == 1);
  CHECK(p.seen(0).usable);
}

TEST_CASE("without checks the first instance is active at once") {
  conf::Service s = service_of(2);
  s.check.kind = conf::CheckKind::None;
  s.prefer = "ef-b";
  Played p(s);
  CHECK(p.active() == 1);
  CHECK(p.machine.deadline() == Instant::never());
}

TEST_CASE("balance: slow start grows the weight in steps after a fall, not at the start") {
  conf::Service s = service_of(2, conf::Mode::Balance);
  s.slow_start = 1_s;
  Played p(s);
  p.timer(at(0));
  p.answer(at(0), 0, true);
  p.answer(at(0), 1, true);
  CHECK(p.active() == -1);
  CHECK(p.machine.view().any);
  CHECK(p.seen(0).weight == 100);
  p.evidence(at(10), 0, Evidence::Refused);
  p.timer(at(110));
  p.answer(at(110), 0, true);
  p.timer(at(210));
  p.answer(at(210), 0, true);
  CHECK(p.seen(0).weight == 10);
  CHECK(p.machine.deadline() == at(310));
  std::uint32_t before = 10;
  for (int ms = 310; ms <= 1110; ms += 100) {
    p.timer(at(ms));
    for (std::size_t i = 0; i < 2; ++i)
      if (p.probing[i]) p.answer(at(ms), i, true);
    CHECK(p.seen(0).weight == before + 10);
    before += 10;
  }
  CHECK(p.seen(0).weight == 100);
  CHECK(p.seen(1).weight == 100);
}

TEST_CASE("balance: an instance of weight 0 is usable but does not make a service") {
  conf::Service s = service_of(1, conf::Mode::Balance);
  s.instances[0].weight = 0;
  s.check.kind = conf::CheckKind::None;
  Played p(s);
  CHECK(p.seen(0).usable);
  CHECK_FALSE(p.machine.view().any);
}

TEST_CASE("memory keeps the active instance, drained flags and the epoch over a change") {
  Played p(service_of(3));
  p.bring_up();
  p.evidence(at(50), 0, Evidence::Refused);
  p.drain(at(60), 2, true);
  REQUIRE(p.active() == 1);
  ServiceMemory memory = p.machine.memory();
  SECTION("as it is: no election, no hook, checks go on") {
    Played next(service_of(3), &memory, at(100));
    CHECK(next.active() == 1);
    CHECK(next.seen(0).lost);
    CHECK(next.stories.empty());
    CHECK(next.roles.empty());
    CHECK(next.machine.view().epoch == memory.epoch + 1);
    CHECK(next.machine.deadline() == at(100));
    CHECK(next.machine.status().instances[2].drained);
  }
  SECTION("the active one is removed") {
    conf::Service less = service_of(3);
    less.instances.erase(less.instances.begin() + 1);
    Played next(less, &memory, at(100));
    CHECK(next.active() == -1);
    next.timer(at(100));
    next.answer(at(101), 0, true);
    CHECK(next.active() == 0);
    CHECK(next.stories.back() ==
          "election supervisor ef-a is active: the active instance left the configuration");
  }
  SECTION("another address is another server") {
    conf::Service moved = service_of(3);
    moved.instances[1].address.port = 9999;
    Played next(moved, &memory, at(100));
    CHECK(next.active() == -1);
    CHECK(next.machine.status().instances[1].health == HealthState::Unknown);
  }
  SECTION("through the text of an upgrade") {
    auto read = read_memories(write_memories({memory}, at(90)), at(7000));
    REQUIRE(read);
    Played next(service_of(3), &read->front(), at(7000));
    CHECK(next.active() == 1);
    CHECK(next.machine.status().instances[0].since == at(7000 - 40));
    CHECK(next.machine.status().instances[0].reason == "a request's connect was refused");
    CHECK(next.machine.status().elections == memory.elections);
  }
}

TEST_CASE("status tells what was seen") {
  Played p(service_of(2));
  p.bring_up();
  p.evidence(at(50), 0, Evidence::Reset);
  p.answer(at(51), 0, false);
  ServiceStatus s = p.machine.status();
  CHECK(s.active == 1);
  CHECK(s.elections == 2);
  CHECK(s.last_election == at(51));
  CHECK(s.instances[0].checks_ok == 1);
  CHECK(s.instances[0].checks_failed == 1);
  CHECK_FALSE(s.instances[0].last_check_ok);
  CHECK(s.instances[0].last_check_why == "status 500");
  CHECK(s.instances[0].evidence[static_cast<std::size_t>(Evidence::Reset)] == 1);
  CHECK(s.instances[0].since == at(51));
  CHECK(s.instances[1].active);
}

TEST_CASE("random histories keep every published view honest") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::size_t count = 1 + random() % 4;
    bool balance = seed % 3 == 0;
    conf::Service s = service_of(count, balance ? conf::Mode::Balance : conf::Mode::ActiveStandby);
    if (random() % 4 == 0) s.check.kind = conf::CheckKind::None;
    if (random() % 2) s.prefer = s.instances[random() % count].name;
    if (random() % 2) s.slow_start = 300_ms;
    s.check.jitter_percent = random() % 50;
    Played p(s);
    Instant now = at(0);
    INFO("seed " << seed);
    for (int step = 0; step < 400; ++step) {
      ServiceView before = p.machine.view();
      unsigned published = p.published;
      std::size_t i = random() % count;
      switch (random() % 6) {
        case 0: now = now + Duration::millis(random() % 200); break;
        case 1:
        case 2:
          if (p.machine.deadline() <= now) p.timer(now);
          break;
        case 3:
          if (p.probing[i]) p.answer(now, i, random() % 3 != 0);
          break;
        case 4: p.evidence(now, i, static_cast<Evidence>(random() % evidence_kinds)); break;
        case 5:
          if (random() % 4 == 0) p.drain(now, i, random() % 2);
          break;
      }
      const ServiceView& v = p.machine.view();
      ServiceStatus status = p.machine.status();
      REQUIRE(v.instances.size() == count);
      REQUIRE((v.epoch > before.epoch) == (p.published > published));
      bool any = false;
      for (std::size_t k = 0; k < count; ++k) {
        bool up = status.instances[k].health == HealthState::Up;
        REQUIRE(v.instances[k].usable == (up && !status.instances[k].drained));
        REQUIRE(v.instances[k].lost == (status.instances[k].health == HealthState::Down));
        REQUIRE(v.instances[k].weight >= 10);
        REQUIRE(v.instances[k].weight <= 100);
        any = any || v.instances[k].usable;
      }
      if (balance) {
        REQUIRE(v.active == -1);
        REQUIRE(v.any == any);
      } else if (status.elections > 0) {
        REQUIRE(v.any == any);
        REQUIRE((v.active >= 0) == any);
        if (any) REQUIRE(p.seen(static_cast<std::size_t>(v.active)).usable);
        if (before.active >= 0 && v.active != before.active)
          REQUIRE_FALSE(p.seen(static_cast<std::size_t>(before.active)).usable);
      }
      // A machine with a check under way for each instance may be silent; otherwise something is due.
      if (s.check.kind != conf::CheckKind::None)
        REQUIRE((p.machine.deadline() <= now + 500_ms ||
                 std::find(p.probing.begin(), p.probing.end(), false) == p.probing.end()));
    }
  }
}

TEST_CASE("a broken hand-over is refused as a whole") {
  Played p(service_of(2));
  p.bring_up();
  std::string good = write_memories({p.machine.memory()}, at(5));
  REQUIRE(read_memories(good, at(5)));
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    if (cut == 0 || good[cut - 1] != '\n') CHECK_FALSE(read_memories(good.substr(0, cut), at(5)));
  for (const char* bad :
       {"", "\n", "holdfast-state 2\n", "holdfast-state 1\ninstance\ta\tb\tup\tready\t1\tx\n",
        "holdfast-state 1\nservice\ta\tb\t1\t1\n", "holdfast-state 1\nservice\ta\tb\t-1\t1\t1\n",
        "holdfast-state 1\nservice\ta\tb\t1\t1\t1\ninstance\ta\tb\tupp\tready\t1\tx\n"})
    CHECK_FALSE(read_memories(bad, at(5)));
  CHECK(read_memories("holdfast-state 1\n", at(5))->empty());
}

TEST_CASE("a service that follows tells why, and tells the instances their roles") {
  Played p(service_of(2));
  p.bring_up();
  p.machine.follow(at(10), 1);
  p.collect();
  CHECK(p.active() == 1);
  CHECK(p.stories == std::vector<std::string>{"election supervisor ef-b is active: the holder chose it"});
  CHECK(p.roles == std::vector<std::string>{"run ef-a standby", "run ef-b active", "post ef-a standby",
                                            "post ef-b active"});
  p.evidence(at(20), 1, Evidence::Refused);
  CHECK(p.active() == 0);
  p.machine.follow(at(30), -1);
  p.collect();
  CHECK(p.active() == 0);
}
