#include "tds/all_headers.h"

#include <catch2/catch.hpp>

namespace holdfast::tds {

using namespace std::string_literals;

namespace {

const std::string transaction = "\x12\0\0\0\x02\0\x01\0\0\0\x02\0\0\0\x03\0\0\0"s;
const std::string trace = "\x0a\0\0\0\x03\0\x01\x02\x03\x04"s;

std::string whole(const std::string& headers) {
  return static_cast<char>(headers.size() + 4) + "\0\0\0"s + headers;
}

}  // namespace

TEST_CASE("the transaction header is found where it stands") {
  const auto first = parse_all_headers(whole(transaction) + "s\0"s);
  REQUIRE(first);
  CHECK(first->size == 22);
  CHECK(first->has_transaction);
  CHECK(first->descriptor == 0x0000000200000001u);
  CHECK(first->outstanding == 3);
  CHECK(first->descriptor_at == 10);

  const auto second = parse_all_headers(whole(trace + transaction) + "s\0"s);
  REQUIRE(second);
  CHECK(second->size == 32);
  CHECK(second->descriptor_at == 20);
  CHECK(second->descriptor == 0x0000000200000001u);
}

TEST_CASE("headers without a transaction say so") {
  const auto none = parse_all_headers(whole(trace));
  REQUIRE(none);
  CHECK_FALSE(none->has_transaction);
  CHECK(none->descriptor_at == 0);
}

TEST_CASE("what is written is read back") {
  std::string out;
  append_all_headers(out, 0x1122334455667788, 2);
  const auto read = parse_all_headers(out);
  REQUIRE(read);
  CHECK(read->size == out.size());
  CHECK(read->descriptor == 0x1122334455667788u);
  CHECK(read->outstanding == 2);
}

TEST_CASE("lengths that do not add up are refused") {
  const std::string good = whole(trace + transaction);
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_all_headers(Bytes(good).substr(0, n)));
  const std::string bad = GENERATE_COPY(
      "\3\0\0\0"s, "\xff\xff\xff\xff"s + transaction, whole("\5\0\0\0\1\0"s), whole("\7\0\0\0\1\0"s),
      whole("\x08\0\0\0\2\0\0\0"s), whole(transaction + transaction), whole(transaction + "\0"s));
  CHECK_FALSE(parse_all_headers(bad));
}

TEST_CASE("a text that only looks like headers is refused for its size") {
  std::string sql = "SELECT 1";
  CHECK_FALSE(parse_all_headers(sql));
}

}  // namespace holdfast::tds
