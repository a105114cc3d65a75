#include "tds/driver.h"

#include <algorithm>

#include "proxy/base/log.h"
#include "proxy/proxy_protocol.h"
#include "proxy/proxy_stream.h"

namespace holdfast::tds {
namespace {

constexpr Duration retry_first = 50_ms;  // between attempts on instances that all failed; doubles
constexpr Duration retry_max = 1_s;
constexpr std::size_t reasons_max = 200;

bool evidence_of(io::Fault fault, Evidence& evidence) {
  switch (fault) {
    case io::Fault::Refused: evidence = Evidence::Refused; return true;
    case io::Fault::Reset: evidence = Evidence::Reset; return true;
    case io::Fault::TimedOut: evidence = Evidence::ConnectTimeout; return true;
    case io::Fault::Unreachable: evidence = Evidence::Unreachable; return true;
    default: return false;  // says more about this process than about the instance
  }
}

bool trusted(const conf::ProxyProtocol& config, const Address& peer) {
  return config.trusted.empty() ||
         std::any_of(config.trusted.begin(), config.trusted.end(),
                     [&](const Network& network) { return network.contains(peer); });
}

}  // namespace

bool InstanceLoad::take(std::size_t instance, std::uint32_t max) {
  if (instance >= open_.size()) return true;
  auto& open = open_[instance];
  auto had = open.load(std::memory_order_relaxed);
  do {
    if (max != 0 && had >= max) return false;
  } while (!open.compare_exchange_weak(had, had + 1, std::memory_order_relaxed));
  return true;
}

void InstanceLoad::give(std::size_t instance) {
  if (instance < open_.size()) open_[instance].fetch_sub(1, std::memory_order_relaxed);
}

void accept_tds(io::StreamPtr stream, Doorman::Ticket ticket, TdsContext& context) {
  auto made = std::make_unique<TdsSession>(context, std::move(ticket));
  TdsSession& session = *made;
  context.sessions.add(std::move(made));
  session.open(std::move(stream));
}

TdsSession::TdsSession(TdsContext& context, Doorman::Ticket ticket)
    : context_(context), ticket_(std::move(ticket)), timer_(context.loop.timer(*this)) {
  ++context_.sessions_alive;
  context_.counters.accepted.add();
  context_.counters.open.add();
}

TdsSession::~TdsSession() {
  context_.counters.open.sub();
  --context_.sessions_alive;
}

// ---- the client's layers ----

void TdsSession::open(io::StreamPtr stream) {
  at_ = context_.loop.wall();
  opened_ = context_.loop.now();
  peer_ = stream->peer();
  deadline_ = opened_ + context_.config.timeouts.handshake;
  client_ = std::move(stream);
  client_->set_events(*this);
  const conf::ProxyProtocol& config = context_.config.proxy_protocol;
  if (!config.accept) return next_layer();
  if (!trusted(config, peer_)) {
    context_.counters.refused.add();
    return end("refused:proxy-not-trusted", true);
  }
  client_ = io::make_proxy_stream(context_.loop, std::move(client_), *this);
  arm();
}

void TdsSession::next_layer() {
  peer_ = client_->peer();
  local_ = client_->local();
  if (context_.tls && !secured_) {
    secured_ = true;
    client_ = io::make_tls_stream(context_.loop, std::move(client_), context_.tls->session(), *this);
    return arm();
  }
  if (const io::TlsInfo* info = client_->tls()) tls_version_ = info->version;
  ready();
}

void TdsSession::on_connected() { next_layer(); }

void TdsSession::ready() {
  deadline_ = context_.loop.now() + context_.config.tds_connect_deadline;
  context_.service.watch(*this);
  client_->start_reading();  // also to notice one that leaves
  try_connect();
}

void TdsSession::on_data(Bytes data) {
  held_.append(data);
  if (held_.size() >= held_max) client_->stop_reading();
}

void TdsSession::on_end() { end("client-gone", false); }

void TdsSession::on_fault(io::Fault fault, std::string_view detail) {
  if (state_ != State::Opening) return end("client-gone", false);
  if (fault == io::Fault::Tls) context_.counters.tls_failures.add();
  if (fault == io::Fault::Protocol) context_.counters.refused.add();
  if (fault == io::Fault::Tls || fault == io::Fault::Protocol)
    log_info("connection refused",
             {{"listen", context_.config.name}, {"client", peer_.text()}, {"reason", detail}});
  end("refused:" + std::string(io::name_of(fault)), false);
}

// ---- an instance ----

bool TdsSession::tried(std::size_t instance) const {
  return std::find(tried_.begin(), tried_.end(), instance) != tried_.end();
}

int TdsSession::choose() const {
  if (context_.service.config().mode == conf::Mode::Balance) return choose_balanced();
  int active = context_.service.view().active;
  return active >= 0 && !tried(static_cast<std::size_t>(active)) ? active : -1;
}

// Fewest connections of this loop, in proportion to the weight; the first of equals.
int TdsSession::choose_balanced() const {
  const auto& instances = context_.service.view().instances;
  std::size_t count = std::min(instances.size(), context_.service_counters.instances.size());
  int best = -1;
  std::uint64_t best_load = 0, best_weight = 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (!instances[i].usable || instances[i].weight == 0 || tried(i)) continue;
    std::uint64_t load = context_.service_counters.instances[i]->outstanding.get();
    if (best >= 0 && (load + 1) * best_weight >= (best_load + 1) * instances[i].weight) continue;
    best = static_cast<int>(i);
    best_load = load;
    best_weight = instances[i].weight;
  }
  return best;
}

