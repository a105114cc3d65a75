#include "proxy/http/driver_server.h"

#include <utility>

#include "proxy/base/check.h"

namespace holdfast::http {

namespace {

/// Reused for every response of a loop's thread: its field list keeps its capacity.
thread_local ResponseHead response_head;

Failure failure_of(io::Fault fault, bool connected) {
  switch (fault) {
    case io::Fault::Refused: return Failure::Refused;
    case io::Fault::Unreachable: return Failure::Unreachable;
    case io::Fault::TimedOut: return connected ? Failure::Reset : Failure::ConnectTimeout;
    case io::Fault::NoResources: return Failure::Resources;
    case io::Fault::Tls: return connected ? Failure::Reset : Failure::Tls;
    case io::Fault::Reset: return connected ? Failure::Reset : Failure::Refused;
    case io::Fault::Protocol:
    case io::Fault::Other: return connected ? Failure::Reset : Failure::Unreachable;
  }
  return Failure::Reset;
}

}  // namespace

void ServerConnection::take(ServerEvents& owner, const ServerLimits& limits) {
  owner_ = &owner;
  pool_ = nullptr;
  limits_ = limits;
  pending_.clear();
  searched_ = 0;
  in_body_ = any_byte_ = false;
}

void ServerConnection::idle(IdleEvents& pool, Instant now) {
  owner_ = nullptr;
  pool_ = &pool;
  idle_since_ = now;
  stream_->start_reading();  // so that its end, or a byte nobody asked for, is seen at once
}

io::StreamPtr ServerConnection::release(std::string& rest) {
  rest = std::move(pending_);
  owner_ = nullptr;
  return std::move(stream_);
}

void ServerConnection::on_connected() {
  connected_ = true;
  stream_->start_reading();
  if (owner_) owner_->on_server_connected();
}

void ServerConnection::on_drained() {
  if (owner_) owner_->on_server_drained();
}

void ServerConnection::on_data(Bytes data) {
  if (!owner_) {  // bytes between responses: RFC 9112 section 9.2, not to be trusted with another request
    failed_ = true;
    if (pool_) pool_->on_idle_lost(*this);
    return;
  }
  while (!data.empty() && consume(data)) {}
  if (switched_ && !data.empty()) pending_.append(data);
  if (owner_) owner_->on_server_chunk_end();
}

bool ServerConnection::consume(Bytes& data) {
  if (switched_ || failed_ || !owner_) return false;
  if (response_done_) {  // more than one response to one request
    reusable_ = false;
    return false;
  }
  any_byte_ = true;
  return in_body_ ? consume_body(data) : consume_head(data);
}

bool ServerConnection::consume_head(Bytes& data) {
  const std::size_t held = pending_.size();
  const std::size_t head_max = limits_.parse.head_bytes;
  Bytes block = data;
  if (held > 0) {
    pending_.append(data.substr(0, head_max + 1 - held));  // held <= head_max, or it was refused
    block = pending_;
  }
  const std::size_t end = find_head_end(block, searched_);
  if (end == 0 && block.size() <= head_max) {
    if (held == 0) pending_.assign(data);
    searched_ = pending_.size();
    data = {};
    return true;
  }
  if (end == 0 || end > head_max) return fail_owner(Failure::BadResponse, "head-too-large");
  searched_ = 0;
  auto parsed = parser_.parse_response(block.substr(0, end), limits_.parse, to_head_, response_head);
  if (!parsed) return fail_owner(Failure::BadResponse, parsed.error().rule);
  data.remove_prefix(end - held);
  const unsigned status = response_head.status;
  if (status == 101 && !upgrade_) return fail_owner(Failure::BadResponse, "unasked-101");
  if (status == 101) {
    switched_ = true;
    reusable_ = false;
  } else if (status >= 200) {
    in_body_ = true;
    reusable_ = reusable_ && response_head.keep_alive && response_head.framing != Framing::UntilClose;
    body_.start(response_head.framing, response_head.content_length, limits_.body);
  }
  owner_->on_response_head(response_head);
  pending_.clear();
  if (in_body_ && owner_ && body_.done()) finish_response();
  return !switched_;
}

bool ServerConnection::consume_body(Bytes& data) {
  auto step = body_.step(data);
  if (!step) return fail_owner(Failure::BadResponse, step.error().rule);
  data.remove_prefix(step->taken);
  if (!step->data.empty()) owner_->on_response_body(step->data);
  if (step->done && owner_) finish_response();
  return owner_ != nullptr;
}

void ServerConnection::finish_response() {
  in_body_ = false;
  response_done_ = true;
  ++served_;
  owner_->on_response_end(body_.trailers());
}

void ServerConnection::on_end() {
  reusable_ = false;
  if (!owner_) {
    failed_ = true;
    if (pool_) pool_->on_idle_lost(*this);
    return;
  }
  if (response_done_) return;
  if (in_body_ && body_.end_of_stream()) {
    finish_response();
    if (owner_) owner_->on_server_chunk_end();
    return;
  }
  fail_owner(served_ > 0 && !any_byte_ ? Failure::Closed : Failure::Reset, "closed by the instance");
}

void ServerConnection::on_fault(io::Fault fault, std::string_view detail) {
  reusable_ = false;
  if (!owner_) {
    failed_ = true;
    if (pool_) pool_->on_idle_lost(*this);
    return;
  }
  if (response_done_) return;
  fail_owner(failure_of(fault, connected_), detail);
}

bool ServerConnection::fail_owner(Failure failure, std::string_view detail) {
  failed_ = true;
  reusable_ = false;
  if (owner_) std::exchange(owner_, nullptr)->on_server_failure(failure, detail);
  return false;
}

}  // namespace holdfast::http
