// What an idle session costs in memory.
#include <catch2/catch.hpp>

#include "tds/flight.h"
#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

TEST_CASE("conversation: an idle one holds no part of its last request, and still knows its digest") {
  Bench bench;
  const std::size_t at_first = bench.conversation.memory();
  CHECK(at_first < 1024);
  bench.batch("SELECT 1 FROM a_table_with_a_name");
  CHECK(bench.conversation.memory() > at_first);
  bench.answer(rows(2));
  CHECK(bench.conversation.memory() == at_first);
  CHECK(bench.conversation.sight().last_digest.find("a_table_with_a_name") != std::string::npos);
}

TEST_CASE("conversation: what came in part of the next request is kept while it waits") {
  Bench bench;
  std::string payload, asked;
  append_all_headers(payload, 0);
  append_message(asked, PacketType::Batch, payload + to_utf16("SELECT 2"), 4096);
  bench.conversation.from_client(Bytes(asked).substr(0, 5), bench.now);
  CHECK_FALSE(bench.conversation.idle());
  bench.conversation.from_client(Bytes(asked).substr(5), bench.now);
  CHECK(bench.server == asked);
}
