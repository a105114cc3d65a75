// Thousands of packets, good, bent and random, and commands in any order. What must hold, holds after each.
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/vrrp/machine_rig.h"

namespace holdfast::vrrp {

namespace {

class Chaos {
 public:
  explicit Chaos(unsigned seed) : random_(seed), rig_(config()) {
    rig_.machine.set_clock(rig_.now, rig_.wall());
  }

  void run(int steps) {
    for (int i = 0; i < steps && !failed_; ++i) {
      step();
      verify();
    }
  }
  bool failed() const { return failed_; }
  int takeovers() const { return takeovers_; }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  GroupConfig config() {
    GroupConfig group = group_of(static_cast<std::uint8_t>(1 + below(255)),
                                 {router_of(51), router_of(52, "fe80::a", "fe80::100")});
    group.preempt = below(2) != 0;
    group.routers[0].version = below(4) == 0 ? Version::V2 : Version::V3;
    group.routers[1].hmac = static_cast<HmacMode>(below(4));
    group.routers[1].hmac_keys = {{1, "key"}};
    return group;
  }

  std::string bent(std::string packet) {
    if (below(3) != 0) return packet;
    for (unsigned edits = below(3); edits > 0 && !packet.empty(); --edits)
      packet[below(static_cast<unsigned>(packet.size()))] = static_cast<char>(random_());
    if (below(4) == 0) packet.resize(below(64), 'x');
    return packet;
  }

  void step() {
    switch (below(12)) {
      case 0: return rig_.machine.steer(rig_.now, static_cast<Steering>(below(3)));
      case 1: return below(40) == 0 ? rig_.machine.yield(rig_.now, below(2) != 0) : void();
      case 2: return rig_.machine.set_suspicious(below(2) != 0);
      case 3: return rig_.pass(Duration::millis(below(5000)));
      case 4: return rig_.machine.announce_again(rig_.now);
      case 5: return below(20) == 0 ? rig_.machine.set_config(rig_.now, config()) : void();
      default: return hear();
    }
  }

  void hear() {
    const std::size_t router = below(2);
    const std::string from = (router == 0 ? "192.0.2." : "fe80::") + std::to_string(1 + below(40));
    Say say{.from = from, .priority = static_cast<std::uint8_t>(below(256)), .router = router};
    say.interval = Duration::millis(10 + 10 * below(200));
    std::string packet = rig_.packet(say);
    if (below(3) == 0) append_hmac(packet, multicast(from), {1, below(3) ? "key" : "?"}, rig_.wall(), 0);
    Envelope envelope = multicast(from);
    if (below(10) == 0) envelope.ttl = static_cast<std::uint8_t>(below(256));
    rig_.hear(bent(std::move(packet)), envelope, router);
    rig_.pass(Duration::millis(below(300)));
  }

  // The driver's view: it becomes Active only after an advertisement for each router, and Backup only from
  // Active.
  void verify() {
    std::string last;
    for (const MachineAction& action : rig_.take()) {
      if (action.kind == Kind::Send) {
        const auto& source = rig_.machine.config().routers[action.router].source;
        require(decode(action.packet, {source, action.to, 255}).refusal == Refusal::None);
        last += static_cast<char>('0' + action.router);
      } else if (action.kind == Kind::BecomeActive) {
        require(!holds_ && last.ends_with("01"));
        holds_ = true;
        ++takeovers_;
      } else if (action.kind == Kind::BecomeBackup) {
        require(holds_);
        holds_ = false;
      } else if (action.kind == Kind::Announce) {
        require(holds_);
      }
    }
    require(holds_ == rig_.active());
    require(!rig_.active() || rig_.machine.deadline() <= rig_.now + 1_s);
  }
  void require(bool condition) { failed_ = failed_ || !condition; }

  std::mt19937 random_;
  Rig rig_;
  bool holds_ = false, failed_ = false;
  int takeovers_ = 0;
};

}  // namespace

TEST_CASE("whatever is heard and commanded, actions come in order and packets are sound") {
  int takeovers = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    Chaos chaos(seed);
    chaos.run(300);
    CHECK_FALSE(chaos.failed());
    takeovers += chaos.takeovers();
  }
  CHECK(takeovers > 100);  // or the test saw nothing
}

TEST_CASE(
    "a standby that is told to stand never becomes Active, and a holder never yields, whatever is heard") {
  std::mt19937 random(7);
  Rig stands(group_of(255), Steering::Stand), holds(group_of(1), Steering::Hold);
  for (int i = 0; i < 5000; ++i) {
    const std::string from = "192.0.2." + std::to_string(11 + random() % 100);
    const Say say{.from = from,
                  .priority = static_cast<std::uint8_t>(random()),
                  .interval = Duration::millis(10 + static_cast<int>(random() % 40'000))};
    std::string packet = stands.packet(say);
    if (random() % 4 == 0) packet[random() % packet.size()] = static_cast<char>(random());
    for (Rig* rig : {&stands, &holds}) {
      rig->hear(packet, multicast(from));
      rig->machine.on_timer(rig->now, rig->wall());
      rig->pass(Duration::millis(static_cast<int>(random() % 2000)));
    }
    if (stands.active() || !holds.active()) FAIL("after packet " << i);
  }
  CHECK(stands.done().empty());
}

TEST_CASE("random bytes are never an advertisement") {
  std::mt19937 random(3);
  Rig rig = active_rig(group_of(1));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 80, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (bytes.size() > 1 && i % 2 == 0) bytes[0] = 0x31, bytes[1] = 51;
    rig.hear(bytes, multicast("192.0.2.20"));
  }
  CHECK(rig.active());
  CHECK(rig.machine.counters(0).received == 0);
}

}  // namespace holdfast::vrrp
