// The trailer: type, key id, two reserved octets, seconds, 1/65536 seconds, counter, HMAC-SHA256/128.
#include <algorithm>
#include <cstdlib>

#include "proxy/base/crypto.h"
#include "vrrp/advert.h"
#include "vrrp/advert_checksum.h"

namespace holdfast::vrrp {

namespace {

constexpr std::uint8_t trailer_type = 1;
constexpr std::size_t mac_size = 16;
constexpr std::int64_t second = 1'000'000;  // of WallTime

// The HMAC covers who says it (a packet cannot be spliced onto another router or sender), the advertisement
// without its checksum, which is filled in later, and the trailer with zeros for the HMAC itself.
std::string mac_of(Bytes packet, const Envelope& envelope, const HmacKey& key) {
  std::string input;
  Writer(input)
      .u8(envelope.source.family == Address::Family::V6 ? 6 : 4)
      .u8(static_cast<std::uint8_t>(packet[0]) >> 4)
      .u8(static_cast<std::uint8_t>(packet[1]))
      .u8(0)
      .bytes(octets_of(envelope.source));
  input.resize(20, '\0');
  const std::size_t start = input.size();
  input.append(packet);
  std::fill_n(input.begin() + static_cast<std::ptrdiff_t>(start + checksum_offset), 2, '\0');
  std::fill(input.end() - static_cast<std::ptrdiff_t>(mac_size), input.end(), '\0');
  const Digest digest = hmac_sha256(key.key, input);
  return {digest.begin(), digest.begin() + mac_size};
}

}  // namespace

void append_hmac(std::string& packet, const Envelope& envelope, const HmacKey& key, WallTime wall,
                 std::uint16_t counter) {
  const std::int64_t now = std::max<std::int64_t>(wall.us, 0);
  Writer writer(packet);
  writer.u8(trailer_type).u8(key.id).u16(0).u32(static_cast<std::uint32_t>(now / second));
  writer.u16(static_cast<std::uint16_t>((now % second << 16) / second)).u16(counter);
  packet.append(mac_size, '\0');
  const std::string mac = mac_of(packet, envelope, key);
  std::copy(mac.begin(), mac.end(), packet.end() - static_cast<std::ptrdiff_t>(mac_size));
  // Over IPv4 the checksum ends where the trailer begins; over IPv6 the kernel's covers the whole payload.
  if (envelope.source.family != Address::Family::V6) return;
  put_checksum(packet, 0);
  put_checksum(packet, checksum_of(packet, envelope, Checksum::PseudoHeader));
}

HmacCheck check_hmac(Bytes packet, const Envelope& envelope, const std::vector<HmacKey>& keys, WallTime wall,
                     Duration window) {
  HmacCheck check;
  check.refusal = Refusal::Mac;
  if (packet.size() < 8 + hmac_trailer_size) return check;
  Reader reader(packet.substr(packet.size() - hmac_trailer_size));
  const std::uint8_t type = *reader.u8(), key_id = *reader.u8();
  const std::uint16_t reserved = *reader.u16();
  const std::uint32_t seconds = *reader.u32();
  const std::int64_t fraction = *reader.u16();
  check.counter = *reader.u16();
  if (type != trailer_type || reserved != 0) return check;
  // 32 bits of seconds wrap in 2106: the time meant is the one nearest to ours (RFC 1982).
  const auto ahead = static_cast<std::int32_t>(seconds - static_cast<std::uint32_t>(wall.us / second));
  check.sent.us = (wall.us / second + ahead) * second + ((fraction * second + 0xffff) >> 16);
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const HmacKey& k) { return k.id == key_id; });
  if (key == keys.end()) return check;
  if (!equal_in_constant_time(mac_of(packet, envelope, *key), reader.rest())) return check;
  const bool fresh = std::abs(check.sent.us - wall.us) <= window.to_micros();
  check.refusal = fresh ? Refusal::None : Refusal::Stale;
  return check;
}

}  // namespace holdfast::vrrp
