#include <catch2/catch.hpp>

#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

namespace {

ConversationOptions replaying() {
  ConversationOptions options;
  options.replay_transactions = true;
  return options;
}

std::string eight(std::uint64_t value) {
  std::string out;
  LittleWriter(out).u64(value);
  return out;
}

std::string begun(std::uint64_t descriptor) {
  std::string tokens;
  append_env_change(tokens, EnvKind::Begin, eight(descriptor), {});
  return tokens + Bench::done();
}

std::string ended(std::uint64_t descriptor) {
  std::string tokens;
  append_env_change(tokens, EnvKind::Commit, {}, eight(descriptor));
  return tokens + Bench::done();
}

std::string batch_of(const char* text, std::uint64_t descriptor) {
  std::string payload;
  append_all_headers(payload, descriptor);
  return payload + to_utf16(text);
}

std::string warning(const char* server) {
  ServerMessage message;
  message.token = Token::Info;
  message.number = 8153;
  message.severity = 0;
  message.text = to_utf16("Null value is eliminated by an aggregate.");
  message.server = to_utf16(server);
  std::string tokens;
  append_server_message(tokens, version, message);
  return tokens;
}

// A transaction with one read, whose answer the client has.
void read_in_transaction(Bench& bench, const std::string& answer) {
  bench.batch("BEGIN TRAN");
  bench.answer(begun(77));
  bench.batch("SELECT v FROM t", 77);
  bench.answer(answer);
  bench.client.clear();
  bench.server.clear();
}

// The new server is asked the BEGIN and the read again.
void run_again(Bench& bench, const std::string& answer) {
  CHECK(bench.asked() == batch_of("BEGIN TRAN", 0));
  bench.answer(begun(99));
  CHECK(bench.asked() == batch_of("SELECT v FROM t", 99));
  bench.answer(answer);
}

}  // namespace

TEST_CASE("replay: a transaction that has only read goes on, on another server") {
  Bench bench(replaying());
  read_in_transaction(bench, warning("one") + rows(2));
  bench.lose();
  CHECK(bench.client.empty());
  CHECK(bench.conversation.in_transaction());
  SECTION("and is there before the next request") {
    bench.attach();
    run_again(bench, warning("another") + rows(2));
    CHECK(bench.server.empty());
    bench.batch("INSERT INTO t VALUES (1)", 77);
    CHECK(bench.asked() == batch_of("INSERT INTO t VALUES (1)", 99));
    bench.answer(Bench::done());
    bench.batch("COMMIT", 77);
    CHECK(bench.asked() == batch_of("COMMIT", 99));
    bench.client.clear();
    bench.answer(ended(99));
    CHECK(bench.heard() == ended(77));
    CHECK_FALSE(bench.conversation.in_transaction());
    bench.batch("SELECT 1");
    CHECK(bench.asked() == batch_of("SELECT 1", 0));
  }
  SECTION("and a request that came before waits for it") {
    bench.batch("COMMIT", 77);
    bench.attach();
    run_again(bench, warning("another") + rows(2));
    CHECK(bench.asked() == batch_of("COMMIT", 99));
    bench.answer(ended(99));
    CHECK(bench.heard() == ended(77));
  }
  SECTION("and on a third") {
    bench.attach();
    run_again(bench, warning("another") + rows(2));
    bench.lose();
    bench.attach();
    run_again(bench, warning("another") + rows(2));
    CHECK(bench.ended.empty());
    CHECK(bench.client.empty());
  }
  SECTION("not for a client that has given it up") {
    bench.attach();
    bench.batch("SELECT 1", 0);
    CHECK(bench.dropped == 1);
    CHECK_FALSE(bench.conversation.in_transaction());
  }
  SECTION("not where it reads something else: 1205 to the request that waits") {
    bench.batch("SELECT w FROM t", 77);
    bench.attach();
    run_again(bench, warning("another") + rows(3));
    const std::string heard = bench.heard();
    CHECK(error_in(heard) == answer_number::rolled_back);
    CHECK(heard.find(eight(77)) != std::string::npos);
    CHECK(bench.dropped == 1);
    CHECK(bench.wanted == 2);
    CHECK_FALSE(bench.conversation.in_transaction());
  }
  SECTION("or to the next") {
    bench.attach();
    run_again(bench, rows(2));  // without the warning
    CHECK(bench.client.empty());
    bench.attach();
    bench.batch("SELECT w FROM t", 77);
    CHECK(error_in(bench.heard()) == answer_number::rolled_back);
  }
}

