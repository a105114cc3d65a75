// Which characters may stand where: bytes that are no text, and letters that need quotes.
#include "conf/scan.h"

#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

TEST_CASE("letters beyond ASCII may stand in strings and comments") {
  const std::string rows[] = {
      "",
      "\xef\xbb\xbf# a byte order mark\n",
      "# \xc3\xa4 \"\n'\xc3\xa4' = \"\xc3\xa4\\\"\xc3\xa4\\\\\" # \xc3\xa4\r\n",
      "a = ''\nb = '\xc3\xa4\\' # '\n",
      "a = \"\"\"\n\xc3\xa4 \" \"\" \\\"\"\" \xc3\xa4\"\"\"\"\" # \xc3\xa4\n",
      "a = '''\n\xc3\xa4 ' '' \\''' # \xc3\xa4\n",
      "a = \"\" # \xe2\x82\xac \xf0\x9f\x93\x9e \xed\x9f\xbf \xf4\x8f\xbf\xbf\n",
      "a = \"\xc3\xa4\n# a string that was not closed ends with its line: \xc3\xa4\n",
  };
  for (const std::string& row : rows) {
    INFO(row);
    CHECK(refused_character(row).error == "");
  }
}

TEST_CASE("a character that cannot stand where it does has a place and a remedy") {
  struct Row {
    std::string text;
    unsigned line, column;
    const char* fragment;
  };
  const Row rows[] = {
      {"# \xc3\xa4\n[listen.\xc3\xa4]\n", 2, 9, "\"\xc3\xa4\" is not ASCII: quote the name"},
      {"\xef\xbb\xbf\xc3\xa4 = 1\n", 1, 1, "is not ASCII"},
      {"a = '\xc3\xa4' \xe2\x80\x9cx\xe2\x80\x9d\n", 1, 9, "is not ASCII"},
      {"a = \"\"\"\n\xc3\xa4\"\"\" \xc3\xa4", 2, 6, "is not ASCII"},
      {"a = \"\\\\\" \xc3\xa4", 1, 10, "is not ASCII"},
      {"a = '\\' \xc3\xa4", 1, 9, "is not ASCII"},
      {"a = \"\"\"\"\"\"\xc3\xa4", 1, 11, "is not ASCII"},
      {"a = \"\xff\"", 1, 6, "byte 0xff is not UTF-8"},
      {"# latin 1: \xe4\n", 1, 12, "byte 0xe4 is not UTF-8"},
      {"# \xc0\xaf", 1, 3, "byte 0xc0 is not UTF-8"},
      {"# \xe0\x80\xaf", 1, 3, "not UTF-8"},
      {"# \xed\xa0\x80", 1, 3, "not UTF-8"},
      {"# \xf4\x90\x80\x80", 1, 3, "not UTF-8"},
      {"# \xe2\x82", 1, 3, "not UTF-8"},
      {"a = \"x\x01\"", 1, 7, "control byte 0x01 cannot stand here: remove it, or write \\u0001"},
      {"a = 'x\x7f'", 1, 7, "control byte 0x7f cannot stand here: remove it"},
      {std::string("a\0", 2), 1, 2, "control byte 0x00"},
      {"# old line end\ra = 1\n", 1, 15, "control byte 0x0d"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Refusal refusal = refused_character(row.text);
    CHECK(refusal.place.line == row.line);
    CHECK(refusal.place.column == row.column);
    CHECK_THAT(refusal.error, Catch::Matchers::Contains(row.fragment));
  }
}

TEST_CASE("a letter after a line-ending backslash is read, not guessed") {
  const Parsed parsed = parse("a = \"\"\"x \\\n  \xc3\xa4\"\"\"\n");
  INFO(parsed.error);
  REQUIRE(parsed.root.member("a"));
  CHECK(parsed.root.member("a")->text == "x \xc3\xa4");
  CHECK(parse("a = \"\"\"x \\ \xc3\xa4\"\"\"\n").error != "");
}
