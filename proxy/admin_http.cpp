#include "proxy/admin_http.h"

namespace holdfast {

namespace {

constexpr http::ParseLimits limits{1024, admin_http_head_max, 64, 4};

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Refused";
  }
}

struct Response {
  unsigned status = 200;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
  bool without_body = false;  ///< to HEAD; RFC 9110 section 9.3.2
};

std::string compose(const Response& r) {
  std::string out = "HTTP/1.1 " + std::to_string(r.status) + " ";
  out.append(reason_of(r.status)).append("\r\nContent-Type: ").append(r.type);
  out.append("\r\nContent-Length: ").append(std::to_string(r.body.size()));
  if (r.status == 405) out += "\r\nAllow: GET, HEAD";  // RFC 9110 section 15.5.6
  out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
  if (!r.without_body) out += r.body;
  return out;
}

Response respond(const http::RequestHead& head, Admin& admin) {
  if (head.method != http::Method::Get && head.method != http::Method::Head)
    return {405, "text/plain; charset=utf-8", "only GET and HEAD are answered here\n", false};
  if (head.framing != http::Framing::None)
    return {400, "text/plain; charset=utf-8", "unexpected body\n", false};
  Response r;
  r.without_body = head.method == http::Method::Head;
  if (head.path == "/metrics") {
    r.type = "text/plain; version=0.0.4; charset=utf-8";
    r.body = admin.metrics();
  } else if (head.path == "/healthz") {
    const AdminHealth health = admin.health();
    r.status = health.serving ? 200 : 503;
    r.body = health.text + "\n";
  } else if (head.path == "/status") {
    r.type = "application/json";
    r.body = status_json(admin.status()) + "\n";
  } else {
    r.status = 404;
    r.body = "here are /metrics, /healthz and /status\n";
  }
  return r;
}

}  // namespace

std::optional<std::string> answer_http(Bytes so_far, http::HeadParser& parser, Admin& admin) {
  const std::size_t skip = http::leading_empty_lines(so_far);
  const std::size_t end = skip <= limits.leading_crlf ? http::find_head_end(so_far.substr(skip), 0) : 0;
  if (end == 0) {
    if (so_far.size() < admin_http_head_max && skip <= limits.leading_crlf) return std::nullopt;
    return compose({431, "text/plain; charset=utf-8", "the request head is too large\n", false});
  }
  http::RequestHead head;
  if (auto parsed = parser.parse_request(so_far.substr(skip, end), limits, head); !parsed) {
    std::string why = std::string(parsed.error().rule) + ": " + std::string(parsed.error().section) + "\n";
    return compose({parsed.error().status, "text/plain; charset=utf-8", std::move(why), false});
  }
  return compose(respond(head, admin));
}

}  // namespace holdfast
