// What the transitions are made of: judgements over the routers and their speakers, and actions.
#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "vrrp/machine.h"
#include "vrrp/machine_router.h"

namespace holdfast::vrrp {

namespace {

constexpr Duration announce_gap = 20_ms;  // between announcements for one contention after another

}  // namespace

Machine::Machine(GroupConfig config, Instant now) : config_(std::move(config)), preempt_from_(now) {
  CHECK(!config_.routers.empty());
  for (const RouterConfig& router : config_.routers) routers_.emplace_back(router);
}

Machine::~Machine() = default;
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;

void Machine::set_clock(Instant now, WallTime wall) {
  clock_ = wall;
  clock_at_ = now;
}

bool Machine::may_preempt(Instant now) const { return owner() || (config_.preempt && now >= preempt_from_); }

bool Machine::all_run_out(Instant now) const {
  return std::all_of(routers_.begin(), routers_.end(), [&](const Router& r) { return r.down_due <= now; });
}

bool Machine::known(const Address& source) const {
  return std::any_of(known_peers_.begin(), known_peers_.end(),
                     [&](const Address& peer) { return same_host(peer, source); });
}

bool Machine::outranks(const Router& router, const Speaker& speaker) const {
  if (speaker.priority != config_.priority) return speaker.priority > config_.priority;
  return speaker.source.bytes > router.config.source.bytes;  // unsigned, in network order
}

bool Machine::stays_backup(Instant now, const Speaker& speaker) const {
  return speaker.priority >= config_.priority || !may_preempt(now);
}

bool Machine::somebody_active(Instant now, const Router& router) const {
  return std::any_of(router.speakers.begin(), router.speakers.end(),
                     [&](const Speaker& s) { return router.fresh(now, s, config_.priority); });
}

bool Machine::foreign_active(Instant now) const {
  for (const Router& router : routers_)
    for (const Speaker& speaker : router.speakers) {
      if (known(speaker.source) || !router.fresh(now, speaker, config_.priority)) continue;
      if (suspicious_ && !speaker.persistent()) continue;
      if (state_ == State::Active ? outranks(router, speaker) : stays_backup(now, speaker)) return true;
    }
  return false;
}

void Machine::start_down_timers(Instant now) {
  for (Router& router : routers_) {
    const Speaker* last = nullptr;
    for (const Speaker& s : router.speakers)
      if (router.fresh(now, s, config_.priority) && (!last || s.heard_at >= last->heard_at)) last = &s;
    router.active_interval = last ? last->interval : router.own_interval();
    router.down_due = now + router.down_interval(config_.priority, router.active_interval);
  }
}

void Machine::advertise(Instant now, std::size_t index, std::uint8_t priority) {
  Router& router = routers_[index];
  if (router.signs() && !clock_) {
    router.advert_due = now;
    return;
  }
  router.advert_due = now + router.own_interval();
  for (Router::Outgoing& outgoing : router.packets(priority)) {
    if (router.signs()) router.sign(outgoing, {clock_->us + (now - clock_at_).to_micros()});
    MachineAction& action = actions_.emplace_back();
    action.kind = MachineAction::Kind::Send;
    action.router = index;
    action.to = outgoing.envelope.destination;
    action.packet = std::move(outgoing.packet);
    ++router.counters.sent;
    if (priority == 0) ++router.counters.priority_zero_sent;
  }
}

void Machine::advertise_all(Instant now) {
  for (std::size_t i = 0; i < routers_.size(); ++i) advertise(now, i, config_.priority);
}

// Priority 0 asks for a successor; where one is heard already it would only start another election.
void Machine::say_farewell(Instant now, bool also_where_held) {
  for (std::size_t i = 0; i < routers_.size(); ++i)
    if (also_where_held || !somebody_active(now, routers_[i])) advertise(now, i, 0);
}

void Machine::announce(Instant now) {
  if (now < announced_at_ + announce_gap) {
    announce_due_ = announced_at_ + announce_gap;
    return;
  }
  act(MachineAction::Kind::Announce);
  announced_at_ = now;
  announce_due_ = Instant::never();
}

Instant Machine::deadline() const {
  Instant due = announce_due_;
  if (state_ == State::Active)
    for (const Router& router : routers_) due = std::min(due, router.advert_due);
  if (state_ != State::Backup || steering_ != Steering::Free) return due;
  due = routers_.front().down_due;
  for (const Router& router : routers_) due = std::max(due, router.down_due);
  return due;
}

std::vector<MachineAction> Machine::take_actions() { return std::exchange(actions_, {}); }

const RouterCounters& Machine::counters(std::size_t router) const {
  CHECK(router < routers_.size());
  return routers_[router].counters;
}

std::vector<MachineAction> Machine::farewell(WallTime wall) const {
  std::vector<MachineAction> out;
  for (std::size_t i = 0; i < routers_.size(); ++i)
    for (Router::Outgoing& outgoing : routers_[i].packets(0)) {
      if (routers_[i].signs())
        append_hmac(outgoing.packet, outgoing.envelope, routers_[i].config.hmac_keys.front(),
                    {wall.us + farewell_good_for.to_micros()}, 0);
      MachineAction& action = out.emplace_back();
      action.kind = MachineAction::Kind::Send;
      action.router = i;
      action.to = outgoing.envelope.destination;
      action.packet = std::move(outgoing.packet);
    }
  return out;
}

void Machine::set_config(Instant now, GroupConfig config) {
  CHECK(!config.routers.empty());
  preempt_from_ = preempt_from_ - config_.preempt_delay + config.preempt_delay;
  config_ = std::move(config);
  std::vector<Router> before = std::move(routers_);
  routers_.clear();
  for (const RouterConfig& wanted : config_.routers) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const Router& r) {
      return r.config.vrid == wanted.vrid && r.config.version == wanted.version &&
             r.config.source.family == wanted.source.family;
    });
    Router& router =
        same == before.end() ? routers_.emplace_back(wanted) : routers_.emplace_back(std::move(*same));
    const bool learned = router.active_interval != router.own_interval();
    router.config = wanted;
    if (!learned) router.active_interval = router.own_interval();
    if (same != before.end()) before.erase(same);
    router.advert_due = std::min(router.advert_due, state_ == State::Active ? now : Instant::never());
    router.down_due =
        std::min(router.down_due, now + router.down_interval(config_.priority, router.active_interval));
  }
}

void Machine::act(MachineAction::Kind kind) { actions_.emplace_back().kind = kind; }

void Machine::tell(std::string text) {
  act(MachineAction::Kind::Story);
  actions_.back().text = std::move(text);
}

}  // namespace holdfast::vrrp
