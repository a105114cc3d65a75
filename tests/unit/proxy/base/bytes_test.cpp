#include "proxy/base/bytes.h"

#include <catch2/catch.hpp>

using holdfast::Bytes;
using holdfast::Reader;
using holdfast::Writer;

TEST_CASE("what a Writer wrote a Reader reads, most significant byte first") {
  std::string out;
  Writer(out).u8(0xfe).u16(0x0102).u32(0xdeadbeef).bytes("abc");
  CHECK((out == std::string("\xfe\x01\x02\xde\xad\xbe\xef"
                            "abc")));
  Reader in(out);
  CHECK(in.u8() == 0xfe);
  CHECK(in.u16() == 0x0102);
  CHECK(in.u32() == 0xdeadbeef);
  CHECK(in.rest() == "abc");
  CHECK(in.bytes(3) == Bytes("abc"));
  CHECK(in.bytes(0) == Bytes(""));
  CHECK_FALSE(in.u8());
}

TEST_CASE("after one short read every read yields nothing") {
  Reader in("abc");
  CHECK_FALSE(in.u32());
  CHECK_FALSE(in.u8());
  CHECK(in.rest().empty());
  Reader huge("abc");
  CHECK_FALSE(huge.bytes(SIZE_MAX));
}
