// Answers that this proxy makes itself, and the reason phrases.
#include <string>

#include "proxy/http/fields.h"
#include "proxy/http/serialise.h"

namespace holdfast::http {
namespace {

struct Reason {
  unsigned status;
  std::string_view phrase;
};

constexpr Reason reasons[] = {{100, "Continue"},
                              {101, "Switching Protocols"},
                              {102, "Processing"},
                              {103, "Early Hints"},
                              {200, "OK"},
                              {201, "Created"},
                              {202, "Accepted"},
                              {203, "Non-Authoritative Information"},
                              {204, "No Content"},
                              {205, "Reset Content"},
                              {206, "Partial Content"},
                              {207, "Multi-Status"},
                              {208, "Already Reported"},
                              {226, "IM Used"},
                              {300, "Multiple Choices"},
                              {301, "Moved Permanently"},
                              {302, "Found"},
                              {303, "See Other"},
                              {304, "Not Modified"},
                              {307, "Temporary Redirect"},
                              {308, "Permanent Redirect"},
                              {400, "Bad Request"},
                              {401, "Unauthorized"},
                              {402, "Payment Required"},
                              {403, "Forbidden"},
                              {404, "Not Found"},
                              {405, "Method Not Allowed"},
                              {406, "Not Acceptable"},
                              {407, "Proxy Authentication Required"},
                              {408, "Request Timeout"},
                              {409, "Conflict"},
                              {410, "Gone"},
                              {411, "Length Required"},
                              {412, "Precondition Failed"},
                              {413, "Content Too Large"},
                              {414, "URI Too Long"},
                              {415, "Unsupported Media Type"},
                              {416, "Range Not Satisfiable"},
                              {417, "Expectation Failed"},
                              {421, "Misdirected Request"},
                              {422, "Unprocessable Content"},
                              {423, "Locked"},
                              {424, "Failed Dependency"},
                              {425, "Too Early"},
                              {426, "Upgrade Required"},
                              {428, "Precondition Required"},
                              {429, "Too Many Requests"},
                              {431, "Request Header Fields Too Large"},
                              {451, "Unavailable For Legal Reasons"},
                              {500, "Internal Server Error"},
                              {501, "Not Implemented"},
                              {502, "Bad Gateway"},
                              {503, "Service Unavailable"},
                              {504, "Gateway Timeout"},
                              {505, "HTTP Version Not Supported"},
                              {506, "Variant Also Negotiates"},
                              {507, "Insufficient Storage"},
                              {508, "Loop Detected"},
                              {511, "Network Authentication Required"}};

// The request id may be a trusted client's: only what needs no escape in HTML and JSON is shown.
void append_id(std::string_view id, std::string& out) {
  for (char c : id)
    if (is(c, kHost)) out.push_back(c);
}

void append_made_body(const LocalResponse& r, std::string& out) {
  const std::string status = std::to_string(r.status);
  const std::string_view reason = reason_phrase(r.status);
  if (r.json) {
    out.append("{\"status\": ").append(status).append(", \"error\": \"").append(reason).append("\"");
    if (!r.request_id.empty()) {
      out.append(", \"request_id\": \"");
      append_id(r.request_id, out);
      out.append("\"");
    }
    out.append("}\n");
    return;
  }
  if (r.html) {
    out.append("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>")
        .append(status)
        .append(" ");
    out.append(reason).append("</title>\n<h1>").append(status).append(" ").append(reason).append("</h1>\n");
    if (!r.request_id.empty()) out.append("<p>Request ");
  } else {
    out.append(status).append(" ").append(reason).append("\n");
    if (!r.request_id.empty()) out.append("Request ");
  }
  if (r.request_id.empty()) return;
  append_id(r.request_id, out);
  out.append(r.html ? "</p>\n" : "\n");
}

/// Media type of the first of two in Accept, or of the request's own body.
bool prefers(const RequestHead& head, std::string_view wanted, std::string_view other) {
  bool accept = false;
  for (const Field& field : head.fields) {
    if (!equal_ignoring_case(field.name, "accept")) continue;
    accept = true;
    std::string_view list = field.value;
    std::string_view range;
    while (next_element(list, range)) {
      std::string_view type = trim(range.substr(0, range.find(';')));
      if (equal_ignoring_case(type, wanted)) return true;
      if (equal_ignoring_case(type, other)) return false;
    }
  }
  std::string_view own = head.value(Known::ContentType);
  return !accept && equal_ignoring_case(trim(own.substr(0, own.find(';'))), wanted);
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
  for (const Reason& reason : reasons)
    if (reason.status == status) return reason.phrase;
  return "Unknown";
}

bool prefers_json(const RequestHead& head) { return prefers(head, "application/json", "text/html"); }
bool prefers_html(const RequestHead& head) { return prefers(head, "text/html", "application/json"); }

void write_local_response(const LocalResponse& r, std::string& out) {
  std::string made;
  if (r.body.empty()) append_made_body(r, made);
  const std::string_view body = r.body.empty() ? std::string_view(made) : r.body;
  std::string_view type = r.content_type;
  if (r.body.empty() || type.empty())
    type = r.json ? "application/json" : r.html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";

  out.append("HTTP/1.1 ").append(std::to_string(r.status)).append(" ").append(reason_phrase(r.status));
  out.append("\r\nServer: holdfast\r\n");
  if (!r.date.empty()) out.append("Date: ").append(r.date).append("\r\n");
  out.append("Content-Type: ").append(type).append("\r\nCache-Control: no-store\r\n");
  if (r.retry_after_seconds)
    out.append("Retry-After: ").append(std::to_string(r.retry_after_seconds)).append("\r\n");
  if (!r.request_id.empty()) out.append("X-Request-Id: ").append(r.request_id).append("\r\n");
  out.append(r.fields);
  if (!r.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (r.version_minor == 0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  if (!r.head_only) out.append(body);
}

void write_redirect(std::string_view location, bool keep_alive, std::uint8_t version_minor,
                    std::string& out) {
  std::string fields;
  fields.append("Location: ").append(location).append("\r\n");
  LocalResponse response;
  response.status = 308;
  response.fields = fields;
  response.keep_alive = keep_alive;
  response.version_minor = version_minor;
  write_local_response(response, out);
}

}  // namespace holdfast::http
