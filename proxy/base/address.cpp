#include "proxy/base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace holdfast {

std::optional<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
  if (ip.empty() || ip.size() >= INET6_ADDRSTRLEN || ip.contains('\0')) return std::nullopt;
  std::string text(ip);  // inet_pton wants a terminated string
  Address a;
  a.port = port;
  if (inet_pton(AF_INET, text.c_str(), a.bytes.data()) == 1) {
    a.family = Family::V4;
    return a;
  }
  if (inet_pton(AF_INET6, text.c_str(), a.bytes.data()) == 1) {
    a.family = Family::V6;
    return a;
  }
  return std::nullopt;
}

std::optional<Address> Address::parse(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535) return std::nullopt;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    auto a = from_ip(host.substr(1, host.size() - 2), static_cast<std::uint16_t>(port));
    return a && a->family == Family::V6 ? a : std::nullopt;
  }
  auto a = from_ip(host, static_cast<std::uint16_t>(port));
  return a && a->family == Family::V4 ? a : std::nullopt;
}

bool Address::link_local() const {
  return family == Family::V6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family == Family::None) return "-";
  if (family == Family::V4) {  // once a request, for the access log: no printf
    char* end = text;
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, bytes[i]).ptr;
    }
    return {text, end};
  }
  inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string Address::text() const {
  if (family == Family::None) return "-";
  std::string host = family == Family::V6 ? "[" + ip() + "]" : ip();
  return host + ":" + std::to_string(port);
}

std::optional<Network> Network::parse(std::string_view text) {
  Network n;
  auto slash = text.find('/');
  auto address = Address::from_ip(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  n.address = *address;
  int bits_max = n.address.family == Address::Family::V4 ? 32 : 128;
  n.prefix_bits = bits_max;
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n.prefix_bits);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (n.prefix_bits < 0 || n.prefix_bits > bits_max) return std::nullopt;
  }
  return n;
}

bool Network::contains(const Address& a) const {
  if (a.family != address.family) return false;
  for (int bit = 0; bit < prefix_bits; bit += 8) {
    int left = prefix_bits - bit;
    auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff << (8 - left));
    auto i = static_cast<std::size_t>(bit / 8);
    if ((a.bytes[i] ^ address.bytes[i]) & mask) return false;
  }
  return true;
}

}  // namespace holdfast
