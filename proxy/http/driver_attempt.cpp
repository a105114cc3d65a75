// Attempts and replay: choosing an instance, sending the request to it, and what happens when that goes
// wrong. The decisions are exchange.cpp's. See driver_exchange.h.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/driver_exchange.h"
#include "proxy/proxy_protocol.h"

namespace holdfast::http {

namespace {

/// What a failure says about the instance's health. Nothing, where it says more about us or about luck.
bool evidence_of(Failure failure, Evidence& evidence) {
  switch (failure) {
    case Failure::Refused: evidence = Evidence::Refused; return true;
    case Failure::Unreachable: evidence = Evidence::Unreachable; return true;
    case Failure::ConnectTimeout: evidence = Evidence::ConnectTimeout; return true;
    case Failure::Tls: evidence = Evidence::Tls; return true;
    case Failure::Reset: evidence = Evidence::Reset; return true;
    case Failure::ResponseTimeout:
    case Failure::IdleTimeout: evidence = Evidence::ResponseTimeout; return true;
    case Failure::BadResponse: evidence = Evidence::BadResponse; return true;
    case Failure::GoingAway: evidence = Evidence::GoingAway; return true;
    case Failure::Closed:
    case Failure::TakenBack:
    case Failure::Resources: return false;
  }
  return false;
}

constexpr std::uint64_t bit(int instance) { return instance < 64 ? std::uint64_t{1} << instance : 0; }

/// How long to wait for the check of an instance whose 502, 503 or 504 is withheld.
Duration verdict_time(const conf::Check& check) {
  return check.kind == conf::CheckKind::None ? Duration{} : check.timeout + 150_ms;
}

}  // namespace

bool ExchangeDriver::lost(int instance) const {
  const auto& instances = hub_->service.view().instances;
  const auto i = static_cast<std::size_t>(instance);
  return instance >= 0 && i < instances.size() && instances[i].lost;
}

/// The retry budget protects a sick pair from being beaten. What an election took back is not a retry
/// storm: it goes to an instance that is known to be well, and costs nothing.
bool ExchangeDriver::within_budget() {
  if (!std::exchange(owes_budget_, false) || lost(last_instance_)) return true;
  if (hub_->pool.retry_budget().take(loop_.loop.now())) return true;
  hub_->counters.budget_refused.add();
  return false;
}

void ExchangeDriver::start_attempt() {
  awaits_verdict_ = false;
  const int chosen = hub_->pool.choose(avoid_, head_.value(Known::Cookie));
  if (chosen < 0) return park();
  if (!within_budget())
    return exchange_.forwarded() ? finish(false, true, "truncated") : answer(give_up_status_, "retry-budget");
  unpark();
  const auto instance = static_cast<std::size_t>(chosen);
  last_instance_ = chosen;
  // One that could not be repeated must not find out that the instance has just closed an idle connection.
  const bool fresh = !exchange_.may_repeat(true, true);
  auto server = hub_->pool.take(instance, fresh);
  const bool pooled = server != nullptr;
  if (!pooled) {
    std::string proxy_header;
    if (unsigned version = hub_->service.config().send_proxy)
      write_proxy_header(version, facts_->peer, client_->local_address(), proxy_header);
    server = hub_->pool.connect(instance, proxy_header);
  }
  attach(std::move(server), pooled);
  if (pooled) send_request();
  if (client_) client_->rearm();
}

void ExchangeDriver::attach(std::unique_ptr<ServerConnection> server, bool pooled) {
  const conf::Service& service = hub_->service.config();
  ServerLimits limits;
  limits.parse.head_bytes = service.response_header_bytes;
  limits.parse.field_count = service.response_header_count;
  limits.body.trailer_bytes = facts_->listen->limits.trailer_bytes;
  server_ = std::move(server);
  server_->take(*this, limits);
  server_->expect(head_.method == Method::Head, head_.upgrade);
  hub_->pool.started(server_->instance());
  attempt_at_ = loop_.loop.now();
  exchange_.on_attempt(attempt_at_, pooled);
  head_sent_ = last_chunk_sent_ = false;
  sent_offset_ = 0;
  interim_ = 0;
}

void ExchangeDriver::on_server_connected() {
  const Instant now = loop_.loop.now();
  connect_for_ = connect_for_ + (now - attempt_at_);
  send_request();
  if (client_) client_->rearm();
}

Bytes ExchangeDriver::write_attempt_fields() {
  attempt_fields_ = "X-Holdfast-Attempt: " + std::to_string(exchange_.attempts()) + "\r\n";
  if (exchange_.forwarded()) resume_.request_fields(head_.has(Known::Range), attempt_fields_);
  return attempt_fields_ += "\r\n";
}

/// Head and, as far as it is here, body in one write.
void ExchangeDriver::send_request() {
  Bytes fields = "X-Holdfast-Attempt: 1\r\n\r\n";  // nearly all
  if (exchange_.attempts() != 1) fields = write_attempt_fields();
  exchange_.on_connected(loop_.loop.now());
  head_sent_ = true;
  // A body that is whole and in memory leaves with the head; anything else is pumped behind it.
  const bool plain =
      head_.framing == Framing::Length && store_base_ == 0 && store_.size() == store_.in_memory();
  Bytes body;
  if (plain && store_.size() > 0 && store_.size() <= spill_scratch_size) {
    if (auto part = store_.read(0, loop_.spill_scratch.get(), spill_scratch_size)) body = *part;
  }
  const std::array<Bytes, 3> pieces{wire_, fields, body};
  sent_offset_ = body.size();
  server_->send(std::span(pieces).first(body.empty() ? 2 : 3));
  if (head_.framing != Framing::None) pump_request();
}

void ExchangeDriver::on_server_drained() { pump_request(); }

void ExchangeDriver::on_server_failure(Failure failure, std::string_view detail) {
  fail_attempt(failure, detail);
}

void ExchangeDriver::fail_attempt(Failure failure, std::string_view) {
  const Instant now = loop_.loop.now();
  const int failed = last_instance_;
  const bool sent = head_sent_;
  Evidence evidence{};
  if (evidence_of(failure, evidence)) hub_->pool.failed(static_cast<std::size_t>(failed), evidence);
  InstanceCounters& counters = hub_->pool.counters(static_cast<std::size_t>(failed));
  counters.failures.add();
  if (!sent && failure != Failure::TakenBack) counters.connect_failures.add();
  drop_server();
  if (hub_->service.config().mode == conf::Mode::Balance) avoid_ |= bit(failed);
  if (!reasons_.empty()) reasons_ += ',';
  reasons_ += name_of(failure);

  const int next = hub_->pool.choose(avoid_, head_.value(Known::Cookie));
  const Exchange::Facts facts{
      .sent = sent,
      .retained = store_base_ == 0,
      .resumable = resume_.possible(),
      .same_instance = next == failed,
      .verdict = fallback_.empty() ? Duration{} : verdict_time(hub_->service.config().check)};
  const Exchange::Verdict verdict = exchange_.on_failure(failure, facts, now);
  if (!exchange_.forwarded()) response_open_ = false;
  out_head_.clear();
  held_.clear();  // not forwarded yet: another attempt brings it again
  runs_.clear();
  runs_size_ = 0;
  ended_ = going_away_ = false;
  give_up_status_ = verdict.status;
  switch (verdict.next) {
    case Exchange::Next::Answer: return answer(verdict.status, name_of(failure));
    case Exchange::Next::Cut: return finish(false, true, "truncated");
    case Exchange::Next::Try:
    case Exchange::Next::Resume: break;
  }
  count_replay(failure, sent);
  owes_budget_ = sent;
  awaits_verdict_ = failure == Failure::GoingAway && facts.same_instance && facts.verdict > Duration{};
  if (exchange_.retry_at() <= now) return start_attempt();
  client_->rearm();
}

void ExchangeDriver::count_replay(Failure failure, bool sent) {
  ServiceCounters& c = hub_->counters;
  if (failure == Failure::TakenBack) c.taken_back.add();
  if (!sent)
    c.replays_unsent.add();
  else if (failure == Failure::GoingAway)
    c.replays_withheld.add();
  else
    c.replays_sent.add();
}

void ExchangeDriver::drop_server() {
  server_paused_ = false;
  if (!server_) return;
  hub_->pool.finished(server_->instance());
  hub_->pool.retire(std::move(server_));
}

// ---- parking ----

void ExchangeDriver::park() {
  exchange_.on_park(loop_.loop.now());
  if (!parked_) {
    parked_ = true;
    parked_since_ = loop_.loop.now();
    hub_->counters.parked_total.add();
    hub_->counters.parked_now.add();
    parked_charge_ = block_.size() + wire_.size();
    loop_.budget.memory += parked_charge_;
    if (!linked_as_holder()) loop_.holders.push_back(*this);
    while (parked_ && loop_.budget.memory > loop_.budget.memory_max) loop_.holders.front()->shed();
  }
  if (client_) client_->rearm();
}

void ExchangeDriver::unpark() {
  if (!std::exchange(parked_, false)) return;
  hub_->counters.parked_now.sub();
  loop_.budget.memory -= std::exchange(parked_charge_, 0);
  parked_for_ = parked_for_ + (loop_.loop.now() - parked_since_);
  if (store_.size() == 0) ListNode<Holder>::unlink();
}

void ExchangeDriver::shed() {
  // A response on its way needs the body only if it has to be resumed: it goes on without.
  if (exchange_.forwarded() && server_ && head_sent_ && request_done_ &&
      sent_offset_ == store_base_ + store_.size())
    return forget_body();
  loop_.metrics.shed.add();
  answer(503, "shed");
}

// ---- events ----

void ExchangeDriver::on_service_changed(Service&) {
  switch (exchange_.state()) {
    case Exchange::State::Waiting: {
      if (exchange_.attempts() == 0 && !parked_) return;  // its body is still arriving
      const int next = hub_->pool.choose(avoid_, head_.value(Known::Cookie));
      // The instance was checked and is well: what it said is its answer.
      if (awaits_verdict_ && next == last_instance_) return answer(give_up_status_, "instance-error");
      if (parked_ ? next >= 0 : next != last_instance_) start_attempt();
      return;
    }
    case Exchange::State::Trying:
    case Exchange::State::Holding:
    case Exchange::State::Relaying:
      if (!server_ || !lost(last_instance_)) return;
      if (!exchange_.forwarded() && exchange_.may_repeat(head_sent_, store_base_ == 0))
        return fail_attempt(Failure::TakenBack, "given up by the election");
      // What may not be repeated gets a last second: the checks may be wrong, and the time-out is far away.
      exchange_.on_suspect(loop_.loop.now());
      client_->rearm();
      return;
    case Exchange::State::Idle: return;
  }
}

void ExchangeDriver::on_timer() {
  const Instant now = loop_.loop.now();
  switch (exchange_.on_timer(now)) {
    case Exchange::Expired::None: return client_->rearm();
    case Exchange::Expired::Retry:
      return awaits_verdict_ ? answer(give_up_status_, "instance-error") : start_attempt();
    case Exchange::Expired::Connect: return fail_attempt(Failure::ConnectTimeout, "connect time-out");
    case Exchange::Expired::Response: return fail_attempt(Failure::ResponseTimeout, "no response in time");
    case Exchange::Expired::ServerIdle: return fail_attempt(Failure::IdleTimeout, "response stalled");
    case Exchange::Expired::Body: return answer(408, "refused:body-timeout");
    case Exchange::Expired::Shield:
      going_away_ = false;
      flush(false);
      return client_->rearm();
    case Exchange::Expired::Deadline:
      hub_->counters.deadline_expired.add();
      return answer(server_ && head_sent_ ? 504 : 503, "deadline");
  }
}

}  // namespace holdfast::http
