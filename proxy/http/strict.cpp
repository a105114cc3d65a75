#include "proxy/http/strict.h"

#include <algorithm>
#include <cstring>

#include "proxy/http/authority.h"
#include "proxy/http/fields.h"
#include "proxy/http/rules.h"

namespace holdfast::http {
namespace {

constexpr std::size_t method_max = 32;
constexpr std::size_t fields_max = 0xfffe;     // what HeadBase::first can point at
constexpr std::size_t length_digits_max = 18;  // fits in 64 bits whatever the digits are

/// Which known names came more than once, one bit each.
class Repeats {
 public:
  static_assert(known_count <= 64);
  void note(Known known) { bits_ |= std::uint64_t{1} << static_cast<unsigned>(known); }
  bool has(Known known) const { return bits_ >> static_cast<unsigned>(known) & 1u; }

 private:
  std::uint64_t bits_ = 0;
};

const Refusal* read_line(const char*& p, const char* end, std::string_view& line, bool& control) {
  const char* start = p;
  p = skip_value(p, end);
  control = p != end && *p != '\r' && *p != '\n';
  line = {start, p};
  if (control) return nullptr;
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return line_fault(p, end);
  p += 2;
  return nullptr;
}

/// Field lines up to the empty line, which must be the block's last two bytes.
const Refusal* read_fields(const char* p, const char* end, const ParseLimits& limits, HeadBase& head,
                           Repeats& repeats) {
  head.fields.clear();
  head.first = {};
  const std::size_t most = std::min(limits.field_count, fields_max);
  std::size_t count = 0;
  while (p != end && *p != '\r') {
    if (++count > most) return &rules::too_many_fields;
    Field& field = head.fields.emplace_back();
    if (const Refusal* fault = read_field(p, end, field)) return fault;
    if (field.known == Known::Other) continue;
    std::uint16_t& first = head.first[static_cast<std::size_t>(field.known)];
    if (first) {
      repeats.note(field.known);
    } else {
      first = static_cast<std::uint16_t>(count);
    }
  }
  if (end - p < 2 || p[1] != '\n') return line_fault(p, end);
  return end - p == 2 ? nullptr : &rules::incomplete;
}

/// "HTTP/1.0" and "HTTP/1.1" only; the name is case-sensitive (RFC 9112 section 2.3).
bool read_version(std::string_view text, HeadBase& head) {
  if (text.size() != 8 || std::memcmp(text.data(), "HTTP/1.", 7) != 0) return false;
  if (text[7] != '0' && text[7] != '1') return false;
  head.version_minor = static_cast<std::uint8_t>(text[7] - '0');
  return true;
}

const Refusal* read_connection(HeadBase& head, bool& upgrade) {
  bool close = false;
  bool keep_alive = false;
  upgrade = head.names_fields = false;
  if (head.has(Known::Connection)) {
    for (const Field& field : head.fields) {
      if (field.known != Known::Connection) continue;
      std::string_view list = field.value;
      std::string_view option;
      while (next_element(list, option)) {
        if (equal_ignoring_case(option, "close"))
          close = true;
        else if (equal_ignoring_case(option, "keep-alive"))
          keep_alive = true;
        else if (equal_ignoring_case(option, "upgrade"))
          upgrade = true;
        else if (all(option, kToken))
          head.names_fields = true;
        else
          return &rules::bad_connection;
      }
    }
  }
  head.keep_alive = !close && (head.version_minor == 1 || keep_alive);  // RFC 9112 section 9.3
  return nullptr;
}

bool read_length(std::string_view text, std::uint64_t& value) {
  if (text.empty() || text.size() > length_digits_max || !all(text, kDigit)) return false;
  value = 0;
  for (char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return true;
}

/// RFC 9112 section 6.3, without the ways out that it gives to senders of ambiguous messages.
const Refusal* read_framing(HeadBase& head, const Repeats& repeats) {
  head.framing = Framing::None;
  head.content_length = 0;
  const Field* length = head.find(Known::ContentLength);
  const Field* coding = head.find(Known::TransferEncoding);
  if (coding) {
    if (head.version_minor == 0) return &rules::transfer_encoding_on_10;
    if (length) return &rules::length_with_transfer_encoding;
    if (repeats.has(Known::TransferEncoding) || !equal_ignoring_case(coding->value, "chunked"))
      return &rules::bad_transfer_encoding;
    head.framing = Framing::Chunked;
  } else if (length) {
    if (repeats.has(Known::ContentLength)) return &rules::repeated_length;
    if (!read_length(length->value, head.content_length)) return &rules::bad_length;
    head.framing = Framing::Length;
  }
  return nullptr;
}

const Refusal* read_expect(RequestHead& head) {
  head.expect_continue = false;
  if (!head.has(Known::Expect)) return nullptr;
  for (const Field& field : head.fields)
    if (field.known == Known::Expect && !equal_ignoring_case(field.value, "100-continue"))
      return &rules::bad_expect;
  head.expect_continue = head.version_minor == 1;  // RFC 9110 section 10.1.1: ignored in HTTP/1.0
  return nullptr;
}

/// An offer to change to HTTP/2 is not one that may be passed on: the instance would then speak a
/// protocol to the client that is not read here, and every rule of this file would be gone.
bool offers_tunnel(const RequestHead& head) {
  if (head.version_minor == 0 || !head.has(Known::Upgrade)) return false;
  for (const Field& field : head.fields) {
    if (field.known != Known::Upgrade) continue;
    std::string_view list = field.value;
    std::string_view protocol;
    while (next_element(list, protocol))
      if (equal_ignoring_case(protocol.substr(0, 3), "h2c")) return false;
  }
  return true;
}

const Refusal* read_request_line(std::string_view line, bool control, RequestHead& head) {
  std::size_t space = line.find(' ');
  head.method_text = line.substr(0, space);
  head.method = method_of(head.method_text);
  if (head.method == Method::Other &&
      (head.method_text.empty() || head.method_text.size() > method_max || !all(head.method_text, kToken)))
    return &rules::bad_method;
  if (control) return space == line.npos ? &rules::bad_method : &rules::bad_target;
  std::size_t last = line.rfind(' ');
  if (space == line.npos || last == space || !read_version(line.substr(last + 1), head))
    return &rules::bad_version;
  return read_target(line.substr(space + 1, last - space - 1), head);
}

const Refusal* read_status_line(std::string_view line, bool control, ResponseHead& head) {
  if (control) return &rules::bad_status_line;
  std::size_t space = line.find(' ');
  if (!read_version(line.substr(0, space), head)) return &rules::bad_version;
  // The reason may be left out, and with it, by some servers, the space before it (RFC 9112 section 4).
  std::string_view rest = space == line.npos ? std::string_view{} : line.substr(space + 1);
  if (rest.size() < 3 || !all(rest.substr(0, 3), kDigit)) return &rules::bad_status_line;
  if (rest.size() > 3 && rest[3] != ' ') return &rules::bad_status_line;
  head.status = static_cast<unsigned>(rest[0] - '0') * 100 + static_cast<unsigned>(rest[1] - '0') * 10 +
                static_cast<unsigned>(rest[2] - '0');
  head.reason = rest.size() > 3 ? rest.substr(4) : std::string_view{};
  return head.status >= 100 && head.status <= 599 ? nullptr : &rules::bad_status_line;
}

/// Which responses have no body whatever their fields say (RFC 9112 section 6.3, rule 1), and which have
/// one until the connection closes (rule 8).
const Refusal* settle_response_framing(bool to_head, ResponseHead& head) {
  bool bodiless_status = head.status < 200 || head.status == 204;
  if (bodiless_status) {
    // A server that frames a body where there can be none may also send it; the next response would be
    // read from its bytes. A length of zero is common on 204, and harmless.
    if (head.framing == Framing::Chunked || head.content_length != 0) return &rules::body_on_bodiless;
    head.framing = Framing::None;
  } else if (to_head || head.status == 304) {
    head.framing = Framing::None;
  } else if (head.framing == Framing::None) {
    head.framing = Framing::UntilClose;
  }
  return nullptr;
}

}  // namespace

const Refusal* read_request(Bytes block, const ParseLimits& limits, RequestHead& head) {
  const char* p = block.data();
  const char* end = p + block.size();
  std::string_view line;
  bool control = false;
  if (block.starts_with("\r\n")) return &rules::empty_start_line;
  if (const Refusal* fault = read_line(p, end, line, control)) return fault;
  if (line.size() > limits.start_line) return &rules::line_too_long;
  if (const Refusal* fault = read_request_line(line, control, head)) return fault;

  Repeats repeats;
  bool upgrade = false;
  if (const Refusal* fault = read_fields(p, end, limits, head, repeats)) return fault;
  if (const Refusal* fault = check_host(repeats.has(Known::Host), head)) return fault;
  if (const Refusal* fault = read_framing(head, repeats)) return fault;
  if (const Refusal* fault = read_connection(head, upgrade)) return fault;
  head.upgrade = upgrade && offers_tunnel(head);
  return read_expect(head);
}

const Refusal* read_response(Bytes block, const ParseLimits& limits, bool to_head, ResponseHead& head) {
  const char* p = block.data();
  const char* end = p + block.size();
  std::string_view line;
  bool control = false;
  if (const Refusal* fault = read_line(p, end, line, control)) return fault;
  if (line.size() > limits.start_line) return &rules::line_too_long;
  if (const Refusal* fault = read_status_line(line, control, head)) return fault;

  Repeats repeats;
  bool upgrade = false;
  if (const Refusal* fault = read_fields(p, end, limits, head, repeats)) return fault;
  if (const Refusal* fault = read_framing(head, repeats)) return fault;
  if (const Refusal* fault = read_connection(head, upgrade)) return fault;
  return settle_response_framing(to_head, head);
}

}  // namespace holdfast::http