void TdsSession::try_connect() {
  for (int chosen = choose(); chosen >= 0; chosen = choose()) {
    auto instance = static_cast<std::size_t>(chosen);
    if (context_.load.take(instance, context_.service.config().max_connections)) return connect_to(instance);
    tried_.push_back(instance);  // full: another may have room, and this one later
  }
  park();
}

void TdsSession::connect_to(std::size_t instance) {
  const conf::Service& service = context_.service.config();
  unpark();
  state_ = State::Connecting;
  instance_ = static_cast<int>(instance);
  ++attempts_;
  instance_counters().attempts.add();
  instance_counters().outstanding.add();
  connect_since_ = context_.loop.now();
  connect_due_ = connect_since_ + service.timeouts.connect;
  server_ = context_.loop.connect(service.instances[instance].address, server_side_);
  if (service.send_proxy != 0) {
    std::string header;
    write_proxy_header(service.send_proxy, peer_, local_, header);
    server_->write(header);
  }
  arm();
}

void TdsSession::server_connected() {
  const auto instance = static_cast<std::size_t>(instance_);
  instance_counters().connects.add();
  connect_ = context_.loop.now() - connect_since_;
  if (attempts_ > 1) context_.service.report(instance, Evidence::Success);
  state_ = State::Relaying;
  connect_due_ = retry_at_ = deadline_ = Instant::never();
  arm();
  RelayOptions options;
  options.idle = context_.config.tds_idle;
  options.to_server = std::move(held_);
  held_ = std::string();
  RelayEvents& events = *this;
  relay_ = std::make_unique<Relay>(context_.loop, std::move(client_), std::move(server_), std::move(options),
                                   events);
}

void TdsSession::server_failed(io::Fault fault) {
  const auto instance = static_cast<std::size_t>(instance_);
  instance_counters().connect_failures.add();
  tried_.push_back(instance);
  abandon_attempt(io::name_of(fault));
  // Reporting may publish a new view at once: everything else must be in order before.
  Evidence evidence;
  if (evidence_of(fault, evidence)) context_.service.report(instance, evidence);
  if (state_ == State::Parked) try_connect();
}

void TdsSession::abandon_attempt(std::string_view reason) {
  server_.reset();
  release_instance();
  connect_due_ = Instant::never();
  if (reasons_.size() + reason.size() < reasons_max) {
    if (!reasons_.empty()) reasons_ += ',';
    reasons_ += reason;
  }
  state_ = State::Parked;
  parked_since_ = context_.loop.now();
}

void TdsSession::release_instance() {
  if (instance_ < 0) return;
  instance_counters().outstanding.sub();
  context_.load.give(static_cast<std::size_t>(instance_));
  instance_ = -1;
}

InstanceCounters& TdsSession::instance_counters() {
  return *context_.service_counters.instances[static_cast<std::size_t>(instance_)];
}

// ---- waiting ----

