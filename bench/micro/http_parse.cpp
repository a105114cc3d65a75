// Nanoseconds per request head: finding its end, our own reading, both readings, and writing it anew.
// Stand-alone: g++ -O2, linked with the proxy's http and base sources and llhttp. No socket, no clock but
// the one that measures.
#include <chrono>
#include <cstdio>
#include <string>

#include "proxy/http/parser.h"
#include "proxy/http/serialise.h"
#include "proxy/http/strict.h"

using namespace holdfast;
using namespace holdfast::http;

namespace {

// Ten fields, about 400 bytes: an API call as a browser's script makes it.
const std::string block =
    "POST /api/ivr/session/4711/next?step=12 HTTP/1.1\r\n"
    "Host: portal.contact-centre.example\r\n"
    "User-Agent: ivr-engine/4.2 (Linux; x86_64) libhttp/2.11\r\n"
    "Accept: application/json, text/plain;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Authorization: Bearer 5f2c9a3e7b1d4c60a8e6\r\n"
    "Content-Type: application/json\r\n"
    "Cookie: session=9d41c2f0aa; node=ef-a\r\n"
    "X-Call-Id: 20261122-130500-000451\r\n"
    "Content-Length: 120\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

volatile std::size_t sink;

template <class F>
void measure(const char* what, F&& once) {
  constexpr int rounds = 7;
  constexpr int times = 200'000;
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) sink = once();
    std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count() / times);
  }
  std::printf("%-28s %7.1f ns\n", what, best);
}

}  // namespace

int main() {
  HeadParser parser;
  ParseLimits limits;
  RequestHead head;
  std::string out;
  RequestContext context;
  context.client = "192.0.2.7";
  context.family = Address::Family::V4;
  context.generated_id = "8c2f41d09b73e655-0000000000000a1f";
  if (!parser.parse_request(block, limits, head)) return 1;
  context.framing = head.framing;
  context.content_length = head.content_length;
  std::printf("head of %zu bytes, %zu fields\n", block.size(), head.fields.size());

  measure("find the end", [&] { return find_head_end(block, 0); });
  measure("own reading", [&] { return std::size_t{read_request(block, limits, head) == nullptr}; });
  measure("both readings",
          [&] { return std::size_t{parser.parse_request(block, limits, head).has_value()}; });
  measure("write anew", [&] {
    out.clear();
    write_request_head(head, context, out);
    return out.size();
  });
}
