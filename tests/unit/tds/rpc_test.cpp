// RPC and transaction requests as drivers send them, and as nobody should.
#include "tds/rpc.h"

#include <catch2/catch.hpp>

#include "tds/all_headers.h"
#include "tds/login7.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace std::string_literals;

namespace {

constexpr std::uint32_t new_version = tds_version::v7_4, old_version = tds_version::v7_1;
const std::string coll = "\x09\x04\xd0\x00\x34"s;

std::string int_parameter(std::uint32_t value, std::uint8_t status = 0) {
  std::string out;
  LittleWriter(out).u8(0).u8(status).u8(0x26).u8(4).u8(4).u32(value);
  return out;
}

std::string text_parameter(std::string_view utf8) {
  const std::string text = to_utf16(utf8);
  std::string out;
  LittleWriter(out)
      .u8(0)
      .u8(0)
      .u8(0xe7)
      .u16(8000)
      .bytes(coll)
      .u16(static_cast<std::uint16_t>(text.size()))
      .bytes(text);
  return out;
}

std::string by_name(std::string_view name) {
  std::string out;
  LittleWriter(out).us_varchar(to_utf16(name)).u16(0);
  return out;
}

std::string by_id(std::uint16_t id) {
  std::string out;
  LittleWriter(out).u16(0xffff).u16(id).u16(0);
  return out;
}

// A table of (int, nvarchar(max) that is default, varbinary), its values in the order 3, 1.
std::string table_parameter() {
  std::string out;
  LittleWriter to(out);
  to.u8(0).u8(0).u8(0xf3).u8(0).b_varchar(to_utf16("dbo")).b_varchar(to_utf16("list"));
  to.u16(3);
  to.u32(0).u16(0).u8(0x26).u8(4).u8(0);
  to.u32(0).u16(0x200).u8(0xe7).u16(0xffff).bytes(coll).u8(0);
  to.u32(0).u16(0).u8(0xa5).u16(100).u8(0);
  to.u8(0x10).u16(1).u16(1).u8(1);
  to.u8(0x11).u16(3).u16(3).u16(1).u16(2);
  to.u8(0);
  to.u8(1).u16(3).bytes("abc").u8(4).u32(1);
  to.u8(1).u16(0xffff).u8(0);
  to.u8(0);
  return out;
}

}  // namespace

TEST_CASE("sp_executesql by number: text, parameters and where they stand") {
  const std::string payload =
      by_id(10) + text_parameter("select @p") + text_parameter("@p int") + int_parameter(7);
  const auto calls = parse_rpc(payload, new_version);
  REQUIRE(calls);
  REQUIRE(calls->size() == 1);
  const RpcCall& call = calls->front();
  CHECK(call.proc == ProcId::ExecuteSql);
  CHECK(call.name.empty());
  REQUIRE(call.parameters.size() == 3);
  std::string scratch;
  CHECK(to_utf8(*text_of(call.parameters[0], scratch)) == "select @p");
  CHECK(int_of(call.parameters[2]) == 7);
  CHECK(call.parameters[2].value_at == payload.size() - 4);
  CHECK_FALSE(int_of(call.parameters[0]));
  CHECK_FALSE(text_of(call.parameters[2], scratch));
  CHECK(call.begin == 0);
  CHECK(call.end == payload.size());
}

TEST_CASE("well-known names in any case and under the system's owners; others are none") {
  const auto proc = [](std::string_view name) { return parse_rpc(by_name(name), new_version)->front().proc; };
  CHECK(proc("sp_executesql") == ProcId::ExecuteSql);
  CHECK(proc("SP_PrepExec") == ProcId::PrepExec);
  CHECK(proc("sys.sp_cursoropen") == ProcId::CursorOpen);
  CHECK(proc("master..sp_cursor") == ProcId::Cursor);
  CHECK(proc("MASTER.dbo.sp_unprepare") == ProcId::Unprepare);
  CHECK(proc("dbo.sp_execute") == ProcId::Execute);
  CHECK(proc("sp_executesql2") == ProcId::None);
  CHECK(proc("other..sp_execute") == ProcId::None);
  CHECK(proc("dbo.dbo.sp_execute") == ProcId::None);
  CHECK(proc("sp_execute\xc5\xbf") == ProcId::None);
  CHECK(proc("sp_who") == ProcId::None);
}

TEST_CASE("several calls: separators, and one that is not to be run") {
  const std::string first = by_id(12) + int_parameter(1), second = by_id(15) + int_parameter(2);
  const auto calls = parse_rpc(first + "\xff" + second + "\xfe" + by_name("p") + "\xff", new_version);
  REQUIRE(calls);
  REQUIRE(calls->size() == 3);
  CHECK_FALSE(calls->at(0).no_exec);
  CHECK(calls->at(1).no_exec);
  CHECK(calls->at(1).begin == first.size() + 1);
  CHECK(calls->at(1).end == first.size() + 1 + second.size());
  CHECK(calls->at(2).parameters.empty());
  const auto old = parse_rpc(first + "\x80" + second, old_version);
  REQUIRE(old);
  CHECK(old->size() == 2);
}

TEST_CASE("a text in chunks is joined; its first chunk stands in the payload") {
  std::string payload = by_id(10);
  LittleWriter to(payload);
  to.u8(0).u8(0).u8(0xe7).u16(0xffff).bytes(coll).u64(~std::uint64_t{1});
  to.u32(4).bytes("a\0b\0"s).u32(2).bytes("c\0"s).u32(0);
  const auto calls = parse_rpc(payload, new_version);
  REQUIRE(calls);
  const RpcParameter& parameter = calls->front().parameters.at(0);
  CHECK(parameter.plp_split);
  CHECK(*parameter.value == "a\0b\0"s);
  CHECK(payload.substr(parameter.value_at, 4) == "a\0b\0"s);
  std::string scratch;
  CHECK(to_utf8(*text_of(parameter, scratch)) == "abc");
}

