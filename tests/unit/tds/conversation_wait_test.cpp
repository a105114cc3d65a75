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

namespace {

/// A session of TDS 7.1, as jTDS has it.
struct Old final {
  static LoginFacts login() {
    LoginFacts login = facts();
    login.version = tds_version::v7_1;
    return login;
  }
  static std::string done(std::uint16_t status = 0) {
    std::string tokens;
    append_done(tokens, tds_version::v7_1, {Token::Done, status, 0xc1, 0});
    return tokens;
  }
  /// INFO, as PRINT makes it.
  static std::string printed() {
    std::string tokens;
    append_server_message(tokens, tds_version::v7_1,
                          {Token::Info, 0, 1, 0, to_utf16("open"), to_utf16("SQL1"), {}, 1});
    return tokens;
  }
  void send(const char* text) { bench.ask(PacketType::Batch, to_utf16(text)); }
  void say(const char* text, std::uint16_t status = 0) {
    bench.server.clear();
    send(text);
    bench.answer(done(status));
  }
  /// The server has our question and nothing else; it says so.
  void tell(bool open) {
    REQUIRE(bench.asked().ends_with(to_utf16("IF @@TRANCOUNT > 0 PRINT N'open'")));
    bench.answer((open ? printed() : "") + done());
  }
  bool open() const {
    return bench.conversation.sight().unrecoverable ==
           static_cast<UnrecoverableSet>(Unrecoverable::Transaction);
  }
  Bench bench{{}, login()};
};

}  // namespace

TEST_CASE("conversation: TDS 7.1 tells of no transaction; a ROLLBACK that was done leaves none") {
  Old old;
  old.say("BEGIN TRAN");
  CHECK(old.open());
  CHECK_FALSE(old.bench.conversation.idle());
  CHECK(old.bench.conversation.in_transaction());
  old.say("IF @@TRANCOUNT > 0 ROLLBACK TRAN");
  CHECK_FALSE(old.open());
  CHECK(old.bench.conversation.idle());
  old.bench.lose();
  CHECK(old.bench.ended.empty());
}

TEST_CASE("conversation: TDS 7.1: after a COMMIT the server is asked whether a transaction is left") {
  Old old;
  old.say("SET IMPLICIT_TRANSACTIONS ON");
  old.say("INSERT INTO t VALUES (1)");
  CHECK(old.open());
  old.bench.client.clear();
  old.say("IF @@TRANCOUNT > 0 COMMIT TRAN");
  CHECK(old.bench.heard() == Old::done());  // at once
  CHECK(old.open());
  SECTION("none: the session lives through a loss") {
    old.tell(false);
    CHECK(old.bench.client.empty());
    CHECK_FALSE(old.open());
    old.bench.lose();
    CHECK(old.bench.ended.empty());
    CHECK(old.bench.wanted == 1);
  }
  SECTION("a nested one's: it goes on, and the session cannot be rebuilt") {
    old.tell(true);
    CHECK(old.bench.client.empty());
    CHECK(old.open());
    old.bench.lose();
    CHECK(old.bench.ended == "session-lost");
  }
  SECTION("an error is no answer") {
    std::string error;
    append_server_message(error, tds_version::v7_1,
                          {Token::Error, 8134, 1, 16, to_utf16("no"), to_utf16("SQL1"), {}, 1});
    old.bench.server.clear();
    old.bench.answer(error + Old::done(done_status::error));
    CHECK(old.bench.client.empty());
    CHECK(old.open());
  }
  SECTION("the server is lost before it says") {
    old.bench.lose();
    CHECK(old.bench.ended == "session-lost");
  }
  SECTION("a request that comes meanwhile waits for it") {
    old.bench.server.clear();
    old.send("SELECT n FROM t");
    CHECK(old.bench.server.empty());
    old.bench.answer(Old::done());
    CHECK(old.bench.asked() == to_utf16("SELECT n FROM t"));
    old.bench.answer(Old::done());
    CHECK(old.open());  // the SELECT began one
    CHECK(old.bench.asked().empty());  // and nothing may have ended it
  }
  SECTION("an attention meanwhile is answered here") {
    old.bench.server.clear();
    old.send("SELECT n FROM t");
    old.bench.ask(PacketType::Attention, {});
    CHECK(old.bench.heard() == attention_answer(tds_version::v7_1));
    CHECK(old.bench.server.empty());
    old.bench.answer(Old::done());
    CHECK_FALSE(old.open());
    CHECK(old.bench.server.empty());
  }
}

TEST_CASE("conversation: TDS 7.1: a COMMIT alone is followed by the question, which costs @@ROWCOUNT") {
  Old old;
  SECTION("a transaction in one batch") {
    old.say("BEGIN TRAN; INSERT INTO t VALUES (1); COMMIT");
    old.tell(false);
    CHECK_FALSE(old.open());
  }
  SECTION("not what a procedure did") {
    old.say("EXEC something");
    CHECK(old.bench.asked() == to_utf16("EXEC something"));
    CHECK(old.open());
  }
  SECTION("nor an error") {
    old.say("BEGIN TRAN");
    CHECK(old.bench.asked().find(to_utf16("@@TRANCOUNT")) == std::string::npos);
    old.say("INSERT INTO t VALUES (1)", done_status::error);
    CHECK(old.bench.asked() == to_utf16("INSERT INTO t VALUES (1)"));
    CHECK(old.open());
  }
  SECTION("but nothing that cannot have touched one") {
    old.say("INSERT INTO t VALUES (1)");
    old.say("SELECT n FROM t", done_status::error);
    CHECK(old.bench.asked() == to_utf16("SELECT n FROM t"));
  }
}

TEST_CASE("conversation: TDS 7.1: a pause lets a transaction come to its end") {
  Old old;
  old.say("BEGIN TRAN");
  old.bench.conversation.pause(true, old.bench.now);
  old.say("COMMIT");
  CHECK_FALSE(old.bench.asked().empty());
  old.bench.answer(Old::done());
  CHECK_FALSE(old.bench.conversation.in_transaction());
  old.send("SELECT n FROM t");
  CHECK(old.bench.server.empty());
  CHECK(old.bench.conversation.sight().state == "held");
}
