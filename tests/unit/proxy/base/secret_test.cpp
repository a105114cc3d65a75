#include "proxy/base/secret.h"

#include <catch2/catch.hpp>
#include <type_traits>

namespace holdfast {

// A password must not reach a log by way of a conversion.
static_assert(!std::is_convertible_v<Secret, Bytes>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<std::string, Secret>);

TEST_CASE("a secret holds bytes of its own") {
  std::string source("p\0w", 3);
  const Secret secret{Bytes(source)};
  source.assign("xxx");
  CHECK(secret.reveal() == Bytes("p\0w", 3));
  CHECK(secret.size() == 3);
  CHECK_FALSE(secret.empty());
}

TEST_CASE("copies are apart and moves leave nothing behind") {
  Secret first(Bytes("first"));
  Secret copy(first);
  first.clear();
  CHECK(first.empty());
  CHECK(first.reveal().empty());
  CHECK(copy.reveal() == "first");

  Secret moved(std::move(copy));
  CHECK(copy.empty());  // NOLINT(bugprone-use-after-move): the point of it
  CHECK(moved.reveal() == "first");

  Secret other(Bytes("other"));
  other = moved;
  CHECK(other.reveal() == "first");
  const Secret& alias = other;
  other = alias;
  CHECK(other.reveal() == "first");
  moved = Secret();
  CHECK(moved.empty());
}

TEST_CASE("secrets longer than a page are whole") {
  const std::string text(10000, 's');
  CHECK(Secret{Bytes(text)}.reveal() == text);
  CHECK(Secret{Bytes()}.empty());
}

TEST_CASE("wiping a string overwrites what it held, its spare room too") {
  std::string text(100, 's');
  text.resize(3);
  const char* const bytes = text.data();
  const std::size_t room = text.capacity();
  wipe(text);
  REQUIRE(text.empty());
  REQUIRE(text.data() == bytes);
  // The string is empty, but its room is still its own.
  CHECK(Bytes(bytes, room) == std::string(room, '\0'));
}

}  // namespace holdfast
