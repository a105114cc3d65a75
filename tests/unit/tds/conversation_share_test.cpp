#include <catch2/catch.hpp>

#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

namespace {

std::uint8_t status_of(const std::string& bytes) { return static_cast<std::uint8_t>(bytes.at(1)); }

std::string reset_ack() {
  std::string tokens;
  append_env_change(tokens, EnvKind::ResetAck, {}, {});
  return tokens;
}

void share(Bench& bench, bool isolation_default = true) {
  bench.conversation.attached({facts(), isolation_default, 0}, bench.now);
}

}  // namespace

TEST_CASE("share: an idle session is lendable, one in a transaction or with a temporary table is not") {
  Bench bench;
  CHECK(bench.conversation.lendable(false));
  bench.batch("SELECT 1");
  CHECK_FALSE(bench.conversation.lendable(false));
  bench.answer(Bench::done());
  CHECK(bench.conversation.lendable(false));
  bench.begin(77);
  CHECK_FALSE(bench.conversation.lendable(false));
  CHECK(bench.conversation.pin(false) == "transaction");

  Bench other;
  other.batch("CREATE TABLE #t (n int)");
  other.answer(Bench::done());
  CHECK_FALSE(other.conversation.lendable(false));
  CHECK(other.conversation.pin(false) == "temporary table");
  other.batch("DROP TABLE #t");
  other.answer(Bench::done());
  CHECK(other.conversation.lendable(false));
}

TEST_CASE("share: rows of a bulk load go where it was announced") {
  Bench bench;
  bench.batch("INSERT BULK t (n int)");
  bench.answer(Bench::done());
  CHECK_FALSE(bench.conversation.lendable(false));
  bench.ask(PacketType::Bulk, "rows");
  bench.answer(Bench::done());
  CHECK(bench.conversation.lendable(false));
}

TEST_CASE("share: where a login asks for @@IDENTITY of the request before, a write keeps its server") {
  Bench bench;
  bench.batch("INSERT INTO t VALUES (1)");
  bench.answer(Bench::done());
  CHECK(bench.conversation.lendable(false));
  CHECK_FALSE(bench.conversation.lendable(true));
  CHECK(bench.conversation.pin(true) == "@@IDENTITY");
  bench.batch("SELECT @@IDENTITY");
  CHECK(bench.conversation.leans());
}

TEST_CASE("share: a lent session asks for a server at its next request, which resets what another left") {
  Bench bench;
  bench.conversation.lend(bench.now);
  CHECK(bench.wanted == 0);
  CHECK(bench.conversation.sight().state == "lent");
  bench.batch("SELECT v FROM t");
  CHECK(bench.wanted != 0);
  CHECK(bench.server.empty());
  share(bench);
  CHECK((status_of(bench.server) & packet_status::reset_connection) != 0);
  bench.server.clear();
  bench.answer(reset_ack() + rows(1));
  CHECK(bench.heard() == rows(1));  // the client did not ask for a reset
  bench.batch("SELECT v FROM t");
  CHECK((status_of(bench.server) & packet_status::reset_connection) == 0);
  CHECK(bench.conversation.sight().survived == 0);
}

TEST_CASE("share: a client that resets by itself hears of it, and once") {
  Bench bench;
  bench.conversation.lend(bench.now);
  bench.batch("SELECT 1", 0, packet_status::reset_connection);
  share(bench);
  CHECK((status_of(bench.server) & packet_status::reset_connection) != 0);
  bench.answer(reset_ack() + Bench::done());
  CHECK(bench.heard() == reset_ack() + Bench::done());
}

TEST_CASE("share: settings are said again, and the isolation level where the last session left another") {
  Bench bench;
  bench.batch("SET DATEFIRST 1");
  bench.answer(Bench::done());
  bench.server.clear();
  CHECK(bench.conversation.handover().isolation_default);
  bench.conversation.lend(bench.now);
  bench.batch("SELECT 1");
  share(bench, false);
  CHECK((status_of(bench.server) & packet_status::reset_connection) != 0);
  const std::string said = bench.asked();
  CHECK(said.find(to_utf16("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")) != std::string::npos);
  CHECK(said.find(to_utf16("SET DATEFIRST 1")) != std::string::npos);
  CHECK(said.find(to_utf16("SELECT 1")) == std::string::npos);
  bench.client.clear();
  bench.answer(reset_ack() + Bench::done());
  CHECK(bench.client.empty());
  CHECK((status_of(bench.server) & packet_status::reset_connection) == 0);
  CHECK(bench.asked().find(to_utf16("SELECT 1")) != std::string::npos);
}

TEST_CASE("share: a transaction request's isolation level is the session's from then on") {
  Bench bench;
  std::string payload;
  append_all_headers(payload, 0);
  LittleWriter(payload).u16(5).u8(4).u8(0);
  bench.ask(PacketType::TransactionManager, payload);
  bench.answer(Bench::done());
  CHECK_FALSE(bench.conversation.handover().isolation_default);
}

TEST_CASE("share: a statement is prepared again on a server that another used, reset first") {
  Bench bench;
  std::string request = build_prepare(version, to_utf16("@p int"), to_utf16("SELECT @p"));
  bench.ask(PacketType::Rpc, request);
  std::string tokens;
  append_returned_int(tokens, version, to_utf16("@handle"), 1);
  append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
  bench.answer(tokens);
  CHECK(bench.conversation.lendable(false));
  bench.conversation.lend(bench.now);
  bench.server.clear();
  std::string execute;
  append_all_headers(execute, 0);
  LittleWriter(execute).u16(0xffff).u16(12).u16(0).u8(0).u8(0);
  append_int_type(execute);
  LittleWriter(execute).u8(4).u32(1);
  bench.ask(PacketType::Rpc, execute);
  share(bench);
  CHECK((status_of(bench.server) & packet_status::reset_connection) != 0);
  CHECK(bench.asked().find(to_utf16("SELECT @p")) != std::string::npos);
}

TEST_CASE("share: in vain, the error says what was waited for") {
  Bench bench;
  bench.conversation.lend(bench.now);
  bench.batch("SELECT 1");
  bench.conversation.waits_for("pool-max is reached");
  bench.now = bench.conversation.deadline();
  bench.conversation.on_deadline(bench.now);
  const std::string heard = bench.heard();
  CHECK(error_in(heard) == answer_number::unavailable);
  CHECK(heard.find(to_utf16("pool-max")) != std::string::npos);
  CHECK(bench.ended == "unavailable");
}

TEST_CASE("share: a long request waits for its server instead of being refused") {
  ConversationOptions options;
  options.retain = 8 * 1024;
  Bench bench(options);
  bench.conversation.lend(bench.now);
  std::string payload, packets;
  append_all_headers(payload, 0);
  payload += to_utf16("INSERT INTO t VALUES ('" + std::string(20'000, 'x') + "')");
  append_message(packets, PacketType::Batch, payload, 4096);
  bench.conversation.from_client(Bytes(packets).substr(0, 13'000), bench.now);
  CHECK(bench.conversation.starved());
  CHECK(bench.wanted != 0);
  CHECK(bench.client.empty());
  share(bench);
  CHECK_FALSE(bench.conversation.starved());
  bench.conversation.from_client(Bytes(packets).substr(13'000), bench.now);
  CHECK(bench.asked() == payload);
}
