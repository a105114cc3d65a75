#include <catch2/catch.hpp>

#include <string>

#include "proxy/http/body.h"

using namespace holdfast::http;
using namespace std::string_literals;

namespace {

struct Outcome {
  std::string body;
  std::string trailers;
  std::string rule;      ///< empty: not refused
  std::size_t taken = 0;
  bool done = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << "{" << o.body << "|" << o.trailers << "|" << o.rule << "|" << o.taken << "|" << o.done << "}";
}

void feed(BodyDecoder& decoder, std::string_view piece, Outcome& outcome) {
  std::size_t at = 0;
  while (at < piece.size() && !decoder.done() && outcome.rule.empty()) {
    auto step = decoder.step(piece.substr(at));
    if (!step) {
      outcome.rule = step.error().rule;
      return;
    }
    REQUIRE(step->taken > 0);
    REQUIRE(step->done == decoder.done());
    at += step->taken;
    outcome.body += step->data;
  }
  outcome.taken += at;
}

/// `cut`: where the input is split in two; 0: byte by byte.
Outcome decode(const std::string& in, std::size_t cut, Framing framing = Framing::Chunked,
               std::uint64_t length = 0, const BodyLimits& limits = {}) {
  BodyDecoder decoder;
  Outcome outcome;
  decoder.start(framing, length, limits);
  std::string_view text = in;
  if (cut) {
    feed(decoder, text.substr(0, cut), outcome);
    feed(decoder, text.substr(cut), outcome);
  } else {
    for (std::size_t i = 0; i < in.size(); ++i) feed(decoder, text.substr(i, 1), outcome);
  }
  outcome.done = decoder.done();
  CHECK(decoder.received() == outcome.body.size());
  if (outcome.rule.empty()) {
    outcome.trailers = decoder.trailers();
  } else {
    outcome.taken = 0;  // how far a refused input was read is no one's business
    outcome.body.clear();
  }
  return outcome;
}

Outcome every_split(const std::string& in, Framing framing = Framing::Chunked, std::uint64_t length = 0,
                    const BodyLimits& limits = {}) {
  Outcome whole = decode(in, in.size(), framing, length, limits);
  for (std::size_t cut = 0; cut < in.size(); ++cut) {
    INFO("cut at " << cut);
    CHECK(decode(in, cut, framing, length, limits) == whole);
  }
  return whole;
}

}  // namespace

TEST_CASE("a chunked body in every split") {
  Outcome o = every_split("5\r\nhello\r\n00A;x=\"y\";z\r\n, my world\r\n0\r\n\r\nGET /");
  CHECK(o.body == "hello, my world");
  CHECK(o.done);
  CHECK(o.taken == 40);
  CHECK(o.trailers.empty());
}

TEST_CASE("trailers are kept as they came") {
  Outcome o = every_split("1\r\na\r\n0\r\nA: b\r\nChecksum:\t1 2\r\n\r\nrest");
  CHECK(o.rule.empty());
  CHECK(o.trailers == "A: b\r\nChecksum:\t1 2\r\n");
  CHECK(o.done);
}

