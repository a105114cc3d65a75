#include "proxy/control_runner.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

auto pace(const conf::Check& c) {
  return std::tie(c.kind, c.every, c.every_down, c.fall, c.rise, c.jitter_percent);
}

/// Threads are logged in as the monitor was when they were made.
bool same_monitor(const conf::Service& a, const conf::Service& b) {
  if (a.check.kind != conf::CheckKind::Sql || !a.monitor || !b.monitor) return true;
  const conf::SqlMonitor &x = *a.monitor, &y = *b.monitor;
  return std::tie(x.user, x.database, x.timeout, x.encrypt) ==
             std::tie(y.user, y.database, y.timeout, y.encrypt) &&
         x.password.reveal() == y.password.reveal();
}

bool same_instance(const conf::Instance& a, const conf::Instance& b) {
  return std::tie(a.name, a.address, a.weight) == std::tie(b.name, b.address, b.weight);
}

}  // namespace

ServiceRunner::ServiceRunner(Outside outside, const conf::Service& config, InstanceContexts tls,
                             std::uint64_t seed)
    : outside_(outside),
      tls_(std::move(tls)),
      machine_(config, seed, outside.loop.now()),
      timer_(outside.loop.timer(*this)) {
  make_probes(config);
}

void ServiceRunner::make_probes(const conf::Service& config) {
  const bool sql = config.check.kind == conf::CheckKind::Sql && config.monitor;
  for (std::size_t i = 0; sql && i < config.instances.size(); ++i) {
    auto done = [this, i](const tds::RoleAnswer& answer, Duration took) {
      machine_.on_role(outside_.loop.now(), i, answer, took);
      carry_out();
    };
    auto closed = [this, i] {
      machine_.on_closed(outside_.loop.now(), i);
      carry_out();
    };
    sql_probes_.push_back(std::make_unique<SqlProbe>(outside_.loop, std::move(done), std::move(closed)));
    sql_probes_.back()->use(outside_.make_asker, config.instances[i], *config.monitor);
  }
  for (std::size_t i = 0; !sql && i < config.instances.size(); ++i) {
    auto done = [this, i](bool ok, std::string_view why, Duration took) { checked(i, ok, why, took); };
    probes_.push_back(std::make_unique<Probe>(outside_.loop, outside_.parser, std::move(done)));
  }
}

void ServiceRunner::start(const ServiceMemory* memory, const std::string& followed) {
  if (memory) machine_.recall(*memory);
  if (!followed.empty()) machine_.follow(outside_.loop.now(), machine_.find(followed));
  machine_.start(outside_.loop.now());
  carry_out();
}

bool ServiceRunner::suits(const conf::Service& config) const {
  const conf::Service& mine = machine_.config();
  return std::tie(mine.name, mine.mode, mine.prefer, mine.slow_start) ==
             std::tie(config.name, config.mode, config.prefer, config.slow_start) &&
         pace(mine.check) == pace(config.check) && same_monitor(mine, config) &&
         std::equal(mine.instances.begin(), mine.instances.end(), config.instances.begin(),
                    config.instances.end(), same_instance);
}

void ServiceRunner::set_config(const conf::Service& config, InstanceContexts tls) {
  machine_.set_config(config);
  tls_ = std::move(tls);
}

void ServiceRunner::evidence(std::size_t instance, Evidence evidence, unsigned count) {
  machine_.on_evidence(outside_.loop.now(), instance, evidence, count);
  carry_out();
}

void ServiceRunner::set_drained(std::size_t instance, bool drained) {
  machine_.set_drained(outside_.loop.now(), instance, drained);
  carry_out();
}

void ServiceRunner::follow(const std::string& instance) {
  machine_.follow(outside_.loop.now(), machine_.find(instance));
  carry_out();
}

void ServiceRunner::on_timer() {
  machine_.on_timer(outside_.loop.now());
  carry_out();
}

void ServiceRunner::checked(std::size_t instance, bool ok, std::string_view why, Duration took) {
  machine_.on_check(outside_.loop.now(), instance, ok, why, took);
  carry_out();
}

void ServiceRunner::carry_out() {
  ServiceActions actions = machine_.take_actions();
  const conf::Service& config = machine_.config();
  // The loops first: every request in flight waits for this, and nobody waits for the rest.
  if (actions.published) outside_.publish(config.name, machine_.view());
  for (std::size_t i : actions.probes) {
    if (!sql_probes_.empty())
      sql_probes_[i]->begin(config.check.timeout);
    else
      probes_[i]->begin(check_probe(config, config.instances[i], tls_.of(i)));
  }
  for (ServiceActions::Story& s : actions.stories)
    outside_.events.add(std::move(s.kind), std::move(s.subject), std::move(s.text));
  for (const ServiceActions::Role& role : actions.roles) {
    if (role.command) outside_.hooks.run_command(config, role.instance, role.active);
    if (role.post) outside_.hooks.post(config, role.instance, role.active, tls_.of(role.instance));
  }
  timer_->arm(machine_.deadline());
}

}  // namespace holdfast
