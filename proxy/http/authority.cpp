#include "proxy/http/authority.h"

#include "proxy/base/address.h"
#include "proxy/http/fields.h"
#include "proxy/http/rules.h"

namespace holdfast::http {
namespace {

constexpr std::size_t host_max = 255;  // RFC 1035 section 2.3.4

bool valid_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || !all(port, kDigit)) return false;
  unsigned value = 0;
  for (char c : port) value = value * 10 + static_cast<unsigned>(c - '0');
  return value >= 1 && value <= 65535;
}

bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > host_max) return false;
  if (host.front() == '[') {
    if (host.back() != ']') return false;
    auto address = Address::from_ip(host.substr(1, host.size() - 2), 0);
    return address && address->family == Address::Family::V6;
  }
  if (!all(host, kHost)) return false;
  // Digits and dots alone are an address or nothing: "010.1" is one host to inet_aton and none to others.
  if (host.find_first_not_of("0123456789.") != host.npos) return true;
  return Address::from_ip(host, 0).has_value();
}

/// Length of "http://" or "https://" at the start of `text`; 0: neither.
std::size_t scheme_length(std::string_view text) {
  if (equal_ignoring_case(text.substr(0, 7), "http://")) return 7;
  if (equal_ignoring_case(text.substr(0, 8), "https://")) return 8;
  return 0;
}

const Refusal* read_absolute(std::string_view rest, RequestHead& head) {
  std::size_t slash = rest.find_first_of("/?");
  Authority authority;
  if (!read_authority(rest.substr(0, slash), authority)) return &rules::bad_host;
  head.host = authority.host;
  head.authority = authority.text;
  if (slash == rest.npos) {
    head.target = head.method == Method::Options ? "*" : "/";  // RFC 9112 section 3.2.4
    return nullptr;
  }
  // "http://a?b" would need a '/' that is not there to point at; no client sends it.
  if (rest[slash] == '?') return &rules::bad_target;
  head.target = rest.substr(slash);
  return nullptr;
}

}  // namespace

bool read_authority(std::string_view text, Authority& out) {
  std::size_t colon = text.starts_with('[') ? text.find(']') : 0;
  if (colon == text.npos) return false;
  colon = text.find(':', colon);
  out.host = text.substr(0, colon);
  out.text = text;
  if (colon != text.npos && !valid_port(text.substr(colon + 1))) return false;
  return valid_host(out.host);
}

const Refusal* read_target(std::string_view text, RequestHead& head) {
  head.host = head.authority = {};
  if (text.empty() || !all(text, kTarget)) return &rules::bad_target;
  if (head.method == Method::Connect) return &rules::connect;
  if (text.front() == '/') {
    head.target = text;
  } else if (std::size_t scheme = scheme_length(text)) {
    if (const Refusal* fault = read_absolute(text.substr(scheme), head)) return fault;
  } else if (text == "*" && head.method == Method::Options) {
    head.target = text;
  } else {
    return &rules::bad_target;
  }
  head.path = head.target.substr(0, head.target.find('?'));
  return nullptr;
}

const Refusal* check_host(bool repeated, RequestHead& head) {
  if (repeated) return &rules::repeated_host;
  const Field* field = head.find(Known::Host);
  if (!field) return head.version_minor == 0 ? nullptr : &rules::missing_host;
  Authority authority;
  if (!read_authority(field->value, authority)) return &rules::bad_host;
  // RFC 9112 section 3.2.2 lets the target win. A request whose two hosts differ was made to confuse, so
  // it is refused instead.
  if (!head.authority.empty() && !equal_ignoring_case(head.authority, authority.text))
    return &rules::host_mismatch;
  head.host = authority.host;
  head.authority = authority.text;
  return nullptr;
}

}  // namespace holdfast::http
