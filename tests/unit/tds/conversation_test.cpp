#include <catch2/catch.hpp>

#include "tests/unit/tds/conversation_bench.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace holdfast::tds::bench;

TEST_CASE("conversation: bytes pass both ways as they came, and are not copied") {
  Bench bench;
  std::string request, payload;
  append_all_headers(payload, 0);
  append_message(request, PacketType::Batch, payload + to_utf16("SELECT 1"), 4096);
  bench.conversation.from_client(request, bench.now);
  CHECK(bench.server == request);
  CHECK(bench.server_at == request.data());
  std::string answer;
  append_message(answer, PacketType::Response, rows(20), 4096);
  bench.conversation.from_server(answer, bench.now);
  CHECK(bench.client == answer);
  CHECK(bench.client_at == answer.data());
  CHECK(bench.outcomes == std::vector<std::string>{"ok"});
  CHECK(bench.conversation.idle());
}

TEST_CASE("conversation: any split gives the same bytes") {
  std::string request, payload, answer;
  append_all_headers(payload, 0);
  append_message(request, PacketType::Batch, payload + to_utf16("SELECT '" + std::string(3000, 'a') + "'"),
                 4096);
  append_message(answer, PacketType::Response, rows(9), 512);
  for (const std::size_t step : {1, 7, 513, 4095}) {
    Bench bench;
    for (std::size_t at = 0; at < request.size(); at += step)
      bench.conversation.from_client(Bytes(request).substr(at, step), bench.now);
    CHECK(bench.server == request);
    for (std::size_t at = 0; at < answer.size(); at += step)
      bench.conversation.from_server(Bytes(answer).substr(at, step), bench.now);
    CHECK(bench.client == answer);
  }
}

TEST_CASE("conversation: a client packet over the server's size is cut anew") {
  LoginFacts login = facts();
  login.server_packet_size = 512;
  Bench bench({}, login);
  bench.batch(("SELECT '" + std::string(1000, 'a') + "'").c_str());
  CHECK(Bytes(bench.server).substr(2, 2) == Bytes("\x02\x00", 2));
  CHECK(to_utf8(bench.asked()).find(std::string(1000, 'a')) != std::string::npos);
}

TEST_CASE("conversation: a request that the client takes back is not seen by the server") {
  Bench bench;
  std::string request;
  append_message(request, PacketType::Batch, std::string(100, 'x'), 4096);
  request[1] |= packet_status::ignore;
  bench.conversation.from_client(request, bench.now);
  CHECK(bench.server.empty());
  const auto done = parse_done(bench.heard(), version);
  REQUIRE(done);
  CHECK((done->status & done_status::error) != 0);
  CHECK((done->status & done_status::attention) == 0);
}

