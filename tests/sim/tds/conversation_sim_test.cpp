// SIM_SEED=n plays one seed and prints its trail; SIM_SEEDS=n plays n seeds (200 by default; 10000 in the
// long run).
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "tests/sim/tds/world.h"

using namespace holdfast::tds::sim;

namespace {

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("sim: sessions live through deaths of their server, and no write is lost, doubled or lied about") {
  if (std::getenv("SIM_SEED") != nullptr) {
    World world(number("SIM_SEED", 0));
    const bool ok = world.run();
    for (const std::string& line : world.trail()) std::fprintf(stderr, "%s\n", line.c_str());
    INFO(world.failure());
    CHECK(ok);
    return;
  }
  const std::uint64_t first = number("SIM_FIRST", 1), seeds = number("SIM_SEEDS", 200);
  std::uint64_t failed = 0, answers = 0, survived = 0, shared = 0, rolled_back = 0, unknown = 0,
                      replayed = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    World world(seed);
    if (!world.run()) {
      ++failed;
      std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), world.failure().c_str());
    }
    answers += world.answers();
    survived += world.survived();
    replayed += world.replayed();
    shared += world.shared();
    rolled_back += world.rolled_back();
    unknown += world.unknown();
  }
  if (seeds > 200)
    std::fprintf(
        stderr,
        "%llu seeds, %llu answers, %llu servers replaced, %llu shared, %llu transactions replayed, "
        "%llu rolled back, %llu unknown, %llu failed\n",
        static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(answers),
        static_cast<unsigned long long>(survived), static_cast<unsigned long long>(shared),
        static_cast<unsigned long long>(replayed),
        static_cast<unsigned long long>(rolled_back),
        static_cast<unsigned long long>(unknown), static_cast<unsigned long long>(failed));
  // A story in which nothing happens proves nothing.
  CHECK(answers > seeds * 50);
  CHECK(survived > seeds * 3);
  CHECK(shared > seeds * 5);
  CHECK(replayed > seeds / 10);
  CHECK(failed == 0);
}