TEST_CASE("replay: a read in flight is compared up to where the client has it") {
  Bench bench(replaying());
  read_in_transaction(bench, rows(2));
  bench.batch("SELECT w FROM t", 77);
  std::string answer;
  append_message(answer, PacketType::Response, rows(20), 4096);
  bench.conversation.from_server(Bytes(answer).substr(0, 10'000), bench.now);
  bench.server.clear();
  bench.lose();
  bench.attach();
  run_again(bench, rows(2));
  CHECK(bench.asked() == batch_of("SELECT w FROM t", 99));
  SECTION("and goes on") {
    bench.answer(rows(20));
    CHECK(bench.heard() == rows(20));
    CHECK(bench.conversation.in_transaction());
  }
  SECTION("or ends the session") {
    bench.answer(rows(20, 'y'));
    CHECK(bench.ended == "answer-differs");
  }
}

TEST_CASE("replay: what is not proved to only read is rolled back, as ever") {
  const auto rolled_back = [](Bench& bench) {
    bench.lose();
    bench.attach();
    bench.server.clear();
    bench.client.clear();
    bench.batch("SELECT 1", 77);
    return error_in(bench.heard()) == answer_number::rolled_back;
  };
  SECTION("after a write") {
    Bench bench(replaying());
    bench.begin(77);
    CHECK(rolled_back(bench));
  }
  SECTION("after a setting") {
    Bench bench(replaying());
    read_in_transaction(bench, rows(1));
    bench.batch("SET DATEFIRST 3", 77);
    bench.answer(Bench::done());
    CHECK(rolled_back(bench));
  }
  SECTION("after what differs from run to run") {
    Bench bench(replaying());
    read_in_transaction(bench, rows(1));
    bench.batch("SELECT GETDATE()", 77);
    bench.answer(rows(1));
    CHECK(rolled_back(bench));
  }
  SECTION("after an error") {
    Bench bench(replaying());
    read_in_transaction(bench, error_answer(version, 208, 16, "no such table"));
    CHECK(rolled_back(bench));
  }
  SECTION("over the bytes that are kept") {
    ConversationOptions options = replaying();
    options.retain = 400;
    Bench bench(options);
    read_in_transaction(bench, rows(1));
    for (int i = 0; i < 4; ++i) {
      bench.batch("SELECT v FROM t WHERE k = 1234567890", 77);
      bench.answer(rows(1));
    }
    CHECK(rolled_back(bench));
  }
  SECTION("unless the operator says so") {
    Bench bench;
    read_in_transaction(bench, rows(1));
    CHECK(rolled_back(bench));
  }
}

TEST_CASE("replay: a transaction that was begun by the end of another, under the isolation it asked for") {
  const std::string request = [] {
    std::string payload;
    append_all_headers(payload, 77);
    LittleWriter(payload).u16(7).u8(0).u8(1).u8(4).u8(0);  // COMMIT, and begin SERIALIZABLE
    return payload;
  }();
  Bench bench(replaying());
  bench.begin(77);
  bench.ask(PacketType::TransactionManager, request);
  std::string tokens;
  append_env_change(tokens, EnvKind::Commit, {}, eight(77));
  bench.answer(tokens + begun(78));
  bench.batch("SELECT v FROM t", 78);
  bench.answer(rows(1));
  bench.client.clear();
  bench.server.clear();
  bench.lose();
  bench.attach();
  CHECK(to_utf8(bench.asked()).find("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE") != std::string::npos);
  bench.answer(Bench::done());
  std::string begin;
  append_all_headers(begin, 0);
  LittleWriter(begin).u16(5).u8(4).u8(0);
  CHECK(bench.asked() == begin);
  bench.answer(begun(99));
  CHECK(bench.asked() == batch_of("SELECT v FROM t", 99));
  bench.answer(rows(1));
  CHECK(bench.client.empty());
  CHECK(bench.conversation.in_transaction());
}

TEST_CASE("replay: never with a COMMIT in flight") {
  Bench bench(replaying());
  read_in_transaction(bench, rows(2));
  bench.batch("COMMIT", 77);
  bench.lose();
  CHECK(error_in(bench.heard()) == answer_number::unknown_outcome);
}

TEST_CASE("replay: an error that ends the transaction names the client's descriptor") {
  Bench bench(replaying());
  read_in_transaction(bench, rows(2));
  bench.lose();
  bench.attach();
  run_again(bench, rows(2));
  bench.batch("SELECT w FROM t", 77);
  bench.answer(rolled_back_answer(version, 99, "deadlock", false));
  CHECK(bench.heard() == rolled_back_answer(version, 77, "deadlock", false));
  CHECK_FALSE(bench.conversation.in_transaction());
}

TEST_CASE("replay: statements that were prepared before and in the transaction") {
  const auto returned = [](std::int32_t handle) {
    std::string tokens;
    append_returned_int(tokens, version, to_utf16("@handle"), handle);
    append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
    return tokens;
  };
  const auto execute = [](std::int32_t handle, std::uint64_t descriptor) {
    std::string payload;
    append_all_headers(payload, descriptor);
    LittleWriter(payload).u16(0xffff).u16(12).u16(0).u8(0).u8(0);
    append_int_type(payload);
    LittleWriter(payload).u8(4).u32(static_cast<std::uint32_t>(handle));
    return payload;
  };
  const std::string one = to_utf16("SELECT 1"), two = to_utf16("SELECT 2");
  Bench bench(replaying());
  bench.ask(PacketType::Rpc, build_prepare(version, {}, one));
  bench.answer(returned(1));
  bench.batch("BEGIN TRAN");
  bench.answer(begun(77));
  bench.ask(PacketType::Rpc, build_prepare(version, {}, two, 77));
  bench.answer(returned(2));
  bench.ask(PacketType::Rpc, execute(1, 77));
  bench.answer(rows(1));
  bench.ask(PacketType::Rpc, execute(2, 77));
  bench.answer(rows(2));
  bench.client.clear();
  bench.server.clear();
  bench.lose();
  bench.attach();
  CHECK(bench.asked() == batch_of("BEGIN TRAN", 0));
  bench.answer(begun(99));
  CHECK(bench.asked() == build_prepare(version, {}, two, 99));
  bench.answer(returned(5));
  CHECK(bench.asked() == build_prepare(version, {}, one, 99));  // for the step that follows
  bench.answer(returned(6));
  CHECK(bench.asked() == execute(6, 99));
  bench.answer(rows(1));
  CHECK(bench.asked() == execute(5, 99));
  bench.answer(rows(2));
  CHECK(bench.client.empty());
  bench.ask(PacketType::Rpc, execute(2, 77));
  CHECK(bench.asked() == execute(5, 99));
}
