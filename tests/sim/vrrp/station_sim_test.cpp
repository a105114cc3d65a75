// SIM_SEED=n plays one seed and prints its trail; SIM_SEEDS=n plays n seeds (200 by default; 10000 in the
// long run).
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "tests/sim/vrrp/world.h"

using namespace holdfast::vrrp::sim;

namespace {

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void print_trail(const World& world) {
  for (const std::string& line : world.trail()) std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace

TEST_CASE("sim: stations keep their invariants through loss, partitions, freezes, deaths and commands") {
  if (std::getenv("SIM_SEED") != nullptr) {
    World world(number("SIM_SEED", 0));
    const bool ok = world.run();
    print_trail(world);
    INFO(world.failure());
    CHECK(ok);
    return;
  }
  const std::uint64_t first = number("SIM_FIRST", 1), seeds = number("SIM_SEEDS", 200);
  std::uint64_t failed = 0, moves = 0;
  double seconds = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    World world(seed);
    if (!world.run()) {
      std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), world.failure().c_str());
      if (++failed == 1 && std::getenv("SIM_QUIET") == nullptr) print_trail(world);
    }
    moves += world.moves();
    seconds += (world.now() - holdfast::Instant{}).to_seconds();
  }
  if (seeds > 200)
    std::fprintf(stderr, "%llu seeds, %.0f simulated hours, %llu moves, %llu failed\n",
                 static_cast<unsigned long long>(seeds), seconds / 3600,
                 static_cast<unsigned long long>(moves), static_cast<unsigned long long>(failed));
  CHECK(failed == 0);
}