// Woken by the service's next view; failed and full instances are tried again after a while anyway.
void TdsSession::park() {
  if (state_ != State::Parked) parked_since_ = context_.loop.now();
  state_ = State::Parked;
  if (!counted_parked_) {
    counted_parked_ = true;
    context_.service_counters.parked_total.add();
    context_.service_counters.parked_now.add();
  }
  retry_at_ = Instant::never();
  if (!tried_.empty()) {
    retry_wait_ = retry_wait_ == Duration{} ? retry_first : std::min(retry_wait_ * 2, retry_max);
    retry_at_ = context_.loop.now() + retry_wait_;
  }
  arm();
}

void TdsSession::unpark() {
  if (state_ == State::Parked) parked_ = parked_ + (context_.loop.now() - parked_since_);
  if (counted_parked_) context_.service_counters.parked_now.sub();
  counted_parked_ = false;
  retry_at_ = Instant::never();
}

void TdsSession::arm() { timer_->arm(std::min({deadline_, connect_due_, retry_at_})); }

void TdsSession::on_timer() {
  Instant now = context_.loop.now();
  if (now >= deadline_) {
    if (state_ == State::Opening) return end("handshake-timeout", true);
    context_.service_counters.deadline_expired.add();
    return end("deadline", true);
  }
  if (now >= connect_due_) return server_failed(io::Fault::TimedOut);
  if (now >= retry_at_) {
    tried_.clear();
    return try_connect();
  }
  arm();
}

bool TdsSession::lost() const {
  const auto& instances = context_.service.view().instances;
  auto instance = static_cast<std::size_t>(instance_);
  return instance_ >= 0 && instance < instances.size() && instances[instance].lost;
}

void TdsSession::on_service_changed(Service&) {
  tried_.clear();
  retry_wait_ = Duration{};
  switch (state_) {
    case State::Opening:
    case State::Done: return;
    case State::Parked: return try_connect();
    case State::Connecting:
      if (!lost()) return;
      abandon_attempt("lost");
      return try_connect();
    case State::Relaying:
      if (lost()) end("instance-lost", true);
  }
}

// ---- the end ----

void TdsSession::on_relay_end(const RelayEnd& relay) {
  switch (relay.reason) {
    case RelayEnd::Reason::Finished: return end("ok", false);
    case RelayEnd::Reason::Idle: return end("idle", false);
    case RelayEnd::Reason::ClientFault: return end("client-reset", false);
    case RelayEnd::Reason::ServerFault: break;
  }
  // One dead connection makes its instance suspect, no more: a server also kills sessions one by one.
  auto instance = static_cast<std::size_t>(instance_);
  end("server-" + std::string(io::name_of(relay.fault)), false);
  if (Evidence unused; evidence_of(relay.fault, unused)) context_.service.report(instance, Evidence::Reset);
}

void TdsSession::cut() { end("cut", true); }

void TdsSession::end(std::string_view outcome, bool reset) {
  if (state_ == State::Done) return;
  unpark();
  state_ = State::Done;
  ServiceWatcher::unlink();
  timer_->disarm();
  log_access(outcome);
  context_.service_counters.requests.add();
  release_instance();
  if (relay_ && reset) relay_->cut();
  relay_.reset();
  if (client_ && reset) client_->reset_on_close();
  client_.reset();
  server_.reset();
  held_ = std::string();
  die();
}

void TdsSession::log_access(std::string_view outcome) {
  std::uint64_t in = relay_ ? relay_->bytes_from_client() : 0, out = relay_ ? relay_->bytes_from_server() : 0;
  context_.counters.bytes_in.add(in);
  context_.counters.bytes_out.add(out);
  if (!context_.config.access_log) return;
  AccessRecord record;
  record.at = at_;
  record.listen = context_.config.name;
  record.service = context_.service.config().name;
  if (instance_ >= 0)
    record.instance = context_.service.config().instances[static_cast<std::size_t>(instance_)].name;
  record.client = peer_;
  record.tls = tls_version_;
  record.bytes_in = in;
  record.bytes_out = out;
  record.total = context_.loop.now() - opened_;
  record.parked = parked_;
  record.connect = connect_;
  record.attempts = attempts_;
  record.reasons = reasons_;
  record.outcome = outcome;
  context_.access.log(context_.loop_number, record);
}

}  // namespace holdfast::tds
