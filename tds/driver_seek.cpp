#include "tds/driver_seek.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/proxy_protocol.h"

namespace holdfast::tds {
namespace {

constexpr Duration retry_first = 50_ms;  // between attempts on instances that all failed; doubles
constexpr Duration retry_max = 1_s;
constexpr Duration brief_max = 2_s;  // a connection that is lost sooner tells of a server that cannot stay up

}  // namespace

void Seeker::seek(Instant deadline, bool read_intent) {
  deadline_ = deadline;
  read_intent_ = read_intent;
  failed_before_ = false;
  retry_wait_ = Duration{};
  tried_.clear();
  if (!timer_) timer_ = context_.loop.timer(*this);
  if (!ServiceWatcher::linked()) context_.service.watch(*this);
  holding_off() ? park() : try_connect();
}

void Seeker::awaited(bool by_somebody) {
  again_ = true;
  if (std::exchange(awaited_, by_somebody) || !by_somebody || state_ != State::Parked) return;
  context_.line->leave(*this);
  ServiceWatcher::unlink();  // told of the next view in the order in which they came to be waited for
  context_.service.watch(*this);
  if (!holding_off() && choose() >= 0) try_connect();
}

void Seeker::on_turn() {
  if (!holding_off()) return try_connect();
  context_.line->leave(*this);
  park();
}

// ---- the choice ----

bool Seeker::tried(std::size_t instance) const {
  return std::find(tried_.begin(), tried_.end(), instance) != tried_.end();
}

int Seeker::choose() const {
  if (directed_ >= 0) return directed_;
  if (context_.service.config().mode == conf::Mode::Balance) return choose_balanced();
  if (read_intent_)
    if (const int readable = choose_readable(); readable >= 0) return readable;
  const int active = context_.service.view().active;
  return active >= 0 && !tried(static_cast<std::size_t>(active)) ? active : -1;
}

/// Fewest connections of this loop; the first of equals.
int Seeker::choose_readable() const {
  const ServiceView& view = context_.service.view();
  int best = -1;
  std::uint64_t best_load = 0;
  for (std::size_t i = 0; i < view.instances.size(); ++i) {
    if (!view.instances[i].readable || view.active == static_cast<int>(i) || tried(i)) continue;
    const std::uint64_t load = context_.service_counters.instances[i]->outstanding.get();
    if (best >= 0 && load >= best_load) continue;
    best = static_cast<int>(i);
    best_load = load;
  }
  return best;
}

/// Fewest connections of this loop, in proportion to the weight; the first of equals.
int Seeker::choose_balanced() const {
  const auto& instances = context_.service.view().instances;
  const std::size_t count = std::min(instances.size(), context_.service_counters.instances.size());
  int best = -1;
  std::uint64_t best_load = 0, best_weight = 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (!instances[i].usable || instances[i].weight == 0 || tried(i)) continue;
    const std::uint64_t load = context_.service_counters.instances[i]->outstanding.get();
    if (best >= 0 && (load + 1) * best_weight >= (best_load + 1) * instances[i].weight) continue;
    best = static_cast<int>(i);
    best_load = load;
    best_weight = instances[i].weight;
  }
  return best;
}

// ---- an attempt ----

void Seeker::try_connect() {
  if (again_ && choose() >= 0 && !context_.line->enter(*this, awaited_)) return park();
  for (int chosen = choose(); chosen >= 0; chosen = choose()) {
    directed_ = -1;
    const auto instance = static_cast<std::size_t>(chosen);
    auto spare = context_.spares ? context_.spares->take(instance) : nullptr;
    if (spare) return go_in(instance, std::move(spare));
    if (context_.load.take(instance, context_.service.config().max_connections)) return connect_to(instance);
    tried_.push_back(instance);  // full: another may have room, and this one later
  }
  context_.line->leave(*this);
  park();
}

void Seeker::begin(std::size_t instance) {
  unpark();
  state_ = State::Connecting;
  instance_ = static_cast<int>(instance);
  ++record_.attempts;
  counters().attempts.add();
  counters().outstanding.add();
  connect_since_ = context_.loop.now();
}

void Seeker::go_in(std::size_t instance, std::unique_ptr<ServerEntry> spare) {
  begin(instance);
  found();
  events_.on_spare(std::move(spare));
}

void Seeker::connect_to(std::size_t instance) {
  const conf::Service& service = context_.service.config();
  begin(instance);
  connect_due_ = connect_since_ + service.timeouts.connect;
  stream_ = context_.loop.connect(service.instances[instance].address, *this);
  if (service.send_proxy != 0) {
    std::string header;
    write_proxy_header(service.send_proxy, record_.peer, record_.local, header);
    stream_->write(header);
  }
  arm();
}

void Seeker::on_connected() {
  const auto instance = static_cast<std::size_t>(instance_);
  record_.connect = context_.loop.now() - connect_since_;
  found();
  events_.on_server(std::move(stream_));
  if (failed_before_) context_.service.report(instance, Evidence::Success);
}

void Seeker::found() {
  counters().connects.add();
  state_ = State::Held;
  connect_due_ = retry_at_ = Instant::never();
  timer_.reset();
}

void Seeker::connect_failed(io::Fault fault) {
  const auto instance = static_cast<std::size_t>(instance_);
  counters().connect_failures.add();
  tried_.push_back(instance);
  abandon(io::name_of(fault));
  // Reporting may publish a new view at once: everything else must be in order before.
  Evidence evidence;
  if (evidence_of(fault, evidence)) context_.service.report(instance, evidence);
  if (state_ == State::Parked) try_connect();
}

