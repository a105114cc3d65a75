// Request heads: whatever is accepted is well formed, and forwarding it yields a head that reads the same.
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "proxy/http/parser.h"
#include "proxy/http/serialise.h"

using namespace holdfast;
using namespace holdfast::http;

namespace {

bool inside(std::string_view block, std::string_view view) {
  return view.data() >= block.data() && view.data() + view.size() <= block.data() + block.size();
}

void check_head(std::string_view block, const RequestHead& head) {
  for (const Field& field : head.fields) {
    CHECK(inside(block, field.name) && inside(block, field.value));
    CHECK(!field.name.empty());
    CHECK(field.name.find_first_of(std::string_view("\0 \t\r\n:", 6)) == field.name.npos);
    CHECK(field.value.find_first_of(std::string_view("\0\r\n", 3)) == field.value.npos);
    CHECK(field.known == known_of(field.name));
  }
  CHECK(head.version_minor == 0 || !head.host.empty());
  CHECK(head.path.size() <= head.target.size());
  CHECK(head.framing != Framing::UntilClose);
  CHECK(head.framing != Framing::Chunked || (!head.has(Known::ContentLength) && head.version_minor == 1));
}

void check_forwarded(HeadParser& parser, const RequestHead& head, bool trusted) {
  RequestContext context;
  context.client = "2001:db8::1";
  context.family = Address::Family::V6;
  context.generated_id = "id";
  context.default_host = "default.example";
  context.trusted = trusted;
  context.framing = head.framing;
  context.content_length = head.content_length;
  context.keep_expect = context.keep_upgrade = context.keep_trailers = trusted;
  std::string out;
  write_request_head(head, context, out);
  out += "\r\n";
  CHECK(find_head_end(out, 0) == out.size());
  RequestHead again;
  ParseLimits wide{.start_line = 1u << 20, .head_bytes = 1u << 22, .field_count = 10'000};
  CHECK(parser.parse_request(out, wide, again).has_value());
  CHECK(again.method == head.method && again.method_text == head.method_text && again.target == head.target);
  CHECK(again.framing == head.framing && again.content_length == head.content_length);
  CHECK(again.authority == (head.authority.empty() ? context.default_host : head.authority));
  CHECK(again.upgrade == (trusted && head.upgrade));
  for (Known gone :
       {Known::KeepAlive, Known::ProxyConnection, Known::ProxyAuthorization, Known::HoldfastAttempt})
    CHECK(!again.has(gone));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static HeadParser parser;
  static RequestHead head;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t end = find_head_end(input, 0);
  std::size_t found = 0;
  for (std::size_t n = 1; n <= size && !found; ++n) found = find_head_end(input.substr(0, n), n - 1);
  CHECK(found == end);

  ParseLimits limits;
  auto whole = parser.parse_request(input, limits, head);
  if (!whole) CHECK(!whole.error().rule.empty() && whole.error().status >= 400);
  if (whole) CHECK(end == size);
  if (end == 0 || !parser.parse_request(input.substr(0, end), limits, head)) return 0;
  check_head(input.substr(0, end), head);
  check_forwarded(parser, head, false);
  check_forwarded(parser, head, true);
  return 0;
}
