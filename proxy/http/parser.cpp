#include "proxy/http/parser.h"

#include <llhttp.h>

#include <bit>

#include "proxy/http/fields.h"
#include "proxy/http/rules.h"
#include "proxy/http/scan.h"
#include "proxy/http/strict.h"

#ifdef HOLDFAST_LLHTTP_SSE42
extern "C" int llhttp__internal_execute_sse42(llhttp__internal_t* state, const char* p, const char* end);
#endif

namespace holdfast::http {
namespace {

/// What the second reader is held against: our fields, in order.
struct Witness {
  const Field* name;   ///< the next one that it will tell the name of
  const Field* value;  ///< and the value
  const Field* end;
  bool agrees = true;
  bool complete = false;
};

Witness& witness_of(llhttp_t* parser) { return *static_cast<Witness*>(parser->data); }

using Execute = int (*)(llhttp__internal_t*, const char*, const char*);

/// The generated machine twice: the other one reads field values sixteen bytes at a time.
Execute choose_execute() {
#ifdef HOLDFAST_LLHTTP_SSE42
  if (__builtin_cpu_supports("sse4.2")) return llhttp__internal_execute_sse42;
#endif
  return llhttp__internal_execute;
}

// "llhttp:<reason name>", one static string for each reason.
std::string_view rule_of(llhttp_errno_t reason) {
  switch (reason) {
#define HOLDFAST_REASON(number, name, string) \
  case HPE_##name: return "llhttp:" #string;
    HTTP_ERRNO_MAP(HOLDFAST_REASON)
#undef HOLDFAST_REASON
  }
  return "llhttp:UNKNOWN";
}

bool same_framing(const llhttp_t& parser, const HeadBase& head) {
  bool chunked = (parser.flags & F_CHUNKED) != 0;
  bool length = (parser.flags & F_CONTENT_LENGTH) != 0;
  if (chunked != head.has(Known::TransferEncoding) || length != head.has(Known::ContentLength)) return false;
  return !length || parser.content_length == head.content_length;
}

Refusal as_response(Refusal refusal) {
  refusal.status = 502;
  return refusal;
}

}  // namespace

// What llhttp's machine calls. Its own api.c would look each up in a table of settings; most are of no interest.
extern "C" {
int llhttp__on_header_field(llhttp_t* parser, const char* at, const char* end) {
  Witness& w = witness_of(parser);
  if (w.name == w.end) {
    w.agrees = false;
    return 0;
  }
  const std::string_view ours = (w.name++)->name;
  w.agrees &= ours.data() == at && ours.size() == static_cast<std::size_t>(end - at);
  return 0;
}

int llhttp__on_header_value(llhttp_t* parser, const char* at, const char* end) {
  Witness& w = witness_of(parser);
  if (w.value == w.end) {
    w.agrees = false;
    return 0;
  }
  const std::string_view ours = (w.value++)->value;
  while (end != at && is_blank(end[-1])) --end;  // llhttp leaves white space at the end to its caller
  w.agrees &= ours.size() == static_cast<std::size_t>(end - at) && (end == at || ours.data() == at);
  return 0;
}

int llhttp__on_headers_complete(llhttp_t* parser, const char*, const char*) {
  witness_of(parser).complete = true;
  return HPE_PAUSED;  // bodies are body.h's
}

#define HOLDFAST_IGNORED(name) \
  int llhttp__on_##name(llhttp_t*, const char*, const char*) { return 0; }
HOLDFAST_IGNORED(message_begin)
HOLDFAST_IGNORED(method)
HOLDFAST_IGNORED(method_complete)
HOLDFAST_IGNORED(url)
HOLDFAST_IGNORED(url_complete)
HOLDFAST_IGNORED(version)
HOLDFAST_IGNORED(version_complete)
HOLDFAST_IGNORED(status)
HOLDFAST_IGNORED(status_complete)
HOLDFAST_IGNORED(header_field_complete)
HOLDFAST_IGNORED(header_value_complete)
HOLDFAST_IGNORED(body)
HOLDFAST_IGNORED(message_complete)
HOLDFAST_IGNORED(chunk_header)
HOLDFAST_IGNORED(chunk_extension_name)
HOLDFAST_IGNORED(chunk_extension_name_complete)
HOLDFAST_IGNORED(chunk_extension_value)
HOLDFAST_IGNORED(chunk_extension_value_complete)
HOLDFAST_IGNORED(chunk_complete)
HOLDFAST_IGNORED(reset)
#undef HOLDFAST_IGNORED
}

struct HeadParser::Impl {
  const Execute execute = choose_execute();
  llhttp_t parser;

