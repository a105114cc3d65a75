#include "proxy/worker.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/http/driver_client.h"
#include "tds/driver.h"

namespace holdfast {

namespace {

std::string listener_key(const Address& address, unsigned loop) {
  return address.text() + "#" + std::to_string(loop);
}

/// One loop's share of a limit on the whole process; at least 1, because 0 would mean no limit.
std::uint64_t share(std::uint64_t whole, unsigned loops) {
  return whole == 0 ? 0 : std::max<std::uint64_t>(1, whole / loops);
}

bool same_target(const conf::Service& a, const conf::Service& b) {
  auto same_instance = [](const conf::Instance& x, const conf::Instance& y) {
    return x.name == y.name && x.address == y.address;
  };
  if (!std::equal(a.instances.begin(), a.instances.end(), b.instances.begin(), b.instances.end(),
                  same_instance))
    return false;
  if (a.mode != b.mode || a.send_proxy != b.send_proxy || a.tls.has_value() != b.tls.has_value())
    return false;
  return !a.tls || (a.tls->ca == b.tls->ca && a.tls->verify == b.tls->verify && a.tls->name == b.tls->name &&
                    a.tls->certificate == b.tls->certificate);
}

/// A view of one list of instances as another list of the same service has to see it.
ServiceView translate(const ServiceView& view, const conf::Service& from, const conf::Service& to) {
  ServiceView out;
  out.epoch = view.epoch;
  for (const conf::Instance& wanted : to.instances) {
    InstanceView one;  // no longer configured: no new requests, those in flight may finish
    for (std::size_t i = 0; i < from.instances.size() && i < view.instances.size(); ++i) {
      if (from.instances[i].name != wanted.name || from.instances[i].address != wanted.address) continue;
      one = view.instances[i];
      if (view.active == static_cast<int>(i)) out.active = static_cast<int>(out.instances.size());
    }
    out.any = out.any || one.usable;
    out.instances.push_back(one);
  }
  return out;
}

}  // namespace

/// One bound address of this loop.
class Worker::Acceptor final : public io::ListenerEvents {
 public:
  Acceptor(Worker& worker, const Address& address) : worker_(worker), address_(address) {}

  Status bind(int inherited) {
    io::ListenOptions options;
    options.address = address_;
    options.inherited = inherited;
    auto listener = worker_.loop_.listen(options, *this);
    if (!listener)
      return fail(Blame::Operator, "cannot bind " + address_.text() + ": " + listener.error().text);
    listener_ = std::move(*listener);
    listener_->pause();
    return {};
  }

  void follow(const conf::Listen& config, std::size_t index, Doorman& doorman, ListenCounters& counters) {
    config_ = &config;
    index_ = index;
    doorman_ = &doorman;
    counters_ = &counters;
    let_in();
  }
  /// Takes in who waits. Accepting stops while the listener is full; the others wait in the kernel's queue.
  void let_in() {
    while (!waiting_.empty()) {
      Doorman::Ticket ticket;
      const Doorman::Answer answer = doorman_->admit(waiting_.front()->peer(), ticket);
      if (answer == Doorman::Answer::Wait) break;
      io::StreamPtr stream = std::move(waiting_.front());
      waiting_.pop_front();
      if (answer == Doorman::Answer::Refuse) {
        counters_->refused.add();
        stream->reset_on_close();
      } else if (config_->protocol == conf::Protocol::Http) {
        http::accept_http(worker_.http_, index_, std::move(stream), std::move(ticket));
      } else {
        worker_.accept_tds(index_, std::move(stream), std::move(ticket));
      }
    }
    const bool full = !waiting_.empty() || doorman_->full();
    worker_.crowded_ = worker_.crowded_ || full;
    if (full != std::exchange(paused_, full)) full ? listener_->pause() : listener_->resume();
  }
  int descriptor() const { return listener_->descriptor(); }

  void on_accept(io::StreamPtr stream) override {
    worker_.taken_in_ = true;
    waiting_.push_back(std::move(stream));
    let_in();
  }
  void on_accept_fault(io::Fault, std::string_view detail) override {
    counters_->refused.add();
    log_error("cannot accept", {{"bind", address_.text()}, {"reason", detail}});
  }

