// Response heads: whatever is accepted is framed one way only, and writing it anew reads the same.
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "proxy/http/parser.h"
#include "proxy/http/serialise.h"

using namespace holdfast;
using namespace holdfast::http;

namespace {

void check_written(HeadParser& parser, const ResponseHead& head, bool to_head) {
  ResponseContext context;
  context.framing = head.framing;
  context.content_length = head.content_length;
  context.keep_trailers = true;
  std::string out;
  write_response_head(head, context, out);
  CHECK(find_head_end(out, 0) == out.size());
  ResponseHead again;
  ParseLimits wide{.start_line = 1u << 20, .head_bytes = 1u << 22, .field_count = 10'000};
  CHECK(parser.parse_response(out, wide, to_head, again).has_value());
  CHECK(again.status == head.status && again.framing == head.framing);
  CHECK(head.framing == Framing::Chunked || again.content_length == head.content_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static HeadParser parser;
  static ResponseHead head;
  if (size == 0) return 0;
  const bool to_head = (data[0] & 1) != 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t end = find_head_end(input, 0);
  auto parsed = parser.parse_response(end ? input.substr(0, end) : input, {}, to_head, head);
  if (!parsed) {
    CHECK(parsed.error().status == 502 && !parsed.error().rule.empty());
    return 0;
  }
  CHECK(end != 0);
  CHECK(head.status >= 100 && head.status <= 599);
  const bool bodiless = to_head || head.status < 200 || head.status == 204 || head.status == 304;
  CHECK((head.framing == Framing::None) == bodiless);
  check_written(parser, head, to_head);
  return 0;
}