TEST_CASE("a table is stepped over, with its order and its default columns") {
  const std::string payload = by_name("take") + table_parameter() + int_parameter(9);
  const auto calls = parse_rpc(payload, new_version);
  REQUIRE(calls);
  REQUIRE(calls->front().parameters.size() == 2);
  CHECK(calls->front().parameters[0].type.kind == LengthKind::Tvp);
  CHECK(int_of(calls->front().parameters[1]) == 9);
}

TEST_CASE("a table without columns; one that is wrong") {
  const std::string head = by_name("take") + "\0\0\xf3\0\0\0"s;
  CHECK(parse_rpc(head + "\xff\xff\0\0"s, new_version));
  CHECK_FALSE(parse_rpc(head + "\xff\xff\0"s, new_version));
  CHECK_FALSE(parse_rpc(head + "\xff\xff\x12\0\0"s, new_version));
  CHECK_FALSE(parse_rpc(head + "\x01\x04"s, new_version));
  CHECK_FALSE(parse_rpc(head + "\x01\0\0\0\0\0\0\0\x1f\0\0\0"s, new_version));
  CHECK_FALSE(parse_rpc(head + "\x01\0\0\0\0\0\0\0\x26\x04\0\x11\x01\0\x02\0\0\0"s, new_version));
}

TEST_CASE("a call that is cut anywhere in a parameter is an error") {
  const std::string head = by_id(13), payload = head + int_parameter(0, 1) + table_parameter();
  const std::size_t boundary = head.size() + int_parameter(0, 1).size();
  for (std::size_t n = 0; n < payload.size(); ++n) {
    INFO(n);
    const bool whole = n == head.size() || n == boundary;
    CHECK(parse_rpc(Bytes(payload).substr(0, n), new_version).has_value() == whole);
  }
}

TEST_CASE("encrypted parameters, unknown numbers and too many of anything are errors") {
  CHECK_FALSE(parse_rpc(by_id(12) + int_parameter(1, 8), new_version));
  CHECK_FALSE(parse_rpc(by_id(0), new_version));
  CHECK(parse_rpc(by_id(1) + "\0\0\x99"s, new_version).error().blame == Blame::Client);
  CHECK_FALSE(parse_rpc(by_id(16), new_version));
  CHECK_FALSE(parse_rpc(by_name(""), new_version));
  std::string calls, parameters = by_name("p");
  for (std::size_t i = 0; i <= rpc_calls_max; ++i) calls += by_id(12) + "\xff";
  for (std::size_t i = 0; i <= rpc_parameters_max; ++i) parameters += int_parameter(1);
  CHECK_FALSE(parse_rpc(calls, new_version));
  CHECK_FALSE(parse_rpc(parameters, new_version));
}

TEST_CASE("transaction requests: what begins one") {
  const auto parse = [](const std::string& payload) { return parse_transaction_request(payload); };
  CHECK(parse("\x05\0\x02\0"s)->begins);
  CHECK(parse("\x07\0\0\0"s)->kind == TmKind::Commit);
  CHECK_FALSE(parse("\x07\0\0\0"s)->begins);
  CHECK(parse("\x08\0\x02n\0\x01\x00\0"s)->begins);
  CHECK(parse("\x08\0\x02n\0\x01\x04\0"s)->kind == TmKind::Rollback);
  CHECK(parse("\x08\0\x02n\0\x01\x04\0"s)->isolation == 4);
  CHECK(parse("\x09\0\x02s\0"s)->kind == TmKind::Save);
  CHECK(parse("\0\0\0\0"s)->kind == TmKind::GetDtcAddress);
  for (const std::string& bad :
       {""s, "\x05"s, "\x05\0\x02"s, "\x07\0\0"s, "\x07\0\0\x01"s, "\x07\0\x05"s, "\x02\0"s})
    CHECK_FALSE(parse(bad));
}

TEST_CASE("our own requests") {
  CHECK(build_batch(old_version, "x") == "x\0"s);
  const std::string batch = build_batch(new_version, "x", 5);
  const auto headers = parse_all_headers(batch);
  REQUIRE(headers);
  CHECK(headers->descriptor == 5);
  CHECK(batch.substr(headers->size) == "x\0"s);
  for (const std::size_t units : {std::size_t{10}, std::size_t{5000}}) {
    for (const std::uint32_t version : {new_version, old_version}) {
      const std::string statement = to_utf16(std::string(units, 's'));
      const std::string payload = build_prepare(version, to_utf16("@p int"), statement);
      const std::size_t skip = version == new_version ? parse_all_headers(payload)->size : 0;
      const auto calls = parse_rpc(Bytes(payload).substr(skip), version);
      REQUIRE(calls);
      const RpcCall& call = calls->front();
      CHECK(call.proc == ProcId::Prepare);
      REQUIRE(call.parameters.size() == 4);
      CHECK(call.parameters[0].status == 1);
      CHECK_FALSE(call.parameters[0].value);
      std::string scratch;
      CHECK(to_utf8(*text_of(call.parameters[1], scratch)) == "@p int");
      CHECK(*text_of(call.parameters[2], scratch) == statement);
      CHECK(int_of(call.parameters[3]) == 1);
    }
  }
  const std::string bare = build_prepare(old_version, {}, to_utf16("s"));
  CHECK_FALSE(parse_rpc(bare, old_version)->front().parameters[1].value);
}
