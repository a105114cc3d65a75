// What this node knows of the other: the link machine of the pair. Each node dials the other and writes on
// the connection that it dialled; what the other dialled is read. Both are watched: the end of either without
// a Bye is followed at once by another dial, and a refused dial is the proof that the process is dead.
// Silence is only a time-out (Detector). A pure machine; the driver gives it connections and datagrams.
//
//   Absent ──Hello and a heartbeat or a message──▶ Alive ──Pause──▶ Paused ──time out──▶ Silent
//                                                   │ ▲                     (any sign ──▶ Alive)
//          connection ended and dial refused ──▶ Dead │ any authentic sign
//          nothing heard on any path ──────────▶ Silent
//          Bye ────────────────────────────────▶ Left
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/time.h"
#include "vrrp/claim.h"
#include "vrrp/detector.h"
#include "vrrp/dialler.h"
#include "vrrp/message.h"

namespace holdfast::vrrp {

enum class Link : std::uint8_t { Absent, Alive, Paused, Silent, Dead, Left };
std::string_view name_of(Link link);

struct PeerConfig {
  std::string cluster, own_name, peer_name, program;
  std::uint64_t boot = 0;  ///< this process's, random
  std::string heartbeat_key;  ///< this process's, random
  std::vector<std::string> sources = {};  ///< IP addresses that this node advertises from
  Detector::Limits detector;
};

/// Why a connection to or from the peer ended.
enum class ChannelEnd : std::uint8_t {
  Closed,  ///< EOF or reset after it was up
  Refused,  ///< a dial was answered by RST: nobody listens
  Unreachable,  ///< no route, no answer: proves nothing
  Rejected,  ///< the handshake failed: wrong key
  Garbage,  ///< not our protocol
};

struct PeerAction {
  enum class Kind : std::uint8_t {
    Dial,  ///< open the outgoing connection (and drop one that is under way)
    Write,  ///< `bytes` on the outgoing connection
    CloseIn,  ///< the incoming connection talks nonsense
    CloseOut,
    Heartbeat,  ///< `bytes` as a datagram over every path
    LinkChanged,  ///< link() is new: judge again
    StateChanged,  ///< remote() is new: judge again
    Deliver,  ///< `message` is for the station (hand-over, push)
    Story,  ///< `text`, an event
  };
  Kind kind = Kind::Story;
  std::string bytes, text;
  std::optional<Message> message;
};

struct PeerCounters {
  std::uint64_t heartbeats_sent = 0, heartbeats_received = 0, heartbeats_refused = 0;
  std::uint64_t dials = 0, rejected = 0, messages = 0;
};

class Peer {
 public:
  Peer(PeerConfig config, Instant now);

  // ---- from the driver; what was closed by an action or replaced is not told here as an end ----
  void on_out_up(Instant now);  ///< dialled, and the handshake is done
  void on_out_end(Instant now, ChannelEnd end);
  void on_in_up(Instant now);  ///< accepted, and the handshake is done; it replaces an older one
  void on_in_data(Instant now, Bytes bytes);
  void on_in_end(Instant now, ChannelEnd end);
  void on_datagram(Instant now, Bytes bytes);
  void on_timer(Instant now);
  /// This process was not running for a while: what it believes of the peer is old. Drains first, then judge.
  void on_resumed(Instant now);

  // ---- from the station ----
  /// Dropped if the outgoing connection is down. After a Bye this side dials and beats no more.
  void say(Instant now, const Message& message);
  void set_state(Instant now, NodeState state);  ///< sent at once if it changed, then every second
  /// Another sign of life of the peer: its VRRP advertisement, but not one of priority 0. It is no proof
  /// against a proof, so it ends neither Dead nor Left.
  void vouch(Instant now);
  /// The wall clock, now and then: for the heartbeats' time stamps and clock_offset_us(), both only for logs.
  void set_wall(Instant now, WallTime wall) { wall_minus_now_us_ = wall.us - now.ns / 1000; }