TEST_CASE("conversation: a long request passes on as it comes and is not kept") {
  ConversationOptions options;
  options.retain = 10'000;
  Bench bench(options);
  std::string payload;
  append_all_headers(payload, 0);
  payload += to_utf16("SELECT '" + std::string(500'000, 'a') + "'");
  std::string request;
  append_message(request, PacketType::Batch, payload, 4096);
  for (std::size_t at = 0; at < request.size(); at += 1000) {
    bench.conversation.from_client(Bytes(request).substr(at, 1000), bench.now);
    REQUIRE(bench.conversation.memory() < 64 * 1024);
  }
  CHECK(bench.asked() == payload);
  bench.lose();  // it cannot be sent again, and it was sent whole
  CHECK(error_in(bench.heard()) == answer_number::unknown_outcome);
}

TEST_CASE("conversation: a long request that was not sent whole is swallowed, then said to be rolled back") {
  ConversationOptions options;
  options.retain = 10'000;
  Bench bench(options);
  std::string payload, request;
  append_all_headers(payload, 0);
  append_message(request, PacketType::Batch, payload + to_utf16(std::string(50'000, 'a')), 4096);
  bench.conversation.from_client(Bytes(request).substr(0, 40'000), bench.now);
  CHECK_FALSE(bench.server.empty());
  bench.lose();
  CHECK(bench.client.empty());
  bench.conversation.from_client(Bytes(request).substr(40'000), bench.now);
  CHECK(error_in(bench.heard()) == answer_number::rolled_back);
  CHECK(bench.ended.empty());
}

TEST_CASE("conversation: a guard rule refuses before the server hears of it") {
  Bench bench;
  bench.allowed = false;
  bench.batch("DROP TABLE everything");
  CHECK(bench.server.empty());
  CHECK(error_in(bench.heard()) == answer_number::denied);
  bench.allowed = true;
  bench.batch("SELECT 1");
  CHECK_FALSE(bench.server.empty());
}

TEST_CASE("conversation: pause holds what is outside a transaction, and only that") {
  Bench bench;
  bench.begin(5);
  bench.conversation.pause(true, bench.now);
  bench.batch("SELECT 1", 5);
  CHECK_FALSE(bench.server.empty());
  Bench other;
  other.conversation.pause(true, other.now, Duration::seconds(60));
  other.batch("INSERT INTO t VALUES (1)");
  CHECK(other.server.empty());
  CHECK(other.conversation.sight().state == "held");
  CHECK(other.conversation.deadline() == other.now + Duration::seconds(60));
  other.conversation.pause(false, other.now);
  CHECK_FALSE(other.server.empty());
}

TEST_CASE("conversation: a drain ends between requests, not in one or in a transaction") {
  Bench bench;
  bench.batch("SELECT 1");
  bench.conversation.drain(bench.now);
  CHECK(bench.ended.empty());
  bench.answer(rows(1));
  CHECK(bench.ended == "drained");
  CHECK_FALSE(bench.was_reset);
  Bench open;
  open.begin(5);
  open.conversation.drain(open.now);
  CHECK(open.ended.empty());
}

TEST_CASE("conversation: an attention goes to the server, and its own message is waited for") {
  Bench bench;
  bench.batch("SELECT 1");
  bench.server.clear();
  bench.ask(PacketType::Attention, {});
  CHECK(bench.server.size() == packet_header_size);
  bench.answer(rows(1));  // it was done already
  CHECK(bench.conversation.idle() == false);
  bench.answer(attention_answer(version));
  CHECK(bench.conversation.idle());
  CHECK(bench.outcomes == std::vector<std::string>{"ok"});
}

TEST_CASE("conversation: what is no TDS ends the session, whoever says it") {
  Bench bench;
  bench.conversation.from_client("GET / HTTP/1.1\r\n", bench.now);
  CHECK(bench.ended == "client-protocol");
  CHECK(bench.was_reset);
  Bench other;
  other.batch("SELECT 1");
  other.conversation.from_server("HTTP/1.1 400 Bad Request", other.now);
  CHECK(other.dropped == 1);
  CHECK(other.wanted == 1);
  for (int i = 0; i < 10 && other.ended.empty(); ++i) {  // a server that always does so is not asked for ever
    other.attach();
    other.conversation.from_server("HTTP/1.1 400 Bad Request", other.now);
  }
  CHECK(other.wanted <= 5);
}

TEST_CASE("conversation: no ENVCHANGE leads a client past the proxy, not in a session either") {
  Bench bench;
  std::string kept, led;
  append_env_change(kept, EnvKind::Database, to_utf16("shop"), to_utf16("home"));
  append_env_change(led, EnvKind::Mirror, to_utf16("SQL9"), {});
  append_env_change(led, EnvKind::Routing, std::string(11, '\0'), std::string(2, '\0'));
  bench.batch("USE shop");
  bench.answer(led + kept + Bench::done());
  CHECK(bench.heard() == kept + Bench::done());
  bench.batch("SELECT 1");
  bench.answer(Bench::done());
  CHECK(bench.heard() == Bench::done());
}

TEST_CASE("a record has the statement's own text only if it is asked for, and not all of a long one") {
  ConversationOptions options;
  options.own_text = 12;
  Bench asked(options), silent;
  for (Bench* bench : {&asked, &silent}) {
    bench->batch("select 'secret' from t");
    bench->answer(Bench::done());
  }
  CHECK(asked.own_text == "select 'secr");
  CHECK(silent.own_text.empty());
}
