// A Peer with the other node played by hand: encodes what the peer says and collects what this side does.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "vrrp/heartbeat.h"
#include "vrrp/peer.h"

namespace holdfast::vrrp {

struct PeerDriver {
  static constexpr Detector::Limits limits{50_ms, 200_ms, 1_s};
  inline static const std::string key = std::string(32, 'b');

  static PeerConfig config() {
    PeerConfig c;
    c.cluster = "ef";
    c.own_name = "ef-a";
    c.peer_name = "ef-b";
    c.program = "0.1.0";
    c.boot = 1;
    c.heartbeat_key = std::string(32, 'a');
    c.detector = limits;
    return c;
  }

  Instant now{1'000'000'000'000};
  Peer peer{config(), now};
  std::vector<PeerAction> actions;
  std::uint64_t sequence = 0;
  std::uint64_t boot = 2;
  std::string its_key = key;

  void take() {
    for (PeerAction& action : peer.take_actions()) actions.push_back(std::move(action));
  }
  /// Timers on the way fire; heartbeats come meanwhile if `beating`.
  void pass(Duration time, bool beating = false) {
    const Instant end = now + time;
    Instant beat = beating ? now + 50_ms : Instant::never();
    for (;;) {
      const Instant next = std::min(peer.deadline(), beat);
      if (next > end) break;
      now = std::max(now, next);
      if (now >= beat) {
        heartbeat();
        beat = beat + 50_ms;
      }
      peer.on_timer(now);
      take();
    }
    now = end;
  }
  void tick() { peer.on_timer(now), take(); }
  Hello hello() const { return {protocol_version, "ef", "ef-b", "0.2.0", boot, its_key}; }
  void message(const Message& m) { data(encode(m)); }
  void data(const std::string& bytes) { peer.on_in_data(now, bytes), take(); }
  void datagram(const std::string& bytes) { peer.on_datagram(now, bytes), take(); }
  void heartbeat(std::vector<Claim> claims = {}) {
    datagram(encode(Heartbeat{++sequence, 0, std::move(claims)}, its_key));
  }
  void state(std::vector<Claim> claims, std::uint64_t after = 0) {
    StateMessage told;
    told.state.claims = std::move(claims);
    told.heartbeat = after;
    message(told);
  }
  void out_up() { peer.on_out_up(now), take(); }
  void in_up() { peer.on_in_up(now), take(); }
  void out_end(ChannelEnd end = ChannelEnd::Closed) { peer.on_out_end(now, end), take(); }
  void in_end(ChannelEnd end = ChannelEnd::Closed) { peer.on_in_end(now, end), take(); }
  /// Both connections, both introductions, a steady history.
  void meet(std::vector<Claim> claims = {{"main", Role::Holder, Fitness::Fit, 150, 5}}) {
    tick();
    out_up();
    in_up();
    message(hello());
    state(std::move(claims));
    pass(2_s, true);
    actions.clear();
  }

  std::size_t count(PeerAction::Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(actions.begin(), actions.end(), [&](const PeerAction& a) { return a.kind == kind; }));
  }
  /// How many since the last question.
  std::size_t taken(PeerAction::Kind kind) {
    const std::size_t n = count(kind);
    std::erase_if(actions, [&](const PeerAction& a) { return a.kind == kind; });
    return n;
  }
  std::size_t stories(std::string_view with) const {
    return static_cast<std::size_t>(std::count_if(actions.begin(), actions.end(), [&](const PeerAction& a) {
      return a.kind == PeerAction::Kind::Story && a.text.find(with) != std::string::npos;
    }));
  }
  /// Messages written on the outgoing connection.
  std::vector<Message> written() const {
    MessageReader reader;
    for (const PeerAction& a : actions)
      if (a.kind == PeerAction::Kind::Write) reader.feed(a.bytes);
    std::vector<Message> all;
    for (auto next = reader.next(); next && *next; next = reader.next()) all.push_back(std::move(**next));
    return all;
  }
};

}  // namespace holdfast::vrrp
