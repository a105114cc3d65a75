#include "proxy/http/scan.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <string>

#include "proxy/http/appender.h"
#include "proxy/http/fields.h"

using namespace holdfast::http;

TEST_CASE("scan: sixteen bytes at once are what each byte is by itself") {
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::array<char, scan_width> bytes;
    for (char& c : bytes) c = static_cast<char>(random() % (round % 2 ? 256 : 40));
    const char wanted = bytes[random() % bytes.size()];
    REQUIRE(marks_of(bytes.data(), wanted) ==
            marks_by_byte(bytes.data(), [wanted](char c) { return c == wanted; }));
    REQUIRE(forbidden_marks(bytes.data()) == marks_by_byte(bytes.data(), is_forbidden));
  }
}

TEST_CASE("scan: a byte is found wherever it is") {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string none(size, 'a');
    CHECK(find_byte(none.data(), none.data() + size, ':') == none.data() + size);
    for (std::size_t at = 0; at < size; ++at) {
      std::string text = none;
      text[at] = text.back() = ':';
      REQUIRE(find_byte(text.data(), text.data() + size, ':') == text.data() + at);
    }
  }
}

TEST_CASE("fields: words are compared as letters are") {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned c = 0; c < 256; ++c) {
        std::string a(size, 'q'), b(size, 'Q');
        a[at] = static_cast<char>(c);
        for (unsigned d : {c, c ^ 0x20, c ^ 0x80, c ^ 1, c + 1}) {
          b[at] = static_cast<char>(d);
          const bool same = lower(a[at]) == lower(b[at]);
          if (equal_ignoring_case(a, b) != same) FAIL(size << " " << at << " " << c << " " << d);
          std::string small(size, 'q');
          small[at] = lower(a[at]);
          if (is_lowered(b.data(), small.data(), size) != same)
            FAIL(size << " " << at << " " << c << " " << d);
        }
      }
    }
  }
  CHECK(equal_ignoring_case("", ""));
  CHECK_FALSE(equal_ignoring_case("a", ""));
}

TEST_CASE("appender: text of any length stands behind what was there") {
  for (std::size_t size : {0u, 1u, 15u, 511u, 512u, 513u, 5000u}) {
    std::string out = "before ";
    {
      Appender to(out);
      to.put(std::string(size, 'x'))
          .put(' ')
          .put_number(UINT64_MAX)
          .put(" ")
          .put_field("Name", "value")
          .put("");
    }
    CHECK(out == "before " + std::string(size, 'x') + " 18446744073709551615 Name: value\r\n");
  }
}
