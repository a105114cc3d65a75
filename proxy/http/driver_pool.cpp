#include "proxy/http/driver_pool.h"

#include <utility>

#include "proxy/balancer.h"
#include "proxy/http/driver_loop.h"

namespace holdfast::http {

namespace {
// A connection that was used this lately is very unlikely to be closed by an idle time-out right now.
constexpr Duration fresh_for = 1_s;
constexpr Duration sweep_every = 1_s;
}  // namespace

ServicePool::ServicePool(HttpLoop& loop, ServiceHub& hub)
    : loop_(loop),
      hub_(hub),
      budget_(hub.service.config().retry_budget_percent, hub.service.config().retry_budget_min,
              loop.loop.now()) {
  for (std::size_t i = 0; i < hub.service.config().instances.size(); ++i)
    idle_.push_back(std::make_unique<List<ServerConnection>>());
  outstanding_.resize(idle_.size());
  suspected_.resize(idle_.size());
  sweep_ = loop.loop.timer(*this);
  hub.service.watch(*this);
}

ServicePool::~ServicePool() { close_idle(); }

int ServicePool::choose(std::uint64_t avoid, std::string_view cookie_field) {
  const conf::Service& config = hub_.service.config();
  BalanceInput input;
  input.mode = config.mode;
  input.outstanding = outstanding_;
  input.avoid = avoid;
  input.turn = ++turn_;
  if (config.mode == conf::Mode::Balance && !config.cookie.empty() && !cookie_field.empty())
    input.sticky = sticky_instance(config, cookie_field);
  return ::holdfast::choose(hub_.service.view(), input);
}

std::unique_ptr<ServerConnection> ServicePool::take(std::size_t instance, bool fresh) {
  List<ServerConnection>& idle = *idle_[instance];
  ServerConnection* newest = idle.back();
  if (!newest || (fresh && newest->idle_since() + fresh_for < loop_.loop.now())) return nullptr;
  idle.pop_back();
  counters(instance).reused.add();
  return std::unique_ptr<ServerConnection>(newest);
}

std::unique_ptr<ServerConnection> ServicePool::connect(std::size_t instance, std::string_view proxy_header) {
  const conf::Instance& target = hub_.service.config().instances[instance];
  auto connection = std::make_unique<ServerConnection>(loop_.parser, instance);
  io::StreamPtr stream = loop_.loop.connect(target.address, *connection);
  if (!proxy_header.empty()) stream->write(proxy_header);
  if (const io::TlsContext* tls = hub_.origin->service_tls(hub_.origin_index, instance))
    stream = io::make_tls_stream(loop_.loop, std::move(stream), tls->session(), *connection);
  connection->attach(std::move(stream));
  counters(instance).connects.add();
  return connection;
}

void ServicePool::give_back(std::unique_ptr<ServerConnection> connection) {
  const conf::Service& config = hub_.service.config();
  const std::size_t instance = connection->instance();
  const ServiceView& view = hub_.service.view();
  const bool wanted = instance >= view.instances.size() || !view.instances[instance].lost;
  List<ServerConnection>& idle = *idle_[instance];
  if (!connection->reusable() || loop_.draining || !wanted || config.send_proxy || config.pool_max_idle == 0)
    return retire(std::move(connection));
  if (idle.size() >= config.pool_max_idle) retire(std::unique_ptr<ServerConnection>(idle.pop_front()));
  connection->idle(*this, loop_.loop.now());
  idle.push_back(*connection.release());
  if (!std::exchange(sweeping_, true)) sweep_->arm(loop_.loop.now() + sweep_every);
}

void ServicePool::retire(std::unique_ptr<ServerConnection> connection) {
  connection->abandon();  // its end may still arrive in this turn, and nobody must hear of it twice
  loop_.retired.push_back(std::move(connection));
}

void ServicePool::started(std::size_t instance) {
  ++outstanding_[instance];
  counters(instance).attempts.add();
  counters(instance).outstanding.add();
}

void ServicePool::finished(std::size_t instance) {
  --outstanding_[instance];
  counters(instance).outstanding.sub();
}

void ServicePool::failed(std::size_t instance, Evidence evidence) {
  suspected_[instance] = true;
  hub_.service.report(instance, evidence);
}

void ServicePool::clear(std::size_t instance) {
  suspected_[instance] = false;
  hub_.service.report(instance, Evidence::Success);
}

InstanceCounters& ServicePool::counters(std::size_t instance) { return *hub_.counters.instances[instance]; }

void ServicePool::close_idle() {
  for (const auto& idle : idle_)
    while (ServerConnection* c = idle->pop_front()) retire(std::unique_ptr<ServerConnection>(c));
}

void ServicePool::on_idle_lost(ServerConnection& connection) {
  connection.unlink();
  retire(std::unique_ptr<ServerConnection>(&connection));
}

void ServicePool::on_service_changed(Service& service) {
  const ServiceView& view = service.view();
  for (std::size_t i = 0; i < idle_.size() && i < view.instances.size(); ++i)
    while (view.instances[i].lost && !idle_[i]->empty())
      retire(std::unique_ptr<ServerConnection>(idle_[i]->pop_front()));
}

void ServicePool::on_timer() {
  const Instant oldest = loop_.loop.now() - hub_.service.config().timeouts.pool_idle;
  sweeping_ = false;
  for (const auto& idle : idle_) {
    while (!idle->empty() && idle->front()->idle_since() <= oldest)
      retire(std::unique_ptr<ServerConnection>(idle->pop_front()));
    sweeping_ = sweeping_ || !idle->empty();
  }
  if (sweeping_) sweep_->arm(loop_.loop.now() + sweep_every);
}

}  // namespace holdfast::http
