// What a service remembers over a change of its machine, and what it shows.
#include <utility>

#include "proxy/control_service.h"

namespace holdfast {

ServiceMemory ServiceMachine::memory() const {
  ServiceMemory memory;
  memory.name = config_.name;
  if (election_.active() >= 0) memory.active = name_of_instance(election_.active());
  memory.elections = election_.elections();
  memory.epoch = view_.epoch;
  memory.last_election = election_.last();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const conf::Instance& c = config_.instances[i];
    const Health& h = members_[i].health;
    memory.instances.push_back(
        {c.name, c.address.text(), h.state(), members_[i].drained, h.since(), h.reason()});
  }
  return memory;
}

void ServiceMachine::recall(const ServiceMemory& memory) {
  int active = -1;
  for (const ServiceMemory::Instance& old : memory.instances) {
    int i = find(old.name);
    if (i < 0) continue;
    Member& m = members_[static_cast<std::size_t>(i)];
    m.drained = old.drained;  // the operator named the instance, not its address
    if (config_.instances[static_cast<std::size_t>(i)].address.text() != old.address) continue;
    m.health.assume(old.health, old.since, old.reason);
    if (old.name == memory.active) active = i;
  }
  election_.restore(active, memory.elections, memory.last_election, active < 0 && !memory.active.empty());
  view_.epoch = memory.epoch;
}

ServiceStatus ServiceMachine::status() const {
  ServiceStatus out;
  out.name = config_.name;
  out.mode = config_.mode;
  out.active = election_.active();
  out.elections = election_.elections();
  out.last_election = election_.last();
  out.election_reason = election_reason_;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const Member& m = members_[i];
    InstanceStatus s = m.counts;
    s.name = config_.instances[i].name;
    s.address = config_.instances[i].address.text();
    s.health = m.health.state();
    s.drained = m.drained;
    s.active = static_cast<int>(i) == election_.active();
    s.usable = usable(i);
    s.weight = i < view_.instances.size() ? view_.instances[i].weight : 0;
    s.since = m.health.since();
    s.reason = m.contest == Contest::None ? m.health.reason() : contest_text(i);
    s.sql = m.sql;
    out.instances.push_back(std::move(s));
  }
  return out;
}

}  // namespace holdfast
