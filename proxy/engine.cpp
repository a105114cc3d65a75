#include "proxy/engine.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

/// After the cut at the deadline of a drain, sessions need a turn or two to go.
constexpr Duration cut_grace = 200_ms;

unsigned processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1u, static_cast<unsigned>(CPU_COUNT(&set)));
}

/// At most 15 bytes, for the kernel.
std::string thread_name(std::size_t number) { return "hf-loop-" + std::to_string(number); }

ClientContexts client_contexts(const Plan& plan) {
  ClientContexts contexts;
  const auto& services = plan.snapshot().services;
  for (std::size_t i = 0; i < services.size(); ++i)
    if (services[i].tls) contexts[services[i].name] = plan.check_tls(i);
  return contexts;
}

}  // namespace

Engine::Engine(io::Loop& control, conf::SnapshotPtr snapshot, Events& events, AccessLog& access,
               std::vector<InheritedListener> inherited)
    : control_loop_(control),
      snapshot_(std::move(snapshot)),
      events_(events),
      access_(access),
      inherited_(std::move(inherited)),
      monitors_(control),
      control_(
          control, events, [this](const std::string& s, const ServiceView& v) { publish(s, v); },
          [this](const conf::Instance& i, const conf::SqlMonitor& m, RoleAsker::Events& asking) {
            return monitors_.make(i, m, asking);
          }) {
  drain_timer_ = control.timer(*this);
}

Engine::~Engine() { stop(); }

Status Engine::start() {
  auto plan = Plan::make(snapshot_);
  if (!plan) return std::unexpected(plan.error());
  const unsigned count = snapshot_->process.loops ? snapshot_->process.loops : processors();
  for (unsigned i = 0; i < count; ++i) start_loop(i, count);
  if (Status bound = prepare(**plan); !bound) {
    stop();
    return bound;
  }
  inherited_.clear();
  commit(*plan);
  return {};
}

Status Engine::reload(conf::SnapshotPtr snapshot) {
  auto plan = Plan::make(snapshot, plan_.get());
  if (!plan) return std::unexpected(plan.error());
  if (Status bound = prepare(**plan); !bound) return bound;
  snapshot_ = std::move(snapshot);
  commit(*plan);
  return {};
}

// ---- threads ----

void Engine::start_loop(unsigned number, unsigned count) {
  loops_.push_back(std::make_unique<DataLoop>());
  DataLoop& data = *loops_.back();
  std::latch ready(1);
  data.thread = std::thread([this, &data, &ready, number, count] {
    ::pthread_setname_np(::pthread_self(), thread_name(number).c_str());
    data.loop = io::make_uv_loop();
    Worker::Setup setup;
    setup.number = number;
    setup.loops = count;
    setup.access = &access_;
    setup.metrics = &data.metrics;
    setup.load = [this](const conf::Service& s) -> tds::InstanceLoad& { return load(s); };
    setup.sql_gate = &sql_gate_;
    setup.doorman = [this](const conf::Listen& l) -> Doorman& { return doorman(l); };
    setup.report = [this](std::vector<EvidenceReport> reports) {
      control_loop_.post([this, r = std::move(reports)]() mutable { on_reports(std::move(r)); });
    };
    setup.drained = [this, &data] { control_loop_.post([this, &data] { on_drained(data); }); };
    data.worker = std::make_unique<Worker>(*data.loop, std::move(setup));
    ready.count_down();
    data.loop->run();
    data.worker.reset();
    data.worker_gone.count_down();
    data.may_end.wait();
    data.loop.reset();
  });
  ready.wait();
}

void Engine::call(DataLoop& data, io::Task task) {
  std::latch done(1);
  data.loop->post([&] {
    task();
    done.count_down();
  });
  done.wait();  // data loops never wait for the control loop, so this ends
}

void Engine::stop() {
  for (auto& data : loops_) data->loop->post([loop = data->loop.get()] { loop->stop(); });
  for (auto& data : loops_) data->worker_gone.wait();
  for (auto& data : loops_) data->may_end.count_down();
  for (auto& data : loops_) data->thread.join();
  loops_.clear();
}

// ---- plans ----

Status Engine::prepare(const Plan& plan) {
  Status result;
  for (auto& data : loops_) {
    call(*data, [&] { result = data->worker->prepare(plan, inherited_); });
    if (!result) break;
  }
  if (!result)
    for (auto& data : loops_) call(*data, [&] { data->worker->discard(); });
  return result;
}

