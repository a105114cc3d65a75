// Bulk that the libuv loop forwards from socket to socket by itself: it arrives whole, in its place, and stops where
// copied bytes would.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/unit/proxy/fake_io.h"
#include "tests/unit/proxy/io/forward_pair.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::contract;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

std::size_t descriptors() {
  std::size_t count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

}  // namespace

TEST_CASE("forward: bulk arrives whole both ways, and the half-closes after it") {
  UvBench bench;
  ForwardPair pair(bench);
  std::string to_right, to_left;
  std::thread left([&] {
    send_pattern(pair.left_end, 0, 24 * kMiB);
    shutdown(pair.left_end, SHUT_WR);
    to_left = receive_all(pair.left_end, 0);
  });
  std::thread right([&] {
    std::thread answer([&] {
      send_pattern(pair.right_end, 7, 16 * kMiB);
      shutdown(pair.right_end, SHUT_WR);
    });
    to_right = receive_all(pair.right_end, 0);
    answer.join();
  });
  CHECK(bench.until([&] { return pair.left.ended && pair.right.ended && pair.idle(); }));
  pair.close();  // what a thread still waits for, ends
  left.join();
  right.join();
  CHECK((to_right == pattern(0, 24 * kMiB)));
  CHECK((to_left == pattern(7, 16 * kMiB)));
  CHECK(pair.left.copied + pair.left.forwarded == 24 * kMiB);
  CHECK(pair.right.copied + pair.right.forwarded == 16 * kMiB);
  CHECK(pair.left.forwarded + pair.right.forwarded > 0);
  CHECK(std::max(pair.left.most, pair.right.most) <= kMiB);  // one stream's share of a turn
}

TEST_CASE("forward: a slow reader gets all in order, whatever pieces it came in") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    INFO(seed);
    UvBench bench;
    ForwardPair pair(bench);
    std::string got;
    std::thread origin([&] {
      std::mt19937 random(seed);
      for (std::size_t at = 0; at < 24 * kMiB;) {
        const std::size_t piece = random() % 4 != 0 ? 1 + random() % (2 * kMiB) : 1 + random() % 99;
        const std::size_t size = std::min(24 * kMiB - at, piece);
        send_pattern(pair.left_end, at, size);
        at += size;
      }
      shutdown(pair.left_end, SHUT_WR);
    });
    std::thread reader([&] { got = receive_all(pair.right_end, seed); });
    CHECK(bench.until([&] { return pair.left.ended && pair.idle(); }));
    pair.right.stream->finish();
    origin.join();
    reader.join();
    CHECK(got.size() == 24 * kMiB);
    CHECK((got == pattern(0, 24 * kMiB)));
    CHECK(pair.left.forwarded > 0);
  }
}

TEST_CASE("forward: small exchanges are never forwarded") {
  UvBench bench;
  ForwardPair pair(bench);
  for (int i = 1; i <= 50; ++i) {
    send_pattern(pair.left_end, 0, 1000);
    REQUIRE(bench.until([&] { return pair.left.copied == static_cast<std::size_t>(i) * 1000; }));
  }
  CHECK(pair.left.forwarded == 0);
}

TEST_CASE("forward: after bulk, small pieces are copied again") {
  UvBench bench;
  ForwardPair pair(bench);
  pair.begin_forwarding(bench);
  const std::size_t before = pair.left.copied;
  for (std::size_t i = 1; i <= 4; ++i) {
    const std::size_t expected = pair.left.total() + 1000;
    send_pattern(pair.left_end, 0, 1000);
    REQUIRE(bench.until([&] { return pair.left.total() == expected; }));
  }
  CHECK(pair.left.copied - before >= 2000);
}

TEST_CASE("forward: who does not read stops the sender") {
  UvBench bench;
  ForwardPair pair(bench);
  pair.begin_forwarding(bench);
  const std::size_t sent = pair.flood(bench);
  CHECK(pair.left.paused);
  CHECK(pair.right.stream->queued() > 0);
  CHECK(pair.right.stream->queued() <= ForwardPair::high_water + kMiB);
  shutdown(pair.left_end, SHUT_WR);
  std::string got;
  std::thread reader([&] { got = receive_all(pair.right_end, 0); });
  CHECK(bench.until([&] { return pair.left.ended && pair.idle(); }));
  pair.right.stream->finish();
  reader.join();
  CHECK(got.size() == sent);
  CHECK((got == pattern(0, sent)));
}

