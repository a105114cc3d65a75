#include "proxy/http/serialise.h"

#include <charconv>
#include <initializer_list>

#include "proxy/http/appender.h"
#include "proxy/http/fields.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/header_ops.h"

namespace holdfast::http {
namespace {

/// A set of known names.
constexpr std::uint64_t set_of(std::initializer_list<Known> names) {
  std::uint64_t set = 0;
  for (Known name : names) set |= std::uint64_t{1} << static_cast<unsigned>(name);
  return set;
}
constexpr bool in(std::uint64_t set, Known name) { return (set >> static_cast<unsigned>(name) & 1) != 0; }

/// Puts fields behind each other. Neighbours that came as we would write them are copied together.
class FieldCopy {
 public:
  explicit FieldCopy(Appender& out) : out_(out) {}
  FieldCopy(const FieldCopy&) = delete;
  FieldCopy& operator=(const FieldCopy&) = delete;
  ~FieldCopy() { flush(); }

  void put(const Field& field) {
    if (!field.tidy) {
      flush();
      out_.put_field(field.name, field.value);
      return;
    }
    if (field.name.data() != end_) {
      flush();
      begin_ = field.name.data();
    }
    end_ = field.value.data() + field.value.size() + 2;
  }
  void flush() {
    out_.put(std::string_view(begin_, end_));
    begin_ = end_ = nullptr;
  }

 private:
  Appender& out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

/// RFC 9110 section 7.6.1: the fields of this hop, which are never copied, and those that Connection names.
class HopByHop {
 public:
  explicit HopByHop(const HeadBase& head) : head_(head) {}

  bool drops(const Field& field) const {
    if (in(hop_fields, field.known)) return true;
    if (field.known == Known::Other) {
      if (equal_ignoring_case(field.name, "http2-settings")) return true;
      // "Proxy" has no meaning but one: under CGI it becomes HTTP_PROXY, and libraries obey it (CVE-2016-5385).
      if (equal_ignoring_case(field.name, "proxy")) return true;
    }
    return head_.names_fields && names(field.name);
  }

 private:
  bool names(std::string_view name) const {
    for (const Field& field : head_.fields) {
      if (field.known != Known::Connection) continue;
      std::string_view list = field.value;
      std::string_view option;
      while (next_element(list, option))
        if (equal_ignoring_case(option, name)) return true;
    }
    return false;
  }

  static constexpr std::uint64_t hop_fields =
      set_of({Known::Connection, Known::KeepAlive, Known::ProxyConnection, Known::ContentLength,
              Known::TransferEncoding, Known::Te, Known::Trailer, Known::Upgrade, Known::ProxyAuthorization,
              Known::ProxyAuthenticate});

