// Whole responses, made by hand, walked at every split: what passes, what is shown, how many rows.
#include "tds/token_walk.h"

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "tds/answer.h"
#include "tds/little.h"
#include "tds/login7.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace std::string_literals;

namespace {

constexpr std::uint32_t new_version = tds_version::v7_4, old_version = tds_version::v7_1;
const std::string coll = "\x09\x04\xd0\x00\x34"s;

struct Record final : TokenSink {
  std::vector<std::pair<Token, std::string>> seen;
  std::function<Verdict(Token, Bytes, std::string&)> judge;
  Verdict on_token(Token token, Bytes whole, std::string& replacement) override {
    CHECK(replacement.empty());
    seen.emplace_back(token, whole);
    return judge ? judge(token, whole, replacement) : Verdict::Pass;
  }
};

TokenWalk::Kinds small_kinds() {
  return TokenWalk::kinds({Token::Done, Token::DoneProc, Token::DoneInProc, Token::EnvChange, Token::Error,
                           Token::Info, Token::ReturnValue, Token::ReturnStatus, Token::SessionState,
                           Token::FeatureExtAck, Token::LoginAck, Token::Order, Token::ColMetadata});
}

struct Walked {
  std::string out, held;
  std::vector<std::pair<Token, std::string>> seen;
  std::uint64_t rows = 0;
  bool good = true, boundary = false;
  bool operator==(const Walked&) const = default;
};

// Fed in pieces that end at each of `cuts`.
Walked walk(Bytes response, std::vector<std::size_t> cuts, std::uint32_t version, TokenWalk::Kinds shown,
            std::uint8_t classification = 0) {
  Record record;
  TokenWalk walk(version, shown, record);
  walk.set_data_classification(classification);
  Walked result;
  cuts.push_back(response.size());
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    result.good = walk.feed(response.substr(from, cut - from), &result.out).has_value();
    from = cut;
    if (!result.good) break;
  }
  result.held = std::string(walk.held()) + std::string(response.substr(from));
  result.seen = record.seen;
  result.rows = walk.rows();
  result.boundary = walk.at_boundary();
  return result;
}

// The same in one piece, in two at every split, and byte by byte.
Walked walk_all(const std::string& response, std::uint32_t version = new_version,
                std::uint8_t classification = 0) {
  std::vector<std::size_t> bytes;
  for (std::size_t i = 1; i < response.size(); ++i) bytes.push_back(i);
  for (const TokenWalk::Kinds& shown : {TokenWalk::Kinds{}, small_kinds()}) {
    const Walked whole = walk(response, {}, version, shown, classification);
    for (const std::size_t cut : bytes) {
      INFO("cut at " << cut);
      REQUIRE(walk(response, {cut}, version, shown, classification) == whole);
    }
    REQUIRE(walk(response, bytes, version, shown, classification) == whole);
    CHECK(whole.good);
    CHECK(whole.boundary);
    CHECK(whole.out == response);
    CHECK(whole.held.empty());
    if (shown.any()) return whole;
  }
  return {};
}

std::string done(Token token, std::uint16_t status, std::uint64_t count,
                 std::uint32_t version = new_version) {
  std::string out;
  append_done(out, version, {token, status, 0xc1, count});
  return out;
}

std::string column(const std::string& type, std::string_view name = "c", const std::string& table = {}) {
  std::string out;
  LittleWriter(out).u32(0).u16(9).bytes(type).bytes(table).b_varchar(to_utf16(name));
  return out;
}

std::string columns(const std::vector<std::string>& each) {
  std::string out;
  LittleWriter(out).u8(0x81).u16(static_cast<std::uint16_t>(each.size()));
  for (const std::string& one : each) out += one;
  return out;
}

const std::string plp_two_chunks = "\xfe\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0abc\x02\0\0\0\xd1\xfd\0\0\0\0"s;
const std::string plp_one_chunk = "\x02\0\0\0\0\0\0\0\x02\0\0\0{}\0\0\0\0"s;
const std::string plp_null = "\xff\xff\xff\xff\xff\xff\xff\xff"s;
const std::string plp_empty = "\0\0\0\0\0\0\0\0\0\0\0\0"s;
const std::string in_text = "\x10pppppppppppppppptttttttt\x03\0\0\0abc"s;