 private:
  Worker& worker_;
  Address address_;
  io::ListenerPtr listener_;
  const conf::Listen* config_ = nullptr;
  std::size_t index_ = 0;
  Doorman* doorman_ = nullptr;
  ListenCounters* counters_ = nullptr;
  bool paused_ = true;
  std::deque<io::StreamPtr> waiting_;  ///< accepted when another loop took the last place
};

Worker::Worker(io::Loop& loop, Setup setup)
    : loop_(loop),
      setup_(std::move(setup)),
      sql_(loop, *setup_.metrics, setup_.sql_gate, setup_.number, setup_.loops),
      http_(loop, sessions_, *setup_.metrics, *setup_.access, setup_.number) {
  loop_.set_turn_end([this] { turn_end(); });
}

Worker::~Worker() {
  loop_.set_turn_end({});
  acceptors_.clear();
  prepared_.clear();
  sessions_.cut_all();
  sessions_.reap();
}

Status Worker::prepare(const Plan& plan, const std::vector<InheritedListener>& inherited) {
  for (const conf::Listen& listen : plan.snapshot().listens) {
    for (const Address& address : listen.bind) {
      if (acceptors_.contains(address) || prepared_.contains(address)) continue;
      auto known = std::find_if(inherited.begin(), inherited.end(), [&](const InheritedListener& l) {
        return l.key == listener_key(address, setup_.number);
      });
      auto acceptor = std::make_unique<Acceptor>(*this, address);
      if (Status bound = acceptor->bind(known == inherited.end() ? -1 : known->fd); !bound) {
        discard();
        return bound;
      }
      prepared_.emplace(address, std::move(acceptor));
    }
  }
  return {};
}

void Worker::discard() { prepared_.clear(); }

void Worker::commit(PlanPtr plan) {
  auto next = make_plan(std::move(plan));
  if (plan_) old_plans_.push_back(std::move(plan_));
  plan_ = std::move(next);
  http_.current = plan_.get();
  const conf::Snapshot& snapshot = plan_->plan->snapshot();
  http_.budget.memory_max = share(snapshot.process.memory_budget, setup_.loops);
  http_.budget.spill_max = share(snapshot.process.spill_budget, setup_.loops);
  http_.budget.spill_dir = snapshot.process.spill_dir;
  loop_.gather(snapshot.process.batch_wakeups);

  sql_.follow(snapshot);
  acceptors_.merge(prepared_);
  std::map<Address, std::unique_ptr<Acceptor>> kept;
  for (std::size_t i = 0; i < snapshot.listens.size(); ++i) {
    const conf::Listen& listen = snapshot.listens[i];
    Doorman& door = setup_.doorman(listen);
    for (const Address& address : listen.bind) {
      auto node = acceptors_.extract(address);
      node.mapped()->follow(listen, i, door, *plan_->listens[i]);
      kept.insert(std::move(node));
    }
  }
  acceptors_ = std::move(kept);  // closes those that the plan no longer has
  retire_pools(false);
  sessions_.reload_all();
}

std::unique_ptr<http::LoopPlan> Worker::make_plan(PlanPtr plan) {
  auto made = std::make_unique<http::LoopPlan>();
  made->plan = std::move(plan);
  const conf::Snapshot& snapshot = made->plan->snapshot();
  for (const conf::Listen& listen : snapshot.listens)
    made->listens.push_back(&setup_.metrics->listen(listen.name));
  for (std::size_t i = 0; i < snapshot.services.size(); ++i) {
    const conf::Service& service = snapshot.services[i];
    http::ServiceHub* hub = find_hub(*made->plan, i);
    if (!hub) {
      hubs_.push_back(std::make_unique<http::ServiceHub>(
          http_, made->plan, i,
          [this](const Service& s, std::size_t instance, Evidence e) { note(s, instance, e); }));
      hub = hubs_.back().get();
    }
    hub->origin = made->plan;  // certificates may have been read anew
    hub->origin_index = i;
    hub->service.set_config(service);
    hub->pool.retry_budget().set_limits(service.retry_budget_percent,
                                        static_cast<double>(service.retry_budget_min) / setup_.loops);
    ++hub->refs;
    made->hubs.push_back(hub);
  }
  return made;
}

/// The hub that the current plan uses for this service, if it goes on as it is.
http::ServiceHub* Worker::find_hub(const Plan& plan, std::size_t index) {
  const conf::Service& wanted = plan.snapshot().services[index];
  if (!plan_) return nullptr;
  for (http::ServiceHub* hub : plan_->hubs)
    if (hub->service.config().name == wanted.name && same_target(hub->service.config(), wanted)) return hub;
  return nullptr;
}

void Worker::publish(const std::string& service, const ServiceView& view) {
  const conf::Service* config = plan_ ? plan_->plan->snapshot().service(service) : nullptr;
  if (!config) return;
  for (const auto& hub : hubs_) {
    if (hub->service.config().name != service) continue;
    const bool current = &hub->service.config() == config;
    hub->service.publish(current ? view : translate(view, *config, hub->service.config()));
  }
}

void Worker::note(const Service& service, std::size_t instance, Evidence evidence) {
  const std::string& name = service.config().name;
  const std::string& who = service.config().instances[instance].name;
  for (EvidenceReport& r : reports_)
    if (r.evidence == evidence && r.instance == who && r.service == name) return void(++r.count);
  reports_.push_back({name, who, evidence, 1});
}

void Worker::accept_tds(std::size_t listen, io::StreamPtr stream, Doorman::Ticket ticket) {
  for (const TdsListen& known : tds_)
    if (known.plan == plan_.get() && known.listen == listen)
      return tds::accept_tds(std::move(stream), std::move(ticket), *known.context);
  const Plan& plan = *plan_->plan;
  const conf::Listen& config = plan.snapshot().listens[listen];
  http::ServiceHub& hub = *plan_->hubs[plan.service_index(config.service)];
  tds_.push_back(
      {plan_.get(), listen,
       std::make_unique<tds::TdsContext>(tds::TdsContext{
           loop_, sessions_, *setup_.access, setup_.number, plan.shared(), config, plan.listen_tls(listen),
           hub.service, hub.counters, *plan_->listens[listen], setup_.load(hub.service.config()), 0,
           plan.sql_tls(plan.service_index(config.service)), &sql_, pool_of(hub),
           &setup_.metrics->sql(hub.service.config().name)})});
  ++plan_->refs;
  tds::accept_tds(std::move(stream), std::move(ticket), *tds_.back().context);
}

/// Null: the service's connections are not shared.
tds::ServerPool* Worker::pool_of(http::ServiceHub& hub) {
  const conf::Service& config = hub.service.config();
  const auto known = pools_.find(&hub);
  if (known != pools_.end()) return known->second.get();
  if (config.sql.pool == conf::SqlPool::Off) return nullptr;
  auto made = std::make_unique<tds::ServerPool>(loop_, hub.service, hub.counters, setup_.load(config),
                                                setup_.metrics->sql(config.name));
  return pools_.emplace(&hub, std::move(made)).first->second.get();
}

/// Those of services that the plan has no more, or all of them; the others follow their configuration.
void Worker::retire_pools(bool all) {
  for (const auto& [hub, pool] : pools_)
    if (all || std::find(plan_->hubs.begin(), plan_->hubs.end(), hub) == plan_->hubs.end())
      pool->retire();
    else
      pool->follow();
}

void Worker::drain() {
  draining_ = http_.draining = true;
  retire_pools(true);
  for (const auto& hub : hubs_) hub->pool.close_idle();
  sessions_.drain_all();
  last_call(2);
}

/// Closing a listener resets those who wait in its queue, so it closes after two turns that took nobody in; but who
/// comes without end does not keep it open.
void Worker::last_call(unsigned quiet_turns) {
  if (std::exchange(taken_in_, false)) quiet_turns = 2;
  if (quiet_turns > 0 && ++last_calls_ < 100)
    return loop_.post([this, quiet_turns] { last_call(quiet_turns - 1); });
  acceptors_.clear();
  sessions_.drain_all();
}

void Worker::ask_to_close(bool on) {
  http_.asks_to_close = on;
  if (on) sessions_.ask_all_to_close();
}

std::vector<InheritedListener> Worker::listeners() const {
  std::vector<InheritedListener> out;
  for (const auto& [address, acceptor] : acceptors_)
    out.push_back({listener_key(address, setup_.number), acceptor->descriptor()});
  return out;
}

void Worker::turn_end() {
  http_.turn_end();
  sessions_.reap();
  if (!reports_.empty()) setup_.report(std::exchange(reports_, {}));
  if (!old_plans_.empty()) drop_old_plans();
  if (std::exchange(crowded_, false))
    for (auto& [address, acceptor] : acceptors_) acceptor->let_in();
  turns_.add();
  sessions_seen_.store(sessions_.size(), std::memory_order_relaxed);
  if (draining_ && acceptors_.empty() && sessions_.size() == 0 && setup_.drained)
    std::exchange(setup_.drained, {})();
}

void Worker::drop_old_plans() {
  std::erase_if(tds_, [this](const TdsListen& l) {
    if (l.plan == plan_.get() || l.context->sessions_alive > 0) return false;
    --l.plan->refs;
    return true;
  });
  std::erase_if(old_plans_, [](const std::unique_ptr<http::LoopPlan>& plan) {
    if (plan->refs > 0) return false;
    for (http::ServiceHub* hub : plan->hubs) --hub->refs;
    return true;
  });
  std::erase_if(pools_, [](const auto& known) { return known.first->refs == 0; });
  std::erase_if(hubs_, [](const std::unique_ptr<http::ServiceHub>& hub) { return hub->refs == 0; });
  if (!http_.retired.empty()) http_.turn_end();  // what their pools let go
}

}  // namespace holdfast
