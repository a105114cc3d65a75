#include "tds/driver_line.h"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

namespace holdfast::tds {
namespace {

struct Waiter final : LoginLine::Member {
  explicit Waiter(std::vector<Waiter*>& order) : called(order) {}
  void on_turn() override {
    called.push_back(this);
    if (gives_up) line->leave(*this);
  }
  std::vector<Waiter*>& called;
  LoginLine* line = nullptr;
  bool gives_up = false;
};

struct Crowd {
  explicit Crowd(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      all.push_back(std::make_unique<Waiter>(called));
      all.back()->line = &line;
    }
  }
  Waiter& operator[](std::size_t at) { return *all[at]; }
  void fill() {
    for (std::size_t i = 0; i < LoginLine::at_once; ++i) REQUIRE(line.enter(*all[i], true));
  }

  LoginLine line;
  std::vector<Waiter*> called;
  std::vector<std::unique_ptr<Waiter>> all;
};

}  // namespace

TEST_CASE("a line lets a few in, and the next when one leaves; who is waited for goes first") {
  Crowd crowd(LoginLine::at_once + 3);
  crowd.fill();
  Waiter &idle = crowd[LoginLine::at_once], &second = crowd[LoginLine::at_once + 1],
         &third = crowd[LoginLine::at_once + 2];
  CHECK(crowd.line.enter(crowd[0], false));  // it is inside
  CHECK_FALSE(crowd.line.enter(idle, false));
  CHECK_FALSE(crowd.line.enter(second, true));
  CHECK_FALSE(crowd.line.enter(third, true));
  CHECK_FALSE(crowd.line.enter(idle, false));  // it keeps its place
  crowd.line.leave(crowd[0]);
  crowd.line.leave(crowd[0]);  // and has nothing more to give
  crowd.line.leave(crowd[1]);
  crowd.line.leave(crowd[2]);
  CHECK(crowd.called == std::vector<Waiter*>{&second, &third, &idle});
}

TEST_CASE("those that nobody waits for begin one by one, until nobody else comes") {
  Crowd crowd(4);
  CHECK(crowd.line.enter(crowd[0], false));
  CHECK_FALSE(crowd.line.enter(crowd[1], false));
  CHECK_FALSE(crowd.line.enter(crowd[2], false));
  CHECK(crowd.line.enter(crowd[3], true));
  crowd.line.leave(crowd[3]);
  CHECK(crowd.called == std::vector<Waiter*>{&crowd[1], &crowd[2]});
}

TEST_CASE("who gives up at its turn lets the next in, however many do") {
  constexpr std::size_t many = 100'000;
  Crowd crowd(LoginLine::at_once + many);
  crowd.fill();
  for (std::size_t i = LoginLine::at_once; i < crowd.all.size(); ++i) {
    crowd[i].gives_up = i + 1 < crowd.all.size();
    REQUIRE_FALSE(crowd.line.enter(crowd[i], false));
  }
  crowd.line.leave(crowd[0]);
  CHECK(crowd.called.size() == many);
  CHECK(crowd.called.back()->inside);
  CHECK_FALSE(crowd.called.front()->inside);
}

TEST_CASE("who leaves the line, or ends in it, is not called") {
  Crowd crowd(LoginLine::at_once + 3);
  crowd.fill();
  for (std::size_t i = LoginLine::at_once; i < crowd.all.size(); ++i) crowd.line.enter(crowd[i], true);
  crowd.line.leave(crowd[LoginLine::at_once]);
  crowd.all[LoginLine::at_once + 1].reset();
  crowd.line.leave(crowd[0]);
  CHECK(crowd.called == std::vector<Waiter*>{&crowd[LoginLine::at_once + 2]});
}

}  // namespace holdfast::tds
