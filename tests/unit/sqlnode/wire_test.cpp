// The SQL node's wire side: what it writes for each type is what it reads back, in every version.
#include <catch2/catch.hpp>

#include "tds/login7.h"
#include "tds/token.h"
#include "tests/sqlnode/decode.h"
#include "tests/sqlnode/encode.h"
#include "tests/sqlnode/options.h"
#include "tests/sqlnode/prepared.h"
#include "tests/sqlnode/scalars.h"
#include "tests/sqlnode/session_state.h"

using namespace holdfast;
using namespace holdfast::sqlnode;

namespace {

struct Sample {
  Type type;
  Value value;
};

std::vector<Sample> samples() {
  return {
      {{Kind::Bit, 1, 0, 0}, std::int64_t{1}},
      {{Kind::TinyInt, 1, 0, 0}, std::int64_t{255}},
      {{Kind::SmallInt, 2, 0, 0}, std::int64_t{-32768}},
      {{Kind::Int, 4, 0, 0}, std::int64_t{-2147483648}},
      {{Kind::BigInt, 8, 0, 0}, std::int64_t{-9000000000000000000}},
      {{Kind::Real, 4, 0, 0}, 1.5},
      {{Kind::Float, 8, 0, 0}, -2.25},
      {{Kind::Decimal, 0, 38, 10}, std::string("-1234567890123456789.0123456789")},
      {{Kind::Decimal, 0, 5, 0}, std::string("0")},
      {{Kind::Money, 8, 0, 0}, std::string("-922337203685477.5808")},
      {{Kind::Char, 4, 0, 0}, std::string("ab  ")},
      {{Kind::VarChar, 10, 0, 0}, std::string("\xc3\xa4\xe2\x82\xac")},
      {{Kind::NChar, 3, 0, 0}, std::string("\xc3\xa4  ")},
      {{Kind::NVarChar, 10, 0, 0}, std::string("\xf0\x9f\x98\x80")},
      {{Kind::NVarChar, 0, 0, 0}, std::string(100000, 'x')},
      {{Kind::VarChar, 0, 0, 0}, std::string()},
      {{Kind::Text, 0, 0, 0}, std::string("text")},
      {{Kind::NText, 0, 0, 0}, std::string("ntext")},
      {{Kind::Binary, 3, 0, 0}, Blob{std::string("\0\1\2", 3)}},
      {{Kind::VarBinary, 0, 0, 0}, Blob{std::string(70000, '\xff')}},
      {{Kind::Image, 0, 0, 0}, Blob{"i"}},
      {{Kind::UniqueIdentifier, 16, 0, 0}, std::string("6F9619FF-8B86-D011-B42D-00C04FC964FF")},
      {{Kind::Date, 0, 0, 0}, std::string("9999-12-31")},
      {{Kind::Time, 0, 0, 7}, std::string("23:59:59.9999999")},
      {{Kind::DateTime, 0, 0, 0}, std::string("2024-02-29 10:11:12.123")},
      {{Kind::SmallDateTime, 0, 0, 0}, std::string("2026-11-22 10:11:00")},
      {{Kind::DateTime2, 0, 0, 7}, std::string("0001-01-01 00:00:00.0000001")},
      {{Kind::DateTimeOffset, 0, 0, 3}, std::string("2026-01-01 00:30:00.250 +02:00")},
      {{Kind::Xml, 0, 0, 0}, std::string("<a/>")},
      {{Kind::Variant, 0, 0, 0}, std::string("v")},
  };
}

std::string shown(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return "int " + std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return "real " + std::to_string(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return "text " + *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return "blob " + blob->bytes;
  return "null";
}

std::vector<std::uint32_t> versions() {
  using namespace tds::tds_version;
  return {v7_1, v7_2, v7_3a, v7_3b, v7_4, v8_0};
}

}  // namespace

TEST_CASE("a row reads back as it was written") {
  const auto version = GENERATE(from_range(versions()));
  std::vector<Column> columns;
  std::vector<Value> row;
  for (const Sample& sample : samples()) {
    columns.push_back({"c" + std::to_string(columns.size()), sample.type, true});
    row.push_back(sample.value);
  }
  std::string payload;
  append_columns(payload, version, columns);
  append_row(payload, version, columns, row);
  append_row(payload, version, columns, std::vector<Value>(row.size()));
  tds::append_done(payload, version, {});
  const auto read = parse_bulk(payload, version);
  REQUIRE(read);
  REQUIRE(read->columns.size() == columns.size());
  REQUIRE(read->rows.size() == 2);
  for (std::size_t i = 0; i < row.size(); ++i) {
    INFO("version " << std::hex << version << " column " << std::dec << i);
    CHECK(read->columns[i].name == columns[i].name);
    CHECK(shown(read->rows[0][i]) == shown(row[i]));
    CHECK(shown(read->rows[1][i]) == "null");
  }
  for (std::size_t cut = 3; cut < 400; ++cut)
    CHECK(parse_bulk(Bytes(payload).substr(0, cut), version).has_value() == false);
}

TEST_CASE("columns that cannot be null have types without a length") {
  const std::vector<Column> columns = {{"a", {Kind::Int, 4, 0, 0}, false}};
  std::string payload;
  append_columns(payload, tds::tds_version::v7_4, columns);
  append_row(payload, tds::tds_version::v7_4, columns, {std::int64_t{7}});
  CHECK(payload.substr(payload.size() - 5) == std::string("\xD1\x07\0\0\0", 5));
}

TEST_CASE("session state goes to T-SQL and nothing unknown passes") {
  SessionSettings settings;
  settings.options["LOCK_TIMEOUT"] = "1500";
  settings.options["ISOLATION"] = "SNAPSHOT";
  settings.context_info = "\x01\xff";
  const auto before = state_values(SessionSettings{});
  const auto changed = changed_values(before, state_values(settings));
  REQUIRE(changed.size() == 3);
  const auto sql = restoring_sql(changed);
  REQUIRE(sql);
  CHECK(sql->find("SET LOCK_TIMEOUT 1500;") != std::string::npos);
  CHECK(sql->find("ISOLATION LEVEL SNAPSHOT;") != std::string::npos);
  CHECK(sql->find("SET CONTEXT_INFO 0x01FF;") != std::string::npos);
  CHECK(changed_values(before, before).empty());
  CHECK_FALSE(restoring_sql({{99, "x"}}));
  CHECK_FALSE(restoring_sql({{7, "\x09"}}));
}

TEST_CASE("a declaration's names are found") {
  CHECK(declared_names("@a int, @b decimal(10, 2) output,@c nvarchar(max)") ==
        std::vector<std::string>{"@a", "@b", "@c"});
  CHECK(declared_names("").empty());
}

TEST_CASE("dates that do not exist are refused") {
  CHECK_FALSE(parse_moment("2026-02-29"));
  CHECK_FALSE(parse_moment("2026-13-01"));
  CHECK_FALSE(parse_moment("24:00:00"));
  CHECK_FALSE(parse_moment("nonsense"));
  CHECK(parse_moment("1900-01-01")->days == 693595);
}
