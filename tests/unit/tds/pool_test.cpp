#include "tds/pool.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr Instant t0{1'000'000'000};

struct Made final : Pool {
  explicit Made(conf::SqlPool mode, std::uint32_t max = 2) {
    set_limits({mode, max, Duration::seconds(60), Duration::seconds(1800)});
  }
};

PooledPtr server(Instant born = t0) {
  auto made = std::make_unique<PooledServer>();
  made->born = born;
  return made;
}

Digest key(std::uint8_t n) {
  Digest digest{};
  digest[0] = n;
  return digest;
}

/// A session that has logged in at a server.
void open(Pool& pool, PoolSeat& seat, std::uint8_t login = 1) {
  pool.sit(seat, key(login));
  CHECK(pool.want(seat, true, t0).way == Pool::Way::Open);
  pool.accepted(seat, t0);
  seat.group().answer = "yes";
}

}  // namespace

TEST_CASE("pool: session mode keeps what a session leaves, for its own login and up to pool-max") {
  Made pool(conf::SqlPool::Session, 1);
  PoolSeat a, b, c, other;
  open(pool, a);
  open(pool, b);
  CHECK(pool.put(a, server(), t0) == nullptr);
  CHECK(pool.put(b, server(), t0) != nullptr);  // one is kept
  CHECK(pool.free() == 1);
  pool.sit(other, key(2));
  CHECK(pool.want(other, true, t0).way == Pool::Way::Open);
  pool.sit(c, key(1));
  const auto got = pool.want(c, true, t0);
  CHECK(got.way == Pool::Way::Free);
  CHECK(got.server != nullptr);
  CHECK(pool.free() == 0);
  pool.mark(c, true);  // between its transactions, too, it is its own
  PoolSeat d;
  pool.sit(d, key(1));
  CHECK(pool.want(d, true, t0).way == Pool::Way::Open);
  for (PoolSeat* seat : {&a, &b, &c, &d, &other}) pool.leave(*seat);
}

TEST_CASE("pool: an old connection is not kept, a free one goes after a while") {
  Made pool(conf::SqlPool::Session);
  PoolSeat a, b;
  open(pool, a);
  open(pool, b);
  const Instant later = t0 + Duration::seconds(1800);
  CHECK(pool.put(a, server(), later) != nullptr);
  CHECK(pool.put(b, server(later), later) == nullptr);
  CHECK(pool.deadline() == later + Duration::seconds(60));
  const auto stale_at = [&](Instant now) {
    return pool.sweep([&, now](const PooledServer& one) { return pool.stale(one, now); }).size();
  };
  CHECK(stale_at(later + Duration::seconds(59)) == 0);
  CHECK(stale_at(later + Duration::seconds(60)) == 1);
  CHECK(pool.free() == 0);
  CHECK(pool.deadline() == Instant::never());
  pool.leave(a);
  pool.leave(b);
}

TEST_CASE("pool: transaction mode takes the connection that is idle longest, and never more than pool-max") {
  Made pool(conf::SqlPool::Transaction, 2);
  PoolSeat a, b, c, d;
  open(pool, a);
  open(pool, b);
  pool.sit(c, key(1));
  CHECK(pool.want(c, true, t0).way == Pool::Way::Believed);
  CHECK(pool.want(c, false, t0).way == Pool::Way::Wait);  // both are busy
  CHECK(c.waits());
  CHECK(pool.next(t0) == nullptr);
  pool.mark(b, true);
  pool.mark(a, true);
  CHECK(pool.next(t0) == &c);
  auto got = pool.want(c, false, t0);
  CHECK(got.way == Pool::Way::Steal);
  CHECK(got.from == &b);
  CHECK(pool.next(t0) == nullptr);
  pool.mark(a, false);  // it has a request
  CHECK(pool.want(b, false, t0).way == Pool::Way::Wait);
  pool.sit(d, key(1));
  CHECK(pool.want(d, true, t0).way == Pool::Way::Believed);
  CHECK(pool.want(d, false, t0).way == Pool::Way::Wait);
  pool.mark(c, true);
  PoolSeat late;  // does not overtake those who wait
  pool.sit(late, key(1));
  CHECK(pool.want(late, false, t0).way == Pool::Way::Wait);
  CHECK(pool.next(t0) == &b);
  CHECK(pool.want(b, false, t0).from == &c);
  CHECK(pool.next(t0) == nullptr);
  pool.leave(a);  // with its connection: there is room for a new one
  CHECK(pool.next(t0) == &d);
  CHECK(pool.want(d, false, t0).way == Pool::Way::Open);
  CHECK(pool.next(t0) == nullptr);
  CHECK(pool.put(b, server(), t0) == nullptr);
  CHECK(pool.next(t0) == &late);
  CHECK(pool.want(late, false, t0).way == Pool::Way::Free);
  for (PoolSeat* seat : {&b, &c, &d, &late}) pool.leave(*seat);
}

TEST_CASE("pool: a login is believed only while a connection that it opened is there, and not for ever") {
  Made pool(conf::SqlPool::Transaction, 1);
  PoolSeat a, b;
  pool.sit(a, key(1));
  CHECK(pool.want(a, true, t0).way == Pool::Way::Open);
  pool.sit(b, key(1));
  CHECK(pool.want(b, true, t0).way == Pool::Way::Wait);  // nobody knows yet whether the password is right
  pool.accepted(a, t0);
  a.group().answer = "yes";
  CHECK(pool.next(t0) == &b);
  CHECK(pool.want(b, true, t0).way == Pool::Way::Believed);
  const Instant later = t0 + Duration::seconds(1800);
  pool.mark(a, true);
  CHECK(pool.want(b, true, later).way == Pool::Way::Steal);  // whose age makes the caller log in anew
  CHECK(pool.aged(*server(), later));
  pool.dropped(b);
  CHECK(pool.want(a, true, t0).way == Pool::Way::Open);  // none is open any more
  pool.leave(a);
  pool.leave(b);
}

TEST_CASE("pool: a refused login makes room for who waits behind it") {
  Made pool(conf::SqlPool::Transaction, 1);
  PoolSeat a, b;
  pool.sit(a, key(1));
  pool.want(a, true, t0);
  pool.sit(b, key(1));
  CHECK(pool.want(b, true, t0).way == Pool::Way::Wait);
  pool.leave(a);
  CHECK(pool.next(t0) == &b);
  CHECK(pool.want(b, true, t0).way == Pool::Way::Open);
  pool.leave(b);
}
