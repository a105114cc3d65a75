#include "vrrp/peer.h"

#include <algorithm>

#include "vrrp/heartbeat.h"

namespace holdfast::vrrp {

using Kind = PeerAction::Kind;

namespace {

constexpr Duration state_every = 1_s;
constexpr Duration complaint_again = 600_s;
constexpr int forged_worth_telling = 5;  // fewer may be the last ones of the peer's former process
constexpr Duration in_end_patience = 5_ms;  // a dying process closes its descriptors one after another

}  // namespace

std::string_view name_of(Link link) {
  switch (link) {
    case Link::Absent: return "absent";
    case Link::Alive: return "alive";
    case Link::Paused: return "paused";
    case Link::Silent: return "silent";
    case Link::Dead: return "dead";
    case Link::Left: return "left";
  }
  return "";
}

Peer::Peer(PeerConfig config, Instant now)
    : config_(std::move(config)), detector_(config_.detector), since_(now), dialler_(now) {
  // As HMAC itself pads a short key (RFC 2104 section 2).
  config_.heartbeat_key.resize(heartbeat_key_size);
  // A reload can put a new Peer in the place of this one, under the same key: its numbers must go on rising.
  sequence_ = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ns, 0));
  told_.fill(Instant::never());
}

// ---- our connection, our words ----

void Peer::on_out_up(Instant now) {
  dialler_.connected(now);
  refused_at_ = probe_at_ = Instant::never();
  introduced_ = true;
  forgive(Complaint::Rejected);
  act(Kind::Write).bytes = encode(Hello{protocol_version, config_.cluster, config_.own_name, config_.program,
                                        config_.boot, config_.heartbeat_key, config_.sources});
  send_state(now);
  beat(now);
}

void Peer::say(Instant, const Message& message) {
  if (!dialler_.up()) return;
  std::string bytes = encode(message);
  if (bytes.empty()) return story("a message for " + config_.peer_name + " is too long and was not sent");
  act(Kind::Write).bytes = std::move(bytes);
  if (!std::holds_alternative<Bye>(message)) return;
  said_bye_ = true;
  beat_at_ = state_at_ = probe_at_ = stale_at_ = Instant::never();
  dialler_.hold_off(Instant::never());
}

void Peer::set_state(Instant now, NodeState state) {
  if (state == own_) return;
  const bool other_claims = state.claims != own_.claims;
  own_ = std::move(state);
  send_state(now);
  if (other_claims) beat(now);
}

void Peer::send_state(Instant now) {
  if (!dialler_.up() || said_bye_) return;
  act(Kind::Write).bytes = encode(StateMessage{own_, sequence_});
  state_at_ = now + state_every;
}

void Peer::beat(Instant now) {
  if (!introduced_ || said_bye_) return;
  const std::int64_t wall = wall_minus_now_us_ == 0 ? 0 : wall_minus_now_us_ + now.ns / 1000;
  act(Kind::Heartbeat).bytes = encode(Heartbeat{++sequence_, wall, own_.claims}, config_.heartbeat_key);
  ++counters_.heartbeats_sent;
  beaten_at_ = now;
  beat_at_ = now + config_.detector.every;
}

// ---- its connection, its words ----

void Peer::on_in_up(Instant now) {
  reader_ = MessageReader();
  in_up_ = true;
  in_at_ = now;
  in_hello_ = in_bye_ = false;
  probe_at_ = Instant::never();
  // It is there and it listens before it dials: no reason to wait for the next turn of ours.
  dialler_.invite(now);
  dial_if_due(now);
}

void Peer::on_in_data(Instant now, Bytes bytes) {
  if (!in_up_) return;
  reader_.feed(bytes);
  while (in_up_) {
    auto next = reader_.next();
    if (!next) return refuse_in(now, Complaint::Garbage, next.error().text);
    if (!*next) return;
    ++counters_.messages;
    on_message(now, std::move(**next));
  }
}

void Peer::on_in_end(Instant now, ChannelEnd) {
  if (!std::exchange(in_up_, false)) return;
  const bool known = std::exchange(in_hello_, false);
  if (!known || !alive_or_silent() || said_bye_) return;
  channel_end_ = now;
  if (dialler_.up())
    probe_at_ = now + in_end_patience;
  else if (!dialler_.dialling())
    dialler_.hasten(now);
  judge_refusal(now);
  dial_if_due(now);
}

void Peer::on_datagram(Instant now, Bytes bytes) {
  if (!hello_) return;  // without its key nothing can be said of it
  auto read = decode_heartbeat(bytes, hello_->heartbeat_key);
  if (!read) {
    ++counters_.heartbeats_refused;
    if (++forged_ >= forged_worth_telling)
      complain(
          now, Complaint::Forged,
          "datagrams that are not " + config_.peer_name + "'s heartbeats are refused: " + read.error().text);
    return;
  }
  forged_ = 0;
  // The same one over another path, or overtaken, or replayed: no news and no sign of life now.
  if (read->sequence <= heard_sequence_) return;
  heard_sequence_ = read->sequence;
  ++counters_.heartbeats_received;
  if (read->wall_us != 0 && wall_minus_now_us_ != 0)
    clock_offset_us_ = read->wall_us - (wall_minus_now_us_ + now.ns / 1000);
  merge(now, read->claims, read->sequence * 2);
  heard(now, true);
}

// ---- time ----

void Peer::on_timer(Instant now) {
  if (now >= beat_at_) beat(now);
  if (now >= state_at_) send_state(now);
  if (link_ == Link::Alive) judge_silence(now);
  if (link_ == Link::Paused && now >= pause_until_) judge_pause(now);
  if (now >= probe_at_) {
    // Had its process died, both connections would have ended; the other end may be lost on the way. Ask.
    probe_at_ = Instant::never();
    dialler_.hasten(now);
  }
  if (now >= stale_at_) {
    // A connection from before such a silence is not worth keeping: a dial tells more, and works once it
    // ends.
    stale_at_ = Instant::never();
    dialler_.replace(now);
  }
  dial_if_due(now);
}

Instant Peer::deadline() const {
  Instant at = std::min({beat_at_, state_at_, probe_at_, stale_at_, dialler_.due()});
  if (link_ == Link::Alive) at = std::min(at, detector_.deadline());
  if (link_ == Link::Paused) at = std::min(at, pause_until_);
  return at;
}

Instant Peer::suspect_at() const { return link_ == Link::Alive ? detector_.suspect_at() : Instant::never(); }

bool Peer::connected() const { return dialler_.up() && in_hello_ && !in_bye_; }

const Claim* Peer::claim(std::string_view group) const {
  for (const Claim& claim : remote_.claims)
    if (claim.group == group) return &claim;
  return nullptr;
}

std::vector<PeerAction> Peer::take_actions() { return std::exchange(actions_, {}); }

void Peer::complain(Instant now, Complaint what, std::string text) {
  Instant& told = told_[static_cast<std::size_t>(what)];
  if (told != Instant::never() && now - told < complaint_again) return;
  told = now;
  story(std::move(text));
}

}  // namespace holdfast::vrrp
