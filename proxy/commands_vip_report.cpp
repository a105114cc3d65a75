// What the virtual IP's thread reports, in the words of `status` and the metrics.
#include "proxy/commands_vip.h"

namespace holdfast {

namespace {

std::string name_of(vrrp::Role role) {
  switch (role) {
    case vrrp::Role::Standby: return "standby";
    case vrrp::Role::Holder: return "holder";
    case vrrp::Role::Lingering: return "lingering";
  }
  return "";
}

std::string name_of(vrrp::Fitness fitness) {
  switch (fitness) {
    case vrrp::Fitness::Unfit: return "unfit";
    case vrrp::Fitness::Degraded: return "degraded";
    case vrrp::Fitness::Fit: return "fit";
  }
  return "";
}

std::string name_of(vrrp::State state) {
  switch (state) {
    case vrrp::State::Initialize: return "initialize";
    case vrrp::State::Backup: return "backup";
    case vrrp::State::Active: return "active";
  }
  return "";
}

StatusVipGroup group_status(const vrrp::VipReport::Group& group) {
  StatusVipGroup out;
  out.name = group.name;
  out.role = name_of(group.role);
  out.fitness = name_of(group.fitness);
  out.vrrp = name_of(group.vrrp);
  out.interface = group.interface;
  out.addresses = group.addresses;
  out.since = group.for_;
  out.epoch = group.epoch;
  out.changes = group.changes;
  out.because = group.because;
  out.moves_if = group.moves_if;
  out.lingering = group.lingering;
  out.announcements = group.announcements;
  out.questions_answered = group.questions_answered;
  std::map<std::string, std::uint64_t> refused;
  for (const vrrp::RouterCounters& router : group.routers) {
    out.adverts_sent += router.sent;
    out.adverts_received += router.received;
    for (std::size_t i = 1; i <= static_cast<std::size_t>(vrrp::Refusal::Addresses); ++i)
      refused[std::string(vrrp::name_of(static_cast<vrrp::Refusal>(i)))] += router.refused[i];
  }
  out.adverts_refused.assign(refused.begin(), refused.end());
  return out;
}

}  // namespace

StatusVip VipSide::status() const {
  StatusVip out;
  out.running = driver_.running() && report_.running;
  out.real_time = report_.real_time;
  out.memory_locked = report_.memory_locked;
  out.paired = report_.paired;
  out.peer.name = report_.peer_name;
  out.peer.link = vrrp::name_of(report_.link);
  out.peer.since = report_.link_for;
  out.peer.timeout = report_.timeout;
  out.peer.version = report_.peer_program;
  out.peer.hash = report_.peer_hash;
  out.peer.generation = report_.peer_generation;
  out.peer.up = report_.link == vrrp::Link::Alive;
  out.peer.drift = report_.drift;
  out.peer.heartbeats_sent = report_.counters.heartbeats_sent;
  out.peer.heartbeats_received = report_.counters.heartbeats_received;
  out.peer.heartbeats_refused = report_.counters.heartbeats_refused;
  for (const vrrp::VipReport::Group& group : report_.groups) out.groups.push_back(group_status(group));
  return out;
}

}  // namespace holdfast
