#include "vrrp/station_handover.h"

#include <algorithm>
#include <utility>

namespace holdfast::vrrp {

using Kind = HandoverStep::Kind;

HandoverStep& Handover::step(Kind kind) {
  steps_.emplace_back();
  steps_.back().kind = kind;
  return steps_.back();
}

void Handover::say(Message message) { step(Kind::Say).message = std::move(message); }

void Handover::result(bool ok, std::string text) {
  HandoverStep& s = step(Kind::Result);
  s.ok = ok;
  s.text = std::move(text);
}

std::vector<HandoverStep> Handover::take_steps() { return std::exchange(steps_, {}); }

Instant Handover::deadline() const { return std::min(giver_until_, taker_until_); }

// ---- the giver ----

void Handover::begin(Instant now, std::uint64_t epoch, std::string hash, bool force) {
  if (giver_ != Giver::Idle) return;
  giver_ = Giver::Preparing;
  giver_until_ = now + prepare_patience;
  epoch_ = epoch + 1;
  force_ = force;
  say(Prepare{group_, epoch_, std::move(hash), force});
}

void Handover::on_prepared(Instant now, const Prepared& prepared) {
  if (giver_ != Giver::Preparing || prepared.epoch != epoch_) return;
  if (!prepared.ready || (!prepared.why.empty() && !force_)) return cancel(now, prepared.why);
  if (!prepared.why.empty()) step(Kind::Story).text = "handing over although " + prepared.why;
  giver_ = Giver::Taking;
  giver_until_ = now + take_patience;
  end_forward();  // two nodes that send unknown flows to each other would make a loop
  step(Kind::GiveUp);
  say(Take{group_, epoch_});
}

void Handover::on_peer_holds(Instant now, std::uint64_t epoch) {
  if (giver_ != Giver::Taking || epoch < epoch_) return;
  giver_ = Giver::Lingering;
  giver_until_ = now + linger_;
  result(true, "the other node holds it now, under epoch " + std::to_string(epoch));
}

void Handover::on_connections_left(std::size_t count) {
  if (giver_ != Giver::Lingering || count > 0) return;
  giver_ = Giver::Idle;
  giver_until_ = Instant::never();
  step(Kind::Drop);
  say(Gone{group_});
}

void Handover::linger_from(Instant now) {
  giver_ = Giver::Lingering;
  giver_until_ = now + linger_;
}

void Handover::cancel(Instant now, const std::string& why) {
  if (giver_ == Giver::Preparing) {
    giver_ = Giver::Idle;
    giver_until_ = Instant::never();
    result(false, "everything is as it was: " + why);
  } else if (giver_ == Giver::Taking) {
    linger_from(now);
    result(false, "not known whether the other node took it: " + why);
  }
}

void Handover::take_back(const std::string& why) {
  giver_ = Giver::Idle;
  giver_until_ = Instant::never();
  step(Kind::TakeBack).epoch = epoch_ + 1;
  step(Kind::Story).text = "taken back under epoch " + std::to_string(epoch_ + 1) + ": " + why;
  result(false, "everything is as it was: " + why);
}

// ---- the taker ----

void Handover::refuse(std::string why) { say(Prepared{group_, offered_, false, std::move(why)}); }

void Handover::on_prepare(Instant now, const Prepare& prepare, const Own& own) {
  offered_ = prepare.epoch;
  if (own.holder) return refuse("it holds the group itself");
  if (deciding()) return refuse("it has a hand-over of its own under way");
  if (own.fitness == Fitness::Unfit) return refuse("it is not fit to hold it");
  if (prepare.epoch <= own.epoch) return refuse("the epoch " + std::to_string(prepare.epoch) + " is old");
  if (!prepare.force && prepare.hash != own.hash) return refuse("the two configurations differ");
  taker_ = Taker::Readying;
  taker_until_ = now + ready_patience;
  step(Kind::PrepareForward);
}

void Handover::on_forward_ready(Instant now, bool ok, std::string why) {
  if (taker_ != Taker::Readying) return;
  taker_ = Taker::Ready;
  taker_until_ = now + ready_patience;
  std::string text;
  if (!ok) text = "established connections will be reset, because forwarding cannot be installed: " + why;
  say(Prepared{group_, offered_, true, std::move(text)});
}

void Handover::on_take(const Take& take, const Own& own) {
  if (own.holder) {  // by a verdict of its own that came first
    if (own.epoch < take.epoch) step(Kind::Become).epoch = take.epoch;
    return say(Taken{group_, std::max(own.epoch, take.epoch)});
  }
  if (own.fitness == Fitness::Unfit || take.epoch <= own.epoch || deciding()) return;
  if (taker_ == Taker::Readying) end_forward();  // a Take that did not wait: nothing is forwarded
  if (taker_ == Taker::Ready) taker_ = Taker::Forwarding;
  taker_until_ = Instant::never();
  step(Kind::Become).epoch = take.epoch;
  say(Taken{group_, take.epoch});
}

void Handover::on_gone() {
  if (taker_ == Taker::Forwarding) end_forward();
}

void Handover::forward_from() { taker_ = Taker::Forwarding; }

void Handover::end_forward() {
  if (taker_ == Taker::None) return;
  taker_ = Taker::None;
  taker_until_ = Instant::never();
  step(Kind::EndForward);
}

// ---- both ----

void Handover::on_link_lost(bool dead) {
  if (taker_ != Taker::None && (dead || taker_ != Taker::Forwarding)) end_forward();
  if (giver_ == Giver::Preparing) {
    giver_ = Giver::Idle;
    giver_until_ = Instant::never();
    result(false, "everything is as it was: the other node was lost");
  } else if (giver_ == Giver::Taking && dead) {
    take_back("the other node died before it confirmed");
  }
}

void Handover::on_holder() {
  if (giver_ != Giver::Lingering) return;
  giver_ = Giver::Idle;
  giver_until_ = Instant::never();
}

void Handover::on_backup() {
  if (taker_ == Taker::Forwarding) end_forward();
}

void Handover::on_timer(Instant now) {
  if (now >= taker_until_) end_forward();
  if (now < giver_until_) return;
  switch (giver_) {
    case Giver::Preparing: return cancel(now, "the other node did not get ready in time");
    case Giver::Taking: return take_back("the other node did not confirm in time");
    case Giver::Lingering: return on_connections_left(0);
    case Giver::Idle: break;
  }
}

}  // namespace holdfast::vrrp
