#include "proxy/health_answer.h"

#include <catch2/catch.hpp>
#include <optional>

using namespace holdfast;

namespace {

using Verdict = HealthAnswer::Verdict;

struct Outcome {
  Verdict verdict = Verdict::More;
  std::string why;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << static_cast<int>(o.verdict) << " \"" << o.why << '"';
}

Outcome judge(const Expectation& expect, std::string_view text, std::size_t first, std::size_t then,
              bool end) {
  static http::HeadParser parser;
  HealthAnswer answer(expect, parser);
  Verdict v = Verdict::More;
  for (std::size_t step = first; !text.empty() && v == Verdict::More; step = then) {
    v = answer.feed(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
  }
  if (v == Verdict::More && end) v = answer.end();
  return {v, answer.why()};
}

// The same whole, a byte at a time, and cut once at every place.
Outcome judge_all_ways(const Expectation& expect, std::string_view text, bool end = false) {
  Outcome whole = judge(expect, text, text.size(), 1, end);
  CHECK(judge(expect, text, 1, 1, end) == whole);
  for (std::size_t cut = 1; cut < text.size() && text.size() < 400; ++cut)
    REQUIRE(judge(expect, text, cut, text.size(), end) == whole);
  return whole;
}

const Outcome pass{Verdict::Pass, ""}, more{};

Outcome failed(std::string why) { return {Verdict::Fail, std::move(why)}; }

Expectation containing(std::string text) { return {false, 200, 200, std::move(text)}; }

}  // namespace

TEST_CASE("a status in the range passes as soon as the head is whole") {
  Expectation e;
  CHECK(judge_all_ways(e, "HTTP/1.1 204 No Content\r\n\r\n") == pass);
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n") == pass);
  CHECK(judge_all_ways(e, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") ==
        failed("status 503, not 200 to 399"));
  e.status_min = e.status_max = 200;
  CHECK(judge_all_ways(e, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") ==
        failed("status 302, not 200"));
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nContent-Le") == more);
}

TEST_CASE("interim answers are skipped, switching protocols is final") {
  Expectation e;
  CHECK(judge_all_ways(e, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") == pass);
  CHECK(judge_all_ways(e, "HTTP/1.1 101 Yes\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").verdict ==
        Verdict::Fail);
}

TEST_CASE("the expected text is looked for in the body only, in every framing") {
  Expectation e = containing("ready");
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nis ready.") == pass);
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nX: ready\r\nContent-Length: 3\r\n\r\nnot") ==
        failed("the expected text is not in its body"));
  CHECK(judge_all_ways(
            e, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nre\r\n3\r\nady\r\n0\r\n\r\n") ==
        pass);
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\n\r\nnearly read", true) ==
        failed("the expected text is not in its body"));
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") ==
        failed("the expected text is not in its body"));
}

TEST_CASE("an answer that ends too soon or is malformed is no sign of health") {
  Expectation e = containing("ready");
  CHECK(judge_all_ways(e, "", true) == failed("closed without an answer"));
  CHECK(judge_all_ways(e, "HTTP/1.1 200 O", true) == failed("closed without an answer"));
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nrea", true) ==
        failed("closed in the middle of its answer"));
  CHECK(judge_all_ways(e, "SSH-2.0-OpenSSH_9.2\r\n\r\n").verdict == Verdict::Fail);
  CHECK(judge_all_ways(e, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").verdict ==
        Verdict::Fail);
}

TEST_CASE("what an instance sends is bounded") {
  Expectation e = containing("ready");
  std::string long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x');
  CHECK(judge(e, long_head, 1000, 1000, false) == failed("its head is too large"));
  std::string body = "HTTP/1.1 200 OK\r\n\r\n" + std::string(65'536, 'x') + "ready";
  CHECK(judge(e, body, 1000, 1000, false) ==
        failed("the expected text is not in the first 64 KiB of its body"));
  CHECK(judge(e, body, body.size(), 1, false) ==
        failed("the expected text is not in the first 64 KiB of its body"));
}