  const HeadBase& head_;
};

bool list_has(const HeadBase& head, Known known, std::string_view element) {
  for (const Field& field : head.fields) {
    if (field.known != known) continue;
    std::string_view list = field.value;
    std::string_view item;
    while (next_element(list, item))
      if (equal_ignoring_case(item, element)) return true;
  }
  return false;
}

void put_all(const HeadBase& head, Known known, Appender& out) {
  for (const Field& field : head.fields)
    if (field.known == known) out.put_field(field.name, field.value);
}

void put_framing(Framing framing, std::uint64_t content_length, Appender& out) {
  if (framing == Framing::Chunked) {
    out.put("Transfer-Encoding: chunked\r\n");
  } else if (framing == Framing::Length) {
    out.put("Content-Length: ").put_number(content_length).put("\r\n");
  }
}

void put_via(const HeadBase& head, const HeaderOps& ops, Appender& out) {
  if (!ops.replaces("Via")) out.put(head.version_minor ? "Via: 1.1 holdfast\r\n" : "Via: 1.0 holdfast\r\n");
}

void put_host(const RequestHead& head, const RequestContext& context, const HeaderOps& ops, Appender& out) {
  out.put("Host: ");
  if (const conf::HeaderOp* op = ops.host()) {
    ops.write_value(*op, out);
  } else {
    out.put(head.authority.empty() ? context.default_host : head.authority);
  }
  out.put("\r\n");
}

/// The fields that concern this connection to the instance.
void put_request_hop(const RequestHead& head, const RequestContext& context, Appender& out) {
  bool upgrade = context.keep_upgrade && head.upgrade;
  bool trailers = context.keep_trailers && head.has(Known::Te) && list_has(head, Known::Te, "trailers");
  if (upgrade) put_all(head, Known::Upgrade, out);
  if (trailers) out.put("TE: trailers\r\n");
  if (upgrade || trailers)
    out.put(!trailers ? "Connection: Upgrade\r\n"
            : upgrade ? "Connection: Upgrade, TE\r\n"
                      : "Connection: TE\r\n");
  if (context.keep_trailers && head.has(Known::Trailer)) put_all(head, Known::Trailer, out);
  if (context.keep_expect && head.expect_continue) out.put("Expect: 100-continue\r\n");
}

void put_response_connection(const ResponseHead& head, const ResponseContext& context, Appender& out) {
  if (!context.keep_alive || context.framing == Framing::UntilClose) {
    out.put("Connection: close\r\n");
  } else if (context.client_minor == 0) {
    out.put("Connection: keep-alive\r\n");
  }
  if (context.keep_trailers && context.framing == Framing::Chunked) put_all(head, Known::Trailer, out);
}

/// Max-Forwards of OPTIONS and TRACE, RFC 9110 section 7.6.2. What is no number means nothing to us.
bool max_forwards(const RequestHead& head, const Field& field, std::uint64_t& hops) {
  if (head.method != Method::Options && head.method != Method::Trace) return false;
  if (field.known != Known::Other || !equal_ignoring_case(field.name, "max-forwards")) return false;
  const char* end = field.value.data() + field.value.size();
  auto parsed = std::from_chars(field.value.data(), end, hops);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

bool may_be_trailer(const Field& field) {
  if (field.known != Known::Other) return field.known == Known::ETag || field.known == Known::Server;
  for (std::string_view name : {"cache-control",
                                "pragma",
                                "expires",
                                "age",
                                "vary",
                                "warning",
                                "location",
                                "max-forwards",
                                "content-location",
                                "content-language",
                                "content-disposition",
                                "www-authenticate",
                                "authentication-info",
                                "proxy-authentication-info",
                                "allow",
                                "accept",
                                "if-match",
                                "if-none-match",
                                "if-modified-since",
                                "if-unmodified-since",
                                "http2-settings",
                                "user-agent",
                                "referer",
                                "origin",
                                "strict-transport-security",
                                "x-real-ip"})
    if (equal_ignoring_case(field.name, name)) return false;
  return !is_forwarding_claim(field, false);
}

}  // namespace

bool is_last_hop(const RequestHead& head) {
  std::uint64_t hops = 1;
  for (const Field& field : head.fields)
    if (max_forwards(head, field, hops) && hops == 0) return true;
  return false;
}

std::string_view write_request_head(const RequestHead& head, const RequestContext& context,
                                    std::string& text) {
  Appender out(text);
  std::string_view request_id = choose_request_id(head, context);
  HeaderOps ops(context.ops, {context.client, request_id, head.host, context.proto});
  HopByHop hop(head);

  out.put(head.method_text).put(' ').put(head.target).put(" HTTP/1.1\r\n");
  put_host(head, context, ops, out);
  FieldCopy copy(out);
  for (const Field& field : head.fields) {
    if (field.known == Known::Host || field.known == Known::Expect || hop.drops(field)) continue;
    if (is_forwarding_claim(field, context.trusted) || ops.replaces(field.name)) continue;
    if (std::uint64_t hops = 0; max_forwards(head, field, hops)) {
      copy.flush();
      out.put("Max-Forwards: ").put_number(hops - 1).put("\r\n");
      continue;
    }
    copy.put(field);
  }
  copy.flush();
  write_forwarded(head, context, request_id, ops, out);
  put_via(head, ops, out);
  ops.write(out);
  put_request_hop(head, context, out);
  put_framing(context.framing, context.content_length, out);
  return request_id;
}

Framing client_framing(const ResponseHead& head, std::uint8_t client_minor) {
  return head.framing == Framing::Chunked && client_minor == 0 ? Framing::UntilClose : head.framing;
}

void write_response_head(const ResponseHead& head, const ResponseContext& context, std::string& text) {
  Appender out(text);
  HeaderOps ops(context.ops, {context.client, context.request_id, context.host, context.proto});
  HopByHop hop(head);
  const bool interim = head.status < 200;

  out.put("HTTP/1.1 ").put_number(head.status).put(' ');
  out.put(head.reason.empty() ? reason_phrase(head.status) : head.reason).put("\r\n");
  FieldCopy copy(out);
  for (const Field& field : head.fields)
    if (!hop.drops(field) && !ops.replaces(field.name)) copy.put(field);
  copy.flush();
  if (interim) {
    if (context.keep_upgrade && head.status == 101) {
      put_all(head, Known::Upgrade, out);
      out.put("Connection: Upgrade\r\n");
    }
  } else {
    if (!head.has(Known::Date) && !context.date.empty()) out.put_field("Date", context.date);
    if (!context.request_id.empty() && !head.has(Known::XRequestId) && !ops.replaces("X-Request-Id"))
      out.put_field("X-Request-Id", context.request_id);
    put_via(head, ops, out);
    ops.write(out);
    if (!context.set_cookie.empty()) out.put_field("Set-Cookie", context.set_cookie);
    put_response_connection(head, context, out);
    // To HEAD, and with 304, the length is that of the body there would have been (RFC 9110 section 8.6).
    bool announced = context.framing == Framing::None && head.status != 204 && head.has(Known::ContentLength);
    put_framing(announced ? Framing::Length : context.framing,
                announced ? head.content_length : context.content_length, out);
  }
  out.put("\r\n");
}

void write_trailers(Bytes received, std::string& text) {
  Appender out(text);
  const char* p = received.data();
  const char* end = p + received.size();
  Field field;
  while (p != end && !read_field(p, end, field))
    if (may_be_trailer(field)) out.put_field(field.name, field.value);
}

}  // namespace holdfast::http
