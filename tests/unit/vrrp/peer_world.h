// Two Peers and a network between them, in virtual time from one seed: ordered connections cut into pieces,
// datagrams that are lost, doubled, late and broken; processes that die piece by piece, freeze and come
// back.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vrrp/peer.h"

namespace holdfast::vrrp {

class PeerWorld {
 public:
  /// In percent, and the longest delay of a datagram.
  struct Weather {
    unsigned loss = 0, twice = 0, broken = 0;
    Duration late = 1_ms;
  };
  struct Node {
    std::optional<Peer> peer;
    bool listening = false, frozen = false;
    int out = 0, in = 0;  ///< connections that stand, as this node sees it; 0: none
    std::vector<Link> links;  ///< all that it went through
    std::vector<std::string> stories;
  };

  explicit PeerWorld(std::uint64_t seed) : random_(seed * 2654435761u + 1) {}

  Instant now{5'000'000'000};
  Weather weather;
  bool parted = false;
  Node nodes[2];

  Peer& peer(int n) { return *nodes[n].peer; }
  void start(int n) {
    static const char* names[] = {"ef-a", "ef-b"};
    PeerConfig config;
    config.cluster = "ef";
    config.own_name = names[n];
    config.peer_name = names[1 - n];
    config.boot = ++boots_;
    config.heartbeat_key = std::string(32, static_cast<char>('a' + boots_));
    config.detector = {50_ms, 200_ms, 1_s};
    nodes[n].peer.emplace(config, now);
    nodes[n].listening = true;
    generation_[n] = boots_;
  }
  /// The process is gone at once; its three sockets close within a millisecond, in any order.
  void kill(int n) {
    nodes[n].peer.reset();
    later(within(1_ms), [this, n] { nodes[n].listening = false; });
    for (int* c : {&nodes[n].out, &nodes[n].in})
      later(within(1_ms), [this, n, id = std::exchange(*c, 0)] { cut_end(id, 1 - n); });
  }
  void cut(int id) { cut_end(id, 0), cut_end(id, 1); }
  void freeze(int n, Duration time) {
    nodes[n].frozen = true;
    later(time, [this, n] {
      nodes[n].frozen = false;
      if (!nodes[n].peer) return;
      peer(n).on_resumed(now);
      for (auto& missed : std::exchange(missed_[n], {})) missed(), act(n);
    });
  }
  void pass(Duration time) {
    const Instant end = now + time;
    for (;;) {
      Instant next = events_.empty() ? Instant::never() : events_.begin()->first;
      for (int n : {0, 1})
        if (running(n)) next = std::min(next, peer(n).deadline());
      if (next > end) break;
      now = std::max(now, next);
      if (!events_.empty() && events_.begin()->first <= now) {
        auto run = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        run();
      }
      for (int n : {0, 1})
        if (running(n) && peer(n).deadline() <= now) peer(n).on_timer(now), act(n);
    }
    now = end;
  }
  /// What a station would do with the actions: carried out in their order.
  void act(int n) {
    if (!nodes[n].peer) return;
    for (PeerAction& action : peer(n).take_actions()) carry(n, action);
  }
  unsigned below(unsigned limit) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return static_cast<unsigned>(random_ >> 20) % limit;
  }

 private:
  using Run = std::function<void()>;

  bool running(int n) const { return nodes[n].peer && !nodes[n].frozen; }
  Duration within(Duration d) { return Duration::micros(below(static_cast<unsigned>(d.to_micros()) + 1)); }
  void later(Duration d, Run run) { events_.emplace(now + d, std::move(run)); }
  /// At node `n`, unless its process is another by then; a frozen one finds it when it wakes.
  void tell(int n, Duration d, Run run) {
    later(d, [this, n, run, boot = boots_of(n)] {
      if (!nodes[n].peer || boots_of(n) != boot) return;
      if (nodes[n].frozen) return missed_[n].push_back(run);
      run();
      act(n);
    });
  }
  std::uint64_t boots_of(int n) { return nodes[n].peer ? generation_[n] : 0; }