std::string mixed_columns() {
  return columns({column("\x38", "int"), column("\x34", "small"), column("\x26\x04", "intn"),
                  column("\xe7\x40\x1f"s + coll, "nvarchar"), column("\xe7\xff\xff"s + coll, "max"),
                  column("\x62\x49\x1f\0\0"s, "variant"), column("\xf1\0"s, "xml"), column("\xf4", "json"),
                  column("\x63\xff\xff\xff\x7f"s + coll, "ntext", "\x02\x03\0d\0b\0o\0\x01\0t\0"s),
                  column("\x6a\x11\x26\x0a", "decimal"), column("\x2a\x07", "datetime2"),
                  column("\xf0\xff\xff\x01"
                         "d\0\x01s\0\x01t\0\x01\0a\0"s,
                         "udt"),
                  column("\x28", "date")});
}

// Values that look like tokens, nulls, empty ones.
std::string mixed_rows() {
  const std::string full = "\xd1\xfd\xfd\xfd\xfd\xd1\xd1\x04\xaa\xaa\xaa\xaa\x04\0x\0y\0"s + plp_two_chunks +
                           "\x05\0\0\0\x30\0abc"s + plp_one_chunk + plp_one_chunk + in_text +
                           "\x05"
                           "abcde" +
                           "\x08"
                           "12345678" +
                           plp_one_chunk +
                           "\x03"
                           "abc";
  const std::string nulls =
      "\xd1"
      "abcdef\0\xff\xff"s +
      plp_null + "\0\0\0\0"s + plp_null + plp_empty + "\0\0\0"s + plp_null + "\0"s;
  // All null but the second and the last.
  const std::string nbc =
      "\xd2\xfd\x0f"
      "\xd1\xd1\x03"
      "abc";
  return full + nulls + nbc + full;
}

}  // namespace

TEST_CASE("a select of mixed types: rows are counted, never shown") {
  const std::string head = mixed_columns(), order = "\xa9\x02\0\x01\0"s;
  const std::string response = head + order + mixed_rows() + done(Token::Done, 0x10, 4);
  const Walked walked = walk_all(response);
  CHECK(walked.rows == 4);
  REQUIRE(walked.seen.size() == 3);
  CHECK(walked.seen[0] == std::pair(Token::ColMetadata, head));
  CHECK(walked.seen[1].first == Token::Order);
  CHECK(parse_done(walked.seen[2].second, new_version)->count == 4);
}

TEST_CASE("rows of fixed size only, of null types, and none") {
  const std::string head = columns({column("\x38"), column("\x1f"), column("\x7f"), column("\x32")});
  const Walked walked = walk_all(head +
                                 "\xd1"
                                 "abcd12345678x" +
                                 "\xd1"
                                 "abcd12345678x" +
                                 done(Token::Done, 0, 0));
  CHECK(walked.rows == 2);
  CHECK(walk_all(columns({column("\x1f")}) + "\xd1\xd1\xd1" + done(Token::Done, 0, 0)).rows == 3);
  const std::string zeros = columns({column("\xf4"), column("\x38")}) + "\xd1"s + plp_empty + "\0\0\0\0"s;
  CHECK(walk_all(zeros + done(Token::Done, 0, 0)).rows == 1);
  CHECK(walk_all(head + done(Token::Done, 0x11, 0) + "\x81\xff\xff"s + done(Token::Done, 0, 0)).rows == 0);
}

TEST_CASE("7.1: short DONE, user types of two bytes, a table in one name") {
  std::string head = "\x81\x02\0"s;
  LittleWriter(head).u16(0).u16(9).u8(0x38).b_varchar(to_utf16("i"));
  LittleWriter(head)
      .u16(0)
      .u16(9)
      .u8(0x23)
      .u32(100)
      .bytes(coll)
      .us_varchar(to_utf16("dbo.t"))
      .b_varchar(to_utf16("t"));
  const std::string offset = "\x78\x01\0\x02\0"s;
  const std::string response = offset + head +
                               "\xd1"
                               "abcd" +
                               in_text +
                               "\xd1"
                               "abcd\0"s +
                               done(Token::Done, 0x10, 2, old_version);
  CHECK(walk_all(response, old_version).rows == 2);
}

