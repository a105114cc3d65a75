// Nanoseconds of the shared SQL connections' pool: what a session pays to get a connection and to give it
// back, alone, after it had to wait, and by taking an idle one, with 2,000 sessions of one login seated.
// Stand-alone: linked with tds/pool.cpp and the proxy's base. The HTTP pool (proxy/http/driver_pool) is a
// driver: bench/icount counts it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>

#include "tds/pool.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr Instant now{1'000'000'000};
constexpr int rounds = 7, times = 200'000;
constexpr std::size_t sessions = 2000;
constexpr std::uint32_t most = 20;

template <class F>
void measure(const char* what, F&& once) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i)
      if (!once()) return void(std::printf("%-44s does not do what it should\n", what));
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count() / times);
  }
  std::printf("%-44s %7.1f ns\n", what, best);
}

PooledPtr server() {
  auto made = std::make_unique<PooledServer>();
  made->born = now;
  return made;
}

struct Made {
  explicit Made(conf::SqlPool mode) {
    pool.set_limits({mode, most, Duration::seconds(60), Duration::seconds(1800)});
    for (PoolSeat& seat : seats) pool.sit(seat, Digest{});
    for (std::uint32_t i = 0; i < most; ++i) {
      pool.want(seats[i], true, now);
      pool.accepted(seats[i], now);
    }
  }
  ~Made() {
    for (PoolSeat& seat : seats) pool.leave(seat);
  }
  PoolSeat& next() { return seats[at = (at + 1) % seats.size()]; }

  Pool pool;
  std::deque<PoolSeat> seats{sessions};
  std::size_t at = most;
};

}  // namespace

int main() {
  Made free(conf::SqlPool::Transaction), idle(conf::SqlPool::Transaction), queue(conf::SqlPool::Transaction);
  for (std::uint32_t i = 0; i < most; ++i) free.pool.put(free.seats[i], server(), now);
  measure("take a free connection, put it back", [&] {
    PoolSeat& seat = free.next();
    auto got = free.pool.want(seat, false, now);
    return got.way == Pool::Way::Free && !free.pool.put(seat, std::move(got.server), now);
  });
  for (std::uint32_t i = 0; i < most; ++i) idle.pool.mark(idle.seats[i], true);
  measure("take the connection that is idle longest", [&] {
    PoolSeat* seat = &idle.next();
    while (idle.pool.want(*seat, false, now).way == Pool::Way::Open) seat = &idle.next();  // it has one
    idle.pool.mark(*seat, true);
    return true;
  });
  PoolSeat* holder = &queue.seats[0];
  measure("wait in the queue, be called, take it", [&] {
    PoolSeat& seat = queue.next();
    if (&seat == holder || queue.pool.want(seat, false, now).way != Pool::Way::Wait) return true;
    queue.pool.mark(*holder, true);
    PoolSeat* called = queue.pool.next(now);
    holder = called;
    return called == &seat && queue.pool.want(seat, false, now).way == Pool::Way::Steal;
  });
  PoolSeat guest;
  Digest other{};
  measure("a new login: sit, ask, leave", [&] {
    other[0] = 1;
    free.pool.sit(guest, other);
    const bool opens = free.pool.want(guest, true, now).way == Pool::Way::Open;
    free.pool.leave(guest);
    return opens;
  });
}