  /// Null if llhttp, given `prefix` and then `block`, reads the head as we did.
  std::optional<Refusal> second_reading(llhttp_type_t type, Bytes prefix, Bytes block, const HeadBase& head) {
    const Field* first = head.fields.data();
    Witness witness{.name = first, .value = first, .end = first + head.fields.size()};
    llhttp__internal_init(&parser);
    parser.type = type;
    parser.data = &witness;
    int result = HPE_OK;
    if (!prefix.empty()) result = execute(&parser, prefix.data(), prefix.data() + prefix.size());
    if (result == HPE_OK) result = execute(&parser, block.data(), block.data() + block.size());
    if (result != HPE_PAUSED && result != HPE_OK)
      return Refusal{400, rule_of(static_cast<llhttp_errno_t>(result)), "RFC 9112 section 2.2"};
    if (!witness.complete || !same_framing(parser, head)) return rules::framing_disagreement;
    if (!witness.agrees || witness.name != witness.end || witness.value != witness.end)
      return rules::field_disagreement;
    return std::nullopt;
  }
};

HeadParser::HeadParser() : impl_(std::make_unique<Impl>()) {}
HeadParser::~HeadParser() = default;

std::size_t find_head_end(Bytes bytes, std::size_t from) {
  const char* end = bytes.data() + bytes.size();
  /// The bytes of the empty line at `p`, which is where a line begins; 0: it is not empty.
  auto empty_line = [end](const char* p) {
    if (end - p >= 1 && p[0] == '\n') return 1;
    return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
  };
  // The empty line may have begun up to two bytes before what is new.
  const char* p = bytes.data() + (from > 2 ? from - 2 : 0);
  for (; end - p >= scan_width; p += scan_width) {
    unsigned marks = marks_of(p, '\n');
    if (marks == 0) continue;
    // What follows an end of line that is not the last byte is seen at once; most lines are not empty.
    for (marks &= (marks | marks_of(p, '\r')) >> 1 | 0x8000; marks != 0; marks &= marks - 1) {
      const char* line = p + std::countr_zero(marks) + 1;
      if (const int size = empty_line(line)) return static_cast<std::size_t>(line + size - bytes.data());
    }
  }
  while (p != end)
    if (*p++ == '\n')
      if (const int size = empty_line(p)) return static_cast<std::size_t>(p + size - bytes.data());
  return 0;
}

std::optional<Refusal> too_large(Bytes partial, const ParseLimits& limits) {
  // The line's own end is not counted: "\r" may be here and its "\n" not yet.
  if (partial.size() > limits.start_line + 1 &&
      partial.substr(0, limits.start_line + 2).find('\n') == partial.npos)
    return rules::line_too_long;
  if (partial.size() > limits.head_bytes) return rules::head_too_large;
  return std::nullopt;
}

std::size_t leading_empty_lines(Bytes bytes) {
  std::size_t n = 0;
  while (bytes.substr(n, 2) == "\r\n") n += 2;
  return n;
}

std::expected<void, Refusal> HeadParser::parse_request(Bytes block, const ParseLimits& limits,
                                                       RequestHead& head) {
  if (auto large = too_large(block, limits)) return std::unexpected(*large);
  if (const Refusal* fault = read_request(block, limits, head)) return std::unexpected(*fault);
  // llhttp 8.1 reads a fixed list of methods, some of which make it expect RTSP or ICE. Those that we do
  // not know are tokens by our own reading, and are shown to it as POST.
  Bytes prefix;
  Bytes rest = block;
  if (head.method == Method::Query || head.method == Method::Other) {
    prefix = "POST";
    rest.remove_prefix(head.method_text.size());
  }
  if (auto refusal = impl_->second_reading(HTTP_REQUEST, prefix, rest, head))
    return std::unexpected(*refusal);
  return {};
}

std::expected<void, Refusal> HeadParser::parse_response(Bytes block, const ParseLimits& limits, bool to_head,
                                                        ResponseHead& head) {
  if (auto large = too_large(block, limits)) return std::unexpected(as_response(*large));
  if (const Refusal* fault = read_response(block, limits, to_head, head))
    return std::unexpected(as_response(*fault));
  if (auto refusal = impl_->second_reading(HTTP_RESPONSE, {}, block, head))
    return std::unexpected(as_response(*refusal));
  return {};
}

}  // namespace holdfast::http
