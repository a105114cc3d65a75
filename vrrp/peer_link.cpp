// The peer's link: its six states, and what moves it between them.
#include <algorithm>

#include "vrrp/peer.h"

namespace holdfast::vrrp {

using Kind = PeerAction::Kind;

namespace {

constexpr Duration rejected_pause = 5_s;
constexpr Duration silent_channel_max = 1_s;
// Heartbeats that were on their way when the connection ended.
constexpr Duration end_slack = 10_ms;
// A refusal that is older may be that of a process before.
constexpr Duration refusal_fresh = 200_ms;

std::string millis(Duration d) { return std::to_string(d.to_millis()) + " ms"; }

}  // namespace

void Peer::move_to(Instant now, Link link, std::string text) {
  link_ = link;
  since_ = now;
  if (link == Link::Dead || link == Link::Left) stragglers_until_ = now + config_.detector.floor;
  stale_at_ = link == Link::Silent && dialler_.up() ? now + silent_channel_max : Instant::never();
  act(Kind::LinkChanged);
  story(std::move(text));
}

/// Something authentic came from the peer's present process.
void Peer::heard(Instant now, bool datagram) {
  if (datagram && now < stragglers_until_) return;
  const Duration silence = detector_.last() == Instant::never() ? Duration{} : now - detector_.last();
  detector_.sign(now);
  if (link_ == Link::Alive || link_ == Link::Paused || !hello_) return;
  const std::string& name = config_.peer_name;
  if (link_ == Link::Silent) {
    dialler_.invite(now);
    return move_to(now, Link::Alive, name + " is heard again after " + millis(silence));
  }
  move_to(now, Link::Alive, name + " is alive: Holdfast " + hello_->program);
}

void Peer::vouch(Instant now) {
  if (link_ == Link::Alive || link_ == Link::Silent) heard(now, true);
}

void Peer::on_resumed(Instant now) {
  detector_.excuse(now);
  if (link_ == Link::Paused) pause_until_ = std::max(pause_until_, now + detector_.timeout());
}

void Peer::on_out_end(Instant now, ChannelEnd end) {
  const bool stood = dialler_.up();
  probe_at_ = stale_at_ = state_at_ = Instant::never();
  if (end == ChannelEnd::Refused) refused_at_ = now;
  if (end == ChannelEnd::Rejected || end == ChannelEnd::Garbage) {
    ++counters_.rejected;
    dialler_.hold_off(now + rejected_pause);
    complain(now, Complaint::Rejected,
             end == ChannelEnd::Rejected
                 ? config_.peer_name + " does not prove the same secret: the peer channel is refused"
                 : "what listens on " + config_.peer_name + "'s port does not speak the peer protocol");
  }
  dialler_.failed(now, end == ChannelEnd::Closed);
  if (stood && alive_or_silent() && end == ChannelEnd::Closed) {
    channel_end_ = now;
    dialler_.hasten(now);
  }
  judge_refusal(now);
  dial_if_due(now);
}

/// Nobody listens where the peer listened. That its process is dead follows only if nothing else of it lives:
/// it may have moved its port, or a firewall may answer in its place.
void Peer::judge_refusal(Instant now) {
  if (!alive_or_silent() || refused_at_ == Instant::never() || now - refused_at_ > refusal_fresh) return;
  const bool quiet = now - detector_.last() >= config_.detector.floor;
  const bool all_ended =
      !in_up_ && channel_end_ != Instant::never() && detector_.last() <= channel_end_ + end_slack;
  if (!quiet && !all_ended) return;
  const char* why = all_ended ? " is dead: its process closed the peer channel and its port is refused"
                              : " is dead: nothing is heard of it and its port is refused";
  if (in_up_) act(Kind::CloseIn);
  in_up_ = in_hello_ = false;
  move_to(now, Link::Dead, config_.peer_name + why);
}

void Peer::judge_silence(Instant now) {
  if (now < detector_.deadline()) return;
  move_to(now, Link::Silent,
          config_.peer_name + " is silent: nothing heard on any path for " + millis(now - detector_.last()));
}

void Peer::judge_pause(Instant now) {
  pause_until_ = Instant::never();
  if (now < detector_.deadline())
    return move_to(now, Link::Alive,
                   config_.peer_name + " goes on: the process that asked for a pause is there");
  move_to(now, Link::Silent,
          config_.peer_name + " is silent: it did not come back from the pause it asked for");
}

void Peer::dial_if_due(Instant now) {
  if (now < dialler_.due()) return;
  if (dialler_.dialling() && now >= dialler_.overdue_at()) {
    act(Kind::CloseOut);
    dialler_.failed(now, false);
    if (now < dialler_.due()) return;
  }
  if (dialler_.up()) act(Kind::CloseOut);
  state_at_ = Instant::never();
  dialler_.dialled(now);
  ++counters_.dials;
  act(Kind::Dial);
}

}  // namespace holdfast::vrrp
