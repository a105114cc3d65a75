// Rows per second that a walk steps over, in feeds of a packet's size: what it costs to understand a
// response. Stand-alone: g++ -O2, linked with
// tds/{token,token_env_change,token_walk,token_walk_rows,token_walk_items,type_info,tvp,
// login7,login7_features,little}.cpp and the proxy's base sources. No socket, no clock but the one that
// measures.
#include <chrono>
#include <cstdio>
#include <string>

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token_walk.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr std::uint32_t version = tds_version::v7_4;
constexpr std::size_t rows = 100'000, piece = 4088;
const std::string collation(5, '\0');

struct Sink final : TokenSink {
  Verdict on_token(Token, Bytes, std::string&) override { return Verdict::Pass; }
};

void column(std::string& out, const std::string& type) {
  LittleWriter(out).u32(0).u16(9).bytes(type).b_varchar(to_utf16("column"));
}

std::string nvarchar(std::size_t units) {
  std::string out;
  LittleWriter(out).u16(static_cast<std::uint16_t>(units * 2)).bytes(std::string(units * 2, 'x'));
  return out;
}

std::string plp(std::size_t bytes) {
  std::string out;
  LittleWriter(out).u64(bytes).u32(static_cast<std::uint32_t>(bytes)).bytes(std::string(bytes, 'x')).u32(0);
  return out;
}

void measure(const char* what, const std::string& response) {
  constexpr int rounds = 7;
  double best = 1e9;
  std::string out;
  for (int round = 0; round < rounds; ++round) {
    Sink sink;
    TokenWalk walk(version, TokenWalk::kinds({Token::Done, Token::EnvChange}), sink);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < response.size(); at += piece) {
      out.clear();
      if (!walk.feed(Bytes(response).substr(at, piece), &out)) return;
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    if (walk.rows() != rows || !walk.at_boundary()) return;
    best = std::min(best, spent.count());
  }
  std::printf("%-28s %6zu bytes a row %8.1f million rows/s %8.2f GB/s\n", what, response.size() / rows,
              rows / best / 1e6, static_cast<double>(response.size()) / best / 1e9);
}

std::string response(const std::string& columns, const std::string& row) {
  std::string out = columns;
  for (std::size_t i = 0; i < rows; ++i) out += row;
  append_done(out, version, {Token::Done, 0x10, 0xc1, rows});
  return out;
}

}  // namespace

int main() {
  std::string fixed("\x81\x03\0", 3), mixed("\x81\x06\0", 3), wide("\x81\x02\0", 3);
  for (int i = 0; i < 3; ++i) column(fixed, "\x38");
  measure("three INT", response(fixed,
                                "\xd1"
                                "aaaabbbbcccc"));
  column(mixed, "\x38");
  column(mixed, "\xe7\x64" + std::string(1, '\0') + collation);
  column(mixed, "\x26\x04");
  column(mixed, "\x6a\x11\x26\x02");
  column(mixed, "\x2a\x07");
  column(mixed, "\xe7\xff\xff" + collation);
  const std::string values =
      "\x04"
      "iiii\x05"
      "nnnnn\x08"
      "dddddddd";
  measure("six of mixed types", response(mixed,
                                         "\xd1"
                                         "aaaa" +
                                             nvarchar(20) + values + plp(40)));
  column(wide, "\x38");
  column(wide, "\xa5\xff\xff");
  measure("INT and VARBINARY(MAX)", response(wide,
                                             "\xd1"
                                             "aaaa" +
                                                 plp(2000)));
  const std::string nbc =
      "\xd2\x2c"
      "aaaa" +
      nvarchar(20) +
      "\x08"
      "dddddddd";  // 3, 4 and 6 are null
  measure("NBCROW, half of it null", response(mixed, nbc));
}
