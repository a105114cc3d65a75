#include "proxy/admission.h"

#undef CHECK  // ours; Catch has its own
#include <catch2/catch.hpp>
#include <vector>

using namespace holdfast;
using Answer = Doorman::Answer;

namespace {
const Address a = *Address::parse("192.0.2.1:1000"), a2 = *Address::parse("192.0.2.1:1001"),
              b = *Address::parse("192.0.2.2:1");
}

TEST_CASE("a doorman counts by listener and by client, and tickets give their place back") {
  int woken = 0;
  Doorman door([&] { ++woken; });
  door.set_limits(3, 2);
  std::vector<Doorman::Ticket> in(3);
  Doorman::Ticket none;
  CHECK(door.admit(a, in[0]) == Answer::In);
  CHECK(door.admit(a2, in[1]) == Answer::In);
  CHECK(door.admit(a, none) == Answer::Refuse);  // the same client, whatever its port
  CHECK(door.open() == 2);
  CHECK(door.admit(b, in[2]) == Answer::In);
  CHECK(door.full());
  CHECK(door.admit(b, none) == Answer::Wait);
  CHECK(door.open() == 3);
  CHECK(woken == 0);
  in.pop_back();
  CHECK(woken == 1);
  CHECK_FALSE(door.full());
  in.clear();
  CHECK(door.open() == 0);
  CHECK(woken == 1);
}

TEST_CASE("limits may come and go while connections are open") {
  Doorman door([] {});
  Doorman::Ticket early, counted;
  CHECK(door.admit(a, early) == Answer::In);
  door.set_limits(0, 1);
  CHECK(door.admit(a, counted) == Answer::In);  // the early one was not counted by client
  door.set_limits(1, 0);
  CHECK(door.full());
  early = {};
  counted = {};
  CHECK(door.open() == 0);
}
