#include "vrrp/station_gateway.h"

#include <algorithm>
#include <utility>

namespace holdfast::vrrp {
namespace {

constexpr Duration slow = 1_s;
constexpr Duration hurry = 2_s;  ///< so long one asks in haste; then a silent peer is nothing new

}  // namespace

GatewayWatch::GatewayWatch(bool configured, Duration every, Instant now)
    : configured_(configured), every_(every), answer_(now), next_ask_(now) {}

void GatewayWatch::configure(bool configured, Duration every) {
  if (!configured) known_ = heard_ = false;
  configured_ = configured;
  every_ = every;
}

void GatewayWatch::answered(Instant now) {
  if (!configured_) return;
  known_ = heard_ = true;
  if (std::exchange(cut_off_, false)) trusted_ = now + every_ * 2;
  answer_ = now;
}

Duration GatewayWatch::pace(Instant now) const {
  if (suspected_ == Instant::never()) return slow;
  return now - suspected_ < hurry ? std::max(10_ms, every_ / 5) : std::max(10_ms, every_ / 2);
}

Instant GatewayWatch::isolated_at() const {
  if (!known() || !silent_ || cut_off_) return Instant::never();
  return std::max(suspected_, heard_ ? answer_ : suspected_) + timeout_;
}

bool GatewayWatch::update(Instant now, const Peer* peer) {
  updated_ = now;
  const bool alive = peer != nullptr && peer->link() == Link::Alive;
  silent_ = peer != nullptr && peer->link() == Link::Silent;
  suspect_at_ = alive ? peer->suspect_at() : Instant::never();
  if (peer != nullptr) timeout_ = peer->timeout();
  const bool suspect = silent_ || now >= suspect_at_;
  if (suspect && suspected_ == Instant::never()) {
    suspected_ = now;
    next_ask_ = now;
  }
  if (!suspect) suspected_ = Instant::never();
  if (!silent_) cut_off_ = false;
  if (now >= isolated_at()) cut_off_ = true;
  if (!configured_ || now < next_ask_) return false;
  next_ask_ = now + pace(now);
  return true;
}

void GatewayWatch::on_resumed(Instant now) {
  heard_ = false;
  cut_off_ = false;
  next_ask_ = now;
  if (suspected_ != Instant::never()) suspected_ = now;
}

Instant GatewayWatch::deadline() const {
  if (!configured_) return Instant::never();
  Instant due = std::min(next_ask_, isolated_at());
  if (suspected_ == Instant::never()) due = std::min(due, suspect_at_);
  if (answer_ < trusted_ && updated_ < trusted_) due = std::min(due, trusted_);
  return due;
}

}  // namespace holdfast::vrrp
