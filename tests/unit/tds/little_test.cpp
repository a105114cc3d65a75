#include "tds/little.h"

#include <catch2/catch.hpp>

namespace holdfast::tds {

using namespace std::string_literals;

TEST_CASE("little-endian integers are read in order, and nothing after a short read") {
  LittleReader in("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11");
  CHECK(in.u8() == 0x01);
  CHECK(in.u16() == 0x0302);
  CHECK(in.u32() == 0x07060504u);
  CHECK(in.u64() == 0x0f0e0d0c0b0a0908u);
  CHECK(in.at() == 15);
  CHECK_FALSE(in.u32());
  CHECK(in.failed());
  CHECK_FALSE(in.u8());
  CHECK(in.rest().empty());
}

TEST_CASE("counted texts take units of two bytes") {
  const std::string whole = "\x02"s + "a\0b\0"s + "\x01\0c\0"s + "\x02z"s;
  LittleReader in(whole);
  CHECK(in.b_varchar() == Bytes("a\0b\0", 4));
  CHECK(in.us_varchar() == Bytes("c\0", 2));
  CHECK_FALSE(in.b_varchar());
}

TEST_CASE("what the writer writes the reader reads") {
  std::string out;
  LittleWriter(out)
      .u8(1)
      .u16(0x0302)
      .u32(0x07060504)
      .u64(~0ull - 5)
      .b_varchar("a\0"s)
      .us_varchar("b\0c\0"s)
      .bytes("x");
  LittleReader in(out);
  CHECK(in.u8() == 1);
  CHECK(in.u16() == 0x0302);
  CHECK(in.u32() == 0x07060504u);
  CHECK(in.u64() == ~0ull - 5);
  CHECK(in.b_varchar() == Bytes("a\0", 2));
  CHECK(in.us_varchar() == Bytes("b\0c\0", 4));
  CHECK(in.rest() == "x");
}

TEST_CASE("UTF-16 and UTF-8") {
  const auto [utf8, utf16] = GENERATE(table<std::string, std::string>({
      {"", ""s},
      {"sa", "s\0a\0"s},
      {"h\u00e9", "h\0\xe9\0"s},
      {"\u20ac", "\xac\x20"s},
      {"\U0001F600!", "\x3d\xd8\x00\xde!\0"s},
  }));
  CHECK(to_utf16(utf8) == utf16);
  CHECK(to_utf8(utf16) == utf8);
}

TEST_CASE("what is not valid becomes one replacement and the rest is kept") {
  CHECK(to_utf8("\x00\xd8"s) == "\uFFFD");                // a high surrogate at the end
  CHECK(to_utf8("\x00\xd8x\0"s) == "\uFFFDx");            // and before a letter
  CHECK(to_utf8("\x00\xdcx\0"s) == "\uFFFDx");            // a low one alone
  CHECK(to_utf8("a\0b"s) == "a");                         // an odd last byte
  CHECK(to_utf16("\xc3x") == "\xfd\xffx\0"s);             // cut short by a letter
  CHECK(to_utf16("\xc0\xafx") == "\xfd\xff\xfd\xffx\0"s); // never a first byte, then never one either
  CHECK(to_utf16("\xed\xa0\x80") == "\xfd\xff"s);         // a surrogate in UTF-8
  CHECK(to_utf16("\xf4\x90\x80\x80") == "\xfd\xff"s);     // above U+10FFFF
  CHECK(to_utf16("\xe2\x82") == "\xfd\xff"s);
}

}  // namespace holdfast::tds
