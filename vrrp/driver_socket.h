// The sockets of the virtual IP: VRRP itself (raw IP, protocol 112) and the heartbeats (UDP). Non-blocking,
// for Loop::watch; opened and owned by the real-time thread. They pass bytes and what the IP header said of
// them, and judge nothing: checksums, TTL and origin are vrrp/advert.h's and vrrp/heartbeat.h's matter.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "vrrp/driver_descriptor.h"

namespace holdfast::vrrp {

struct Packet {
  Bytes payload;  ///< without IP header; valid until the next receive()
  Address source, destination;  ///< a UDP source has its port
  std::uint8_t ttl = 0;  ///< hop limit for IPv6; 0: the kernel did not tell
};

/// What both kinds share: one datagram in, one datagram out.
class DatagramSocket {
 public:
  int descriptor() const { return socket_.get(); }
  /// Empty when nothing waits.
  Result<std::optional<Packet>> receive();
  /// `source` of family None: the kernel chooses. A full queue is an error that may be tried again.
  Status send(Bytes payload, const Address& to, const Address& source);

 protected:
  DatagramSocket(Descriptor socket, Address::Family family, bool raw, unsigned interface)
      : socket_(std::move(socket)), family_(family), raw_(raw), interface_(interface) {}

 private:
  Descriptor socket_;
  Address::Family family_;
  bool raw_;
  unsigned interface_;
  std::array<char, 2048> buffer_{};  ///< more than any packet of ours
};

/// VRRP of one family on one interface: TTL 255, class of service CS6, own packets not heard, and of the
/// groups only 224.0.0.18 or ff02::12. Unicast peers come in by the same socket.
class VrrpSocket : public DatagramSocket {
 public:
  static Result<VrrpSocket> open(Address::Family family, const std::string& interface);

 private:
  using DatagramSocket::DatagramSocket;
};

/// Heartbeats, bound to one local address and port.
class HeartbeatSocket : public DatagramSocket {
 public:
  /// `local` may be absent for now (IP_FREEBIND). The last process of this node may have it open still, in a
  /// binary upgrade: datagrams go to whoever bound last.
  static Result<HeartbeatSocket> open(const Address& local);

 private:
  using DatagramSocket::DatagramSocket;
};

}  // namespace holdfast::vrrp
