#include <catch2/catch.hpp>

#include "tds/flight.h"
#include "tests/unit/allocations/count.h"
#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;
using allocations::counted;
using allocations::counting;

namespace {

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

TEST_CASE("allocations: none for a SQL request once its text is known") {
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
  counted = 0;
  counting = true;
  for (int i = 0; i < 50; ++i) ask(i % 2 == 0 ? one : two);
  counting = false;
  CHECK(counted == 0);
  CHECK(host.requests == 53);
  CHECK_FALSE(host.over);
}