  void carry(int n, PeerAction& action) {
    Node& node = nodes[n];
    switch (action.kind) {
      case PeerAction::Kind::Dial: return dial(n);
      case PeerAction::Kind::Write: return write(n, action.bytes);
      case PeerAction::Kind::CloseOut: return cut_end(std::exchange(node.out, 0), 1 - n);
      case PeerAction::Kind::CloseIn: return cut_end(std::exchange(node.in, 0), 1 - n);
      case PeerAction::Kind::Heartbeat: return datagram(n, action.bytes);
      case PeerAction::Kind::LinkChanged: return node.links.push_back(peer(n).link());
      case PeerAction::Kind::Story: return node.stories.push_back(action.text);
      default: return;
    }
  }
  void dial(int n) {
    if (nodes[n].out != 0) cut_end(std::exchange(nodes[n].out, 0), 1 - n);
    const int id = ++connections_;
    dialling_[n] = id;
    later(within(300_us), [this, n, id] { arrive(n, id); });
  }
  void arrive(int n, int id) {
    const int other = 1 - n;
    if (dialling_[n] != id) return;
    if (parted || nodes[other].frozen) return fail_dial(n, id, 1_s, ChannelEnd::Unreachable);
    if (!nodes[other].listening) return fail_dial(n, id, within(300_us), ChannelEnd::Refused);
    if (!nodes[other].peer)
      return fail_dial(n, id, within(300_us), ChannelEnd::Closed);  // its kernel's queue
    tell(other, 500_us, [this, other, id] {
      if (dialling_[1 - other] != id) return;
      nodes[other].in = id;
      peer(other).on_in_up(now);
    });
    tell(n, 500_us + within(500_us), [this, n, other, id] {
      if (dialling_[n] != id) return;
      if (nodes[other].in != id) return fail_dial(n, id, {}, ChannelEnd::Closed);
      dialling_[n] = 0;
      nodes[n].out = id;
      delivered_[id] = now;
      peer(n).on_out_up(now);
    });
  }
  void fail_dial(int n, int id, Duration d, ChannelEnd end) {
    tell(n, d, [this, n, id, end] {
      if (dialling_[n] != id) return;
      dialling_[n] = 0;
      peer(n).on_out_end(now, end);
    });
  }
  /// The connection's end, told to `n` if it still has it.
  void cut_end(int id, int n) {
    if (id == 0) return;
    tell(n, within(500_us), [this, n, id] {
      if (nodes[n].out == id) nodes[n].out = 0, peer(n).on_out_end(now, ChannelEnd::Closed);
      if (nodes[n].in == id) nodes[n].in = 0, peer(n).on_in_end(now, ChannelEnd::Closed);
    });
  }
  void write(int n, std::string bytes) {
    const int id = nodes[n].out;
    if (id == 0 || bytes.empty()) return;
    const std::size_t piece = 1 + below(static_cast<unsigned>(bytes.size()));
    Instant& last = delivered_[id];
    last = std::max(last, now + within(300_us)) + 1_us;
    deliver(n, id, bytes.substr(0, piece), last - now);
    write(n, bytes.substr(piece));
  }
  void deliver(int n, int id, std::string piece, Duration d) {
    const int other = 1 - n;
    if (parted) return later(d + 200_ms, [=, this] { deliver(n, id, piece, {}); });
    tell(other, d, [this, other, id, piece] {
      if (nodes[other].in == id) peer(other).on_in_data(now, piece);
    });
  }
  void datagram(int n, const std::string& bytes) {
    for (unsigned copies = below(100) < weather.twice ? 2 : 1; copies > 0; --copies) {
      if (parted || below(100) < weather.loss) continue;
      std::string sent = bytes;
      if (below(100) < weather.broken) {
        const unsigned at = below(static_cast<unsigned>(sent.size()));
        if (below(2) == 0)
          sent.resize(at);
        else
          sent[at] = static_cast<char>(sent[at] ^ 1 << below(8));
      }
      tell(1 - n, within(weather.late), [this, to = 1 - n, sent] { peer(to).on_datagram(now, sent); });
    }
  }

  std::uint64_t random_;
  std::uint64_t boots_ = 0;
  std::uint64_t generation_[2] = {};
  int connections_ = 0;
  int dialling_[2] = {};
  std::map<int, Instant> delivered_;
  std::multimap<Instant, Run> events_;
  std::vector<Run> missed_[2];
};

}  // namespace holdfast::vrrp
