#include "vrrp/driver_wire.h"

#include <utility>

#include "vrrp/driver_socket.h"

namespace holdfast::vrrp {

class Wire::Advertiser final : io::WatchEvents {
 public:
  Advertiser(Wire& wire, VrrpSocket socket) : wire_(wire), socket_(std::move(socket)) {
    watch_ = wire.loop_.watch(socket_.descriptor(), *this);
  }
  VrrpSocket& socket() { return socket_; }

 private:
  void on_readable() override {
    for (unsigned i = 0; i < burst; ++i) {
      auto packet = socket_.receive();
      if (!packet || !*packet) return;
      wire_.events_.on_advert(
          {(*packet)->payload, {(*packet)->source, (*packet)->destination, (*packet)->ttl}});
    }
  }

  Wire& wire_;
  VrrpSocket socket_;
  io::WatchPtr watch_;
};

class Wire::Beater final : io::WatchEvents {
 public:
  Beater(Wire& wire, HeartbeatSocket socket, const Path& path)
      : wire_(wire), socket_(std::move(socket)), path_(path) {
    watch_ = wire.loop_.watch(socket_.descriptor(), *this);
  }
  /// A path that is down now may come back: an error is no news, silence is.
  void send(Bytes datagram) { (void)socket_.send(datagram, path_.peer, Address{}); }

 private:
  void on_readable() override {
    for (unsigned i = 0; i < burst; ++i) {
      auto packet = socket_.receive();
      if (!packet || !*packet) return;
      wire_.events_.on_heartbeat((*packet)->payload);
    }
  }

  Wire& wire_;
  HeartbeatSocket socket_;
  Path path_;
  io::WatchPtr watch_;
};

Wire::Wire(io::Loop& loop, WireEvents& events) : loop_(loop), events_(events) {}
Wire::~Wire() = default;

Status Wire::open(const NodePlan& plan, const HostInterface& interface) {
  for (const StationGroup& group : plan.station.groups)
    for (const RouterConfig& router : group.vrrp.routers) {
      std::unique_ptr<Advertiser>& slot = router.source.family == Address::Family::V4 ? v4_ : v6_;
      if (slot) continue;
      auto socket = VrrpSocket::open(router.source.family, interface.name);
      if (!socket) return std::unexpected(socket.error());
      slot = std::make_unique<Advertiser>(*this, std::move(*socket));
    }
  if (!paths_.empty()) return {};  // a reload changes no path
  for (const Path& path : plan.paths) {
    auto socket = HeartbeatSocket::open(path.own);
    if (!socket) return std::unexpected(socket.error());
    paths_.push_back(std::make_unique<Beater>(*this, std::move(*socket), path));
  }
  return {};
}

void Wire::close() {
  v4_.reset();
  v6_.reset();
  paths_.clear();
}

void Wire::send_advert(Bytes payload, const Address& from, const Address& to) {
  std::unique_ptr<Advertiser>& slot = to.family == Address::Family::V4 ? v4_ : v6_;
  if (slot) (void)slot->socket().send(payload, to, from);  // lost is lost: the next one is due soon
}

void Wire::send_heartbeat(Bytes datagram) {
  for (const auto& path : paths_) path->send(datagram);
}

}  // namespace holdfast::vrrp
