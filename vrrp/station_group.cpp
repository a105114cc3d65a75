#include "vrrp/station_group.h"

#include <algorithm>
#include <utility>

namespace holdfast::vrrp {

using Kind = StationAction::Kind;

Group::Group(StationGroup config, GroupHost& host, Instant now)
    : config_(std::move(config)),
      host_(host),
      machine_(config_.vrrp, now),
      handover_(config_.vrrp.name, config_.linger),
      since_(now),
      started_(now),
      retry_at_(now),
      ask_at_(now) {}

void Group::start(Instant now) {
  started_ = since_ = now;
  ask_at_ = now + config_.vrrp.preempt_delay;
  machine_.start(now);
}

void Group::adopt(Instant now, Role role, std::uint64_t epoch, bool forwarding) {
  epoch_ = epoch;
  role_ = role;
  set_fitness(Fitness::Fit, "");  // as the process before, until this one is told
  because_ = "taken over from the process before";
  if (forwarding) handover_.forward_from();
  if (role == Role::Lingering) handover_.linger_from(now);
  start(now);
  if (role != Role::Holder) return;
  adopting_ = true;
  steer(now, Steering::Hold);
  pump(now);
  adopting_ = false;
}

void Group::set_config(Instant now, StationGroup config) {
  config_ = std::move(config);
  machine_.set_config(now, config_.vrrp);
  handover_.set_linger(config_.linger);
}

void Group::retire(Instant now) {
  because_ = "the configuration has no such group any more";
  machine_.stop(now);
  pump(now);
  if (role_ != Role::Lingering) return;
  act(Kind::DropAddresses);
  change(now, Role::Standby);
}

void Group::demote_silently(Instant now) {
  because_ = "this process did not run for a while, and the other node may have taken over";
  moves_if_ = "decided when the other node was heard, or was not";
  handover_.cancel(now, "this process did not run for a while");
  machine_.yield(now, false);
  steer(now, Steering::Stand);
  pump(now);
}

void Group::hand_over(Instant now, const Facts& facts, bool force, bool asked) {
  operator_asked_ = operator_asked_ || asked;
  if (facts.link() != Link::Alive || !facts.peer->connected())
    return answer(false, "there is no live channel to the other node");
  if (handover_.giver() != Handover::Giver::Idle) return answer(false, "a hand-over is under way");
  handover_.begin(now, std::max(epoch_, peer_epoch_), facts.config->config_hash, force);
}

void Group::request(Instant now) {
  operator_asked_ = true;
  request_until_ = now + request_patience;
  host_.say(now, Request{name()});
}

// ---- carrying out ----

void Group::act(Kind kind) {
  StationAction action;
  action.kind = kind;
  action.group = name();
  host_.act(std::move(action));
}

void Group::story(std::string kind, std::string text) {
  StationAction action;
  action.kind = Kind::Story;
  action.group = std::move(kind);
  action.bytes = name();
  action.text = std::move(text);
  host_.act(std::move(action));
}

void Group::answer(bool ok, std::string text) {
  request_until_ = Instant::never();
  if (!std::exchange(operator_asked_, false))
    return story("handover", (ok ? "handed over: " : "not handed over: ") + text);
  StationAction action;
  action.kind = Kind::HandoverResult;
  action.group = name();
  action.ok = ok;
  action.text = std::move(text);
  host_.act(std::move(action));
}

void Group::change(Instant now, Role role) {
  if (role_ == role) return;
  role_ = role;
  since_ = now;
  ++changes_;
  StationAction action;
  action.kind = Kind::RoleChanged;
  action.group = name();
  action.role = role;
  action.epoch = epoch_;
  action.text = because_;
  host_.act(std::move(action));
  static constexpr const char* words[] = {"standby", "holder", "lingering"};
  story("vip",
        std::string(words[static_cast<int>(role)]) + " in epoch " + std::to_string(epoch_) + ": " + because_);
}

void Group::become_holder(Instant now) {
  if (!adopting_) epoch_ = std::max(std::max(epoch_, peer_epoch_) + 1, std::exchange(next_epoch_, 0));
  handover_.on_holder();
  act(Kind::AddAddresses);
  change(now, Role::Holder);
  if (request_until_ != Instant::never()) answer(true, "this node holds it now");
}

void Group::become_backup(Instant now) {
  if (role_ != Role::Holder) return;
  act(giving_ ? Kind::Linger : Kind::DropAddresses);
  handover_.on_backup();
  change(now, giving_ ? Role::Lingering : Role::Standby);
}

void Group::carry(Instant now, MachineAction& a) {
  switch (a.kind) {
    case MachineAction::Kind::Send: {
      StationAction action;
      action.kind = Kind::SendVrrp;
      action.group = name();
      action.router = a.router;
      action.to = a.to;
      action.bytes = std::move(a.packet);
      return host_.act(std::move(action));
    }
    case MachineAction::Kind::BecomeActive: return become_holder(now);
    case MachineAction::Kind::BecomeBackup: return become_backup(now);
    case MachineAction::Kind::Announce: return act(Kind::Announce);
    case MachineAction::Kind::Story: return story("vrrp", std::move(a.text));
  }
}

void Group::carry(Instant now, HandoverStep& s) {
  using Step = HandoverStep::Kind;
  switch (s.kind) {
    case Step::Say: return host_.say(now, s.message);
    case Step::GiveUp:
      because_ = "handed over to the other node";
      giving_ = true;
      machine_.yield(now, false);
      steer(now, Steering::Stand);
      pump(now);
      giving_ = false;
      return;
    case Step::TakeBack:
    case Step::Become:
      if (role_ == Role::Holder) {
        epoch_ = std::max(epoch_, s.epoch);
        return;
      }
      because_ = s.kind == Step::Become ? "the other node handed it over" : "the hand-over was not confirmed";
      next_epoch_ = s.epoch;
      steer(now, Steering::Hold);
      pump(now);
      return;
    case Step::Drop:
      because_ = "the last connection that lived on here has ended, or its time was over";
      act(Kind::DropAddresses);
      return change(now, Role::Standby);
    case Step::PrepareForward: return act(Kind::PrepareForward);
    case Step::EndForward: return act(Kind::EndForward);
    case Step::Result: return answer(s.ok, std::move(s.text));
    case Step::Story: return story("handover", std::move(s.text));
  }
}

bool Group::pump(Instant now) {
  bool any = false;
  for (;;) {
    auto actions = machine_.take_actions();
    auto steps = handover_.take_steps();
    if (actions.empty() && steps.empty()) return any;
    any = true;
    for (MachineAction& action : actions) carry(now, action);
    for (HandoverStep& step : steps) carry(now, step);
  }
}

void Group::steer(Instant now, Steering steering) {
  if (steering_ == steering) return;
  steering_ = steering;
  machine_.steer(now, steering);
}

// ---- what others want to know ----

Claim Group::claim(bool stopping) const {
  return {name(), role_, stopping ? Fitness::Unfit : fitness_, config_.vrrp.priority, epoch_};
}

GroupReport Group::report() const {
  GroupReport r;
  r.name = name();
  r.role = role_;
  r.epoch = epoch_;
  r.fitness = fitness_;
  r.because = because_;
  r.moves_if = moves_if_;
  r.since = since_;
  r.changes = changes_;
  r.vrrp = machine_.state();
  for (std::size_t i = 0; i < config_.vrrp.routers.size(); ++i) r.routers.push_back(machine_.counters(i));
  return r;
}

Instant Group::deadline() const {
  Instant due = std::min({machine_.deadline(), handover_.deadline(), request_until_});
  // What was due by the last verdict was seen by it.
  auto later = [&](Instant at) { due = at > judged_ ? std::min(due, at) : due; };
  later(asking_due_);
  later(advertises_until_);
  later(yields_at_);
  if (worse_since_ != Instant::never()) later(std::max(worse_since_ + worse_patience, retry_at_));
  if (vacant_since_ != Instant::never()) later(vacant_since_ + vacant_patience);
  return due;
}

}  // namespace holdfast::vrrp
