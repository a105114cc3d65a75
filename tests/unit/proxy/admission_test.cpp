#include "proxy/admission.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace holdfast;

TEST_CASE("a doorman counts by listener and by client, and tickets give their place back") {
  Doorman door;
  door.set_limits(3, 2);
  const Address a = *Address::parse("192.0.2.1:1000"), a2 = *Address::parse("192.0.2.1:1001"), b = *Address::parse("192.0.2.2:1");
  std::vector<Doorman::Ticket> in;
  in.push_back(door.admit(a));
  in.push_back(door.admit(a2));
  CHECK(in.back());
  CHECK_FALSE(door.admit(a));  // the same client, whatever its port
  CHECK(door.open() == 2);
  in.push_back(door.admit(b));
  CHECK(door.full());
  in.erase(in.begin());
  CHECK_FALSE(door.full());
  CHECK(door.admit(a));  // a place for one more, given back at once
  CHECK(door.open() == 2);
  in.clear();
  CHECK(door.open() == 0);
}

TEST_CASE("limits may come and go while connections are open") {
  Doorman door;
  const Address a = *Address::parse("192.0.2.1:1000");
  auto early = door.admit(a);
  door.set_limits(1, 1);
  CHECK(door.full());
  auto counted = door.admit(a);  // the early one was not counted by client
  CHECK(counted);
  early = {};
  CHECK(door.open() == 1);
  door.set_limits(0, 0);
  CHECK_FALSE(door.full());
}
