#include "vrrp/machine_router.h"

#include <algorithm>

namespace holdfast::vrrp {

namespace {

// RFC 9568 5.1.1.2 and 5.1.2.2.
const Address& group_of(Address::Family family) {
  static const Address v4 = *Address::from_ip("224.0.0.18", 0), v6 = *Address::from_ip("ff02::12", 0);
  return family == Address::Family::V6 ? v6 : v4;
}

bool listed(const std::vector<Address>& list, const Address& address) {
  return std::any_of(list.begin(), list.end(), [&](const Address& a) { return same_host(a, address); });
}

bool same_addresses(const std::vector<Address>& a, const std::vector<Address>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const Address& address) { return listed(b, address); });
}

}  // namespace

bool Machine::Speaker::persistent() const {
  return regular.size() == 3 && regular.back() - regular.front() <= interval * 3;
}

void Machine::Speaker::note(Instant now, const Advert& advert) {
  priority = advert.priority;
  interval = advert.interval;
  heard_at = now;
  if (priority == 0) return regular.clear();
  if (!regular.empty() && now - regular.back() < interval / 2) return;
  if (regular.size() == 3) regular.erase(regular.begin());
  regular.push_back(now);
}

Machine::Router::Router(RouterConfig config_in)
    : config(std::move(config_in)), active_interval(own_interval()) {}

Duration Machine::Router::skew(std::uint8_t priority, Duration active_interval_in) const {
  // RFC 9568 6.1 scales by the interval; RFC 3768 6.1 by one second.
  return (config.version == Version::V2 ? 1_s : active_interval_in) * (256 - priority) / 256;
}

Duration Machine::Router::down_interval(std::uint8_t priority, Duration active_interval_in) const {
  return active_interval_in * 3 + skew(priority, active_interval_in);
}

bool Machine::Router::fresh(Instant now, const Speaker& speaker, std::uint8_t own_priority) const {
  return speaker.priority != 0 && now < speaker.heard_at + down_interval(own_priority, speaker.interval);
}

Refusal Machine::Router::judge(const Decoded& decoded, const Envelope& envelope) const {
  if (decoded.refusal != Refusal::None) return decoded.refusal;
  if (envelope.source.family != config.source.family || same_host(envelope.source, config.source) ||
      (!config.unicast_peers.empty() && !listed(config.unicast_peers, envelope.source)))
    return Refusal::Source;
  if (decoded.advert.version != config.version) return Refusal::Version;
  // RFC 3768 7.1: version 2 does not learn; its timers only work if all agree.
  if (config.version == Version::V2 && decoded.advert.interval != own_interval()) return Refusal::Interval;
  return Refusal::None;
}

Refusal Machine::Router::authenticate(const Decoded& decoded, WallTime wall, Bytes payload,
                                      const Envelope& envelope, HmacCheck& check) const {
  // Without keys a trailer proves nothing; refusing it would only make two holders of two configurations.
  if (config.hmac == HmacMode::Off) return Refusal::None;
  if (!decoded.trailer) return config.hmac == HmacMode::Enforce ? Refusal::Mac : Refusal::None;
  const Duration window = std::max(own_interval() * 3, 5_s);
  check = check_hmac(payload, envelope, config.hmac_keys, wall, window);
  if (check.refusal != Refusal::None) return check.refusal;
  const Speaker* before = find(envelope.source);
  if (!before || !before->sent) return Refusal::None;
  // A mark outside the window orders only what the window refuses anyway; a sender whose clock was set back
  // would be locked out by it.
  const std::int64_t age = wall.us - before->sent->us;
  if (age > window.to_micros() || age < -window.to_micros()) return Refusal::None;
  const bool newer = check.sent.us > before->sent->us ||
                     (check.sent.us == before->sent->us && check.counter > before->counter);
  return newer ? Refusal::None : Refusal::Stale;
}