  Instant deadline() const;
  std::vector<PeerAction> take_actions();
  Link link() const { return link_; }
  Instant link_since() const { return since_; }
  bool connected() const;  ///< the channel carries messages now, both ways
  const NodeState& remote() const { return remote_; }
  const Claim* claim(std::string_view group) const;  ///< of the peer; null if it never told
  const std::optional<Hello>& hello() const { return hello_; }
  Duration timeout() const { return detector_.timeout(); }
  Instant last_beat() const { return beaten_at_; }  ///< of ours; never() before the first
  Instant suspect_at() const;  ///< never() unless Alive
  std::int64_t clock_offset_us() const {
    return clock_offset_us_;
  }  ///< peer's wall clock minus ours; for logs
  const PeerCounters& counters() const { return counters_; }

 private:
  PeerConfig config_;
  Detector detector_;
  Link link_ = Link::Absent;
  Instant since_;
  NodeState own_, remote_;
  std::optional<Hello> hello_;
  std::int64_t clock_offset_us_ = 0;
  PeerCounters counters_;
  std::vector<PeerAction> actions_;

  /// What is told to the operator once and then seldom, however often it happens.
  enum class Complaint : std::uint8_t { Stranger, Rejected, Garbage, Forged, OldEpoch, Count };
  /// The newest that the peer said of a group. `order`: heartbeat n counts 2n, a state message written after
  /// it 2n+1.
  struct Heard {
    std::uint64_t epoch = 0, order = 0;
  };

  // peer.cpp
  PeerAction& act(PeerAction::Kind kind) {
    actions_.emplace_back().kind = kind;
    return actions_.back();
  }
  void story(std::string text) { act(PeerAction::Kind::Story).text = std::move(text); }
  void complain(Instant now, Complaint what, std::string text);
  void forgive(Complaint what) { told_[static_cast<std::size_t>(what)] = Instant::never(); }
  void beat(Instant now);
  void send_state(Instant now);
  // peer_link.cpp
  void move_to(Instant now, Link link, std::string text);
  void heard(Instant now, bool datagram);
  bool alive_or_silent() const { return link_ == Link::Alive || link_ == Link::Silent; }
  void judge_refusal(Instant now);
  void judge_silence(Instant now);
  void judge_pause(Instant now);
  void dial_if_due(Instant now);
  // peer_message.cpp
  void on_message(Instant now, Message message);
  void on_hello(Instant now, Hello hello);
  void on_state(Instant now, StateMessage told);
  void refuse_in(Instant now, Complaint what, const std::string& why);
  void forget(bool keep_state);
  bool newer(Instant now, const Claim& claim, std::uint64_t order);
  void merge(Instant now, const std::vector<Claim>& claims, std::uint64_t order);

  Dialler dialler_;
  MessageReader reader_;
  Instant in_at_{};  ///< when the incoming connection came
  bool in_up_ = false, in_hello_ = false, in_bye_ = false;  ///< of the incoming connection there is now
  bool introduced_ = false;  ///< our Hello went out once: heartbeats can be understood
  bool said_bye_ = false;
  Instant beaten_at_ = Instant::never(), beat_at_ = Instant::never(), state_at_ = Instant::never();
  Instant probe_at_ = Instant::never();  ///< the incoming connection ended, the outgoing one did not (yet)
  Instant stale_at_ =
      Instant::never();  ///< when the outgoing connection is too long without any sign of the peer
  Instant stragglers_until_{};  ///< what the ended process sent before its end may be read until then
  Instant pause_until_ = Instant::never();
  Instant channel_end_ = Instant::never();  ///< when a connection that stood last ended by itself
  Instant refused_at_ = Instant::never();  ///< the last dial, if it was refused
  std::uint64_t sequence_ = 0;  ///< of our last heartbeat
  std::uint64_t heard_sequence_ = 0;  ///< of the peer's
  int forged_ = 0;  ///< datagrams in a row that failed authentication
  std::map<std::string, Heard, std::less<>> groups_;
  std::int64_t wall_minus_now_us_ = 0;
  std::array<Instant, static_cast<std::size_t>(Complaint::Count)> told_;
};

}  // namespace holdfast::vrrp
