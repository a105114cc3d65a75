// The sockets of advertisements and heartbeats: raw ones for VRRP per family, datagram ones per path. It moves
// packets; what they mean is the station's matter. Belongs to the VIP thread.
#pragma once

#include <memory>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "vrrp/advert.h"
#include "vrrp/plan.h"

namespace holdfast::vrrp {

struct ReceivedAdvert {
  Bytes payload;
  Envelope envelope;
};

class WireEvents {
 public:
  virtual void on_advert(const ReceivedAdvert& advert) = 0;
  virtual void on_heartbeat(Bytes bytes) = 0;

 protected:
  ~WireEvents() = default;
};

class Wire {
 public:
  /// Packets read in one turn from one socket: a flood must not keep the thread from its timers.
  static constexpr unsigned burst = 64;

  Wire(io::Loop& loop, WireEvents& events);
  ~Wire();

  /// Opens what the plan needs and this object has not; on an error nothing is closed.
  Status open(const NodePlan& plan, const HostInterface& interface);
  void close();
  void send_advert(Bytes payload, const Address& from, const Address& to);
  void send_heartbeat(Bytes datagram);  ///< over every path

 private:
  class Advertiser;
  class Beater;

  io::Loop& loop_;
  WireEvents& events_;
  std::unique_ptr<Advertiser> v4_, v6_;
  std::vector<std::unique_ptr<Beater>> paths_;
};

}  // namespace holdfast::vrrp
