// Answers in the server's place: which tokens, in which order, and what the numbers tell a driver.
#include "tds/answer.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr std::uint32_t new_version = tds_version::v7_4, old_version = tds_version::v7_1;

// Tokens of an answer: ours have two bytes of length, but for DONE.
std::vector<Bytes> tokens(Bytes answer, std::uint32_t version) {
  std::vector<Bytes> found;
  while (!answer.empty()) {
    LittleReader in(answer);
    const auto type = *in.u8();
    const std::size_t size = type >= 0xfd ? done_size(version) : std::size_t{3} + *in.u16();
    REQUIRE(size <= answer.size());
    found.push_back(answer.substr(0, size));
    answer.remove_prefix(size);
  }
  return found;
}

}  // namespace

TEST_CASE("rolled back: 1205 of class 13, the transaction's end, a final DONE with an error") {
  const std::string answer =
      rolled_back_answer(new_version, 0x1122334455667788, "The server was lost.", false);
  const auto parts = tokens(answer, new_version);
  REQUIRE(parts.size() == 3);
  const auto error = parse_server_message(parts[0], new_version);
  REQUIRE(error);
  CHECK(error->number == 1205);
  CHECK(error->severity == 13);
  CHECK(to_utf8(error->text) == "The server was lost.");
  const auto change = parse_env_change(parts[1]);
  REQUIRE(change);
  CHECK(change->kind == EnvKind::Rollback);
  CHECK(change->old_value == "\x88\x77\x66\x55\x44\x33\x22\x11");
  const auto done = parse_done(parts[2], new_version);
  REQUIRE(done);
  CHECK(done->token == Token::Done);
  CHECK(done->status == done_status::error);
}

TEST_CASE("rolled back: an RPC ends with DONEPROC; without a descriptor, or before 7.2, none is named") {
  const std::string answer = rolled_back_answer(new_version, 0, "x", true);
  const auto rpc = tokens(answer, new_version);
  REQUIRE(rpc.size() == 2);
  CHECK(parse_done(rpc[1], new_version)->token == Token::DoneProc);
  const std::string old = rolled_back_answer(old_version, 5, "x", false);
  REQUIRE(tokens(old, old_version).size() == 2);
  CHECK(parse_done(tokens(old, old_version)[1], old_version)->status == done_status::error);
}

TEST_CASE("a rollback that was asked for is no error") {
  const std::string answer = rollback_done_answer(new_version, 5);
  const auto parts = tokens(answer, new_version);
  REQUIRE(parts.size() == 2);
  CHECK(parse_env_change(parts[0])->kind == EnvKind::Rollback);
  CHECK(parse_done(parts[1], new_version)->status == 0);
}

TEST_CASE("an error has its number, its class and a DONE that says so") {
  const std::string answer =
      error_answer(new_version, answer_number::unknown_outcome, 20, "It may have been done.");
  const auto parts = tokens(answer, new_version);
  REQUIRE(parts.size() == 2);
  CHECK(parse_server_message(parts[0], new_version)->number == 50701);
  CHECK(parse_server_message(parts[0], new_version)->severity == 20);
  CHECK(parse_done(parts[1], new_version)->status == (done_status::error | done_status::server_error));
  const std::string refusal = error_answer(new_version, answer_number::denied, 16, "Not this one.");
  CHECK(parse_done(tokens(refusal, new_version)[1], new_version)->status == done_status::error);
}

TEST_CASE("an attention is acknowledged by one DONE") {
  for (const std::uint32_t version : {new_version, old_version}) {
    const auto done = parse_done(attention_answer(version), version);
    REQUIRE(done);
    CHECK(done->status == done_status::attention);
  }
}
