#include "proxy/router_path.h"

namespace holdfast {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 section 2.3.
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::optional<std::string> decode_unreserved(std::string_view path) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out.push_back(path[i]);
      continue;
    }
    int high = i + 2 < path.size() ? hex_digit(path[i + 1]) : -1;
    int low = i + 2 < path.size() ? hex_digit(path[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    i += 2;
    char c = static_cast<char>(high * 16 + low);
    if (c == '\0') return std::nullopt;
    if (is_unreserved(c))
      out.push_back(c);
    else
      out.append({'%', digits[high], digits[low]});
  }
  return out;
}

bool is_dots(std::string_view s) { return s == "." || s == ".."; }

// Where a server may see a segment's end that RFC 3986 does not: at a backslash, an encoded slash or
// backslash, or the ';' of a path parameter (also encoded). Returns the length of the mark, or 0.
std::size_t false_end(std::string_view s) {
  if (s.front() == '\\' || s.front() == ';') return 1;
  std::string_view escape = s.substr(0, 3);
  return escape == "%2F" || escape == "%5C" || escape == "%3B" ? 3 : 0;
}

// A dot segment that only some servers would see in this segment.
bool hides_dots(std::string_view segment) {
  std::size_t begin = 0;
  bool split = false;
  for (std::size_t i = 0; i < segment.size();) {
    std::size_t mark = false_end(segment.substr(i));
    if (mark == 0) {
      ++i;
      continue;
    }
    if (is_dots(segment.substr(begin, i - begin))) return true;
    split = true;
    i += mark;
    begin = i;
  }
  return split && is_dots(segment.substr(begin));
}

}  // namespace

bool needs_normalising(std::string_view path) {
  char before = '\0';
  for (char c : path) {
    if (c == '%' || c == '\\' || c == ';') return true;
    if (before == '/' && (c == '/' || c == '.')) return true;
    before = c;
  }
  return false;
}

std::optional<std::string> normalise(std::string_view path) {
  std::optional<std::string> decoded = decode_unreserved(path);
  if (!decoded || !decoded->starts_with('/')) return decoded;
  std::string out;
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    bool last = rest.empty();
    if (hides_dots(segment)) return std::nullopt;
    if (segment == "..") {
      if (out.empty()) return std::nullopt;
      out.resize(out.rfind('/'));
    } else if (!segment.empty() && segment != ".") {
      out.append("/").append(segment);
      continue;
    }
    if (last) out.push_back('/');  // "/a/.", "/a/b/.." and "/a/" name a directory
  }
  return out;
}

}  // namespace holdfast
