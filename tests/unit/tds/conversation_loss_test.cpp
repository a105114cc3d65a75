#include <catch2/catch.hpp>

#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

TEST_CASE(
    "conversation: an idle session asks for a server at once, and is restored before its next request") {
  Bench bench;
  bench.batch("SET DATEFIRST 3");
  bench.answer(Bench::done());
  bench.client.clear();
  bench.server.clear();
  bench.lose();
  CHECK(bench.wanted == 1);
  bench.batch("SELECT 1");
  CHECK(bench.server.empty());
  bench.attach();
  CHECK(to_utf8(bench.asked()).find("SET DATEFIRST 3") != std::string::npos);
  bench.answer(Bench::done());
  CHECK(to_utf8(bench.asked()).find("SELECT 1") != std::string::npos);
  CHECK(bench.client.empty());
  bench.answer(rows(1));
  CHECK(bench.heard() == rows(1));
  CHECK(bench.conversation.sight().survived == 1);
}

TEST_CASE("conversation: settings that a new server refuses end the session honestly") {
  Bench bench;
  bench.batch("SET DATEFIRST 3");
  bench.answer(Bench::done());
  bench.lose();
  bench.batch("SELECT 1");
  bench.attach();
  bench.client.clear();
  bench.answer(error_answer(version, 2742, 16, "no"));
  CHECK(error_in(bench.heard()) == answer_number::session_lost);
  CHECK_FALSE(bench.was_reset);
  CHECK_FALSE(bench.ended.empty());
}