void Engine::commit(PlanPtr plan) {
  // Loops first: the control loop publishes views of the new services from inside apply().
  for (auto& data : loops_) call(*data, [&] { data->worker->commit(plan); });
  control_.apply(plan->shared(), client_contexts(*plan));
  plan_ = std::move(plan);
}

void Engine::publish(const std::string& service, const ServiceView& view) {
  for (auto& data : loops_)
    data->loop->post([worker = data->worker.get(), service, view] { worker->publish(service, view); });
}

void Engine::on_reports(std::vector<EvidenceReport> reports) {
  for (const EvidenceReport& r : reports) control_.evidence(r.service, r.instance, r.evidence, r.count);
}

Doorman& Engine::doorman(const conf::Listen& listen) {
  std::lock_guard lock(shared_mutex_);
  auto& door = doormen_[listen.name];
  if (!door) {
    door = std::make_unique<Doorman>([this] {  // every loop looks again at the end of a turn
      for (auto& data : loops_) data->loop->post([] {});
    });
  }
  door->set_limits(listen.max_connections, listen.max_connections_per_client);
  return *door;
}

tds::InstanceLoad& Engine::load(const conf::Service& service) {
  std::string key = service.name;  // with its instances: counts go by index
  for (const conf::Instance& i : service.instances) key += " " + i.name + "=" + i.address.text();
  std::lock_guard lock(shared_mutex_);
  auto& load = loads_[key];
  if (!load) load = std::make_unique<tds::InstanceLoad>();
  return *load;
}

/// From any thread; a loop that does not know a number passes over it.
void Engine::let_in(const std::vector<std::uint64_t>& numbers) {
  for (auto& data : loops_)
    data->loop->post([to = data.get(), numbers] {  // its worker may only be looked at there
      if (to->worker) to->worker->sql().let_in(numbers);
    });
}

// ---- drain ----

void Engine::drain(Instant deadline, io::Task done) {
  drain_done_ = std::move(done);
  cutting_ = false;
  for (auto& data : loops_) data->loop->post([worker = data->worker.get()] { worker->drain(); });
  drain_timer_->arm(deadline);
}

void Engine::ask_to_close(bool on) {
  for (auto& data : loops_)
    data->loop->post([worker = data->worker.get(), on] { worker->ask_to_close(on); });
}

void Engine::on_drained(DataLoop& data) {
  data.drained = true;
  if (std::all_of(loops_.begin(), loops_.end(), [](const auto& d) { return d->drained; })) finish_drain();
}

void Engine::on_timer() {
  if (cutting_) return finish_drain();
  cutting_ = true;
  events_.add("drain", "", "the drain's deadline passed: what was still in progress has been cut");
  for (auto& data : loops_) data->loop->post([worker = data->worker.get()] { worker->cut(); });
  drain_timer_->arm(control_loop_.now() + cut_grace);
}

void Engine::finish_drain() {
  drain_timer_->disarm();
  if (drain_done_) std::exchange(drain_done_, {})();
}

// ---- sight ----

std::vector<InheritedListener> Engine::listeners() {
  std::vector<InheritedListener> all;
  for (auto& data : loops_)
    call(*data, [&] {
      for (InheritedListener& l : data->worker->listeners()) all.push_back(std::move(l));
    });
  return all;
}

std::vector<const LoopMetrics*> Engine::metrics() const {
  std::vector<const LoopMetrics*> all;
  for (const auto& data : loops_) all.push_back(&data->metrics);
  return all;
}

void Engine::for_each_sql(const std::function<void(SqlSight&)>& visit) {
  for (auto& data : loops_) call(*data, [&] { visit(data->worker->sql()); });
}

std::vector<Engine::LoopStatus> Engine::loops() const {
  std::vector<LoopStatus> all;
  for (const auto& data : loops_) all.push_back({data->worker->sessions_seen(), data->worker->turns()});
  return all;
}

std::vector<Engine::LoopHandle> Engine::loops_for_watching() const {
  std::vector<LoopHandle> all;
  for (const auto& data : loops_)
    all.push_back({"loop " + std::to_string(all.size()), data->loop.get(),
                   [worker = data->worker.get()] { return worker->turns(); },
                   thread_name(all.size())});
  return all;
}

}  // namespace holdfast
