#include "proxy/io/gather.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using holdfast::io::Gather;

namespace {

/// A loop whose turns take `turn`, each with `plain` events, or `napped` after a nap.
struct Load {
  Gather gather;
  Instant now{1'000'000'000};
  unsigned naps = 0;

  void run(unsigned turns, Duration turn, std::uint32_t plain, std::uint32_t napped) {
    naps = 0;
    bool slept = false;
    for (unsigned i = 0; i < turns; ++i) {
      slept = gather.before_poll(slept ? napped : plain, now);
      if (slept) ++naps, now = now + Gather::nap;
      now = now + turn;
    }
  }
};

}  // namespace

TEST_CASE("Gather waits under load, as long as waiting brings many events") {
  Load load;
  load.run(10'000, 30_us, 4, 16);
  CHECK(load.naps > 9'200);
}

TEST_CASE("Gather never waits at low load") {
  Load load;
  load.run(10'000, 1_ms, 2, 2);
  CHECK(load.naps == 0);
  load.run(10'000, 100_us, 2, 30);  // 20,000 events a second: a nap would promise one
  CHECK(load.naps == 0);
}

TEST_CASE("Gather gives up what brings little, and tries again ever more rarely") {
  Load load;
  load.run(100'000, 20_us, 3, 4);
  CHECK(load.naps > 0);
  CHECK(load.naps < 20);
}

TEST_CASE("Gather waits again soon after load has come back") {
  Load load;
  load.run(1'000, 30_us, 4, 16);
  load.run(1'000, 1_ms, 1, 1);
  load.run(1'000, 30_us, 4, 16);
  CHECK(load.naps > 800);
}

TEST_CASE("Gather takes no pause for a burst") {
  Load load;
  load.now = load.now + 1_s;
  CHECK_FALSE(load.gather.before_poll(500, load.now));
}

TEST_CASE("Gather does not wait for what comes together anyway") {
  Load load;
  load.run(100'000, 60_us, 12, 16);
  CHECK(load.naps < 20);
}
