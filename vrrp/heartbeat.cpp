#include "vrrp/heartbeat.h"

#include <algorithm>

#include "proxy/base/crypto.h"
#include "vrrp/fields.h"

namespace holdfast::vrrp {
namespace {

constexpr Bytes magic = "HFB1";
constexpr std::size_t head_size = 21, mac_size = 16;

Bytes mac_of(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), mac_size}; }

bool named_before(const std::vector<Claim>& claims) {
  return std::any_of(claims.begin(), claims.end() - 1,
                     [&](const Claim& claim) { return claim.group == claims.back().group; });
}

}  // namespace

std::string encode(const Heartbeat& heartbeat, Bytes key) {
  std::string claims;
  FieldWriter claim_writer(claims);
  std::size_t count = 0;
  for (const Claim& claim : heartbeat.claims) {
    const std::size_t before = claims.size();
    claim_fields(claim_writer, claim);
    if (count == max_claims || head_size + claims.size() + mac_size > max_heartbeat) {
      claims.resize(before);
      break;
    }
    ++count;
  }
  std::string out(magic);
  FieldWriter writer(out);
  writer.number(heartbeat.sequence);
  writer.number(heartbeat.wall_us);
  writer.number(static_cast<std::uint8_t>(count));
  out += claims;
  return out.append(mac_of(hmac_sha256(key, out)));
}

Result<Heartbeat> decode_heartbeat(Bytes datagram, Bytes key) {
  if (datagram.size() < head_size + mac_size || datagram.size() > max_heartbeat)
    return fail(Blame::Client, "length");
  Bytes body = datagram.substr(0, datagram.size() - mac_size);
  if (!equal_in_constant_time(mac_of(hmac_sha256(key, body)), datagram.substr(body.size())))
    return fail(Blame::Client, "authentication");
  if (!body.starts_with(magic)) return fail(Blame::Client, "magic");
  FieldReader reader(body.substr(magic.size()));
  Heartbeat heartbeat;
  std::uint8_t count = 0;
  reader.number(heartbeat.sequence);
  reader.number(heartbeat.wall_us);
  reader.number(count);
  if (count > max_claims) return fail(Blame::Client, "claims");
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    claim_fields(reader, heartbeat.claims.emplace_back());
    if (named_before(heartbeat.claims)) return fail(Blame::Client, "claims");
  }
  if (!reader.whole()) return fail(Blame::Client, "claims");
  return heartbeat;
}

}  // namespace holdfast::vrrp
