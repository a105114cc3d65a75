#include "proxy/io/gather.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

using namespace holdfast;
using holdfast::io::Gather;

namespace {

/// A loop that gets an event each `every`, and needs `event` of processor time for each and `wake` for each turn.
/// `waiting`: callers who ask again only when they were answered, 0 for such as do not wait.
struct Load {
  Gather gather;
  Instant now{1'000'000'000};
  std::int64_t cpu = 0;
  unsigned naps = 0;
  Duration napping, whole;

  void run(Duration how_long, Duration every, Duration event, Duration wake, std::int64_t waiting = 0) {
    naps = 0;
    napping = whole = Duration{};
    bool napped = false;
    std::int64_t arrived = 0;
    for (const Instant end = now + how_long; now < end;) {
      std::int64_t events = std::max<std::int64_t>(arrived / every.ns, 1);
      if (waiting) events = std::min(events, waiting);
      arrived = waiting ? 0 : std::max<std::int64_t>(arrived - events * every.ns, 0);
      Duration turn = wake + Duration{events * event.ns};
      cpu += turn.ns;
      if (events == 1 && turn < every) turn = every;  // it slept until the event came
      now = now + turn;
      arrived += turn.ns;
      whole = whole + turn;
      if (std::exchange(napped, false)) napping = napping + turn;
      if (!gather.before_poll(static_cast<std::uint32_t>(events), now, [&] { return cpu; })) continue;
      ++naps;
      napped = true;
      whole = whole + Gather::nap;
      napping = napping + Gather::nap;
      now = now + Gather::nap;
      arrived += Gather::nap.ns;
    }
  }
  /// Of the time, what passed in naps and in the turns after them.
  double share() const { return static_cast<double>(napping.ns) / static_cast<double>(whole.ns); }
};

}  // namespace

TEST_CASE("Gather waits under load where that spares processor time") {
  Load load;
  load.run(2_s, 6_us, 3_us, 4_us);
  CHECK(load.share() > 0.9);
}

TEST_CASE("Gather never waits where the loop has little to do") {
  Load load;
  load.run(2_s, 100_us, 10_us, 4_us);
  CHECK(load.naps == 0);
}

TEST_CASE("Gather does not wait where wake-ups cost nothing") {
  Load load;
  load.run(2_s, 6_us, 5_us, Duration{});
  CHECK(load.share() < 0.1);
}

TEST_CASE("Gather does not keep few callers waiting") {
  Load load;
  load.run(2_s, 6_us, 3_us, 4_us, 2);
  CHECK(load.share() < 0.1);
}

TEST_CASE("Gather stops at once when load ends, and waits again when it has come back") {
  Load load;
  load.run(1_s, 6_us, 3_us, 4_us);
  load.run(20_ms, 100_us, 10_us, 4_us);
  load.run(1_s, 100_us, 10_us, 4_us);
  CHECK(load.naps == 0);
  load.run(1_s, 6_us, 3_us, 4_us);
  CHECK(load.share() > 0.9);
}

TEST_CASE("Gather takes no pause in a turn that is full, nor after a long silence") {
  Load load;
  load.run(1_s, 6_us, 3_us, 4_us);
  CHECK_FALSE(load.gather.before_poll(Gather::full, load.now, [&] { return load.cpu; }));
  load.now = load.now + 1_s;
  CHECK_FALSE(load.gather.before_poll(1, load.now, [&] { return load.cpu; }));
}
