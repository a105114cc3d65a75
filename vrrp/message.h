// Messages of the peer channel. The channel is TLS 1.3 with a pre-shared key (RFC 8446 section 2.2), which
// gives mutual proof, secrecy and protection from replay; here is only the framing and the contents: length
// (32 bits, of what follows), type (8 bits), then the fields of that type. Pure codec; strict: an unknown
// type of a known protocol version, a field too many or a length beyond its limit ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "vrrp/claim.h"

namespace holdfast::vrrp {

inline constexpr std::uint16_t protocol_version = 1;
inline constexpr std::size_t max_message = 4u << 20;  ///< a pushed configuration is the largest
inline constexpr std::size_t max_services = 1000;
inline constexpr std::size_t max_sources = 8;
inline constexpr std::size_t heartbeat_key_size = 32;

/// First in each direction. A different cluster name or protocol version ends the connection.
struct Hello {
  std::uint16_t version = protocol_version;
  std::string cluster, node, program;  ///< program: "0.1.0"
  std::uint64_t boot = 0;  ///< random, per process
  std::string heartbeat_key;  ///< 32 random bytes: this process signs its heartbeats with it
  /// IP addresses that its VRRP advertisements come from; the other side cannot know the link-local ones.
  std::vector<std::string> sources = {};
};
struct StateMessage {
  NodeState state;
  /// The sender's last heartbeat when it wrote this: channel and datagrams overtake each other, and older
  /// claims must not replace newer ones. 0: none sent yet.
  std::uint64_t heartbeat = 0;
};
/// The holder asks the other to get ready. `hash`: both must run the same configuration, unless `force`.
struct Prepare {
  std::string group;
  std::uint64_t epoch = 0;
  std::string hash;
  bool force = false;
};
struct Prepared {
  std::string group;
  std::uint64_t epoch = 0;
  bool ready = false;
  std::string why;
};
/// The holder has stopped answering: take the addresses under this epoch.
struct Take {
  std::string group;
  std::uint64_t epoch = 0;
};
struct Taken {
  std::string group;
  std::uint64_t epoch = 0;
};
/// The last connection that lived on at the old holder has ended: packets need not be sent back any more.
struct Gone {
  std::string group;
};
/// A standby that is preferred, or whose operator asks, wants the holder to hand over.
struct Request {
  std::string group;
};
/// "I shall be silent for a moment (an upgrade): do not take over before this long."
struct Pause {
  std::uint32_t milliseconds = 0;
};
/// A clean end: nothing is held any more.
struct Bye {};
// ---- configuration push: check on both sides, then switch on both, or on neither ----
struct PushOffer {
  std::uint64_t id = 0;
  std::string text;
};
struct PushReply {
  std::uint64_t id = 0;
  bool accepted = false;
  std::string why;
};
struct PushCommit {
  std::uint64_t id = 0;
};
struct PushDone {
  std::uint64_t id = 0;
  bool done = false;
  std::string why;
};
struct PushCancel {
  std::uint64_t id = 0;
};

using Message = std::variant<Hello, StateMessage, Prepare, Prepared, Take, Taken, Gone, Request, Pause, Bye,
                             PushOffer, PushReply, PushCommit, PushDone, PushCancel>;

/// Framed. Empty if it would exceed max_message, which only a pushed text can.
std::string encode(const Message& message);

/// Collects bytes until messages are whole.
class MessageReader {
 public:
  void feed(Bytes bytes) { buffer_.append(bytes); }
  /// The next whole message; nothing yet; or an error, after which the connection must end.
  Result<std::optional<Message>> next();

 private:
  std::string buffer_;
  std::size_t read_ = 0;
};

}  // namespace holdfast::vrrp
