#include "vrrp/advert.h"

#include <algorithm>
#include <iterator>

#include "proxy/base/check.h"
#include "vrrp/advert_checksum.h"

namespace holdfast::vrrp {

namespace {

constexpr std::uint8_t advertisement_type = 1;
constexpr std::size_t header_size = 8;
constexpr std::size_t auth_size = 8;  // RFC 3768 5.3.10: always there, zero and ignored
constexpr std::int64_t centisecond = 10'000'000;

std::size_t pdu_size(Version version, Address::Family family, std::size_t count) {
  return header_size + count * address_size(family) + (version == Version::V2 ? auth_size : 0);
}

std::uint32_t sum_of(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto octet = static_cast<std::uint8_t>(bytes[i]);
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(octet) << 8 : octet;
  }
  return sum;
}

bool v4(const Envelope& envelope) { return envelope.source.family == Address::Family::V4; }

// RFC 3768 5.3.8 has no pseudo-header; RFC 9568 5.2.8 demands it for IPv6 and leaves IPv4 to us.
Checksum form(Version version, const Envelope& envelope, Checksum wanted) {
  if (version == Version::V2) return Checksum::MessageOnly;
  return v4(envelope) ? wanted : Checksum::PseudoHeader;
}

Decoded refuse(Refusal refusal, std::string detail) {
  Decoded decoded;
  decoded.refusal = refusal;
  decoded.detail = std::move(detail);
  return decoded;
}

// The first four octets (RFC 9568 5.2.1 to 5.2.5), as far as they need nothing behind them.
Decoded decode_start(Bytes payload, const Envelope& envelope) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(payload[i]); };
  Decoded decoded;
  const unsigned version = octet(0) >> 4, type = octet(0) & 0xf;
  if (version != 3 && !(version == 2 && v4(envelope)))
    return refuse(Refusal::Version, "version " + std::to_string(version));
  if (type != advertisement_type) return refuse(Refusal::Type, "type " + std::to_string(type));
  if (octet(1) == 0) return refuse(Refusal::Vrid, "vrid 0");
  if (octet(3) == 0) return refuse(Refusal::Count, "no address");  // erratum 8299
  decoded.advert.version = version == 2 ? Version::V2 : Version::V3;
  decoded.advert.vrid = octet(1);
  decoded.advert.priority = octet(2);
  return decoded;
}

// Which form of the checksum fits; for IPv4 the trailer stays outside of it, for IPv6 the kernel sums it all.
bool checksum_fits(Bytes payload, Bytes pdu, const Envelope& envelope, Decoded& decoded) {
  const Bytes covered = v4(envelope) ? pdu : payload;
  for (Checksum covers : {Checksum::PseudoHeader, Checksum::MessageOnly}) {
    if (covers != form(decoded.advert.version, envelope, covers)) continue;
    decoded.checksum = covers;
    if (checksum_of(covered, envelope, covers) == 0) return true;
  }
  return false;
}

}  // namespace

std::uint16_t checksum_of(Bytes packet, const Envelope& envelope, Checksum covers) {
  std::uint32_t sum = sum_of(packet);
  if (covers == Checksum::PseudoHeader)
    sum += sum_of(octets_of(envelope.source)) + sum_of(octets_of(envelope.destination)) + protocol_number +
           static_cast<std::uint32_t>(packet.size());
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put_checksum(std::string& packet, std::uint16_t sum) {
  packet[checksum_offset] = static_cast<char>(sum >> 8);
  packet[checksum_offset + 1] = static_cast<char>(sum & 0xff);
}

std::string_view name_of(Refusal refusal) {
  static constexpr std::string_view names[] = {"none", "ttl",      "length", "version",  "type",
                                               "vrid", "checksum", "count",  "interval", "auth_type",
                                               "mac",  "stale",    "source", "addresses"};
  static_assert(std::size(names) == static_cast<std::size_t>(Refusal::Addresses) + 1);
  return names[static_cast<std::size_t>(refusal)];
}

Duration on_the_wire(Version version, Duration interval) {
  const std::int64_t unit = version == Version::V2 ? 100 * centisecond : centisecond;
  const std::int64_t most = version == Version::V2 ? 255 : 4095;
  return {std::clamp<std::int64_t>((interval.ns + unit - 1) / unit, 1, most) * unit};
}

Decoded decode(Bytes payload, const Envelope& envelope) {
  const Address::Family family = envelope.source.family;
  if (family == Address::Family::None || family != envelope.destination.family)
    return refuse(Refusal::Source, "addresses of two families");
  if (envelope.ttl != required_ttl)  // RFC 9568 7.1: MUST
    return refuse(Refusal::Ttl, "ttl " + std::to_string(envelope.ttl));
  const std::string size = std::to_string(payload.size()) + " bytes";
  if (payload.size() < header_size) return refuse(Refusal::Length, size);
  Decoded decoded = decode_start(payload, envelope);
  if (decoded.refusal != Refusal::None) return decoded;
  Advert& advert = decoded.advert;

  Reader reader(payload.substr(3));
  const std::size_t count = *reader.u8();
  const std::size_t expected = pdu_size(advert.version, family, count);
  if (payload.size() != expected && payload.size() != expected + hmac_trailer_size)
    return refuse(Refusal::Length, size + " for " + std::to_string(count) + " addresses");
  decoded.trailer = payload.size() != expected;
  if (!checksum_fits(payload, payload.substr(0, expected), envelope, decoded))
    return refuse(Refusal::Checksum, size);

  const std::uint16_t field = *reader.u16();
  if (advert.version == Version::V2) {
    if (field >> 8 != 0) return refuse(Refusal::AuthType, "type " + std::to_string(field >> 8));
    advert.interval = Duration::seconds(field & 0xff);
  } else {
    advert.interval = Duration::nanos((field & 0xfff) * centisecond);  // RFC 9568 5.2.6: the rest is ignored
  }
  if (advert.interval.ns == 0) return refuse(Refusal::Interval, "interval 0");  // erratum 8301
  reader.u16();
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes octets = *reader.bytes(address_size(family));
    Address& address = advert.addresses.emplace_back();
    address.family = family;
    std::copy(octets.begin(), octets.end(), address.bytes.begin());
  }
  return decoded;
}

std::string encode(const Advert& advert, const Envelope& envelope, Checksum checksum) {
  CHECK(advert.addresses.size() >= 1 && advert.addresses.size() <= 255);
  std::string packet;
  Writer writer(packet);
  const bool v2 = advert.version == Version::V2;
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(advert.version) << 4 | advertisement_type));
  writer.u8(advert.vrid).u8(advert.priority).u8(static_cast<std::uint8_t>(advert.addresses.size()));
  const std::int64_t units = on_the_wire(advert.version, advert.interval).ns / centisecond;
  writer.u16(static_cast<std::uint16_t>(v2 ? units / 100 : units)).u16(0);
  for (const Address& address : advert.addresses) {
    CHECK(address.family == envelope.source.family);
    writer.bytes(octets_of(address));
  }
  if (v2) packet.append(auth_size, '\0');
  put_checksum(packet, checksum_of(packet, envelope, form(advert.version, envelope, checksum)));
  return packet;
}

}  // namespace holdfast::vrrp
