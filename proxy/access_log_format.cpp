#include <cstdio>
#include <ctime>

#include "proxy/access_log.h"
#include "proxy/json.h"

namespace holdfast {

namespace {

tm utc(WallTime t) {
  const auto seconds = static_cast<std::time_t>(t.us / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string_view strftime_into(char (&text)[64], const char* how, const tm& parts) {
  return {text, std::strftime(text, sizeof text, how, &parts)};
}

/// "2026-11-22T13:49:36.695723Z". The writer's thread formats many records of one second.
void append_stamp(std::string& out, WallTime t) {
  static thread_local std::int64_t second = -1;
  static thread_local char text[64];
  static thread_local std::size_t size = 0;
  if (second != t.us / 1'000'000) {
    second = t.us / 1'000'000;
    size = strftime_into(text, "%Y-%m-%dT%H:%M:%S", utc(t)).size();
  }
  out.append(text, size);
  char digits[] = ".000000Z";
  auto part = static_cast<unsigned>(t.us % 1'000'000);
  for (char* p = digits + 6; p > digits; --p, part /= 10) *p = static_cast<char>('0' + part % 10);
  out.append(digits, 8);
}

void append_unless_empty(JsonWriter& json, std::string_view name, std::string_view value) {
  if (!value.empty()) json.field(name, value);
}

void append_unless_zero(JsonWriter& json, std::string_view name, Duration d) {
  if (d != Duration{}) json.key(name).thousandths(d.to_micros());
}

void format_json(const AccessRecord& r, std::string& out) {
  out += "{\"at\":\"";
  append_stamp(out, r.at);
  out += "\",";
  JsonWriter json(out);
  json.field("client", r.client.text());
  append_unless_empty(json, "listen", r.listen);
  append_unless_empty(json, "route", r.route);
  append_unless_empty(json, "service", r.service);
  append_unless_empty(json, "instance", r.instance);
  if (!r.method.empty()) {
    json.field("method", r.method).field("host", r.host).field("target", r.target);
    json.field("version", r.version_minor ? "HTTP/1.1" : "HTTP/1.0").field("status", r.status);
  }
  append_unless_empty(json, "user_agent", r.user_agent);
  append_unless_empty(json, "request_id", r.request_id);
  append_unless_empty(json, "tls", r.tls);
  append_unless_empty(json, "user", r.user);
  append_unless_empty(json, "application", r.application);
  append_unless_empty(json, "database", r.database);
  json.field("bytes_in", r.bytes_in)
      .field("bytes_out", r.bytes_out)
      .key("total_ms")
      .thousandths(r.total.to_micros());
  append_unless_zero(json, "parked_ms", r.parked);
  append_unless_zero(json, "connect_ms", r.connect);
  append_unless_zero(json, "first_byte_ms", r.first_byte);
  json.field("attempts", r.attempts);
  append_unless_empty(json, "reasons", r.reasons);
  json.field("outcome", r.outcome);
  out += "}\n";
}

/// Plain ASCII stays; the rest becomes \xhh, as other servers' common formats have it, so that a reader
/// of lines and quotes cannot be misled.
void append_escaped(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= ' ' && c < 0x7f) {
      out += c;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
      out += hex;
    }
  }
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  append_escaped(out, value.empty() ? "-" : value);
  out += '"';
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  out.append(" ").append(name).append("=");
  append_quoted(out, value);
}

void append_millis(std::string& out, std::string_view name, Duration d) {
  out.append(" ").append(name).append("=");
  append_thousandths(out, d.to_micros(), true);
}

/// The combined format of other servers, then our own fields as name=value. Its user is of HTTP, and so
/// there is none; there is no referrer.
void format_common(const AccessRecord& r, std::string& out) {
  char text[64];
  out += r.client.family == Address::Family::None ? "-" : r.client.ip();
  out.append(" - - [").append(strftime_into(text, "%d/%b/%Y:%H:%M:%S +0000", utc(r.at))).append("] \"");
  if (r.method.empty()) {
    out += '-';
  } else {
    append_escaped(out, r.method);
    out += ' ';
    append_escaped(out, r.target);
    out += r.version_minor ? " HTTP/1.1" : " HTTP/1.0";
  }
  out.append("\" ").append(r.status ? std::to_string(r.status) : "-");
  out.append(" ").append(std::to_string(r.bytes_out)).append(" \"-\" ");
  append_quoted(out, r.user_agent);
  append_pair(out, "host", r.host);
  append_pair(out, "listen", r.listen);
  append_pair(out, "route", r.route);
  append_pair(out, "service", r.service);
  append_pair(out, "instance", r.instance);
  append_pair(out, "request_id", r.request_id);
  append_pair(out, "tls", r.tls);
  if (!r.user.empty()) append_pair(out, "user", r.user);
  if (!r.application.empty()) append_pair(out, "application", r.application);
  if (!r.database.empty()) append_pair(out, "database", r.database);
  out.append(" bytes_in=").append(std::to_string(r.bytes_in));
  append_millis(out, "total_ms", r.total);
  append_millis(out, "parked_ms", r.parked);
  append_millis(out, "connect_ms", r.connect);
  append_millis(out, "first_byte_ms", r.first_byte);
  out.append(" attempts=").append(std::to_string(r.attempts));
  append_pair(out, "reasons", r.reasons);
  append_pair(out, "outcome", r.outcome);
  out += '\n';
}

}  // namespace

void format(const AccessRecord& record, conf::LogFormat format, std::string& out) {
  if (format == conf::LogFormat::Json)
    format_json(record, out);
  else
    format_common(record, out);
}

}  // namespace holdfast
