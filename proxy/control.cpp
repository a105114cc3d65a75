#include "proxy/control.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/control_runner.h"
#include "proxy/control_state.h"

namespace holdfast {

namespace {

InstanceContexts contexts_for(const conf::Service& service, const ClientContexts& all) {
  if (!service.tls) return {};
  auto it = all.find(service.name);
  CHECK(it != all.end() && it->second.cover(service.instances.size()));
  return it->second;
}

}  // namespace

// The jitter differs between processes, so that two nodes do not check in step.
Control::Control(io::Loop& loop, Events& events, Publish publish, MakeRoleAsker make_asker)
    : loop_(loop),
      events_(events),
      publish_([this, out = std::move(publish)](const std::string& service, const ServiceView& view) {
        out(service, view);
        change_timer_->arm(loop_.now());
      }),
      make_asker_(std::move(make_asker)),
      hooks_(loop, events, parser_),
      seed_(static_cast<std::uint64_t>(loop.wall().us)),
      change_timer_(loop.timer(*this)) {}

Control::~Control() = default;

ServiceRunner* Control::find(std::string_view service) const {
  for (const auto& r : runners_)
    if (r && r->machine().config().name == service) return r.get();
  return nullptr;
}

std::unique_ptr<ServiceRunner> Control::make_runner(const conf::Service& service, InstanceContexts tls,
                                                    const ServiceRunner* old) {
  ServiceRunner::Outside outside{loop_, events_, parser_, hooks_, make_asker_, publish_};
  std::uint64_t seed = seed_ ^ std::hash<std::string>{}(service.name);
  auto made = std::make_unique<ServiceRunner>(outside, service, std::move(tls), seed);
  if (old) {
    ServiceMemory memory = old->machine().memory();
    made->start(&memory, followed(service.name));
    return made;
  }
  auto it = std::find_if(imported_.begin(), imported_.end(),
                         [&](const ServiceMemory& m) { return m.name == service.name; });
  made->start(it != imported_.end() ? &*it : nullptr, followed(service.name));
  return made;
}

void Control::apply(const conf::SnapshotPtr& snapshot, const ClientContexts& tls) {
  std::vector<std::unique_ptr<ServiceRunner>> old = std::move(runners_);
  runners_.clear();
  for (const conf::Service& service : snapshot->services) {
    auto it = std::find_if(old.begin(), old.end(),
                           [&](const auto& r) { return r && r->machine().config().name == service.name; });
    InstanceContexts context = contexts_for(service, tls);
    if (it != old.end() && (*it)->suits(service)) {
      (*it)->set_config(service, std::move(context));
      runners_.push_back(std::move(*it));
      continue;
    }
    runners_.push_back(make_runner(service, std::move(context), it != old.end() ? it->get() : nullptr));
  }
  for (const auto& gone : old)
    if (gone && !find(gone->machine().config().name)) hooks_.forget(gone->machine().config().name);
  imported_.clear();
}

void Control::evidence(std::string_view service, std::string_view instance, Evidence evidence,
                       unsigned count) {
  ServiceRunner* runner = find(service);
  int i = runner ? runner->machine().find(instance) : -1;
  if (i >= 0) runner->evidence(static_cast<std::size_t>(i), evidence, count);
}

Status Control::set_drained(std::string_view service, std::string_view instance, bool drained) {
  ServiceRunner* runner = find(service);
  if (!runner) return fail(Blame::Operator, "no service is named \"" + std::string(service) + "\"");
  int i = runner->machine().find(instance);
  if (i < 0)
    return fail(Blame::Operator, "service \"" + std::string(service) + "\" has no instance named \"" +
                                     std::string(instance) + "\"");
  runner->set_drained(static_cast<std::size_t>(i), drained);
  return {};
}

Status Control::drain(std::string_view service, std::string_view instance) {
  return set_drained(service, instance, true);
}

Status Control::ready(std::string_view service, std::string_view instance) {
  return set_drained(service, instance, false);
}

void Control::on_timer() {
  if (changed_) changed_();
}

std::string Control::followed(const std::string& service) const {
  for (const ActiveChoice& choice : followed_)
    if (choice.service == service) return choice.instance;
  return {};
}

void Control::follow(const std::vector<ActiveChoice>& chosen, bool on) {
  followed_ = on ? chosen : std::vector<ActiveChoice>();
  for (const auto& r : runners_) r->follow(followed(r->machine().config().name));
}

std::vector<ActiveChoice> Control::actives() const {
  std::vector<ActiveChoice> out;
  for (const auto& r : runners_) {
    const ServiceMachine& machine = r->machine();
    if (machine.config().mode != conf::Mode::ActiveStandby) continue;
    const int active = machine.view().active;
    out.push_back({machine.config().name,
                   active < 0 ? "" : machine.config().instances[static_cast<std::size_t>(active)].name});
  }
  return out;
}

ServiceView Control::view(std::string_view service) const {
  const ServiceRunner* runner = find(service);
  return runner ? runner->machine().view() : ServiceView{};
}

std::vector<ServiceStatus> Control::status() const {
  std::vector<ServiceStatus> out;
  for (const auto& r : runners_) out.push_back(r->machine().status());
  return out;
}

std::string Control::export_state() const {
  std::vector<ServiceMemory> memories;
  for (const auto& r : runners_) memories.push_back(r->machine().memory());
  return write_memories(memories, loop_.now());
}

Status Control::import_state(std::string_view text) {
  auto memories = read_memories(text, loop_.now());
  if (!memories) return std::unexpected(memories.error());
  imported_ = std::move(*memories);
  return {};
}

}  // namespace holdfast
