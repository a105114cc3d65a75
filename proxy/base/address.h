// An IPv4 or IPv6 address with a port, as a value. Names are never looked up here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

struct Address {
  enum class Family : std::uint8_t { None, V4, V6 };

  Family family = Family::None;
  std::uint16_t port = 0;                 ///< host order
  std::array<std::uint8_t, 16> bytes{};   ///< network order; IPv4 uses the first four

  /// Parses "192.0.2.1" or "2001:db8::1" (no port, no brackets). Empty on anything else.
  static std::optional<Address> from_ip(std::string_view ip, std::uint16_t port);
  /// Parses "192.0.2.1:80", "[2001:db8::1]:80". Empty on anything else; the port is 1 to 65535.
  static std::optional<Address> parse(std::string_view text);

  bool link_local() const;   ///< fe80::/10: has a meaning on one link only (RFC 4291 section 2.5.6)
  std::string ip() const;    ///< "192.0.2.1", "2001:db8::1"
  std::string text() const;  ///< with port: "192.0.2.1:80", "[2001:db8::1]:80"

  friend auto operator<=>(const Address&, const Address&) = default;
};

/// A network such as 10.0.0.0/8. A plain address is a network of one.
struct Network {
  Address address;
  int prefix_bits = 0;

  static std::optional<Network> parse(std::string_view text);
  bool contains(const Address& a) const;
};

}  // namespace holdfast