TEST_CASE("conversation: a repeated read goes on where the client's bytes ended") {
  Bench bench;
  bench.batch("SELECT v FROM t");
  std::string answer;
  append_message(answer, PacketType::Response, rows(20), 4096);
  bench.conversation.from_server(Bytes(answer).substr(0, 10'000), bench.now);
  CHECK(bench.client.size() == 2 * 4096);  // whole packets only
  bench.server.clear();
  bench.lose();
  bench.attach();
  CHECK(to_utf8(bench.asked()).find("SELECT v FROM t") != std::string::npos);
  SECTION("and is the same to the client") {
    std::string again;
    append_message(again, PacketType::Response, rows(20), 1000);  // in other packets
    bench.conversation.from_server(again, bench.now);
    CHECK(bench.heard() == rows(20));
    CHECK(bench.outcomes == std::vector<std::string>{"repeated"});
  }
  SECTION("and ends the session if it differs") {
    bench.answer(rows(20, 'y'));
    CHECK(bench.client.size() == 2 * 4096);
    CHECK(bench.ended == "answer-differs");
    CHECK(bench.was_reset);
  }
  SECTION("and ends the session if it is shorter") {
    bench.answer(rows(2));
    CHECK(bench.ended == "answer-differs");
    CHECK(bench.was_reset);
  }
  SECTION("also if the next server dies, too") {
    std::string again;
    append_message(again, PacketType::Response, rows(20), 1000);
    bench.conversation.from_server(Bytes(again).substr(0, 13'500), bench.now);
    bench.lose();
    bench.attach();
    bench.answer(rows(20));
    CHECK(bench.heard() == rows(20));
  }
}

TEST_CASE("conversation: a write in flight is not sent again; its outcome is said to be unknown") {
  Bench bench;
  bench.batch("INSERT INTO t VALUES (1)");
  bench.server.clear();
  bench.lose();
  CHECK(error_in(bench.heard()) == answer_number::unknown_outcome);
  CHECK(bench.ended == "unknown");
  CHECK_FALSE(bench.was_reset);
  CHECK(bench.wanted == 0);
  CHECK(bench.server.empty());
}

TEST_CASE(
    "conversation: a transaction that is lost in a statement is answered with 1205, and the session goes "
    "on") {
  Bench bench;
  bench.begin(77);
  bench.batch("INSERT INTO t VALUES (2)", 77);
  bench.lose();
  std::string heard = bench.heard(), eight;
  CHECK(error_in(heard) == answer_number::rolled_back);
  LittleWriter(eight).u64(77);
  CHECK(heard.find(eight) != std::string::npos);
  CHECK(bench.ended.empty());
  bench.server.clear();
  bench.attach();
  bench.batch("INSERT INTO t VALUES (2)");
  CHECK_FALSE(bench.server.empty());
  CHECK_FALSE(bench.conversation.in_transaction());
}

TEST_CASE("conversation: a COMMIT in flight may have been done") {
  Bench bench;
  bench.begin(77);
  bench.batch("COMMIT TRAN", 77);
  bench.lose();
  CHECK(error_in(bench.heard()) == answer_number::unknown_outcome);
  CHECK(bench.ended == "unknown");
}

TEST_CASE(
    "conversation: a transaction lost while idle is told at the next request that is the application's") {
  Bench bench;
  bench.begin(77);
  bench.lose();
  bench.attach();
  CHECK_FALSE(bench.conversation.idle());
  SECTION("any statement") {
    bench.batch("SELECT 1", 77);
    CHECK(error_in(bench.heard()) == answer_number::rolled_back);
    CHECK(bench.server.empty());
  }
  SECTION("a rollback is done already") {
    bench.batch("IF @@TRANCOUNT > 0 ROLLBACK TRAN", 77);
    const std::string heard = bench.heard();
    CHECK(error_in(heard) == 0);
    CHECK(heard == rollback_done_answer(version, 77));
  }
  SECTION("a handle that the driver gives back does not take the news") {
    std::string payload;
    append_all_headers(payload, 77);
    LittleWriter(payload).u16(0xffff).u16(15).u16(0).u8(0).u8(0);
    append_int_type(payload);
    LittleWriter(payload).u8(4).u32(9);
    bench.ask(PacketType::Rpc, payload);
    CHECK(error_in(bench.heard()) == 0);
    bench.batch("SELECT 1", 77);
    CHECK(error_in(bench.heard()) == answer_number::rolled_back);
  }
  SECTION("a reset gives the transaction up") {
    bench.batch("SELECT 1", 0, packet_status::reset_connection);
    CHECK_FALSE(bench.server.empty());
  }
}

TEST_CASE("conversation: state that cannot be restored ends an idle session at once") {
  Bench bench;
  bench.batch("CREATE TABLE #t (x int)");
  bench.answer(Bench::done());
  CHECK(bench.conversation.sight().unrecoverable ==
        static_cast<UnrecoverableSet>(Unrecoverable::TemporaryTable));
  bench.lose();
  CHECK(bench.ended == "session-lost");
  CHECK(bench.was_reset);
  CHECK(bench.wanted == 0);
}

TEST_CASE("conversation: while held an attention is answered here, and the request is dropped") {
  Bench bench;
  bench.lose();
  bench.batch("INSERT INTO t VALUES (1)");
  bench.ask(PacketType::Attention, {});
  CHECK(bench.heard() == attention_answer(version));
  bench.attach();
  CHECK(bench.server.empty());
}

TEST_CASE("conversation: a request waits for a primary so long, then hears that nothing was done") {
  ConversationOptions options;
  options.hold = Duration::seconds(10);
  Bench bench(options);
  bench.lose();
  CHECK(bench.conversation.deadline() == Instant::never());
  bench.batch("INSERT INTO t VALUES (1)");
  CHECK(bench.conversation.deadline() == bench.now + Duration::seconds(10));
  bench.now = bench.now + Duration::seconds(10);
  bench.conversation.on_deadline(bench.now);
  CHECK(error_in(bench.heard()) == answer_number::unavailable);
  CHECK(bench.ended == "unavailable");
  CHECK(bench.server.empty());
}

TEST_CASE(
    "conversation: a failover's error before anything else is withheld, and the request sent where the "
    "primary is") {
  Bench bench;
  bench.batch("INSERT INTO t VALUES (1)");
  bench.server.clear();
  bench.answer(error_answer(version, 976, 14, "not accessible"));
  CHECK(bench.failover_error == 976);
  CHECK(bench.client.empty());
  CHECK(bench.dropped == 1);
  CHECK(bench.wanted == 1);
  bench.attach();
  CHECK(to_utf8(bench.asked()).find("INSERT") != std::string::npos);
  bench.answer(Bench::done());
  CHECK(bench.outcomes == std::vector<std::string>{"resent"});
}

TEST_CASE("conversation: what a batch prints before a failover's error does not hide it") {
  Bench bench;
  bench.batch("PRINT 'x'; SELECT n FROM t");
  std::string said;
  append_server_message(said, version, {Token::Info, 0, 1, 0, to_utf16("x"), to_utf16("SQL1"), {}, 1});
  bench.answer(said + error_answer(version, 983, 14, "not accessible"));
  CHECK(bench.failover_error == 983);
  CHECK(bench.client.empty());
  CHECK(bench.wanted == 1);
}

TEST_CASE("conversation: a batch of two writes that ends so may have done the first, and is not sent again") {
  Bench bench;
  bench.batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
  bench.answer(error_answer(version, 3906, 16, "read-only"));
  CHECK(bench.failover_error == 3906);
  CHECK(bench.dropped == 0);
  CHECK(error_in(bench.heard()) == 3906);
}

TEST_CASE("conversation: a COMMIT that fails so has an outcome that nobody knows") {
  Bench bench;
  bench.begin(7);
  bench.batch("COMMIT TRAN", 7);
  bench.answer(error_answer(version, 9001, 21, "log"));
  CHECK(error_in(bench.heard()) == answer_number::unknown_outcome);
}

TEST_CASE("conversation: rows do not follow an INSERT BULK to another server") {
  Bench bench;
  bench.batch("INSERT BULK t (x int)");
  bench.answer(Bench::done());
  bench.client.clear();
  bench.lose();
  bench.attach();
  bench.server.clear();
  bench.ask(PacketType::Bulk, std::string(100, 'x'));
  CHECK(bench.server.empty());
  CHECK(error_in(bench.heard()) == answer_number::rolled_back);
}

TEST_CASE("conversation: an attention and the server's death: a read is cancelled, a write unknown") {
  Bench read;
  read.batch("SELECT 1");
  read.ask(PacketType::Attention, {});
  read.lose();
  CHECK(read.heard() == attention_answer(version));
  CHECK(read.ended.empty());
  Bench write;
  write.batch("INSERT INTO t VALUES (1)");
  write.ask(PacketType::Attention, {});
  write.lose();
  CHECK(error_in(write.heard()) == answer_number::unknown_outcome);
}

TEST_CASE(
    "conversation: what only we asked of the server the client never sees, and it restores the session") {
  LoginFacts login = facts();
  login.server_has_recovery = true;
  Bench bench({}, login);
  bench.batch("SET DATEFIRST 3");
  std::string tokens;
  append_session_state(tokens, {1, true, {{2, "3"}}});
  bench.answer(tokens + Bench::done());
  CHECK(bench.heard() == Bench::done());
  bench.server.clear();
  bench.lose();
  const auto recovery = parse_recovery_data(bench.conversation.relogin().recovery);
  REQUIRE(recovery);
  REQUIRE(recovery->second.states.size() == 1);
  CHECK(recovery->second.states[0].value == "3");
  bench.attach(login);
  CHECK(bench.server.empty());  // no batch: the login said it
}

TEST_CASE("conversation: a client's count of session states goes on over servers") {
  LoginFacts login = facts();
  login.server_has_recovery = login.client_asked_recovery = true;
  Bench bench({}, login);
  std::string tokens, later;
  append_session_state(tokens, {9, true, {{2, "3"}}});
  bench.batch("SET DATEFIRST 3");
  bench.answer(tokens + Bench::done());
  CHECK(bench.heard() == tokens + Bench::done());
  bench.lose();
  bench.attach(login);
  tokens.clear();
  append_session_state(tokens, {1, true, {{2, "4"}}});
  append_session_state(later, {10, true, {{2, "4"}}});
  bench.batch("SET DATEFIRST 4");
  bench.answer(tokens + Bench::done());
  CHECK(bench.heard() == later + Bench::done());
  bench.lose();
  login.server_version = 0x0f000000;
  bench.attach(login);
  CHECK_FALSE(bench.ended.empty());
}

TEST_CASE("conversation: a login that cannot be repeated ends with its server") {
  ConversationOptions options;
  options.relogin_possible = false;
  Bench bench(options);
  bench.lose();
  CHECK(bench.was_reset);
  Bench refused;
  refused.lose();
  refused.batch("SELECT 1");
  refused.conversation.login_refused("the password has changed", refused.now);
  CHECK(error_in(refused.heard()) == answer_number::session_lost);
}

TEST_CASE("conversation: what was still being packed when the server died counts as not sent") {
  LoginFacts login = facts();
  login.server_has_recovery = true;  // so that answers are rewritten
  Bench bench({}, login);
  bench.begin(77);
  bench.batch("INSERT INTO t VALUES (2)", 77);
  std::string answer;
  append_message(answer, PacketType::Response, rows(20), 1000);
  bench.conversation.from_server(Bytes(answer).substr(0, 2500), bench.now);
  CHECK(bench.client.empty());
  bench.lose();
  CHECK(error_in(bench.heard()) == answer_number::rolled_back);
}

TEST_CASE(
    "conversation: an attention for a read that is being repeated reaches the server behind what is "
    "compared") {
  Bench bench;
  bench.batch("SELECT v FROM t");
  std::string answer, again;
  append_message(answer, PacketType::Response, rows(20), 4096);
  bench.conversation.from_server(Bytes(answer).substr(0, 10'000), bench.now);
  bench.ask(PacketType::Attention, {});
  bench.lose();
  bench.attach();
  bench.server.clear();
  append_message(again, PacketType::Response, rows(20), 4096);
  bench.conversation.from_server(Bytes(again).substr(0, 4096), bench.now);
  CHECK(bench.server.empty());
  bench.conversation.from_server(Bytes(again).substr(4096), bench.now);
  REQUIRE(bench.server.size() == packet_header_size);
  CHECK(bench.server[0] == static_cast<char>(PacketType::Attention));
  bench.answer(attention_answer(version));
  CHECK(bench.heard() == rows(20) + attention_answer(version));
}

TEST_CASE("conversation: a prepared statement lives on a new server under the client's handle") {
  const auto execute = [](std::int32_t handle) {
    std::string payload;
    append_all_headers(payload, 0);
    LittleWriter(payload).u16(0xffff).u16(12).u16(0).u8(0).u8(0);
    append_int_type(payload);
    LittleWriter(payload).u8(4).u32(static_cast<std::uint32_t>(handle));
    return payload;
  };
  const auto returned = [](std::int32_t handle) {
    std::string tokens;
    append_returned_int(tokens, version, to_utf16("@handle"), handle);
    append_return_status(tokens, 0);
    append_done(tokens, version, {Token::DoneProc, 0, 0, 0});
    return tokens;
  };
  Bench bench;
  bench.ask(PacketType::Rpc, build_prepare(version, {}, to_utf16("SELECT 1")));
  bench.answer(returned(3));
  CHECK(bench.heard() == returned(3));
  bench.lose();
  bench.attach();
  bench.server.clear();
  bench.ask(PacketType::Rpc, execute(3));
  CHECK(bench.asked() == build_prepare(version, {}, to_utf16("SELECT 1")));
  bench.answer(returned(8));
  CHECK(bench.client.empty());
  CHECK(bench.asked() == execute(8));
  bench.answer(rows(1));
  CHECK(bench.heard() == rows(1));
  bench.ask(PacketType::Rpc, execute(99));  // nobody's: it may name another statement here
  CHECK(bench.server.empty());
  CHECK(error_in(bench.heard()) == 8179);
}

TEST_CASE("conversation: what the last statement left in @@IDENTITY is not read from another server") {
  Bench bench;
  bench.batch("INSERT INTO t VALUES (1)");
  bench.answer(Bench::done());
  bench.heard();
  bench.lose();
  bench.attach();
  SECTION("by itself: the session ends") {
    bench.batch("SELECT @@identity");
    CHECK(error_in(bench.heard()) == answer_number::session_lost);
    CHECK(bench.ended == "session-lost");
  }
  SECTION("behind an INSERT of its own: it is sent") {
    bench.server.clear();
    bench.batch("INSERT INTO t VALUES (2); SELECT @@IDENTITY");
    CHECK_FALSE(bench.server.empty());
  }
}
