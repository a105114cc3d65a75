#include "vrrp/driver_node.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "proxy/base/crypto.h"

namespace holdfast::vrrp {

namespace {

constexpr Duration gate_every = 50_ms;
constexpr Duration paired_refresh = 60_s, alone_refresh = 1_s;
/// The guardian took the addresses away: as long a sleep as there is.
constexpr Duration taken_away = 60_s;

/// Goes on while a virtual machine is paused or the host sleeps, unlike the loop's clock.
std::int64_t boot_clock_ns() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

std::uint64_t random_number() {
  std::uint64_t value = 0;
  for (char c : random_bytes(8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

Node::Node(io::Loop& loop, Setup setup)
    : loop_(loop),
      setup_(std::move(setup)),
      host_(loop, *this),
      wire_(loop, *this),
      channel_(loop, *this),
      gate_(setup_.loops, setup_.snapshot->pair.stall),
      timer_(loop.timer(*this)),
      second_chance_(errands_),
      errands_(loop) {}

Node::~Node() {
  if (!abdicated_) host_.close(true);
}

Status Node::start() {
  const conf::Node* own = own_node(*setup_.snapshot);
  if (!own) return fail(Blame::Operator, "no [node] of the file is this host; give its name with --node");
  auto interface = host_.open(own->interface);
  if (!interface) return std::unexpected(interface.error());
  interface_ = *interface;
  auto plan = make_node_plan(*setup_.snapshot, interface_);
  if (!plan) return std::unexpected(plan.error());
  plan_ = std::move(*plan);
  plan_.station.peer.boot = random_number();
  plan_.station.peer.heartbeat_key = random_bytes(32);
  plan_.station.peer.program = setup_.version;
  if (Status done = wire_.open(plan_, interface_); !done) return done;
  if (!plan_.paths.empty())
    if (Status done = channel_.open(plan_.paths, plan_.secret); !done) return done;
  if (Status done = errands_.start(); !done) return done;
  second_chance_.start();
  if (setup_.handed.empty())
    if (Status done = host_.clean(plan_.groups); !done) return done;
  tick_every_ = std::clamp(plan_.heartbeat / 2, 5_ms, 20_ms);
  loop_.set_turn_end([this] { channel_.reap(); });

  const Instant now = loop_.now();
  awake_ns_ = boot_clock_ns();
  tick_at_ = gate_at_ = publish_at_ = count_at_ = now;
  station_ = std::make_unique<Station>(plan_.station, now);
  if (!setup_.handed.empty()) station_->adopt(now, setup_.handed);
  station_->set_carrier(now, interface_.carrier);
  judge_fitness(now);
  host_.be_watched();
  host_.set_refresh(plan_.station.paired ? paired_refresh : alone_refresh);
  station_->start(now);
  settle(now);
  return {};
}

void Node::set_privileges(bool real_time, bool memory_locked) {
  real_time_ = real_time;
  memory_locked_ = memory_locked;
}

/// Checks what can fail before anything changes.
Status Node::reload(conf::SnapshotPtr snapshot) {
  const Instant now = enter();
  const conf::Node* own = own_node(*snapshot);
  if (!own || snapshot->vips.empty())
    return fail(Blame::Operator, "taking out the last [vip], or this [node], needs a restart");
  if (own->interface != interface_.name || snapshot->pair.port != setup_.snapshot->pair.port ||
      snapshot->pair.secret != setup_.snapshot->pair.secret)
    return fail(Blame::Operator,
                "a change of [cluster] secret-file or port, or of the node's interface, needs a restart");
  auto plan = make_node_plan(*snapshot, interface_);
  if (!plan) return std::unexpected(plan.error());
  if (plan->paths.size() != plan_.paths.size() ||
      !std::equal(plan->paths.begin(), plan->paths.end(), plan_.paths.begin(),
                  [](const Path& a, const Path& b) { return a.own == b.own && a.peer == b.peer; }))
    return fail(Blame::Operator, "a change of the nodes' addresses needs a restart");
  if (Status done = wire_.open(*plan, interface_); !done) return done;
  plan->station.peer.boot = plan_.station.peer.boot;
  plan->station.peer.heartbeat_key = plan_.station.peer.heartbeat_key;
  plan->station.peer.program = setup_.version;
  // What the new configuration has no more must be given up while its addresses are still known.
  const std::vector<GroupPlan> before = plan_.groups;
  plan_ = std::move(*plan);
  setup_.snapshot = std::move(snapshot);
  gate_.set_stall(plan_.stall);
  host_.replace(before, plan_.groups);
  station_->reconfigure(now, plan_.station);
  judge_fitness(now);
  settle(now);
  return {};
}

// ---- inputs ----

Instant Node::enter() {
  const Instant now = loop_.now();
  const std::int64_t awake = boot_clock_ns();
  const Duration gap{awake - std::exchange(awake_ns_, awake)};
  if (gap > tick_every_ * 2 && station_) {
    station_->resumed(now, gap);
    settle(now);
  }
  return now;
}

void Node::settle(Instant now) {
  for (std::vector<StationAction> actions = station_->take_actions(); !actions.empty();
       actions = station_->take_actions())
    for (const StationAction& action : actions) carry_out(now, action);
  timer_->arm(std::min({station_->deadline(), host_.deadline(), tick_at_}));
}

void Node::on_timer() {
  const Instant now = enter();
  if (now >= host_.deadline()) host_.on_timer(now);
  if (now >= station_->deadline()) station_->on_timer(now, loop_.wall());
  if (now >= tick_at_) tick(now);
  settle(now);
}

void Node::tick(Instant now) {
  tick_at_ = now + tick_every_;
  if (!host_.beat()) station_->resumed(now, taken_away);
  if (now >= gate_at_) {
    gate_at_ = now + gate_every;
    if (gate_.tick(now)) judge_fitness(now);
  }
  if (now >= count_at_) count_lingering(now);
  if (now >= publish_at_) publish(now);
  check_stopped();
}

void Node::judge_fitness(Instant now) {
  for (const GroupPlan& group : plan_.groups) {
    const Served& served = served_[group.name];
    if (gate_.stalled())
      station_->set_fitness(now, group.name, Fitness::Unfit, gate_.names() + " does not turn any more");
    else
      station_->set_fitness(now, group.name, served.fitness, served.why);
  }
}

void Node::set_fitness(const std::string& group, Fitness fitness, std::string why) {
  const Instant now = enter();
  served_[group] = {fitness, std::move(why)};
  judge_fitness(now);
  settle(now);
}

void Node::set_services(std::vector<ActiveInstance> services) {
  input([&](Instant now) { station_->set_services(now, std::move(services)); });
}

void Node::set_witness(int verdict) {
  input([&](Instant now) { station_->set_witness(now, verdict); });
}

void Node::handover(const std::string& group, bool force) {
  input([&](Instant now) { station_->handover(now, group, force); });
}

void Node::send_to_peer(const Message& message) {
  input([&](Instant now) { station_->send_to_peer(now, message); });
}

std::string Node::abdicate() {
  const Instant now = enter();
  std::string handed = station_->abdicate(now, 2_s);
  settle(now);
  abdicated_ = true;
  host_.close(false);
  wire_.close();
  return handed;
}

void Node::stop() {
  const Instant now = enter();
  stopping_ = true;
  station_->stop(now);
  settle(now);
  check_stopped();
}

void Node::finish() {
  const Instant now = enter();
  for (const GroupPlan& group : plan_.groups) station_->connections_left(now, group.name, 0);
  settle(now);
  check_stopped();
}

void Node::check_stopped() {
  if (!stopping_ || stopped_told_ || !station_->stopped()) return;
  stopped_told_ = true;
  host_.drop_all();
  for (const GroupPlan& group : plan_.groups) second_chance_.remove(group.name);
  setup_.tell([](VipEvents& events) { events.on_vip_stopped(); });
}

void Node::on_out_up() {
  input([&](Instant now) { station_->on_out_up(now); });
}

void Node::on_out_end(ChannelEnd end) {
  input([&](Instant now) { station_->on_out_end(now, end); });
}

void Node::on_in_up() {
  input([&](Instant now) { station_->on_in_up(now); });
}

void Node::on_in_data(Bytes bytes) {
  input([&](Instant now) { station_->on_in_data(now, bytes); });
}

void Node::on_in_end(ChannelEnd end) {
  input([&](Instant now) { station_->on_in_end(now, end); });
}

void Node::on_channel_story(std::string text) {
  tell_story("peer", plan_.station.peer_name, std::move(text));
}

void Node::on_carrier(bool up) {
  input([&](Instant now) { station_->set_carrier(now, up); });
}

void Node::on_gateway() {
  input([&](Instant now) { station_->gateway_answered(now); });
}

/// A packet is for every router with its id and family; the machine checks the rest.
void Node::on_advert(const ReceivedAdvert& advert) {
  const Instant now = enter();
  if (advert.payload.size() < 2) return;
  const auto vrid = static_cast<std::uint8_t>(advert.payload[1]);
  for (const StationGroup& group : plan_.station.groups)
    for (std::size_t i = 0; i < group.vrrp.routers.size(); ++i) {
      const RouterConfig& router = group.vrrp.routers[i];
      if (router.vrid == vrid && router.source.family == advert.envelope.source.family)
        station_->on_vrrp(now, loop_.wall(), group.vrrp.name, i, advert.payload, advert.envelope);
    }
  settle(now);
}

void Node::on_heartbeat(Bytes bytes) {
  input([&](Instant now) { station_->on_datagram(now, bytes); });
}

}  // namespace holdfast::vrrp
