// Descriptors of the owner's own making on the libuv loop. What is watched is a socket pair.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include "tests/unit/proxy/io/uv_bench.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::contract;

namespace {

struct SocketPair {
  int end[2] = {-1, -1};
  explicit SocketPair(int type) {
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, end) == 0);
  }
  ~SocketPair() {
    for (int e : end)
      if (e >= 0) ::close(e);
  }
  void send(std::string_view text) { REQUIRE(::send(end[1], text.data(), text.size(), MSG_NOSIGNAL) > 0); }
  std::string receive() {
    char text[64];
    ssize_t n = ::recv(end[0], text, sizeof text, 0);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : "";
  }
  void close_other() { ::close(std::exchange(end[1], -1)); }
};

struct Seen final : WatchEvents {
  int times = 0;
  std::function<void()> then;
  void on_readable() override {
    ++times;
    if (then) then();
  }
};

}  // namespace

TEST_CASE("watch: a datagram is told, and silence is not") {
  UvBench b;
  SocketPair pair(SOCK_DGRAM);
  Seen seen;
  std::string got;
  seen.then = [&] { got += pair.receive(); };
  auto watch = b.loop().watch(pair.end[0], seen);
  b.pass(Duration::millis(3));
  CHECK(seen.times == 0);
  pair.send("one");
  REQUIRE(b.until([&] { return got == "one"; }));
  CHECK(seen.times == 1);
  pair.send("two");
  REQUIRE(b.until([&] { return got == "onetwo"; }));
}

TEST_CASE("watch: what is left unread is told again") {
  UvBench b;
  SocketPair pair(SOCK_DGRAM);
  Seen seen;
  auto watch = b.loop().watch(pair.end[0], seen);
  pair.send("one");
  REQUIRE(b.until([&] { return seen.times >= 3; }));
}

TEST_CASE("watch: the end of the other side counts as readable") {
  UvBench b;
  SocketPair pair(SOCK_STREAM);
  Seen seen;
  WatchPtr watch;
  seen.then = [&] { watch.reset(); };
  watch = b.loop().watch(pair.end[0], seen);
  pair.close_other();
  REQUIRE(b.until([&] { return seen.times == 1; }));
}

TEST_CASE("watch: an error of the socket is told, and what comes after it too") {
  UvBench b;
  sockaddr_in own{}, other{};
  own.sin_family = other.sin_family = AF_INET;
  own.sin_addr.s_addr = other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto bound = [](sockaddr_in& at) {
    int s = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof at;
    REQUIRE(::bind(s, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::getsockname(s, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    return s;
  };
  const int here = bound(own);
  ::close(bound(other));  // a port where nobody is
  REQUIRE(::connect(here, reinterpret_cast<sockaddr*>(&other), sizeof other) == 0);
  Seen seen;
  std::vector<int> errors;
  seen.then = [&] {
    char text[8];
    errors.push_back(::recv(here, text, sizeof text, 0) < 0 ? errno : 0);
  };
  auto watch = b.loop().watch(here, seen);
  for (int round = 0; round < 2; ++round) {
    errors.clear();
    REQUIRE(::send(here, "x", 1, 0) == 1);
    REQUIRE(b.until([&] { return !errors.empty(); }));
    CHECK(errors == std::vector{ECONNREFUSED});
  }
  const int there = bound(other);
  errors.clear();
  REQUIRE(::sendto(there, "y", 1, 0, reinterpret_cast<sockaddr*>(&own), sizeof own) == 1);
  REQUIRE(b.until([&] { return !errors.empty(); }));
  CHECK(errors == std::vector{0});
  watch.reset();
  ::close(here), ::close(there);
}

TEST_CASE("watch: let go in its own callback, it says nothing more, and the descriptor stays the owner's") {
  UvBench b;
  SocketPair pair(SOCK_DGRAM);
  Seen seen;
  WatchPtr watch;
  const std::size_t before = b.loop().handles();
  seen.then = [&] { watch.reset(); };
  watch = b.loop().watch(pair.end[0], seen);
  CHECK(b.loop().handles() == before + 1);
  pair.send("one");
  pair.send("two");
  b.pass(Duration::millis(5));
  CHECK(seen.times == 1);
  CHECK(b.loop().handles() == before);
  CHECK(pair.receive() == "one");

  // The same descriptor may be watched anew, by somebody else.
  Seen other;
  other.then = [&] { pair.receive(); };
  auto again = b.loop().watch(pair.end[0], other);
  REQUIRE(b.until([&] { return other.times == 1; }));
  CHECK(seen.times == 1);
}

TEST_CASE("watch: of two that are readable in one turn, the first may end the second") {
  UvBench b;
  SocketPair one(SOCK_DGRAM), two(SOCK_DGRAM);
  Seen first, second;
  WatchPtr first_watch, second_watch;
  auto end_both = [&] { first_watch.reset(), second_watch.reset(); };
  first.then = second.then = end_both;
  first_watch = b.loop().watch(one.end[0], first);
  second_watch = b.loop().watch(two.end[0], second);
  one.send("x");
  two.send("x");
  b.pass(Duration::millis(5));
  CHECK(first.times + second.times == 1);
}

TEST_CASE("watch: closed by its owner right after it was let go, the number may be used again") {
  UvBench b;
  Seen gone, seen;
  SocketPair kept(SOCK_DGRAM);
  int number = -1;
  {
    SocketPair pair(SOCK_DGRAM);
    auto watch = b.loop().watch(pair.end[0], gone);
    number = pair.end[0];
    pair.send("x");
    watch.reset();
  }
  const int again = ::fcntl(kept.end[0], F_DUPFD_CLOEXEC, number);
  REQUIRE(again == number);
  {
    auto watch = b.loop().watch(again, seen);
    seen.then = [&] { kept.receive(); };
    kept.send("y");
    REQUIRE(b.until([&] { return seen.times == 1; }));
  }
  CHECK(gone.times == 0);
  ::close(again);
}