TEST_CASE("forward: what was written before goes first") {
  UvBench bench;
  ForwardPair pair(bench);
  pair.begin_forwarding(bench);
  const std::size_t before = pair.left.total();
  const std::string written(16 * kMiB, 'w');
  pair.right.stream->write(written);
  REQUIRE(pair.right.stream->queued() > 0);
  std::thread origin([&] {
    send_pattern(pair.left_end, 0, 4 * kMiB);
    shutdown(pair.left_end, SHUT_WR);
  });
  CHECK(bench.until([&] { return pair.left.total() > before; }));
  std::string got;
  std::thread reader([&] { got = receive_all(pair.right_end, 0); });
  CHECK(bench.until([&] { return pair.left.ended && pair.idle(); }));
  pair.right.stream->finish();
  origin.join();
  reader.join();
  CHECK((got == written + pattern(0, 4 * kMiB)));
}

TEST_CASE("forward: a reset on either side is told, and no byte of the dead meets another stream") {
  for (bool source_dies : {false, true}) {
    INFO(source_dies);
    UvBench bench;
    ForwardPair dying(bench), living(bench);
    living.begin_forwarding(bench);
    dying.begin_forwarding(bench);
    if (source_dies)
      dying.send_some();
    else
      dying.flood(bench);
    abort_socket(source_dies ? dying.left_end : dying.right_end);
    REQUIRE(bench.until([&] { return (source_dies ? dying.left : dying.right).fault.has_value(); }));
    CHECK(*(source_dies ? dying.left : dying.right).fault == Fault::Reset);
    dying.close();
    std::string got;
    std::thread reader([&] { got = receive_all(living.right_end, 0); });
    std::thread origin([&] {
      send_pattern(living.left_end, 11, 8 * kMiB);
      shutdown(living.left_end, SHUT_WR);
    });
    CHECK(bench.until([&] { return living.left.ended && living.idle(); }));
    living.right.stream->finish();
    origin.join();
    reader.join();
    CHECK((got == pattern(11, 8 * kMiB)));
  }
}

TEST_CASE("forward: without descriptors for a pipe bytes are copied") {
  UvBench bench;
  ForwardPair pair(bench);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int next = dup(pair.left_end);
  close(next);
  rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  std::string got;
  std::thread origin([&] {
    send_pattern(pair.left_end, 0, 8 * kMiB);
    shutdown(pair.left_end, SHUT_WR);
  });
  std::thread reader([&] { got = receive_all(pair.right_end, 0); });
  const bool done = bench.until([&] { return pair.left.ended && pair.idle(); });
  pair.right.stream->finish();
  origin.join();
  reader.join();
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(done);
  CHECK((got == pattern(0, 8 * kMiB)));
  CHECK(pair.left.forwarded == 0);
}

TEST_CASE("forward: others have their turn between two of a bulk stream") {
  UvBench bench;
  ForwardPair bulk(bench), other(bench);
  bulk.begin_forwarding(bench);
  std::size_t asked = 0, answered = 0;
  other.left.told = [&] { answered = bulk.left.total(); };
  bulk.left.told = [&] {
    if (asked == 0) send_pattern(other.left_end, 0, 1);
    if (asked == 0) asked = bulk.left.total();
  };
  std::thread origin([&] {
    send_pattern(bulk.left_end, 0, 32 * kMiB);
    shutdown(bulk.left_end, SHUT_WR);
  });
  std::thread reader([&] { receive_all(bulk.right_end, 0); });
  CHECK(bench.until([&] { return bulk.left.ended && bulk.idle() && answered != 0; }));
  bulk.right.stream->finish();
  origin.join();
  reader.join();
  CHECK(answered - asked <= 2 * kMiB);
}

TEST_CASE("forward: to a stream that is no socket of the loop bytes are copied") {
  UvBench bench;
  ForwardPair pair(bench);
  test::FakeWire wire;
  StreamPtr fake(new test::FakeStream(wire));
  pair.left.stream->forward_to(*fake);
  std::thread origin([&] { send_pattern(pair.left_end, 0, 8 * kMiB); });
  std::thread reader([&] { receive_all(pair.right_end, 0); });
  CHECK(bench.until([&] { return pair.left.copied == 8 * kMiB && pair.idle(); }));
  pair.right.stream->finish();
  origin.join();
  reader.join();
  CHECK(pair.left.forwarded == 0);
}

TEST_CASE("forward: no descriptor is left") {
  { UvBench bench; }  // what the process opens once
  const std::size_t before = descriptors();
  for (int i = 0; i < 3; ++i) {
    UvBench bench;
    ForwardPair pair(bench);
    pair.begin_forwarding(bench);
    CHECK(pair.left.forwarded > 0);
  }
  CHECK(descriptors() == before);
}
