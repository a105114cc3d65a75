#include "tds/prepared.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

using namespace holdfast::tds;

TEST_CASE("prepared: a handle is the server's until a server was lost, then ours") {
  Prepared prepared(10, 100'000);
  const std::string text = to_utf16("SELECT 1");
  const PreparedStatement* first = prepared.add(3, false, 0, {}, text);
  REQUIRE(first != nullptr);
  CHECK(first->client == 3);
  CHECK(first->text == to_utf16("SELECT 1"));
  const PreparedStatement* own = prepared.add(3, true, 1, {}, text);
  REQUIRE(own != nullptr);
  CHECK(own->client >= Prepared::first_virtual);
  CHECK(own->server == 3);
  REQUIRE(prepared.find(3) != nullptr);
  CHECK(prepared.find(3)->generation == 0);
  CHECK(prepared.find(4) == nullptr);
  prepared.forget(3);
  CHECK(prepared.find(3) == nullptr);
  CHECK(prepared.size() == 1);
}

TEST_CASE("prepared: statements and bytes are bounded, and what is forgotten makes room") {
  Prepared few(2, 100'000);
  CHECK(few.add(1, false, 0, {}, "") != nullptr);
  CHECK(few.add(2, false, 0, {}, "") != nullptr);
  CHECK(few.add(3, false, 0, {}, "") == nullptr);
  few.forget(1);
  CHECK(few.add(3, false, 0, {}, "") != nullptr);
  Prepared small(100, 2000);
  CHECK(small.add(1, false, 0, {}, std::string(3000, ' ')) == nullptr);
  CHECK(small.memory() == 0);
  CHECK(small.add(1, false, 0, {}, std::string(1000, ' ')) != nullptr);
  CHECK(small.add(2, false, 0, {}, std::string(1000, ' ')) == nullptr);
  small.clear();
  CHECK(small.memory() == 0);
}

TEST_CASE("prepared: a number that the server gives again means the new statement") {
  Prepared prepared(10, 100'000);
  prepared.add(7, false, 0, {}, to_utf16("SELECT 1"));
  prepared.add(7, false, 0, {}, to_utf16("DELETE FROM t"));
  CHECK(prepared.size() == 1);
  CHECK(prepared.find(7)->text == to_utf16("DELETE FROM t"));
}
