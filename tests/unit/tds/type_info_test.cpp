// Every TYPE_INFO, whole and cut anywhere, and a value of each.
#include "tds/type_info.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tds/login7.h"

using namespace holdfast;
using namespace holdfast::tds;
using namespace std::string_literals;

namespace {

const std::string coll = "\x09\x04\xd0\x00\x34"s;
const std::string udt_names =
    "\x02"
    "d\0b\0\x01"
    "s\0\x01t\0"s;

struct Sample {
  const char* what;
  std::string info;
  LengthKind kind;
  std::uint32_t size;
  std::string value;
  std::optional<std::string> content;
};

const std::vector<Sample>& table() {
  using enum LengthKind;
  static const std::vector<Sample> all = {
      {"null", "\x1f", Fixed, 0, "", ""},
      {"tinyint", "\x30", Fixed, 1, "a", "a"},
      {"bit", "\x32", Fixed, 1, "a", "a"},
      {"smallint", "\x34", Fixed, 2, "ab", "ab"},
      {"int", "\x38", Fixed, 4, "abcd", "abcd"},
      {"smalldatetime", "\x3a", Fixed, 4, "abcd", "abcd"},
      {"real", "\x3b", Fixed, 4, "abcd", "abcd"},
      {"smallmoney", "\x7a", Fixed, 4, "abcd", "abcd"},
      {"money", "\x3c", Fixed, 8, "abcdefgh", "abcdefgh"},
      {"datetime", "\x3d", Fixed, 8, "abcdefgh", "abcdefgh"},
      {"float", "\x3e", Fixed, 8, "abcdefgh", "abcdefgh"},
      {"bigint", "\x7f", Fixed, 8, "abcdefgh", "abcdefgh"},
      {"guid", "\x24\x10", Byte, 16,
       "\x10"
       "0123456789abcdef",
       "0123456789abcdef"},
      {"intn", "\x26\x08", Byte, 8,
       "\x04"
       "abcd",
       "abcd"},
      {"intn null", "\x26\x04", Byte, 4, "\0"s, {}},
      {"bitn", "\x68\x01", Byte, 1,
       "\x01"
       "a",
       "a"},
      {"fltn", "\x6d\x08", Byte, 8,
       "\x04"
       "abcd",
       "abcd"},
      {"moneyn", "\x6e\x08", Byte, 8,
       "\x04"
       "abcd",
       "abcd"},
      {"datetimn", "\x6f\x08", Byte, 8,
       "\x04"
       "abcd",
       "abcd"},
      {"decimaln", "\x6a\x11\x26\x0a", Byte, 17,
       "\x05"
       "abcde",
       "abcde"},
      {"numericn", "\x6c\x11\x26\x0a", Byte, 17,
       "\x05"
       "abcde",
       "abcde"},
      {"decimal, old", "\x37\x11\x26\x0a", Byte, 17,
       "\x05"
       "abcde",
       "abcde"},
      {"numeric, old", "\x3f\x11\x26\x0a", Byte, 17,
       "\x05"
       "abcde",
       "abcde"},
      {"varbinary, old", "\x25\xff", Byte, 255,
       "\x01"
       "a",
       "a"},
      {"varchar, old", "\x27\xff", Byte, 255,
       "\x01"
       "a",
       "a"},
      {"binary, old", "\x2d\x0a", Byte, 10,
       "\x01"
       "a",
       "a"},
      {"char, old", "\x2f\x0a", Byte, 10,
       "\x01"
       "a",
       "a"},
      {"date", "\x28", Byte, 3,
       "\x03"
       "abc",
       "abc"},
      {"time(2)", "\x29\x02", Byte, 3,
       "\x03"
       "abc",
       "abc"},
      {"datetime2(4)", "\x2a\x04", Byte, 7,
       "\x07"
       "abcdefg",
       "abcdefg"},
      {"datetimeoffset(7)", "\x2b\x07", Byte, 10,
       "\x0a"
       "0123456789",
       "0123456789"},
      {"varbinary", "\xa5\x40\x1f"s, Ushort, 8000, "\x02\0ab"s, "ab"},
      {"binary", "\xad\x40\x1f"s, Ushort, 8000, "\0\0"s, ""},
      {"varchar", "\xa7\x40\x1f"s + coll, Ushort, 8000, "\x02\0ab"s, "ab"},
      {"char", "\xaf\x40\x1f"s + coll, Ushort, 8000, "\xff\xff"s, {}},
      {"nvarchar", "\xe7\x40\x1f"s + coll, Ushort, 8000, "\x02\0ab"s, "ab"},
      {"nchar", "\xef\x40\x1f"s + coll, Ushort, 8000, "\x02\0ab"s, "ab"},
      {"vector", "\xf5\x40\x1f\x00"s, Ushort, 8000, "\x02\0ab"s, "ab"},
      {"image", "\x22\xff\xff\xff\x7f"s, TextPtr, 0x7fffffff, "\x02pp12345678\x02\0\0\0ab"s, "ab"},
      {"text", "\x23\xff\xff\xff\x7f"s + coll, TextPtr, 0x7fffffff, "\0"s, {}},
      {"ntext", "\x63\xff\xff\xff\x7f"s + coll, TextPtr, 0x7fffffff, "\x01p12345678\0\0\0\0"s, ""},
      {"sql_variant", "\x62\x49\x1f\0\0"s, Long, 8009, "\x02\0\0\0ab"s, "ab"},
      {"sql_variant null", "\x62\x49\x1f\0\0"s, Long, 8009, "\0\0\0\0"s, {}},
      {"varbinary(max)", "\xa5\xff\xff"s, Plp, 65535, "\x02\0\0\0\0\0\0\0\x02\0\0\0ab\0\0\0\0"s, "ab"},
      {"varchar(max)", "\xa7\xff\xff"s + coll, Plp, 65535, "\xff\xff\xff\xff\xff\xff\xff\xff"s, {}},
      {"nvarchar(max)", "\xe7\xff\xff"s + coll, Plp, 65535,
       "\xfe\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0ab\x01\0\0\0c\0\0\0\0"s, "abc"},
      {"xml", "\xf1\0"s, Plp, 0, "\0\0\0\0\0\0\0\0\0\0\0\0"s, ""},
      {"xml with a schema",
       "\xf1\x01\x01"
       "d\0\x01o\0\x01\0c\0"s,
       Plp, 0, "\0\0\0\0\0\0\0\0\0\0\0\0"s, ""},
      {"udt", "\xf0\xff\xff"s + udt_names + "\x02\0a\0q\0"s, Plp, 0, "\x01\0\0\0\0\0\0\0\x01\0\0\0a\0\0\0\0"s,
       "a"},
      {"json", "\xf4", Plp, 0, "\x02\0\0\0\0\0\0\0\x02\0\0\0{}\0\0\0\0"s, "{}"},
  };
  return all;
}

}  // namespace

