// Any bytes as what arrives on the VRRP socket. Input: one octet of flags, one of TTL, then the payload. What
// decodes can be written and read again; a machine never moves by what does not decode, nor against its
// steering.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "vrrp/machine.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

Address ip(const char* text) { return *Address::from_ip(text, 0); }

GroupConfig group(bool v6, unsigned flags, std::uint8_t vrid) {
  RouterConfig router;
  router.vrid = vrid;
  router.version = !v6 && (flags & 2) ? Version::V2 : Version::V3;
  router.addresses = {ip(v6 ? "fe80::100" : "192.0.2.100")};
  router.source = ip(v6 ? "fe80::a" : "192.0.2.10");
  router.hmac = static_cast<HmacMode>(flags >> 2 & 3);
  router.hmac_keys = {{1, "key"}};
  GroupConfig config;
  config.name = "vip";
  config.routers = {router};
  return config;
}

void read_and_write(Bytes payload, const Envelope& envelope) {
  const Decoded decoded = decode(payload, envelope);
  if (decoded.refusal != Refusal::None) return;
  CHECK(envelope.ttl == required_ttl && !decoded.advert.addresses.empty());
  CHECK(decoded.advert.vrid != 0 && decoded.advert.interval > Duration{});
  const std::string again = encode(decoded.advert, envelope, decoded.checksum);
  CHECK(again.size() + (decoded.trailer ? hmac_trailer_size : 0) == payload.size());
  const Decoded back = decode(again, envelope);
  CHECK(back.refusal == Refusal::None && back.checksum == decoded.checksum);
  CHECK(back.advert.addresses == decoded.advert.addresses && back.advert.interval == decoded.advert.interval);
  check_hmac(payload, envelope, {{1, "key"}}, {}, 5_s);
}

void hear(Bytes payload, const Envelope& envelope, const GroupConfig& config, Steering steering) {
  const Instant now{1'000'000'000};
  Machine machine(config, now);
  machine.steer(now, steering);
  machine.start(now);
  const Instant due = machine.deadline();
  machine.take_actions();
  machine.on_packet(now, {}, 0, payload, envelope);
  CHECK(machine.state() == (steering == Steering::Hold ? State::Active : State::Backup));
  if (decode(payload, envelope).refusal == Refusal::None) return;
  CHECK(machine.deadline() == due && !machine.foreign_active(now));
  for (const MachineAction& action : machine.take_actions()) CHECK(action.kind == MachineAction::Kind::Story);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned flags = data[0];
  const bool v6 = flags & 1;
  const Bytes payload(reinterpret_cast<const char*>(data + 2), size - 2);
  const Envelope envelope{ip(v6 ? "fe80::ff:fe00:1" : "192.0.2.1"), ip(v6 ? "ff02::12" : "224.0.0.18"),
                          data[1]};
  read_and_write(payload, envelope);
  const std::uint8_t vrid = size > 3 ? data[3] : 1;
  for (Steering steering : {Steering::Free, Steering::Hold, Steering::Stand})
    hear(payload, envelope, group(v6, flags, vrid == 0 ? 1 : vrid), steering);
  return 0;
}
