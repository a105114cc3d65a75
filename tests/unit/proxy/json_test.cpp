#include "proxy/json.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace holdfast;

namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("json: objects, arrays and numbers have their commas") {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("a", 1)
      .key("b")
      .begin_array()
      .value("x")
      .value(true)
      .value(-2.5)
      .null()
      .end_array();
  json.key("c").begin_object().end_object().key("d").begin_array().end_array().field(
      "e", std::uint64_t{UINT64_MAX});
  json.end_object();
  CHECK(out == R"({"a":1,"b":["x",true,-2.5,null],"c":{},"d":[],"e":18446744073709551615})");
}

TEST_CASE("json: numbers that JSON does not have become null") {
  std::string out;
  JsonWriter json(out);
  json.begin_array()
      .value(std::numeric_limits<double>::infinity())
      .value(std::nan(""))
      .value(3.0)
      .end_array();
  CHECK(out == "[null,null,3]");
}

TEST_CASE("json: what could forge a line or a quote is escaped") {
  CHECK(quoted("a\"b\\c\nd\re\tf") == R"("a\"b\\c\nd\re\tf")");
  CHECK(quoted(std::string_view("\0\x01\x1f\x7f", 4)) == R"("\u0000\u0001\u001f\u007f")");
  CHECK(quoted("\xc2\x9b"
               "31m") == R"("\u009b31m")");  // the C1 form of ESC [
}

TEST_CASE("json: UTF-8 stays, and every byte that is not UTF-8 becomes U+FFFD") {
  CHECK(quoted("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
  CHECK(quoted("\xff") == R"("\ufffd")");
  CHECK(quoted("a\x80z") == R"("a\ufffdz")");
  CHECK(quoted("\xc3") == R"("\ufffd")");                      // cut short
  CHECK(quoted("\xc0\xaf") == R"("\ufffd\ufffd")");            // overlong '/'
  CHECK(quoted("\xe0\x80\xaf") == R"("\ufffd\ufffd\ufffd")");  // overlong
  CHECK(quoted("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");  // surrogate
  CHECK(quoted("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
  CHECK(quoted("\xe2\x82"
               "a") == R"("\ufffd\ufffda")");
}
