#include "tests/portal/http.h"

#include <strings.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace portal {
namespace {

constexpr std::size_t head_max = 64 * 1024, body_max = 256u * 1024 * 1024;

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void split_target(Request& request) {
  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  request.path = percent_decode(target.substr(0, mark));
  std::string_view rest = mark == target.npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    request.query.emplace_back(percent_decode(pair.substr(0, equals)),
                               equals == pair.npos ? "" : percent_decode(pair.substr(equals + 1)));
  }
}

const char* reason(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 303: return "See Other";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 416: return "Range Not Satisfiable";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

}  // namespace

std::string find(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  return {};
}

long long Request::number(std::string_view name, long long otherwise) const {
  const std::string value = arg(name);
  return value.empty() ? otherwise : std::atoll(value.c_str());
}

bool Wire::fill() {
  char bytes[16384];
  const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(n));
  return true;
}

bool Wire::line(std::string& out) {
  std::size_t end;
  while ((end = buffer_.find("\r\n")) == buffer_.npos)
    if (buffer_.size() > head_max || !fill()) return false;
  out = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

bool Wire::exactly(std::size_t n, std::string& out) {
  while (buffer_.size() < n)
    if (!fill()) return false;
  out.append(buffer_, 0, n);
  buffer_.erase(0, n);
  return true;
}

bool Wire::head(Request& request) {
  std::string text;
  if (!line(text)) return false;
  const std::size_t first = text.find(' '), second = text.rfind(' ');
  if (first == text.npos || second <= first) return false;
  request.method = text.substr(0, first);
  request.target = text.substr(first + 1, second - first - 1);
  request.keep_alive = text.substr(second + 1) == "HTTP/1.1";
  split_target(request);
  while (line(text) && !text.empty()) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos || request.headers.size() > 200) return false;
    request.headers.emplace_back(text.substr(0, colon), trim(std::string_view(text).substr(colon + 1)));
  }
  if (strcasecmp(request.header("Connection").c_str(), "close") == 0) request.keep_alive = false;
  return text.empty();
}

bool Wire::chunked(std::string& out) {
  std::string text;
  for (;;) {
    if (!line(text)) return false;
    const std::size_t size = std::strtoul(text.c_str(), nullptr, 16);
    if (size > body_max - out.size()) return false;
    if (size == 0) break;
    if (!exactly(size, out) || !line(text)) return false;
  }
  while (line(text))
    if (text.empty()) return true;
  return false;
}

bool Wire::body(Request& request) {
  const bool coded = !request.header("Transfer-Encoding").empty();
  const std::size_t length = std::strtoul(request.header("Content-Length").c_str(), nullptr, 10);
  if (!coded && length == 0) return true;
  if (length > body_max) return false;
  if (strcasecmp(request.header("Expect").c_str(), "100-continue") == 0)
    write("HTTP/1.1 100 Continue\r\n\r\n");
  return coded ? chunked(request.body) : exactly(length, request.body);
}

bool Wire::read(Request& request) {
  if (buffer_.empty() && !fill()) return false;
  if (!head(request)) {
    write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return false;
  }
  return body(request);
}

bool Wire::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool coded =
        text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    out += coded            ? static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]))
           : text[i] == '+' ? ' '
                            : text[i];
    if (coded) i += 2;
  }
  return out;
}

std::string json(std::string_view text) {
  std::string out = "\"";
  char code[8];
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string head_of(const Response& response, long long length, bool keep_alive) {
  char date[64];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ' + reason(response.status) + "\r\n";
  out += std::string("Date: ") + date + "\r\n";
  if (!response.type.empty()) out += "Content-Type: " + response.type + "\r\n";
  if (response.status != 204)
    out +=
        length < 0 ? "Transfer-Encoding: chunked\r\n" : "Content-Length: " + std::to_string(length) + "\r\n";
  for (const auto& [name, value] : response.headers) out += name + ": " + value + "\r\n";
  return out + (keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

}  // namespace portal
