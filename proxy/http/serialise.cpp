#include "proxy/http/serialise.h"

#include <charconv>
#include <cstring>

#include "proxy/http/fields.h"
#include "proxy/http/forwarded.h"
#include "proxy/http/header_ops.h"

namespace holdfast::http {
namespace {

/// One step for the four parts: this is most of what writing a head costs.
void put_field(std::string_view name, std::string_view value, std::string& out) {
  const std::size_t at = out.size(), size = at + name.size() + value.size() + 4;
  out.resize_and_overwrite(size, [&](char* text, std::size_t) {
    char* p = text + at;
    std::memcpy(p, name.data(), name.size());
    std::memcpy(p += name.size(), ": ", 2);
    if (!value.empty()) std::memcpy(p + 2, value.data(), value.size());
    std::memcpy(p + 2 + value.size(), "\r\n", 2);
    return size;
  });
}

void put_number(std::uint64_t value, std::string& out) {
  char digits[20];
  auto result = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, result.ptr);
}

/// RFC 9110 section 7.6.1: the fields of this hop, which are never copied, and those that Connection names.
class HopByHop {
 public:
  explicit HopByHop(const HeadBase& head) : head_(head) {
    if (!head.has(Known::Connection)) return;
    for_each_option([this](std::string_view option) {
      names_fields_ |= !equal_ignoring_case(option, "close") && !equal_ignoring_case(option, "keep-alive") &&
                       !equal_ignoring_case(option, "upgrade");
      return true;
    });
  }

  bool drops(const Field& field) const {
    switch (field.known) {
      case Known::Connection:
      case Known::KeepAlive:
      case Known::ProxyConnection:
      case Known::ContentLength:
      case Known::TransferEncoding:
      case Known::Te:
      case Known::Trailer:
      case Known::Upgrade:
      case Known::ProxyAuthorization:
      case Known::ProxyAuthenticate: return true;
      default: break;
    }
    if (field.known == Known::Other) {
      if (equal_ignoring_case(field.name, "http2-settings")) return true;
      // "Proxy" has no meaning but one: under CGI it becomes HTTP_PROXY, and libraries obey it (CVE-2016-5385).
      if (equal_ignoring_case(field.name, "proxy")) return true;
    }
    return names_fields_ && names(field.name);
  }

 private:
  template <class F>
  void for_each_option(F&& f) const {
    for (const Field& field : head_.fields) {
      if (field.known != Known::Connection) continue;
      std::string_view list = field.value;
      std::string_view option;
      while (next_element(list, option))
        if (!f(option)) return;
    }
  }
  bool names(std::string_view name) const {
    bool found = false;
    for_each_option([&](std::string_view option) { return !(found = equal_ignoring_case(option, name)); });
    return found;
  }

  const HeadBase& head_;
  bool names_fields_ = false;
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

void put_all(const HeadBase& head, Known known, std::string& out) {
  for (const Field& field : head.fields)
    if (field.known == known) put_field(field.name, field.value, out);
}

void put_framing(Framing framing, std::uint64_t content_length, std::string& out) {
  if (framing == Framing::Chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (framing == Framing::Length) {
    out.append("Content-Length: ");
    put_number(content_length, out);
    out.append("\r\n");
  }
}

void put_via(const HeadBase& head, const HeaderOps& ops, std::string& out) {
  if (!ops.replaces("Via"))
    out.append(head.version_minor ? "Via: 1.1 holdfast\r\n" : "Via: 1.0 holdfast\r\n");
}

void put_host(const RequestHead& head, const RequestContext& context, const HeaderOps& ops,
              std::string& out) {
  out.append("Host: ");
  if (const conf::HeaderOp* op = ops.host()) {
    ops.write_value(*op, out);
  } else {
    out.append(head.authority.empty() ? context.default_host : head.authority);
  }
  out.append("\r\n");
}

/// The fields that concern this connection to the instance.
void put_request_hop(const RequestHead& head, const RequestContext& context, std::string& out) {
  bool upgrade = context.keep_upgrade && head.upgrade;
  bool trailers = context.keep_trailers && head.has(Known::Te) && list_has(head, Known::Te, "trailers");
  if (upgrade) put_all(head, Known::Upgrade, out);
  if (trailers) out.append("TE: trailers\r\n");
  if (upgrade || trailers)
    out.append(!trailers ? "Connection: Upgrade\r\n"
               : upgrade ? "Connection: Upgrade, TE\r\n"
                         : "Connection: TE\r\n");
  if (context.keep_trailers && head.has(Known::Trailer)) put_all(head, Known::Trailer, out);
  if (context.keep_expect && head.expect_continue) out.append("Expect: 100-continue\r\n");
}

void put_response_connection(const ResponseHead& head, const ResponseContext& context, std::string& out) {
  if (!context.keep_alive || context.framing == Framing::UntilClose) {
    out.append("Connection: close\r\n");
  } else if (context.client_minor == 0) {
    out.append("Connection: keep-alive\r\n");
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
                                    std::string& out) {
  std::string_view request_id = choose_request_id(head, context);
  HeaderOps ops(context.ops, {context.client, request_id, head.host, context.proto});
  HopByHop hop(head);

  out.append(head.method_text).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  put_host(head, context, ops, out);
  for (const Field& field : head.fields) {
    if (field.known == Known::Host || field.known == Known::Expect || hop.drops(field)) continue;
    if (is_forwarding_claim(field, context.trusted) || ops.replaces(field.name)) continue;
    if (std::uint64_t hops = 0; max_forwards(head, field, hops)) {
      put_field("Max-Forwards", std::to_string(hops - 1), out);
      continue;
    }
    put_field(field.name, field.value, out);
  }
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

void write_response_head(const ResponseHead& head, const ResponseContext& context, std::string& out) {
  HeaderOps ops(context.ops, {context.client, context.request_id, context.host, context.proto});
  HopByHop hop(head);
  const bool interim = head.status < 200;

  out.append("HTTP/1.1 ");
  put_number(head.status, out);
  out.append(" ").append(head.reason.empty() ? reason_phrase(head.status) : head.reason).append("\r\n");
  for (const Field& field : head.fields)
    if (!hop.drops(field) && !ops.replaces(field.name)) put_field(field.name, field.value, out);
  if (interim) {
    if (context.keep_upgrade && head.status == 101) {
      put_all(head, Known::Upgrade, out);
      out.append("Connection: Upgrade\r\n");
    }
  } else {
    if (!head.has(Known::Date) && !context.date.empty()) put_field("Date", context.date, out);
    if (!context.request_id.empty() && !head.has(Known::XRequestId) && !ops.replaces("X-Request-Id"))
      put_field("X-Request-Id", context.request_id, out);
    put_via(head, ops, out);
    ops.write(out);
    if (!context.set_cookie.empty()) put_field("Set-Cookie", context.set_cookie, out);
    put_response_connection(head, context, out);
    // To HEAD, and with 304, the length is that of the body there would have been (RFC 9110 section 8.6).
    bool announced = context.framing == Framing::None && head.status != 204 && head.has(Known::ContentLength);
    put_framing(announced ? Framing::Length : context.framing,
                announced ? head.content_length : context.content_length, out);
  }
  out.append("\r\n");
}

void write_trailers(Bytes received, std::string& out) {
  const char* p = received.data();
  const char* end = p + received.size();
  Field field;
  while (p != end && !read_field(p, end, field))
    if (may_be_trailer(field)) put_field(field.name, field.value, out);
}

}  // namespace holdfast::http
