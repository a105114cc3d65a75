// VRRP advertisements on the wire: version 3 (RFC 9568 section 5.2) for both families, version 2
// (RFC 3768 section 5.3) for IPv4, and the HMAC trailer of keepalived 2.4. Pure: bytes in, values out.
// Everything read is hostile: what is not exactly an advertisement is refused with the rule it breaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/time.h"

namespace holdfast::vrrp {

inline constexpr unsigned protocol_number = 112;
inline constexpr std::uint8_t required_ttl = 255;       ///< RFC 9568 5.1.1.3, 5.1.2.3
inline constexpr std::size_t hmac_trailer_size = 28;

enum class Version : std::uint8_t { V2 = 2, V3 = 3 };
/// Which bytes the IPv4 checksum of version 3 covers. RFC 5798 was read as with the pseudo-header by
/// keepalived, FRR and others; RFC 9568 section 5.2.8 says without.
enum class Checksum : std::uint8_t { PseudoHeader, MessageOnly };

struct Advert {
  Version version = Version::V3;
  std::uint8_t vrid = 0;
  std::uint8_t priority = 0;          ///< 0: the sender gives up; 255: it owns the addresses
  Duration interval{};  ///< version 3: centiseconds, at most 40.95 s; version 2: whole seconds
  std::vector<Address> addresses;  ///< one family, port 0, in wire order
};

/// Where an advertisement came from or goes to: its IP header, as far as VRRP looks at it.
struct Envelope {
  Address source, destination;  ///< port 0; destination is the multicast group or a unicast peer
  std::uint8_t ttl = 255;  ///< hop limit for IPv6
};

/// Why an advertisement is refused; `name_of` gives the words for logs and metrics.
enum class Refusal : std::uint8_t {
  None,
  Ttl,
  Length,
  Version,
  Type,
  Vrid,
  Checksum,
  Count,
  Interval,
  AuthType,
  Mac,
  Stale,
  Source,
  Addresses
};
std::string_view name_of(Refusal refusal);

struct Decoded {
  Refusal refusal = Refusal::None;  ///< not None: the rest has no meaning, apart from `detail`
  Advert advert;
  Checksum checksum =
      Checksum::PseudoHeader;  ///< the form that fitted (version 3, IPv4); V2 and IPv6: as defined there
  bool trailer = false;  ///< 28 more bytes follow the PDU, which may be an HMAC trailer
  std::string detail;  ///< for a log line: numbers, no bytes of the packet
};

/// `interval` as that version's field can carry it: rounded up, at least one unit, at most what fits.
Duration on_the_wire(Version version, Duration interval);

/// `payload` is the IP payload. Checks TTL, version, type, vrid range, count and length (exact, or exact plus
/// a trailer), the checksum in either form and the interval (0 is refused: erratum 8301). Not the trailer's
/// HMAC.
Decoded decode(Bytes payload, const Envelope& envelope);

/// The IP payload. Version 3 over IPv6 always has the pseudo-header in its checksum (RFC 9568 5.2.8), version
/// 2 never.
std::string encode(const Advert& advert, const Envelope& envelope, Checksum checksum);

// ---- the HMAC trailer (draft-cassen-vrrp-auth-hmac) ----

struct HmacKey {
  std::uint8_t id = 0;
  std::string key;
};

/// Appends the trailer to an encoded PDU. `wall` is the sender's clock; `counter` tells packets of one tick
/// apart.
void append_hmac(std::string& packet, const Envelope& envelope, const HmacKey& key, WallTime wall,
                 std::uint16_t counter);

struct HmacCheck {
  Refusal refusal = Refusal::None;  ///< Mac or Stale
  WallTime sent;
  std::uint16_t counter = 0;
};
/// `packet` is PDU and trailer, as decode() found it. `window`: how far `wall` and the sender's clock may be
/// apart.
HmacCheck check_hmac(Bytes packet, const Envelope& envelope, const std::vector<HmacKey>& keys, WallTime wall,
                     Duration window);

}  // namespace holdfast::vrrp
