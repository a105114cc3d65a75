// What a request and an idle session cost in memory: nothing new for the one, little for the other.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "tds/flight.h"
#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

namespace {

std::size_t allocations = 0;

/// A host that keeps nothing.
struct Silent final : ConversationHost {
  void to_client(Bytes) override {}
  void to_server(Bytes) override {}
  void want_server() override {}
  void drop_server() override {}
  void end(std::string_view, bool) override { over = true; }
  void on_failover_error(std::uint32_t) override {}
  void on_request(const RequestRecord&) override { ++requests; }

  bool over = false;
  int requests = 0;
};

std::string message(PacketType type, const std::string& payload) {
  std::string out;
  append_message(out, type, payload, 4096);
  return out;
}

std::string question(const char* text) {
  std::string payload;
  append_all_headers(payload, 0);
  return message(PacketType::Batch, payload + to_utf16(text));
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

TEST_CASE("conversation: a request allocates nothing once its text is known") {
  ConversationShared shared{TextMemory(1024)};
  ConversationOptions options;
  options.shared = &shared;
  Silent host;
  Conversation one(host, options, facts(), Instant{1}), two(host, options, facts(), Instant{1});
  const std::string asked = question("SELECT name FROM people WHERE id = 4711 AND street = 'a long one'");
  const std::string told = message(PacketType::Response, rows(3));
  const auto ask = [&](Conversation& conversation) {
    conversation.from_client(asked, Instant{2});
    conversation.from_server(told, Instant{3});
  };
  for (int i = 0; i < 3; ++i) ask(one);
  const std::size_t before = allocations;
  for (int i = 0; i < 50; ++i) ask(i % 2 == 0 ? one : two);
  CHECK(allocations == before);
  CHECK(host.requests == 53);
  CHECK_FALSE(host.over);
}

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
  const std::string asked = question("SELECT 2");
  bench.conversation.from_client(Bytes(asked).substr(0, 5), bench.now);
  CHECK_FALSE(bench.conversation.idle());
  bench.conversation.from_client(Bytes(asked).substr(5), bench.now);
  CHECK(bench.server == asked);
}
