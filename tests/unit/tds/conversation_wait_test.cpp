#include <catch2/catch.hpp>

#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

namespace {

std::string execute_request(std::int32_t handle, std::uint64_t descriptor, std::size_t padding = 0) {
  std::string payload;
  append_all_headers(payload, descriptor);
  LittleWriter to(payload);
  to.u16(0xffff).u16(12).u16(0).u8(0).u8(0);
  append_int_type(payload);
  to.u8(4).u32(static_cast<std::uint32_t>(handle));
  for (; padding >= 2000; padding -= 2000) {
    to.u8(0).u8(0);
    append_nvarchar_type(payload, 8000);
    to.u16(2000).bytes(std::string(2000, 'x'));
  }
  return payload;
}

// A prepared statement of the first server, a second server, and a transaction on it.
void begin_with_handle(Bench& bench) {
  std::string tokens;
  append_returned_int(tokens, version, to_utf16("@handle"), 3);
  append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
  bench.ask(PacketType::Rpc, build_prepare(version, {}, to_utf16("SELECT 1")));
  bench.answer(tokens);
  bench.lose();
  bench.attach();
  bench.begin(77);
}

}  // namespace

TEST_CASE("conversation: an attention for what waits for its statement is answered when the server is free") {
  Bench bench;
  begin_with_handle(bench);
  bench.ask(PacketType::Rpc, execute_request(3, 77));
  REQUIRE(bench.asked() == build_prepare(version, {}, to_utf16("SELECT 1"), 77));
  bench.ask(PacketType::Attention, {});
  CHECK(bench.client.empty());  // it would go on, and the server cannot
  SECTION("which ends our request") {
    bench.answer(attention_answer(version));
    CHECK(bench.heard() == attention_answer(version));
    CHECK(bench.conversation.in_transaction());
    bench.server.clear();
    bench.batch("SELECT 1", 77);
    CHECK_FALSE(bench.server.empty());
  }
  SECTION("which had answered already") {
    std::string tokens;
    append_returned_int(tokens, version, to_utf16("@handle"), 8);
    append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
    bench.answer(tokens);
    CHECK(bench.client.empty());
    bench.answer(attention_answer(version));
    CHECK(bench.heard() == attention_answer(version));
    bench.server.clear();
    bench.ask(PacketType::Rpc, execute_request(3, 77));
    CHECK(bench.asked() == execute_request(8, 77));
  }
  SECTION("or gone: the next request hears of the transaction") {
    bench.lose();
    CHECK(bench.heard() == attention_answer(version));
    bench.batch("SELECT 1", 77);
    const std::string heard = bench.heard();
    CHECK(error_in(heard) == answer_number::rolled_back);
    std::string eight;
    LittleWriter(eight).u64(77);
    CHECK(heard.find(eight) != std::string::npos);
  }
}

TEST_CASE("conversation: what is too long to be kept does not wait, and is not told 1205 of what lives") {
  ConversationOptions options;
  options.retain = 1000;
  Bench bench(options);
  begin_with_handle(bench);
  SECTION("an execute whose statement is not prepared yet: the next one finds it") {
    bench.ask(PacketType::Rpc, execute_request(3, 77, 8000));
    CHECK(error_in(bench.heard()) == 8179);
    CHECK(bench.conversation.in_transaction());
    CHECK(bench.asked() == build_prepare(version, {}, to_utf16("SELECT 1"), 77));
    std::string tokens;
    append_returned_int(tokens, version, to_utf16("@handle"), 8);
    append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
    bench.answer(tokens);
    bench.ask(PacketType::Rpc, execute_request(3, 77, 8000));
    CHECK(bench.asked() == execute_request(8, 77, 8000));
  }
  SECTION("a batch that comes while an attention is with the server: the transaction is given up") {
    bench.ask(PacketType::Attention, {});
    bench.batch(std::string(9000, ' ').c_str(), 77);
    const std::string heard = bench.heard();
    CHECK(error_in(heard) == answer_number::rolled_back);
    std::string eight;
    LittleWriter(eight).u64(77);
    CHECK(heard.find(eight) != std::string::npos);
    CHECK(bench.dropped == 1);
    CHECK(bench.wanted == 2);
    CHECK_FALSE(bench.conversation.in_transaction());
  }
}

TEST_CASE("conversation: TDS 7.1 tells of no transaction; a ROLLBACK that was done leaves none") {
  LoginFacts login = facts();
  login.version = tds_version::v7_1;
  Bench bench({}, login);
  const auto say = [&](const char* text, std::uint16_t status = 0) {
    bench.ask(PacketType::Batch, to_utf16(text));
    std::string tokens;
    append_done(tokens, login.version, {Token::Done, status, 0xc1, 0});
    bench.answer(tokens);
  };
  const auto open = [&] {
    return bench.conversation.sight().unrecoverable ==
           static_cast<UnrecoverableSet>(Unrecoverable::Transaction);
  };
  say("BEGIN TRAN");
  CHECK(open());
  say("COMMIT");
  CHECK(open());  // it may have been a nested one's
  say("IF @@TRANCOUNT > 0 ROLLBACK TRAN", done_status::error);
  CHECK(open());
  say("IF @@TRANCOUNT > 0 ROLLBACK TRAN");
  CHECK_FALSE(open());
  bench.lose();
  CHECK(bench.ended.empty());
}