Machine::Speaker* Machine::Router::accept(Instant now, WallTime wall, Bytes payload, const Envelope& envelope,
                                          std::string& log) {
  // All routers of a link hear each other's advertisements: another vrid is no mistake.
  if (payload.size() >= 2 && static_cast<std::uint8_t>(payload[1]) != config.vrid) return nullptr;
  const Decoded decoded = decode(payload, envelope);
  HmacCheck check;
  Refusal refusal = judge(decoded, envelope);
  if (refusal == Refusal::None) refusal = authenticate(decoded, wall, payload, envelope, check);
  if (refusal != Refusal::None) {
    ++counters.refused[static_cast<std::size_t>(refusal)];
    if (!same_host(envelope.source, config.source))  // our own multicast coming back is no news
      log = note(now, refusal,
                 "refused an advertisement of " + envelope.source.ip() + ": " +
                     std::string(name_of(refusal)) + (decoded.detail.empty() ? "" : ", " + decoded.detail));
    return nullptr;
  }
  ++counters.received;
  if (decoded.advert.priority == 0) ++counters.priority_zero_received;
  Speaker& from = speaker(envelope.source);
  from.note(now, decoded.advert);
  if (config.hmac != HmacMode::Off && decoded.trailer) from.sent = check.sent, from.counter = check.counter;
  if (config.version == Version::V3 && envelope.source.family == Address::Family::V4)
    from.checksum = decoded.checksum;
  // RFC 9568 7.1 with erratum 8298: said, never refused. keepalived 2.2.7 refused, and so made two holders.
  if (!same_addresses(decoded.advert.addresses, config.addresses))
    log = note(now, Refusal::Addresses, envelope.source.ip() + " advertises other addresses than ours");
  return &from;
}

const Machine::Speaker* Machine::Router::find(const Address& source) const {
  for (const Speaker& s : speakers)
    if (same_host(s.source, source)) return &s;
  return nullptr;
}

Machine::Speaker& Machine::Router::speaker(const Address& source) {
  for (Speaker& s : speakers)
    if (same_host(s.source, source)) return s;
  if (speakers.size() == speakers_max) {
    // Whoever proved itself by a signature goes last, so that unsigned forgeries cannot make us forget it.
    const auto worth = [](const Speaker& a, const Speaker& b) {
      return a.sent.has_value() != b.sent.has_value() ? b.sent.has_value() : a.heard_at < b.heard_at;
    };
    speakers.erase(std::min_element(speakers.begin(), speakers.end(), worth));
  }
  Speaker& fresh = speakers.emplace_back();
  fresh.source = source;
  return fresh;
}

std::string Machine::Router::note(Instant now, Refusal reason, std::string text) {
  std::optional<Instant>& noted = noted_[static_cast<std::size_t>(reason)];
  if (noted && now < *noted + quiet_for) return {};
  noted = now;
  return "vrid " + std::to_string(config.vrid) + ": " + text;
}

bool Machine::Router::signs() const {
  return (config.hmac == HmacMode::Permissive || config.hmac == HmacMode::Enforce) &&
         !config.hmac_keys.empty();
}

std::vector<Machine::Router::Outgoing> Machine::Router::packets(std::uint8_t priority) const {
  const Advert advert{config.version, config.vrid, priority, own_interval(), config.addresses};
  std::vector<Outgoing> out;
  const auto add = [&](const Address& to, Checksum checksum) {
    out.push_back({envelope_to(to), encode(advert, envelope_to(to), checksum)});
  };
  for (const Address& peer : config.unicast_peers) {
    const Speaker* known = config.learn_checksum ? find(peer) : nullptr;
    add(peer, known ? known->checksum.value_or(config.checksum) : config.checksum);
  }
  if (!config.unicast_peers.empty()) return out;
  bool heard[2] = {};
  if (config.learn_checksum)
    for (const Speaker& s : speakers)
      if (s.checksum) heard[static_cast<std::size_t>(*s.checksum)] = true;
  if (!heard[0] && !heard[1]) heard[static_cast<std::size_t>(config.checksum)] = true;
  for (Checksum form : {Checksum::PseudoHeader, Checksum::MessageOnly})
    if (heard[static_cast<std::size_t>(form)]) add(group_of(config.source.family), form);
  return out;
}

void Machine::Router::sign(Outgoing& outgoing, WallTime wall) {
  // Strictly growing also within one tick of the trailer's clock (1/65536 s) and while our clock is slewed
  // back; after a step back beyond what receivers accept, only the clock can be right.
  constexpr std::int64_t tick = 16;
  const std::int64_t ahead = signed_at_.us - wall.us;
  if (ahead <= -tick || ahead > std::max(own_interval() * 3, 5_s).to_micros()) {
    signed_at_ = wall;
    signed_counter_ = 0;
  } else if (++signed_counter_ == 0) {
    signed_at_.us += tick;
  }
  append_hmac(outgoing.packet, outgoing.envelope, config.hmac_keys.front(), signed_at_, signed_counter_);
}

}  // namespace holdfast::vrrp
