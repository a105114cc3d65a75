#include "proxy/http/parser.h"

#include <llhttp.h>

#include <cstring>

#include "proxy/http/fields.h"
#include "proxy/http/rules.h"
#include "proxy/http/strict.h"

namespace holdfast::http {
namespace {

/// What the second reader is held against: our fields, in order.
struct Witness {
  const HeadBase* head = nullptr;
  std::size_t names = 0;
  std::size_t values = 0;
  bool agrees = true;
  bool complete = false;
};

Witness& witness_of(llhttp_t* parser) { return *static_cast<Witness*>(parser->data); }

int on_name(llhttp_t* parser, const char* at, std::size_t length) {
  Witness& w = witness_of(parser);
  w.agrees &= w.names < w.head->fields.size() && w.head->fields[w.names].name.data() == at &&
              w.head->fields[w.names].name.size() == length;
  ++w.names;
  return 0;
}

int on_value(llhttp_t* parser, const char* at, std::size_t length) {
  Witness& w = witness_of(parser);
  if (w.values >= w.head->fields.size()) {
    w.agrees = false;
    return 0;
  }
  std::string_view ours = w.head->fields[w.values++].value;
  while (length && is_blank(at[length - 1])) --length;  // llhttp leaves white space at the end to its caller
  w.agrees &= ours.size() == length && (length == 0 || ours.data() == at);
  return 0;
}

int on_complete(llhttp_t* parser) {
  witness_of(parser).complete = true;
  return HPE_PAUSED;  // bodies are body.h's
}

llhttp_settings_t make_settings() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_headers_complete = on_complete;
  return settings;
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

struct HeadParser::Impl {
  llhttp_settings_t settings = make_settings();
  llhttp_t parser;

  /// Null if llhttp, given `prefix` and then `block`, reads the head as we did.
  std::optional<Refusal> second_reading(llhttp_type_t type, Bytes prefix, Bytes block, const HeadBase& head) {
    Witness witness{.head = &head};
    llhttp_init(&parser, type, &settings);
    parser.data = &witness;
    llhttp_errno_t result = HPE_OK;
    if (!prefix.empty()) result = llhttp_execute(&parser, prefix.data(), prefix.size());
    if (result == HPE_OK) result = llhttp_execute(&parser, block.data(), block.size());
    if (result != HPE_PAUSED && result != HPE_OK)
      return Refusal{400, rule_of(result), "RFC 9112 section 2.2"};
    if (!witness.complete || !same_framing(parser, head)) return rules::framing_disagreement;
    if (!witness.agrees || witness.names != head.fields.size() || witness.values != head.fields.size())
      return rules::field_disagreement;
    return std::nullopt;
  }
};

HeadParser::HeadParser() : impl_(std::make_unique<Impl>()) {}
HeadParser::~HeadParser() = default;

std::size_t find_head_end(Bytes bytes, std::size_t from) {
  // The empty line may have begun up to two bytes before what is new.
  const char* end = bytes.data() + bytes.size();
  const char* p = bytes.data() + (from > 2 ? from - 2 : 0);
  while (p < end) {
    p = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
    if (!p) return 0;
    ++p;
    if (end - p >= 1 && p[0] == '\n') return static_cast<std::size_t>(p + 1 - bytes.data());
    if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') return static_cast<std::size_t>(p + 2 - bytes.data());
  }
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
