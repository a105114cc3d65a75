// What this node knows of the other: the link machine of the pair. Each node dials the other and writes on the
// connection that it dialled; what the other dialled is read. Both are watched: the end of either without a Bye
// is followed at once by another dial, and a refused dial is the proof that the process is dead. Silence is
// only a time-out (Detector). A pure machine; the driver gives it connections and datagrams.
//
//   Absent ──Hello and a heartbeat or a message──▶ Alive ──Pause──▶ Paused ──time out──▶ Silent
//                                                   │ ▲                     (any sign ──▶ Alive)
//          connection ended and dial refused ──▶ Dead │ any authentic sign
//          nothing heard on any path ──────────▶ Silent
//          Bye ────────────────────────────────▶ Left
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/time.h"
#include "vrrp/claim.h"
#include "vrrp/detector.h"
#include "vrrp/message.h"

namespace holdfast::vrrp {

enum class Link : std::uint8_t { Absent, Alive, Paused, Silent, Dead, Left };
std::string_view name_of(Link link);

struct PeerConfig {
  std::string cluster, own_name, peer_name, program;
  std::uint64_t boot = 0;  ///< this process's, random
  std::string heartbeat_key;  ///< this process's, random
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

  // ---- from the driver ----
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
  void say(Instant now,
           const Message& message);  ///< dropped, with false in connected(), if the channel is down
  void set_state(Instant now, NodeState state);  ///< sent at once if it changed, then every second
  void vouch(Instant now);  ///< another sign of life of the peer: its VRRP advertisement

  Instant deadline() const;
  std::vector<PeerAction> take_actions();
  Link link() const { return link_; }
  Instant link_since() const { return since_; }
  bool connected() const;  ///< the channel carries messages now, both ways
  const NodeState& remote() const { return remote_; }
  const Claim* claim(std::string_view group) const;  ///< of the peer; null if it never told
  const std::optional<Hello>& hello() const { return hello_; }
  Duration timeout() const { return detector_.timeout(); }
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
  // The implementer adds the rest.
};

}  // namespace holdfast::vrrp
