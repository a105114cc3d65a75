#include "proxy/commands_vip.h"

#include <algorithm>
#include <utility>

#include "proxy/vip_fitness.h"
#include "vrrp/plan.h"

namespace holdfast {

using vrrp::Role;

namespace {

/// The addresses move within milliseconds, unless the other node is slow to get ready (vrrp::prepare_patience).
constexpr Duration leave_patience = 4_s;
/// A first SYN that was lost is sent again after a second (RFC 6298).
constexpr Duration late_handshakes = 1200_ms;

std::vector<vrrp::WatchedLoop> watched(Engine& engine) {
  std::vector<vrrp::WatchedLoop> loops;
  for (Engine::LoopHandle& loop : engine.loops_for_watching())
    loops.push_back({loop.name, loop.loop, std::move(loop.turns), loop.thread});
  return loops;
}

}  // namespace

VipSide::VipSide(io::Loop& loop, Events& events, Engine& engine, PushTarget& target, std::string version)
    : loop_(loop),
      events_(events),
      engine_(engine),
      hooks_(loop, events, parser_),
      driver_(loop, *this, std::move(version)),
      timer_(loop.timer(*this)),
      push_(events, target, [this](vrrp::Message m) { driver_.send_to_peer(std::move(m)); }) {}

VipSide::~VipSide() = default;

Status VipSide::start(conf::SnapshotPtr snapshot, std::string handed) {
  snapshot_ = snapshot;
  if (!vrrp::has_virtual_ip(*snapshot)) return {};
  if (Status done = driver_.start(std::move(snapshot), watched(engine_), std::move(handed)); !done)
    return done;
  settle_witness();
  look_again();
  return {};
}

Status VipSide::reload(conf::SnapshotPtr snapshot) {
  if (!driver_.running()) return start(std::move(snapshot), {});
  if (Status done = driver_.reload(snapshot); !done) return done;
  snapshot_ = std::move(snapshot);
  std::erase_if(roles_, [&](const auto& entry) {
    return std::none_of(snapshot_->vips.begin(), snapshot_->vips.end(),
                        [&](const conf::Vip& v) { return v.group_name() == entry.first; });
  });
  settle_witness();
  look_again();
  return {};
}

void VipSide::look_again() {
  if (!driver_.running()) return;
  for (VipFitness& f : vip_fitness(*snapshot_, engine_.control().status()))
    driver_.set_fitness(f.group, f.fit ? vrrp::Fitness::Fit : vrrp::Fitness::Degraded, std::move(f.why));
  std::vector<vrrp::ActiveInstance> actives;
  for (const ActiveChoice& a : engine_.control().actives()) actives.push_back({a.service, a.instance});
  driver_.set_services(std::move(actives));
  aim_witness();
}

// ---- roles ----

void VipSide::on_vip_role(const std::string& group, Role role, std::uint64_t, const std::string&) {
  const Role before = std::exchange(roles_[group], role);
  if ((before == Role::Holder) != (role == Role::Holder)) run_hooks(group, role);
  engine_.ask_to_close(any(Role::Lingering));
  follow();
  if (any(Role::Holder) || !moved_) return;
  // Handshakes that this node began are finished here, sent back by the new holder: keep accepting for a while.
  if (!any(Role::Lingering)) return moved();
  leave_until_ = std::min(leave_until_, loop_.now() + late_handshakes);
  arm();
}

void VipSide::run_hooks(const std::string& group, Role role) {
  for (const conf::Vip& vip : snapshot_->vips)
    if (vip.group_name() == group) hooks_.run_for_vip(vip, snapshot_->node, role == Role::Holder);
}

bool VipSide::any(Role role) const {
  return std::any_of(roles_.begin(), roles_.end(), [&](const auto& e) { return e.second == role; });
}

void VipSide::on_vip_follow(const std::vector<vrrp::ActiveInstance>& services) {
  chosen_ = services;
  follow();
}

/// Only a node that holds nothing follows; a holder is the one that others follow.
void VipSide::follow() {
  std::vector<ActiveChoice> choices;
  for (const vrrp::ActiveInstance& a : chosen_) choices.push_back({a.service, a.instance});
  engine_.control().follow(choices, !any(Role::Holder) && !chosen_.empty());
}

void VipSide::on_vip_story(const std::string& kind, const std::string& subject, const std::string& text) {
  events_.add(kind, subject, text);
}

// ---- leaving ----

void VipSide::leave(io::Task moved, io::Task ended) {
  moved_ = std::move(moved);
  ended_ = std::move(ended);
  if (!driver_.running()) {
    this->moved();
    return on_vip_stopped();
  }
  driver_.stop();
  if (!any(Role::Holder)) return this->moved();
  leave_until_ = loop_.now() + leave_patience;
  arm();
}

void VipSide::moved() {
  leave_until_ = Instant::never();
  if (moved_) std::exchange(moved_, {})();
}

void VipSide::finish(Instant patience) {
  driver_.finish();
  finish_until_ = patience;
  arm();
}

void VipSide::on_vip_stopped() {
  finish_until_ = Instant::never();
  moved();
  if (ended_) std::exchange(ended_, {})();
}

// ---- what the operator asks ----

void VipSide::handover(const std::string& group, bool force, Later done) {
  if (!driver_.running()) return done(fail(Blame::Operator, "this process has no virtual IP"));
  if (handover_.done) return done(fail(Blame::Operator, "another hand-over is under way"));
  handover_ = {std::move(done), loop_.now() + handover_patience};
  // All that this node holds; if that is nothing, the other node is asked, and its first answer counts.
  const auto held = std::count_if(roles_.begin(), roles_.end(),
                                  [](const auto& role) { return role.second == Role::Holder; });
  if (group.empty() && held > 0) handover_.groups = held;
  driver_.handover(group, force);
  arm();
}

void VipSide::on_vip_handover(const std::string& group, bool ok, const std::string& text) {
  if (!handover_.done) return;
  handover_.ok = handover_.ok && ok;
  handover_.text += (handover_.text.empty() ? "" : "\n") + (group.empty() ? text : group + ": " + text);
  if (--handover_.groups > 0) return;
  Asked asked = std::exchange(handover_, {});
  asked.done(asked.ok ? Result<std::string>(asked.text) : fail(Blame::Operator, asked.text));
}

void VipSide::push(const std::string& text, Later done) {
  if (!report_.paired || report_.link != vrrp::Link::Alive)
    return done(fail(Blame::Operator, "the other node is not heard; nothing was changed"));
  push_.begin(loop_.now(), next_push_++, text, std::move(done));
  arm();
}

void VipSide::on_vip_push(const vrrp::Message& message) {
  push_.on_message(loop_.now(), message);
  arm();
}

void VipSide::arm() {
  timer_->arm(std::min({push_.deadline(), handover_.until, leave_until_, finish_until_}));
}

void VipSide::on_timer() {
  const Instant now = loop_.now();
  push_.on_timer(now);
  if (handover_.done && now >= handover_.until)
    std::exchange(handover_, {})
        .done(fail(Blame::Server, "no answer in time; `holdfast status` tells how it is"));
  if (now >= leave_until_) moved();
  if (now >= finish_until_) on_vip_stopped();
  arm();
}

}  // namespace holdfast
