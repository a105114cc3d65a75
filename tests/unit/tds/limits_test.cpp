#include "tds/limits.h"

#include <catch2/catch.hpp>

using namespace holdfast::tds;
using Answer = LoginLimits::Answer;
using Tickets = std::vector<std::uint64_t>;

TEST_CASE("limits: none set lets everybody in, and forgets who has gone") {
  LoginLimits limits;
  for (std::uint64_t i = 1; i <= 1000; ++i)
    CHECK(limits.enter(i, "sa", "app", "h").answer == Answer::Admitted);
  for (std::uint64_t i = 1; i <= 1000; ++i) CHECK(limits.leave(i).empty());
  CHECK(limits.inside() == 0);
  CHECK(limits.leave(7).empty());
}

TEST_CASE("limits: each bound by itself, whatever the letters' case") {
  struct Row {
    LoginLimits::Bounds bounds;
    const char *login, *application, *host, *why;
  };
  const Row rows[] = {
      {{1, 0, 0, 0}, "SA", "other", "h2", "This login has as many sessions as it may have."},
      {{0, 1, 0, 0}, "u2", "APP", "h2", "This application has as many sessions as it may have."},
      {{0, 0, 1, 0}, "u2", "other", "H", "This host has as many sessions as it may have."},
  };
  for (const Row& row : rows) {
    LoginLimits limits;
    CHECK(limits.set_bounds(row.bounds).empty());
    CHECK(limits.enter(1, "sa", "app", "h").answer == Answer::Admitted);
    const auto refused = limits.enter(2, row.login, row.application, row.host);
    CHECK(refused.answer == Answer::Refused);
    CHECK(refused.why == row.why);
    CHECK(limits.enter(3, "u3", "a3", "h3").answer == Answer::Admitted);
    CHECK(limits.leave(2).empty());  // it never was inside
    CHECK(limits.enter(4, row.login, row.application, row.host).answer == Answer::Refused);
    CHECK(limits.leave(1).empty());
    CHECK(limits.enter(5, row.login, row.application, row.host).answer == Answer::Admitted);
  }
}

TEST_CASE("limits: the queue is in order, bounded, and nobody waits for another's room") {
  LoginLimits limits;
  limits.set_bounds({1, 0, 0, 3});
  CHECK(limits.enter(1, "a", "", "").answer == Answer::Admitted);
  CHECK(limits.enter(2, "b", "", "").answer == Answer::Admitted);
  CHECK(limits.enter(3, "a", "", "").answer == Answer::Waits);
  CHECK(limits.enter(4, "a", "", "").answer == Answer::Waits);
  CHECK(limits.enter(5, "b", "", "").answer == Answer::Waits);
  CHECK(limits.enter(6, "b", "", "").answer == Answer::Refused);
  CHECK(limits.waiting() == 3);
  CHECK(limits.leave(2) == Tickets{5});
  CHECK(limits.leave(3).empty());  // gave up
  CHECK(limits.leave(1) == Tickets{4});
  CHECK(limits.waiting() == 0);
  CHECK(limits.inside() == 2);
}

TEST_CASE("limits: new bounds let waiters in and throw nobody out") {
  LoginLimits limits;
  limits.set_bounds({1, 0, 0, 9});
  for (std::uint64_t i = 1; i <= 4; ++i) limits.enter(i, "a", "", "");
  CHECK(limits.waiting() == 3);
  CHECK(limits.set_bounds({3, 0, 0, 9}) == Tickets{2, 3});
  CHECK(limits.set_bounds({1, 0, 0, 9}).empty());
  CHECK(limits.inside() == 3);
  CHECK(limits.leave(1).empty());
  CHECK(limits.leave(2).empty());
  CHECK(limits.leave(3) == Tickets{4});
}
