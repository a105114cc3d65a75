#include "proxy/json.h"

#include <charconv>
#include <cmath>
#include <cstdio>

namespace holdfast {

namespace {

unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

bool continues(std::string_view text, std::size_t i) {
  return i < text.size() && (byte_at(text, i) & 0xc0) == 0x80;
}

/// Length of the well-formed UTF-8 sequence at `i` (RFC 3629 section 4), or 0 if there is none.
std::size_t sequence_at(std::string_view text, std::size_t i) {
  const unsigned char lead = byte_at(text, i);
  std::size_t length = 0;
  unsigned char least = 0x80, most = 0xbf;  // of the second byte: no overlong form, no surrogate
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) least = 0xa0;
    if (lead == 0xed) most = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) least = 0x90;
    if (lead == 0xf4) most = 0x8f;
  } else {
    return 0;
  }
  if (!continues(text, i + 1) || byte_at(text, i + 1) < least || byte_at(text, i + 1) > most) return 0;
  for (std::size_t k = 2; k < length; ++k)
    if (!continues(text, i + k)) return 0;
  return length;
}

/// Needs no thought: printable ASCII but the quote and the backslash.
bool is_plain(char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

void append_escape(std::string& out, unsigned code) {
  char text[8];
  out.append(text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "\\u%04x", code)));
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (const auto code = static_cast<unsigned char>(c); code < 0x20 || code == 0x7f)
    append_escape(out, code);
  else
    out += c;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    std::size_t plain = i;  // nearly all text is plain: it is copied in runs
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text, i, plain - i);
    i = plain;
    if (i == text.size()) break;
    const std::size_t length = sequence_at(text, i);
    if (length == 0) {
      append_escape(out, 0xfffd);
    } else if (length == 1) {
      append_ascii(out, text[i]);
    } else if (length == 2 && byte_at(text, i) == 0xc2 && byte_at(text, i + 1) < 0xa0) {
      append_escape(out, byte_at(text, i + 1));  // U+0080 to U+009F
    } else {
      out.append(text, i, length);
    }
    i += length ? length : 1;
  }
  out += '"';
}

void append_thousandths(std::string& out, std::int64_t thousandths, bool fixed) {
  char text[32];
  char* end = text;
  if (thousandths < 0) *end++ = '-';
  const auto size =
      thousandths < 0 ? 0 - static_cast<std::uint64_t>(thousandths) : static_cast<std::uint64_t>(thousandths);
  end = std::to_chars(end, text + sizeof text, size / 1000).ptr;
  if (const auto part = static_cast<unsigned>(size % 1000); part != 0 || fixed) {
    *end++ = '.';
    *end++ = static_cast<char>('0' + part / 100);
    *end++ = static_cast<char>('0' + part / 10 % 10);
    *end++ = static_cast<char>('0' + part % 10);
    while (!fixed && end[-1] == '0') --end;
  }
  out.append(text, end);
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  char text[68];  // one append a name, not four: the access log writes twenty of them a line
  std::size_t n = 0;
  if (comma_) text[n++] = ',';
  text[n++] = '"';
  name = name.substr(0, 64);
  n += name.copy(text + n, name.size());
  text[n++] = '"';
  text[n++] = ':';
  out_.append(text, n);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) { return raw(truth ? "true" : "false"); }

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  char text[400];
  int length = std::snprintf(text, sizeof text, "%.6f", number);
  std::string_view digits(text, static_cast<std::size_t>(length));
  digits = digits.substr(0, digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.remove_suffix(1);
  return raw(digits);
}

JsonWriter& JsonWriter::thousandths(std::int64_t number) {
  separate();
  append_thousandths(out_, number);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  out_ += text;
  return *this;
}

}  // namespace holdfast