TEST_CASE("each malformed chunked body is refused by its own rule, in every split") {
  const std::vector<std::pair<std::string, const char*>> table = {
      {"\r\n", "bad-chunk-size"},
      {"g\r\n", "bad-chunk-size"},
      {" 5\r\nhello\r\n", "bad-chunk-size"},
      {"5 \r\nhello\r\n", "bad-chunk-size"},
      {"5 ;x\r\nhello\r\n", "bad-chunk-size"},
      {"5\t\r\nhello\r\n", "bad-chunk-size"},
      {"+5\r\nhello\r\n", "bad-chunk-size"},
      {"-5\r\nhello\r\n", "bad-chunk-size"},
      {"0x5\r\nhello\r\n", "bad-chunk-size"},
      {"5_0\r\nhello\r\n", "bad-chunk-size"},
      {"5,\r\nhello\r\n", "bad-chunk-size"},
      {"5\0\r\n"s, "bad-chunk-size"},
      {";x\r\n", "bad-chunk-size"},
      {"00000000000000005\r\nhello\r\n", "bad-chunk-size"},
      {"ffffffffffffffff\r\n", "bad-chunk-size"},
      {"10000000000000005\r\n", "bad-chunk-size"},
      {"5\nhello\r\n", "bare-lf"},
      {"5;x\nhello\r\n", "bare-lf"},
      {"5\r\nhello\n", "bare-lf"},
      {"5\rXhello\r\n", "bare-cr"},
      {"5;x\ry\r\n", "bare-cr"},
      {"5;x\0y\r\n"s, "bad-chunk-extension"},
      {"5\r\nhelloXX0\r\n\r\n", "bad-chunk-end"},
      {"5\r\nhello0\r\n\r\n", "bad-chunk-end"},
      {"5\r\nhello\rX", "bad-chunk-end"},
      {"5\r\nhello \r\n", "bad-chunk-end"},
      {"0\r\n\n", "bare-lf"},
      {"0\r\n\rX", "bare-cr"},
      {"0\r\nA: b\n\r\n", "bare-lf"},
      {"0\r\nA: b\rC: d\r\n\r\n", "bare-cr"},
      {"0\r\n: b\r\n\r\n", "bad-trailer"},
      {"0\r\nA : b\r\n\r\n", "bad-trailer"},
      {"0\r\nA: b\r\n c\r\n\r\n", "bad-trailer"},
      {"0\r\nA: b\0\r\n\r\n"s, "bad-trailer"},
      {"0\r\nGET / HTTP/1.1\r\n\r\n", "bad-trailer"},
  };
  for (const auto& [in, rule] : table) {
    INFO(in);
    CHECK(every_split(in).rule == rule);
  }
}

TEST_CASE("chunk extensions and trailers have limits") {
  BodyLimits limits{.chunk_extension = 8, .trailer_bytes = 16, .trailer_fields = 2};
  auto rule = [&](const std::string& in) { return every_split(in, Framing::Chunked, 0, limits).rule; };
  CHECK(rule("1;2345678\r\na\r\n0\r\n\r\n") == "");
  CHECK(rule("1;23456789\r\na\r\n0\r\n\r\n") == "chunk-extension-too-long");
  CHECK(rule("0\r\nA: 678901234567\r\n\r\n") == "trailer-too-large");
  CHECK(rule("0\r\nA: 67890123456\r\n\r\n") == "");
  CHECK(rule("0\r\nA:\r\nB:\r\nC:\r\n\r\n") == "trailer-too-large");
}

TEST_CASE("a length ends the body, a close ends the rest") {
  Outcome o = every_split("helloGET /", Framing::Length, 5);
  CHECK(o.body == "hello");
  CHECK(o.taken == 5);
  CHECK(o.done);
  CHECK_FALSE(every_split("hell", Framing::Length, 5).done);
  Outcome until = every_split("all of it", Framing::UntilClose);
  CHECK(until.body == "all of it");
  CHECK_FALSE(until.done);

  BodyDecoder decoder;
  decoder.start(Framing::None, 9, {});
  CHECK(decoder.done());
  decoder.start(Framing::Length, 0, {});
  CHECK(decoder.done());
  decoder.start(Framing::UntilClose, 0, {});
  CHECK(decoder.end_of_stream());
  decoder.start(Framing::Length, 1, {});
  CHECK_FALSE(decoder.end_of_stream());
  decoder.start(Framing::Chunked, 0, {});
  CHECK_FALSE(decoder.end_of_stream());
}

TEST_CASE("a decoder starts again clean") {
  BodyDecoder decoder;
  decoder.start(Framing::Chunked, 0, {});
  REQUIRE(decoder.step("0\r\nA: b\r\n\r\n"));
  CHECK(decoder.trailers() == "A: b\r\n");
  decoder.start(Framing::Chunked, 0, {});
  CHECK(decoder.trailers().empty());
  CHECK(decoder.received() == 0);
  REQUIRE(decoder.step("0\r\n\r\n"));
  CHECK(decoder.done());
}
