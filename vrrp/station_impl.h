// The inside of a Station: its parts and the turn that every input ends with. Internal to station*.cpp. In a
// turn the peer's and the groups' wants are carried out until nothing is wanted any more; then the peer is
// told.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vrrp/station.h"
#include "vrrp/station_gateway.h"
#include "vrrp/station_group.h"

namespace holdfast::vrrp {

struct Station::Impl final : GroupHost {
  Impl(StationConfig c, Instant now);

  void act(StationAction action) override { out.push_back(std::move(action)); }
  void say(Instant now, const Message& message) override;

  Group* find(std::string_view name);
  void turn(Instant now);
  bool drain_peer(Instant now);
  void carry(PeerAction& action);
  bool deliver(Instant now);
  void route(Instant now, const Message& message);
  void notice_hello();
  void notice_link(Instant now);
  void notice_remote();
  void watch(Instant now);
  void begin_listening(Instant now);
  void listen_again(Instant now);
  void finish_stop(Instant now);
  Facts facts(Instant now) const;
  NodeState state() const;
  Duration takeover_time() const;
  Duration unheard(Instant now, Duration gap) const;
  bool heard_since_resume() const;
  bool any(Role role) const;
  bool deciding() const;
  void story(std::string kind, std::string subject, std::string text);
  void make_peer(Instant now);
  Instant deadline() const;

  StationConfig config;
  std::optional<Peer> peer;
  std::vector<std::unique_ptr<Group>> groups;
  GatewayWatch gateway;
  std::vector<StationAction> out;
  std::deque<Message> inbox;
  std::vector<ActiveInstance> services, followed;
  std::string drifted;  ///< the peer's hash of which the last story about drift told; empty: none
  Link link = Link::Absent;
  std::vector<Address> peer_sources;  ///< as configured, and as the peer's process `met` says
  std::uint64_t met = 0;
  bool started = false, stopping = false, ended = false;
  bool carrier = true;
  bool resuming = false;  ///< after a freeze, or without carrier: what was not heard proves nothing
  int witness = 0;
  Instant settled_at = Instant::never();
  Instant listen_from, listen_until;  ///< resuming: judged after fresh evidence between these
  std::uint64_t heard_before = 0;
  Instant turned;  ///< of the last turn
};

}  // namespace holdfast::vrrp
