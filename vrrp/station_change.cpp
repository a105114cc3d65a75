// A station that goes on under other circumstances: in another process of this node, or with another
// configuration.
#include <algorithm>
#include <charconv>
#include <utility>

#include "vrrp/station_impl.h"

namespace holdfast::vrrp {
namespace {

constexpr std::string_view magic = "holdfast-vip 1";

/// The part up to `end`, which is taken off `rest` with it.
std::string_view cut(std::string_view& rest, char end) {
  const std::size_t at = std::min(rest.find(end), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

bool same_addresses(const GroupConfig& a, const GroupConfig& b) {
  auto same = [](const RouterConfig& x, const RouterConfig& y) {
    return x.vrid == y.vrid && x.version == y.version && x.addresses == y.addresses && x.source == y.source;
  };
  return std::equal(a.routers.begin(), a.routers.end(), b.routers.begin(), b.routers.end(), same);
}

bool same_peer(const StationConfig& a, const StationConfig& b) {
  const auto limits = [](const StationConfig& c) { return c.peer.detector; };
  return a.paired == b.paired && a.peer.cluster == b.peer.cluster && a.own_name == b.own_name &&
         a.peer_name == b.peer_name && limits(a).every == limits(b).every &&
         limits(a).floor == limits(b).floor && limits(a).ceiling == limits(b).ceiling;
}

}  // namespace

std::string Station::abdicate(Instant now, Duration patience) {
  Impl& s = *impl_;
  std::string text = std::string(magic) + "\n";
  for (const auto& group : s.groups) {
    static constexpr const char* words[] = {"standby", "holder", "lingering"};
    const bool forwards = group->handover().taker() == Handover::Taker::Forwarding;
    text += std::string(words[static_cast<int>(group->role())]) + " " + std::to_string(group->epoch()) + " " +
            (forwards ? "forwards" : "-") + " " + group->name() + "\n";
  }
  s.say(now, Pause{static_cast<std::uint32_t>(std::clamp<std::int64_t>(patience.to_millis(), 0, 600'000))});
  s.ended = true;
  return text;
}

void Station::adopt(Instant now, std::string_view handed) {
  Impl& s = *impl_;
  if (handed.empty()) return;
  if (cut(handed, '\n') != magic)
    return s.story("vip", "", "what the process before handed over is not readable");
  while (!handed.empty()) {
    std::string_view line = cut(handed, '\n');
    const std::string_view role = cut(line, ' '), epoch = cut(line, ' '), forwards = cut(line, ' ');
    std::uint64_t number = 0;
    std::from_chars(epoch.data(), epoch.data() + epoch.size(), number);
    Group* group = s.find(line);
    if (group == nullptr || group->machine().state() != State::Initialize) continue;
    const Role was = role == "holder" ? Role::Holder : role == "lingering" ? Role::Lingering : Role::Standby;
    group->adopt(now, was, number, forwards == "forwards");
  }
}

void Station::reconfigure(Instant now, StationConfig config) {
  Impl& s = *impl_;
  std::vector<std::unique_ptr<Group>> before = std::exchange(s.groups, {});
  const bool peer_stays = same_peer(s.config, config);
  // The identity of this process towards the peer stays: the other side knows it by that.
  config.peer.boot = s.config.peer.boot;
  config.peer.heartbeat_key = s.config.peer.heartbeat_key;
  s.config = std::move(config);
  for (const auto& old :
       before) {  // what goes, goes before anything new comes: addresses may move between groups
    const auto& now_there = s.config.groups;
    const bool stays = std::any_of(now_there.begin(), now_there.end(), [&](const StationGroup& g) {
      return g.vrrp.name == old->name() && same_addresses(g.vrrp, old->config().vrrp);
    });
    if (!stays) old->retire(now);
  }
  for (const StationGroup& group : s.config.groups) {
    auto old = std::find_if(before.begin(), before.end(), [&](const auto& g) {
      return g && g->name() == group.vrrp.name && same_addresses(g->config().vrrp, group.vrrp);
    });
    if (old != before.end()) {
      (*old)->set_config(now, group);
      s.groups.push_back(std::move(*old));
      continue;
    }
    s.groups.push_back(std::make_unique<Group>(group, s, now));
    if (s.started) s.groups.back()->start(now);
  }
  s.gateway.configure(!s.config.gateways.empty(), s.config.peer.detector.every);
  if (!peer_stays) {
    for (auto kind : {StationAction::Kind::CloseIn, StationAction::Kind::CloseOut}) {
      StationAction action;
      action.kind = kind;
      s.act(std::move(action));
    }
    s.make_peer(now);
  }
  s.met = 0;  // the addresses may be others now
  for (const auto& group : s.groups) group->on_link(now, s.link, s.facts(now));
  s.turn(now);
}

}  // namespace holdfast::vrrp
