#include "vrrp/driver_errands.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>

using namespace holdfast;
using namespace holdfast::vrrp;

TEST_CASE("errands are done one after the other, and their results come on the loop's thread") {
  auto loop = io::make_uv_loop();
  std::string order;
  {
    Errands errands(*loop);
    REQUIRE(errands.start());
    const auto here = std::this_thread::get_id();
    for (char c : {'a', 'b', 'c'}) {
      auto elsewhere = std::make_unique<bool>(false);
      bool* out = elsewhere.get();
      errands.run([out, here] { *out = std::this_thread::get_id() != here; },
                  [&, c, elsewhere = std::move(elsewhere)] {
                    CHECK(*elsewhere);
                    CHECK(std::this_thread::get_id() == here);
                    order += c;
                    if (c == 'c') loop->stop();
                  });
    }
    loop->run();
  }
  CHECK(order == "abc");
}

TEST_CASE("what was asked for is done before the end, and no result comes after it") {
  auto loop = io::make_uv_loop();
  std::atomic<int> done = 0, results = 0;
  {
    Errands errands(*loop);
    REQUIRE(errands.start());
    for (int i = 0; i < 10; ++i) errands.run([&] { ++done; }, [&] { ++results; });
  }
  CHECK(done == 10);
  loop->post([&] { loop->stop(); });
  loop->run();
  CHECK(results == 0);
}

TEST_CASE("a result may destroy the errands") {
  auto loop = io::make_uv_loop();
  auto errands = std::make_unique<Errands>(*loop);
  REQUIRE(errands->start());
  int results = 0;
  errands->run([] {},
               [&] {
                 ++results;
                 errands.reset();
                 loop->stop();
               });
  errands->run([] {}, [&] { ++results; });
  loop->run();
  CHECK(results == 1);
}