TEST_CASE("an RPC with output parameters: small ones are shown, large ones pass") {
  std::string handle, status;
  append_returned_int(handle, new_version, to_utf16("@h"), 7);
  append_return_status(status, 0);
  const std::string value_head = "\xac\x01\0\0\x01\0\0\0\0\0\0"s;
  const std::string text = value_head + "\xe7\x40\x1f"s + coll + "\x02\0x\0"s;
  const std::string large = value_head + "\xe7\xff\xff"s + coll + plp_two_chunks;
  const Walked walked = walk_all(done(Token::DoneInProc, 0x11, 1) + status + handle + text + large +
                                 done(Token::DoneProc, 0, 0));
  REQUIRE(walked.seen.size() == 5);
  CHECK(parse_returned_int(walked.seen[2].second, new_version)->value == 7);
  CHECK(walked.seen[3].second == text);
  CHECK(walked.seen[4].first == Token::DoneProc);
}

TEST_CASE("a returned value of megabytes passes without being kept") {
  Record record;
  TokenWalk walk(new_version, small_kinds(), record);
  std::string response =
      "\xac\x01\0\0\x01\0\0\0\0\0\0\xa5\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\x40\0"s;
  std::string out;
  REQUIRE(walk.feed(response, &out));
  const std::string piece(1 << 16, 'x');
  for (int i = 0; i < 64; ++i) {
    REQUIRE(walk.feed(piece, &out));
    CHECK(walk.held().empty());
  }
  REQUIRE(walk.feed("\0\0\0\0"s, &out));
  CHECK(walk.at_boundary());
  CHECK(out.size() == response.size() + 64 * piece.size() + 4);
}

TEST_CASE("an error, a login, a prepare: each token is shown whole") {
  std::string login, state;
  append_env_change(login, EnvKind::Database, to_utf16("db"), to_utf16("master"));
  append_env_change(login, EnvKind::Promote, std::string(300, 'p'), {});
  append_login_ack(login, {1, new_version, to_utf16("S"), 0x10000000});
  append_session_state(state, {1, true, {{7, "\x02"}}});
  append_feature_ack(login, {{1, std::string(300, 's')}, {0x0a, "\x01"}});
  const Walked in = walk_all(login + done(Token::Done, 0, 0));
  REQUIRE(in.seen.size() == 5);
  CHECK(parse_env_change(in.seen[1].second)->new_value.size() == 300);
  CHECK(parse_feature_ack(in.seen[3].second)->size() == 2);
  const Walked lost = walk_all(rolled_back_answer(new_version, 9, "lost", true));
  REQUIRE(lost.seen.size() == 3);
  CHECK(parse_server_message(lost.seen[0].second, new_version)->number == 1205);
  CHECK(walk_all(state + done(Token::Done, 0, 0)).seen.size() == 2);
  CHECK(walk_all("\xee\x04\0\0\0abcd\xed\x02\0xy\xa5\x01\0x\xa4\0\0\xe3\0\0"s).seen.size() == 1);
}

TEST_CASE("totals of COMPUTE are stepped over by their own columns") {
  std::string totals = "\x88\x02\0\x07\0\x01\x01\0"s;
  totals += "\x4d\x01\0"s + column("\x38") + "\x4b\x01\0"s + column("\x26\x04");
  const std::string response = columns({column("\x38")}) + totals +
                               "\xd1"
                               "abcd\xd3\x07\0"
                               "abcd\x02xy\xd1"
                               "abcd"s +
                               done(Token::Done, 0, 0);
  CHECK(walk_all(response).rows == 2);
  Record record;
  TokenWalk walk(new_version, {}, record);
  CHECK_FALSE(walk.feed(columns({column("\x38")}) + totals + "\xd3\x08\0"s, nullptr));
  walk.restart();
  CHECK_FALSE(
      walk.feed(columns({column("\x38")}) + totals + columns({column("\x38")}) + "\xd3\x07\0"s, nullptr));
}

TEST_CASE("DATACLASSIFICATION has no length: by its counts, or an error") {
  const auto token = [](bool ranked) {
    std::string out = "\xa3\x01\0\x01l\0\x01i\0\x00\x00"s;
    LittleWriter to(out);
    if (ranked) to.u32(20);
    to.u16(2).u16(1).u16(0).u16(0xffff);
    if (ranked) to.u32(20);
    to.u16(0);
    return out;
  };
  walk_all(token(false) + done(Token::Done, 0, 0), new_version, 1);
  walk_all(token(true) + done(Token::Done, 0, 0), new_version, 2);
  Record record;
  TokenWalk walk(new_version, {}, record);
  CHECK_FALSE(walk.feed(token(true), nullptr));
}