TEST_CASE("each type, and a value of it, up to the byte behind") {
  for (const Sample& sample : table()) {
    INFO(sample.what);
    const std::string bytes = sample.info + sample.value + "rest";
    LittleReader in(bytes);
    const auto type = parse_type_info(in, tds_version::v7_4);
    REQUIRE(type);
    REQUIRE(*type);
    CHECK(in.at() == sample.info.size());
    CHECK((*type)->kind == sample.kind);
    CHECK((*type)->size == sample.size);
    std::string scratch;
    const auto value = parse_value(in, **type, scratch);
    REQUIRE(value);
    CHECK(in.rest() == "rest");
    CHECK(value->has_value() == sample.content.has_value());
    if (*value && sample.content) CHECK(**value == *sample.content);
  }
}

TEST_CASE("a type that is cut off is not there yet, a value that is cut off is an error") {
  for (const Sample& sample : table()) {
    INFO(sample.what);
    for (std::size_t n = 0; n < sample.info.size(); ++n) {
      LittleReader in(Bytes(sample.info).substr(0, n));
      const auto type = parse_type_info(in, tds_version::v7_4);
      REQUIRE(type);
      CHECK_FALSE(*type);
    }
    LittleReader whole(sample.info);
    const auto type = parse_type_info(whole, tds_version::v7_4);
    for (std::size_t n = 0; n < sample.value.size(); ++n) {
      std::string scratch;
      LittleReader in(Bytes(sample.value).substr(0, n));
      CHECK_FALSE(parse_value(in, **type, scratch));
    }
  }
}

TEST_CASE("a type that nobody knows is an error; so is a table that a server sends") {
  for (const char* type : {"\x01", "\x64", "\xf2", "\xf3", "\xff"}) {
    LittleReader in(type);
    CHECK_FALSE(parse_type_info(in, tds_version::v7_4));
  }
}

TEST_CASE("precision, scale and collation are kept; 7.0 has no collation, 7.1 no chunks") {
  const std::string decimal = "\x6a\x11\x26\x0a", nvarchar = "\xe7\xff\xff" + coll;
  LittleReader in(decimal);
  const auto type = parse_type_info(in, tds_version::v7_1);
  CHECK((*type)->precision == 38);
  CHECK((*type)->scale == 10);
  LittleReader old(nvarchar), older(nvarchar), strict(nvarchar);
  const auto text = parse_type_info(old, tds_version::v7_1);
  CHECK((*text)->collation == coll);
  CHECK((*text)->kind == LengthKind::Ushort);
  CHECK((*parse_type_info(older, tds_version::v7_0))->collation.empty());
  CHECK(older.at() == 3);
  CHECK((*parse_type_info(strict, tds_version::v8_0))->kind == LengthKind::Plp);
}

TEST_CASE("a client's UDT has no size, its text no pointer") {
  const std::string udt = "\xf0" + udt_names, text = "\x63\x10\0\0\0"s + coll;
  LittleReader first(udt), second(text);
  CHECK((*parse_type_info(first, tds_version::v7_4, TypeFrom::Client))->kind == LengthKind::Plp);
  CHECK(first.rest().empty());
  CHECK((*parse_type_info(second, tds_version::v7_4, TypeFrom::Client))->kind == LengthKind::Long);
}

TEST_CASE("chunks must add up to the length in front of them") {
  LittleReader type_in(Bytes("\xf4"));
  const auto type = parse_type_info(type_in, tds_version::v7_4);
  std::string scratch;
  const std::string lie = "\x03\0\0\0\0\0\0\0\x02\0\0\0ab\0\0\0\0"s;
  LittleReader in(lie);
  CHECK_FALSE(parse_value(in, **type, scratch));
}

TEST_CASE("what we write we can read") {
  std::string out;
  append_nvarchar_type(out, 100);
  append_nvarchar_type(out, 0);
  append_int_type(out);
  LittleReader in(out);
  const auto text = parse_type_info(in, tds_version::v7_4), large = parse_type_info(in, tds_version::v7_4),
             integer = parse_type_info(in, tds_version::v7_4);
  CHECK((*text)->size == 100);
  CHECK((*large)->kind == LengthKind::Plp);
  CHECK((*integer)->size == 4);
  CHECK(in.rest().empty());
}
