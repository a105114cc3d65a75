#include "vrrp/driver_host.h"

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"

namespace holdfast::vrrp {

namespace {

int prefix_of(const Address& a) { return a.family == Address::Family::V4 ? 32 : 128; }

/// At most 15 characters, the kernel's limit.
std::string macvlan_name(const VirtualAddress& a) {
  return std::string("hf") + (a.address.family == Address::Family::V4 ? "4-" : "6-") + std::to_string(a.vrid);
}

bool contains(const GroupPlan& group, const Address& address) {
  return std::any_of(group.addresses.begin(), group.addresses.end(),
                     [&](const VirtualAddress& a) { return a.address == address; });
}

void warn(const Status& done) {
  if (!done) log_warning("virtual address", {{"why", done.error().text}});
}

}  // namespace

Host::~Host() = default;

Result<HostInterface> Host::open(const std::string& name) {
  auto netlink = Netlink::open();
  if (!netlink) return std::unexpected(netlink.error());
  netlink_.emplace(std::move(*netlink));
  auto found = netlink_->interface(name);
  if (!found) return std::unexpected(found.error());
  auto addresses = netlink_->addresses(found->index);
  if (!addresses) return std::unexpected(addresses.error());
  auto monitor = LinkMonitor::open();
  if (!monitor) return std::unexpected(monitor.error());
  auto neighbour = Neighbour::open(loop_, name, *this);
  if (!neighbour) return std::unexpected(neighbour.error());
  if (page_) sysctl_.take_over(page_->settings());
  if (Status done = sysctl_.set_up_carrier(name); !done) return std::unexpected(done.error());
  monitor_.emplace(std::move(*monitor));
  monitor_watch_ = loop_.watch(monitor_->descriptor(), *this);
  neighbour_ = std::move(*neighbour);
  interface_.name = name;
  interface_.index = static_cast<unsigned>(found->index);
  interface_.mac = found->mac;
  interface_.carrier = found->carrier;
  for (Address::Family family : {Address::Family::V4, Address::Family::V6}) {
    const Address source = advert_source(*addresses, found->index, family);
    if (source.family == Address::Family::None) continue;
    (family == Address::Family::V4 ? interface_.primary_v4 : interface_.link_local) = source;
  }
  return interface_;
}

/// Also from the interface itself: another program, such as keepalived, may have put them there.
Status Host::clean(const std::vector<GroupPlan>& groups) {
  auto there = netlink_->addresses(0);
  if (!there) return std::unexpected(there.error());
  for (const GroupPlan& group : groups) {
    for (const InterfaceAddress& a : *there)
      if (contains(group, a.address)) {
        log_warning("took off what an earlier process left", {{"address", a.address.ip()}});
        if (Status done = netlink_->drop_address(a.index, a.address, a.prefix_bits); !done) return done;
      }
    for (const VirtualAddress& a : group.addresses)
      if (a.virtual_mac) warn(netlink_->drop_link(macvlan_name(a)));
  }
  return {};
}

void Host::replace(const std::vector<GroupPlan>& before, const std::vector<GroupPlan>& after) {
  for (const GroupPlan& old : before) {
    auto held = held_.find(old.name);
    if (held == held_.end()) continue;
    auto now =
        std::find_if(after.begin(), after.end(), [&](const GroupPlan& g) { return g.name == old.name; });
    if (now == after.end()) continue;  // the station gives it up
    take_off(old, &*now);
    held->second.plan = *now;
    warn(put_on(*now));
  }
  warn(answer_for_held());
  fill_page();
}

// ---- holding ----

Mac Host::mac_of(const VirtualAddress& a) const {
  return a.virtual_mac ? virtual_mac(a.address.family, static_cast<std::uint8_t>(a.vrid)) : interface_.mac;
}

/// Where an address stands. A link-local one has no meaning on `lo`: it must stand on its link, where the kernel
/// answers for it as well. An IPv4 address with a virtual MAC stands on its macvlan: an interface without any
/// address drops packets where rp_filter is on.
int Host::index_for(const VirtualAddress& a) const {
  if (a.virtual_mac && a.address.family == Address::Family::V4) {
    auto made = macvlans_.find(macvlan_name(a));
    if (made != macvlans_.end()) return made->second;
  }
  return a.address.link_local() ? static_cast<int>(interface_.index) : loopback_index;
}

Status Host::put_on(const GroupPlan& group) {
  for (const VirtualAddress& a : group.addresses) {
    if (a.virtual_mac) {
      const std::string name = macvlan_name(a);
      auto made = netlink_->add_macvlan(name, static_cast<int>(interface_.index), mac_of(a));
      if (!made) return std::unexpected(made.error());
      macvlans_[name] = *made;
      if (Status done = sysctl_.set_up_macvlan(name); !done) return done;
    }
    if (Status done = netlink_->add_address(index_for(a), a.address, prefix_of(a.address)); !done)
      return done;
  }
  return {};
}

void Host::take_off(const GroupPlan& group, const GroupPlan* except) {
  for (const VirtualAddress& a : group.addresses) {
    if (except && contains(*except, a.address)) continue;
    warn(netlink_->drop_address(index_for(a), a.address, prefix_of(a.address)));
    if (a.virtual_mac) warn(netlink_->drop_link(macvlan_name(a)));
  }
}

Status Host::hold(const GroupPlan& group) {
  Held& held = held_[group.name];
  held.plan = group;
  held.answering = true;
  fill_page();  // before they are there: a process killed in between leaves nothing behind
  Status done = put_on(group);
  fill_page();
  if (Status answers = answer_for_held(); !answers) return answers;
  return done;
}

void Host::linger(const GroupPlan& group) {
  auto it = held_.find(group.name);
  if (it == held_.end()) return;
  it->second.answering = false;
  it->second.schedule.end();
  warn(answer_for_held());
  fill_page();
}

void Host::drop(const std::string& group) {
  auto it = held_.find(group);
  if (it == held_.end()) return;
  it->second.answering = false;
  warn(answer_for_held());  // silent first
  take_off(it->second.plan, nullptr);
  held_.erase(it);
  fill_page();
}

void Host::drop_all() {
  while (!held_.empty()) drop(std::string(held_.begin()->first));
}

void Host::close(bool restore) {
  neighbour_.reset();
  if (!restore) return;
  drop_all();
  warn(sysctl_.restore());
}

Status Host::answer_for_held() {
  if (!neighbour_) return {};
  std::vector<Neighbour::Answered> all;
  for (const auto& [name, held] : held_)
    if (held.answering)
      for (const VirtualAddress& a : held.plan.addresses) all.push_back({a.address, mac_of(a)});
  return neighbour_->set_answered(std::move(all));
}

bool Host::may_answer() {
  events_.on_wake();  // it may give everything up
  return true;
}

// ---- announcing ----

void Host::announce(Instant now, const std::string& group) {
  auto it = held_.find(group);
  if (it == held_.end() || !it->second.answering) return;
  it->second.schedule = AnnounceSchedule(refresh_);
  it->second.schedule.begin(now);
  on_timer(now);
}

Instant Host::deadline() const {
  Instant soonest = Instant::never();
  for (const auto& [name, held] : held_) soonest = std::min(soonest, held.schedule.due());
  return soonest;
}

void Host::on_timer(Instant now) {
  for (auto& [name, held] : held_) {
    if (now < held.schedule.due()) continue;
    held.schedule.sent(now);
    ++held.counters.announcements;
    // A full queue or a link that just went is no matter: the next round is a moment away.
    for (const VirtualAddress& a : held.plan.addresses) (void)neighbour_->announce({a.address, mac_of(a)});
  }
}

Host::Counters Host::counters(const std::string& group) const {
  auto it = held_.find(group);
  Counters counters = it == held_.end() ? Counters{} : it->second.counters;
  if (neighbour_) counters.questions_answered = neighbour_->counters().answered;
  return counters;
}

// ---- the network ----

/// By broadcast each time: a gateway that is itself a virtual router changes its MAC.
void Host::ask_gateways(const std::vector<Address>& gateways) {
  gateways_ = gateways;
  for (const Address& gateway : gateways) {
    const bool v4 = gateway.family == Address::Family::V4;
    const std::optional<Address>& own = v4 ? interface_.primary_v4 : interface_.link_local;
    if (own) (void)neighbour_->ask_gateway(interface_.mac, *own, gateway, nullptr);
  }
}

void Host::on_told(const std::string&, const Told& told) {
  if (std::find(gateways_.begin(), gateways_.end(), told.address) != gateways_.end()) events_.on_gateway();
}

void Host::on_readable() {
  auto changes = monitor_->read_changes();
  if (!changes) return;
  bool carrier = interface_.carrier;
  for (const Interface& changed : changes->changed)
    if (changed.index == static_cast<int>(interface_.index)) carrier = changed.carrier;
  for (int gone : changes->gone)
    if (gone == static_cast<int>(interface_.index)) carrier = false;
  if (changes->lost)
    if (auto now = netlink_->interface(interface_.name)) carrier = now->carrier;
  if (carrier == std::exchange(interface_.carrier, carrier)) return;
  events_.on_carrier(carrier);
}

// ---- the guardian ----

void Host::be_watched() {
  if (!page_) return;
  page_->claim();
  page_->set_ready();
  taken_ = page_->times_taken();
  beat();
  fill_page();
}

bool Host::beat() {
  if (!page_) return true;
  page_->beat(boot_time_ms());
  const std::uint32_t taken = page_->times_taken();
  return std::exchange(taken_, taken) == taken;
}

void Host::set_farewell(const std::vector<MachineAction>& packets, const StationConfig& station) {
  farewell_.clear();
  for (const MachineAction& p : packets)
    for (const StationGroup& group : station.groups)
      if (group.vrrp.name == p.text && p.router < group.vrrp.routers.size())
        farewell_.push_back(
            {static_cast<int>(interface_.index), group.vrrp.routers[p.router].source, p.to, p.packet});
  fill_page();
}

void Host::fill_page() {
  if (!page_) return;
  GuardedState state;
  bool answering = false;
  for (const auto& [name, held] : held_) {
    answering |= held.answering;
    for (const VirtualAddress& a : held.plan.addresses)
      state.addresses.push_back({index_for(a), a.address, prefix_of(a.address)});
  }
  if (answering) state.packets = farewell_;
  warn(page_->publish(state));
  page_->keep_settings(sysctl_.text());
}

}  // namespace holdfast::vrrp
