#include "proxy/access_log_ring.h"

#include <catch2/catch.hpp>
#include <memory>
#include <thread>

using namespace holdfast;

namespace {

/// On the heap: GCC's AddressSanitizer does not align its stack frames to a cache line.
std::unique_ptr<RecordRing> make_ring(std::size_t size) { return std::make_unique<RecordRing>(size); }

}  // namespace

TEST_CASE("ring: records come out as they went in, over every wrap position") {
  const auto owner = make_ring(64);
  RecordRing& ring = *owner;
  std::string out;
  CHECK_FALSE(ring.pop(out));
  for (int i = 0; i < 1000; ++i) {
    const std::string record = std::to_string(i) + std::string(static_cast<std::size_t>(i % 23), 'x');
    REQUIRE(ring.push(record));
    REQUIRE(ring.pop(out));
    REQUIRE(out == record);
  }
  CHECK(ring.used() == 0);
}

TEST_CASE("ring: what does not fit is refused whole") {
  const auto owner = make_ring(64);
  RecordRing& ring = *owner;
  CHECK_FALSE(ring.push(std::string(61, 'a')));
  CHECK(ring.push(std::string(60, 'b')));
  CHECK(ring.used() == 64);
  CHECK_FALSE(ring.push(""));
  std::string out;
  CHECK(ring.pop(out));
  CHECK(out == std::string(60, 'b'));
  CHECK(ring.push(""));
  CHECK(ring.pop(out));
  CHECK(out.empty());
  CHECK_FALSE(ring.pop(out));
}

TEST_CASE("ring: two threads lose nothing and reorder nothing") {
  const auto owner = make_ring(256);
  RecordRing& ring = *owner;
  constexpr int total = 100'000;
  std::thread producer([&ring] {
    for (int i = 0; i < total; ++i)
      while (!ring.push(std::to_string(i) + "/end")) std::this_thread::yield();
  });
  std::string out;
  int wrong = 0;
  for (int i = 0; i < total; ++i) {
    while (!ring.pop(out)) std::this_thread::yield();
    wrong += out != std::to_string(i) + "/end";
  }
  producer.join();
  CHECK(wrong == 0);
}
