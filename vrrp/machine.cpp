// The transitions. What a packet must be to count at all is machine_router.cpp's matter.
#include "vrrp/machine.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "vrrp/machine_router.h"

namespace holdfast::vrrp {

void Machine::start(Instant now) {
  if (state_ != State::Initialize) return;
  preempt_from_ = now + config_.preempt_delay;
  handle({.kind = Event::Kind::Startup, .now = now});
}

void Machine::stop(Instant now) { handle({.kind = Event::Kind::Shutdown, .now = now}); }

void Machine::steer(Instant now, Steering steering) {
  if (steering == steering_) return;
  steering_ = steering;
  handle({.kind = Event::Kind::Steered, .now = now});
}

void Machine::on_timer(Instant now, WallTime wall) {
  set_clock(now, wall);
  handle({.kind = Event::Kind::Timer, .now = now});
}

void Machine::on_packet(Instant now, WallTime wall, std::size_t router, Bytes payload,
                        const Envelope& envelope) {
  CHECK(router < routers_.size());
  set_clock(now, wall);
  std::string log;
  Speaker* speaker = routers_[router].accept(now, wall, payload, envelope, log);
  if (speaker) {
    heard_ = {speaker->source, speaker->priority, now};
    // The pair's own channel says more of its nodes than their advertisements do.
    if (steering_ == Steering::Free || !known(speaker->source))
      handle({.kind = Event::Kind::Advert, .now = now, .router = router, .speaker = speaker});
  }
  if (!log.empty()) tell(std::move(log));
}

// Section numbers are those of RFC 9568; RFC 3768 has the same ones and calls Active Master.
void Machine::handle(const Event& event) {
  using Kind = Event::Kind;
  switch (state_) {
    case State::Initialize:  // 6.4.1: nothing but a Startup counts
      if (event.kind != Kind::Startup) return;
      if (steering_ == Steering::Hold || (owner() && steering_ == Steering::Free))
        return become_active(event.now, owner() ? "owner of the addresses" : "told to hold");
      state_ = State::Backup;
      return start_down_timers(event.now);

    case State::Backup:  // 6.4.2
      switch (event.kind) {
        case Kind::Startup: return;
        case Kind::Shutdown: state_ = State::Initialize; return;
        case Kind::Steered:  // ours, not the RFC's
          if (steering_ == Steering::Hold) return become_active(event.now, "told to hold");
          return start_down_timers(event.now);
        case Kind::Advert: return backup_hears(event);
        case Kind::Timer:  // Active_Down_Timer
          if (steering_ == Steering::Free && all_run_out(event.now))
            become_active(event.now, "nobody advertises");
          return;
      }
      return;

    case State::Active:  // 6.4.3
      switch (event.kind) {
        case Kind::Startup: return;
        case Kind::Shutdown:
          say_farewell(event.now, true);
          become_backup(event.now, "shutdown");
          state_ = State::Initialize;
          return;
        case Kind::Steered:  // ours, not the RFC's
          if (steering_ != Steering::Stand) return;
          say_farewell(event.now, false);
          return become_backup(event.now, "told to stand by");
        case Kind::Advert: return active_hears(event);
        case Kind::Timer: return on_active_timers(event.now);  // Adver_Timer
      }
  }
}

void Machine::backup_hears(const Event& event) {
  if (steering_ != Steering::Free) return;
  Router& router = routers_[event.router];
  const Speaker& speaker = *event.speaker;
  if (speaker.priority == 0) {
    // 6.4.2: Skew_Time is left. Not if someone else holds: the one that gives up is not the one we wait for.
    if (!somebody_active(event.now, router))
      router.down_due =
          std::min(router.down_due, event.now + router.skew(config_.priority, router.active_interval));
  } else if (stays_backup(event.now, speaker)) {
    router.active_interval = speaker.interval;
    router.down_due = event.now + router.down_interval(config_.priority, router.active_interval);
  }
  // 6.4.2: a lower priority is discarded if Preempt_Mode is set, and the timer runs out in spite of it.
}

void Machine::active_hears(const Event& event) {
  Speaker& speaker = *event.speaker;
  const Router& router = routers_[event.router];
  // 6.4.3: higher priority, or the same and the greater address.
  const bool wins = outranks(router, speaker) && (!suspicious_ || speaker.persistent());
  if (!wins || steering_ == Steering::Hold) return contend(event.now, event.router, speaker);
  const std::string why = speaker.source.ip() + " advertises priority " + std::to_string(speaker.priority) +
                          ", ours is " + std::to_string(config_.priority);
  // Beyond the RFC: a last word, so that the winner hears of the contention and announces its addresses again. Else
  // it never knows, and our neighbours' caches go on pointing here.
  if (steering_ == Steering::Free) advertise(event.now, event.router, config_.priority);
  // All or none: whoever won one router can have the others before their timers run out.
  say_farewell(event.now, false);
  become_backup(event.now, why);
}

// 6.4.3: priority 0 is answered; so is who does not win, with an advertisement at once. Our neighbours' caches may
// point to it by then, so the addresses are announced again as well.
void Machine::contend(Instant now, std::size_t router, Speaker& speaker) {
  const Duration least = routers_[router].own_interval() / 10;
  if (speaker.answered_at && now < *speaker.answered_at + least) return;
  speaker.answered_at = now;
  advertise(now, router, config_.priority);
  if (speaker.priority != 0) announce(now);
}

void Machine::on_active_timers(Instant now) {
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    const Instant due = routers_[i].advert_due;
    if (due > now) continue;
    advertise(now, i, config_.priority);
    // Keeps the pace when late by less than one interval; what was missed by more is not made up for.
    const Duration interval = routers_[i].own_interval();
    if (now - due < interval) routers_[i].advert_due = due + interval;
  }
  if (announce_due_ <= now) announce(now);
}

void Machine::become_active(Instant now, std::string why) {
  state_ = State::Active;
  advertise_all(now);  // 6.4.1, 6.4.2: before the addresses are announced
  act(MachineAction::Kind::BecomeActive);
  act(MachineAction::Kind::Announce);
  announced_at_ = now;
  announce_due_ = Instant::never();
  tell("active: " + std::move(why));
}

void Machine::become_backup(Instant now, std::string why) {
  state_ = State::Backup;
  announce_due_ = Instant::never();
  act(MachineAction::Kind::BecomeBackup);
  start_down_timers(now);
  tell("backup: " + std::move(why));
}

void Machine::yield(Instant now, bool farewell) {
  if (steering_ == Steering::Hold) steering_ = Steering::Stand;
  if (state_ != State::Active) return;
  if (farewell) say_farewell(now, true);
  become_backup(now, farewell ? "gave up" : "gave up in silence");
}

void Machine::announce_again(Instant now) {
  if (state_ != State::Active) return;
  advertise_all(now);
  announce(now);
}

}  // namespace holdfast::vrrp
