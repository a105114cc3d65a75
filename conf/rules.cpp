#include "conf/rules.h"

#include <algorithm>

#include "proxy/base/address.h"

namespace holdfast::conf {
namespace {

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

bool is_tchar(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::size_t label = 0;
  for (char c : text) {
    if (c != '.' && !is_alnum(c) && c != '-' && c != '_') return false;
    if (c == '.' && label == 0) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return true;
}

bool is_bracketed_ip(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
         Address::from_ip(text.substr(1, text.size() - 2), 0).has_value();
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && all(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

const char* rule_name(std::string_view text) {
  const bool good =
      text.size() <= 64 && all(text, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
  return good ? nullptr : "a name of up to 64 letters, digits, \"-\" and \"_\"";
}

const char* rule_token(std::string_view text) {
  return all(text, is_tchar) ? nullptr : "a token of letters, digits and !#$%&'*+-.^_`|~";
}

const char* rule_method(std::string_view text) {
  // CONNECT would make an open relay of a proxy that routes by path (RFC 9110 section 9.3.6).
  const bool good =
      all(text, [](char c) { return is_tchar(c) && !(c >= 'a' && c <= 'z'); }) && text != "CONNECT";
  return good ? nullptr : "a method in capitals other than CONNECT, such as \"GET\"";
}

const char* rule_cookie(std::string_view text) {
  return all(text, is_tchar) ? nullptr : "a cookie's name: letters, digits and !#$%&'*+-.^_`|~";
}

const char* rule_url_path(std::string_view text) {
  const bool good = text.starts_with('/') && all(text, [](char c) { return is_visible(c) && c != '#'; });
  return good ? nullptr : "a path that starts with \"/\", without spaces";
}

const char* rule_route_path(std::string_view text) {
  if (!text.starts_with('/')) return "a path that starts with \"/\"";
  if (!all(text, [](char c) { return is_visible(c) && c != '#' && c != '?'; }))
    return "a path without spaces, \"?\" and \"#\"";
  for (std::size_t at = text.find('*'); at != std::string_view::npos; at = text.find('*', at + 1))
    if (text[at - 1] != '/' || (at + 1 < text.size() && text[at + 1] != '/'))
      return "a path in which \"*\" stands for a whole segment, such as \"/a/*\" or \"/a/*/b\"";
  return nullptr;
}

const char* rule_host_pattern(std::string_view text) {
  if (is_bracketed_ip(text)) return nullptr;
  const std::string_view name = text.starts_with("*.") ? text.substr(2) : text;
  return is_host_name(name) ? nullptr : "a host name without a port, such as \"a.example\" or \"*.example\"";
}

const char* rule_host_field(std::string_view text) {
  std::string_view name = text;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    if (!is_port(text.substr(colon + 1))) return "a host name, and a port if need be";
    name = text.substr(0, colon);
  }
  return is_host_name(name) || is_bracketed_ip(name) ? nullptr : "a host name, and a port if need be";
}

const char* rule_header_name(std::string_view text) {
  if (!all(text, is_tchar)) return "a header name: letters, digits and !#$%&'*+-.^_`|~";
  // RFC 9110 section 7.6.1: these belong to one connection, and the proxy makes its own.
  for (std::string_view own :
       {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "proxy-authenticate", "proxy-authorization"})
    if (same_name(text, own))
      return "another header: this one belongs to the connection and is the proxy's own";
  return nullptr;
}

const char* rule_header_value(std::string_view text) {
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!good || (!text.empty() && (blank(text.front()) || blank(text.back()))))
    return "a header value without line breaks, control bytes and spaces at its ends";
  return nullptr;
}

const char* rule_ip(std::string_view text) {
  return Address::from_ip(text, 0) ? nullptr : "an IP address without a port";
}

const char* rule_network(std::string_view text) {
  return Network::parse(text) ? nullptr : "an address with its prefix, such as \"10.20.0.10/24\"";
}

const char* rule_interface(std::string_view text) {
  const bool good = text.size() < 16 && all(text, [](char c) { return is_visible(c) && c != '/'; });
  return good ? nullptr : "the name of a network interface, such as \"eth0\"";
}

const char* rule_printable(std::string_view text) {
  return all(text, is_visible) ? nullptr : "a text without spaces and control bytes";
}

const char* rule_alpn(std::string_view text) {
  if (text == "h2") return "\"http/1.1\": HTTP/2 is not supported by this version";
  return text == "http/1.1" || text == "http/1.0" ? nullptr : "\"http/1.1\" or \"http/1.0\"";
}

const char* rule_digest(std::string_view text) {
  const bool good =
      text.size() == 16 && all(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return good ? nullptr : "a digest of 16 hexadecimal digits, in small letters";
}

}  // namespace holdfast::conf