TEST_CASE("tokens are replaced and dropped at every split; the rest passes") {
  const std::string first = done(Token::DoneInProc, 1, 1), last = done(Token::Done, 0, 0);
  std::string state;
  append_session_state(state, {1, true, {}});
  const std::string rows = columns({column("\x26\x04")}) +
                           "\xd1\x01"
                           "a\xd1\0"s;
  const std::string response = rows + first + state + last;
  for (std::size_t cut = 0; cut <= response.size(); ++cut) {
    Record record;
    record.judge = [](Token token, Bytes, std::string& replacement) {
      if (token == Token::SessionState) return TokenSink::Verdict::Drop;
      replacement = "(done)";
      return TokenSink::Verdict::Replace;
    };
    TokenWalk walk(new_version, TokenWalk::kinds({Token::DoneInProc, Token::SessionState}), record);
    std::string out;
    REQUIRE(walk.feed(Bytes(response).substr(0, cut), &out));
    REQUIRE(walk.feed(Bytes(response).substr(cut), &out));
    CHECK(out == rows + "(done)" + last);
  }
}

TEST_CASE("what cannot be read: an error, and nothing is lost") {
  const std::string good = columns({column("\x38")}) +
                           "\xd1"
                           "abcd";
  const std::vector<std::string> bad = {
      "\xb0"s,
      "\x01"s,                                     // no such token; a table's row
      "\x81\x01\x10"s,                                      // 4097 columns
      columns({column("\x99")}),                            // no such type
      columns({column("\xf3\0\0\0"s)}),                     // a table in a response
      "\x81\xff\xff\xd1"s,                                  // a row without its columns
      columns({column("\x62\0\0\0\0"s)}) + "\xd1\0\0\0\x80"s,  // a value of 2 GiB
      "\xae\x01\0\0\x40\0"s,                                // a feature of 4 MiB, shown
      "\xe4\xff\xff\xff\xff"s,                              // a state of 4 GiB, shown
      "\x88\x01\0\x01\0\0\x4d\x01\0"s + column("\x1f"),  // totals without a type
      "\x88\0\0\x01\0\0"s,                                  // totals of nothing
  };
  for (const std::string& each : bad) {
    const std::string response = good + each + "behind";
    const Walked whole = walk(response, {}, new_version, small_kinds());
    INFO(response.size() << " bytes, the first wrong one is " << int{static_cast<unsigned char>(each[0])});
    CHECK_FALSE(whole.good);
    CHECK(whole.out + whole.held == response);
    CHECK(whole.rows >= 1);
    for (std::size_t cut = 1; cut < response.size(); ++cut) {
      const Walked split = walk(response, {cut}, new_version, small_kinds());
      CHECK_FALSE(split.good);
      CHECK(split.out + split.held == response);
      CHECK(split.seen == whole.seen);
    }
  }
}

TEST_CASE("a column that is too long is an error in one piece and in many") {
  std::string table = "\xff";
  for (int part = 0; part < 255; ++part) LittleWriter(table).us_varchar(std::string(4000, 'x'));
  const std::string response = columns({column("\x22\xff\xff\xff\x7f"s, "c", table)});
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1000; at < response.size(); at += 1000) cuts.push_back(at);
  for (const auto& in : {std::vector<std::size_t>{}, cuts}) {
    const Walked walked = walk(response, in, new_version, {});
    CHECK_FALSE(walked.good);
    CHECK(walked.out + walked.held == response);
  }
}

TEST_CASE("with column encryption columns are not guessed") {
  Record record;
  TokenWalk walk(new_version, {}, record, true);
  std::string out;
  CHECK(walk.feed(done(Token::Done, 1, 0), &out));
  CHECK_FALSE(walk.feed(columns({column("\x38")}), &out));
  CHECK_FALSE(walk.feed(done(Token::Done, 0, 0), &out));
}

TEST_CASE("a walk may begin anew, and without anybody who wants the bytes") {
  Record record;
  TokenWalk walk(new_version, small_kinds(), record);
  CHECK_FALSE(walk.feed(columns({column("\x38")}) + "\xd1"
                                                    "abcd\x02"s,
                        nullptr));
  walk.restart();
  CHECK(walk.at_boundary());
  CHECK(walk.rows() == 0);
  CHECK_FALSE(walk.feed("\xd1", nullptr));
  walk.restart();
  CHECK(walk.feed(done(Token::Done, 0, 5), nullptr));
  CHECK(record.seen.back().first == Token::Done);
}