void Seeker::failed(std::optional<Evidence> evidence, std::string_view reason) {
  const auto instance = static_cast<std::size_t>(instance_);
  tried_.push_back(instance);
  if (!timer_) timer_ = context_.loop.timer(*this);
  abandon(reason);
  if (evidence) context_.service.report(instance, *evidence);
  if (state_ == State::Parked) try_connect();
}

void Seeker::redirect(std::size_t instance, std::string_view reason) {
  if (!timer_) timer_ = context_.loop.timer(*this);
  abandon(reason);
  directed_ = static_cast<int>(instance);
  try_connect();
}

void Seeker::abandon(std::string_view reason) {
  stream_.reset();
  give_instance();
  connect_due_ = Instant::never();
  record_.add_reason(reason);
  failed_before_ = true;
  state_ = State::Parked;
  parked_since_ = context_.loop.now();
}

void Seeker::give_instance() {
  context_.line->leave(*this);
  if (instance_ < 0) return;
  counters().outstanding.sub();
  context_.load.give(static_cast<std::size_t>(instance_));
  instance_ = -1;
}

/// The first brief connection may be an accident; from the second in a row on, the next one waits.
void Seeker::judge_held() {
  if (state_ != State::Held) return;
  const Instant now = context_.loop.now();
  const bool brief = now < connect_since_ + brief_max;
  if (!brief || instance_ != brief_instance_)
    hold_off_ = Duration{};
  else
    hold_off_ = hold_off_ == Duration{} ? retry_first : std::min(hold_off_ * 2, retry_max);
  brief_instance_ = brief ? instance_ : -1;
  hold_off_until_ = now + hold_off_;
}

bool Seeker::holding_off() const {
  return hold_off_ > Duration{} && context_.loop.now() < hold_off_until_ && choose() == brief_instance_;
}

void Seeker::release() {
  judge_held();
  unpark();
  state_ = State::Idle;
  ServiceWatcher::unlink();
  give_instance();
  stream_.reset();
  timer_.reset();
  directed_ = -1;
  deadline_ = connect_due_ = retry_at_ = Instant::never();
}

int Seeker::hand_over() {
  const int instance = std::exchange(instance_, -1);
  release();
  return instance;
}

void Seeker::adopt(int instance, bool read_intent) {
  read_intent_ = read_intent;
  instance_ = instance;
  state_ = State::Held;
  if (!ServiceWatcher::linked()) context_.service.watch(*this);
}

InstanceCounters& Seeker::counters() {
  return *context_.service_counters.instances[static_cast<std::size_t>(instance_)];
}

// ---- waiting ----

// Woken by the service's next view; failed and full instances are tried again after a while anyway.
void Seeker::park() {
  if (state_ != State::Parked) parked_since_ = context_.loop.now();
  state_ = State::Parked;
  if (!counted_parked_) {
    counted_parked_ = true;
    context_.service_counters.parked_total.add();
    context_.service_counters.parked_now.add();
    if (context_.spares) context_.spares->waits();
  }
  retry_at_ = holding_off() ? hold_off_until_ : Instant::never();
  if (!tried_.empty()) {
    retry_wait_ = retry_wait_ == Duration{} ? retry_first : std::min(retry_wait_ * 2, retry_max);
    retry_at_ = context_.loop.now() + retry_wait_;
  }
  arm();
}

void Seeker::unpark() {
  if (state_ == State::Parked) record_.parked = record_.parked + (context_.loop.now() - parked_since_);
  if (std::exchange(counted_parked_, false)) {
    context_.service_counters.parked_now.sub();
    if (context_.spares) context_.spares->waits_no_more();
  }
  retry_at_ = Instant::never();
}

void Seeker::arm() { timer_->arm(std::min({deadline_, connect_due_, retry_at_})); }

void Seeker::on_timer() {
  const Instant now = context_.loop.now();
  if (now >= deadline_) {
    context_.service_counters.deadline_expired.add();
    return events_.on_seek_timeout();  // which releases
  }
  if (now >= connect_due_) return connect_failed(io::Fault::TimedOut);
  if (now >= retry_at_) {
    tried_.clear();
    return try_connect();
  }
  arm();
}

bool Seeker::lost() const {
  const auto& instances = context_.service.view().instances;
  const auto instance = static_cast<std::size_t>(instance_);
  return instance_ >= 0 && instance < instances.size() && instances[instance].lost;
}

bool Seeker::leaving() const {
  const ServiceView& view = context_.service.view();
  const auto instance = static_cast<std::size_t>(instance_);
  if (instance_ < 0 || instance >= view.instances.size() || view.instances[instance].usable) return false;
  const bool readable = read_intent_ && view.instances[instance].readable;
  return !readable && (view.active >= 0 ? view.active != instance_ : view.any);
}

void Seeker::on_service_changed(Service&) {
  tried_.clear();
  retry_wait_ = Duration{};
  switch (state_) {
    case State::Idle: return;
    case State::Parked: return holding_off() ? park() : try_connect();
    case State::Connecting:
      if (!lost()) return;
      abandon("lost");
      return try_connect();
    case State::Held: return events_.on_view_changed();
  }
}

}  // namespace holdfast::tds
