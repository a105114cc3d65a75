#include "proxy/http/driver_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/http/rules.h"
#include "proxy/http/serialise.h"
#include "proxy/proxy_stream.h"

namespace holdfast::http {

namespace {

/// A drained connection may bring one more request, which is answered with Connection: close, for this
/// long: a client that sends just then is served, not reset.
constexpr Duration drain_idle = 2_s;

/// With more than this unread by the client its next request waits: who asks and never reads fills nothing.
constexpr std::size_t unread_max = 256 * 1024;

constexpr Refusal header_timeout{408, "header-timeout", "RFC 9110 section 15.5.9"};

bool in_any(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return n.contains(address); });
}

}  // namespace

void accept_http(HttpLoop& loop, std::size_t listen, io::StreamPtr stream, Doorman::Ticket ticket) {
  auto connection = std::make_unique<ClientConnection>(loop, listen, std::move(ticket));
  ClientConnection& c = *connection;
  loop.sessions.add(std::move(connection));
  c.open(std::move(stream));
}

ClientConnection::ClientConnection(HttpLoop& loop, std::size_t listen, Doorman::Ticket ticket)
    : loop_(loop), ticket_(std::move(ticket)) {
  follow(*loop.current, listen);
  counters_->accepted.add();
  counters_->open.add();
  timer_ = loop.loop.timer(*this);
}

ClientConnection::~ClientConnection() {
  if (busy_) exchange_->on_client_gone();
  if (exchange_) loop_.give_back(std::move(exchange_));
  counters_->open.sub();
  --plan_->refs;
}

void ClientConnection::follow(LoopPlan& plan, std::size_t listen) {
  if (plan_) --plan_->refs;
  ++plan.refs;
  plan_ = &plan;
  config_ = &plan.plan->snapshot().listens[listen];
  counters_ = plan.listens[listen];  // the same object for the same name
  facts_.plan = &plan;
  facts_.listen = config_;
  facts_.listen_index = listen;
  facts_.routes = plan.plan->router().routes_of(listen);
  facts_.trusted = in_any(config_->trusted_forwarders, facts_.peer);
}

/// Between two requests a connection moves to the current plan; if its listener is gone, it drains.
void ClientConnection::reload() {
  if (busy_ || plan_ == loop_.current || last_) return;
  const auto& listens = loop_.current->plan->snapshot().listens;
  for (std::size_t i = 0; i < listens.size(); ++i)
    if (listens[i].name == config_->name && listens[i].protocol == conf::Protocol::Http)
      return follow(*loop_.current, i);
  drain();
}

void ClientConnection::open(io::StreamPtr stream) {
  due_ = loop_.loop.now() + config_->timeouts.handshake;
  facts_.peer = stream->peer();
  if (!config_->proxy_protocol.accept) {
    stream_ = std::move(stream);
    stream_->set_events(*this);
    state_ = State::Proxy;
    return next_layer();
  }
  if (!config_->proxy_protocol.trusted.empty() && !in_any(config_->proxy_protocol.trusted, facts_.peer)) {
    counters_->refused.add();
    log_warning("connection refused",
                {{"listen", config_->name}, {"client", facts_.peer.text()}, {"rule", "proxy-not-trusted"}});
    stream->reset_on_close();
    return die();
  }
  stream_ = io::make_proxy_stream(loop_.loop, std::move(stream), *this);
  rearm();
}

/// Each layer says on_connected when it is done: PROXY header, then TLS, then requests.
void ClientConnection::next_layer() {
  const io::TlsContext* tls = plan_->plan->listen_tls(facts_.listen_index);
  if (state_ == State::Proxy && tls) {
    state_ = State::Handshake;
    facts_.peer = stream_->peer();
    stream_ = io::make_tls_stream(loop_.loop, std::move(stream_), tls->session(), *this);
    return rearm();
  }
  state_ = State::Http;
  facts_.peer = stream_->peer();
  facts_.peer_ip = facts_.peer.ip();
  facts_.trusted = in_any(config_->trusted_forwarders, facts_.peer);
  if (const io::TlsInfo* info = stream_->tls()) facts_.tls_version = info->version;
  want_reading(true);
  watch_idle();
}

void ClientConnection::on_connected() { next_layer(); }

// ---- reading ----

void ClientConnection::on_data(Bytes data) {
  counters_->bytes_in.add(data.size());
  if (state_ == State::Closing) return;
  serve(data);
}

/// Deals with what came and what had been kept, one request after the other.
void ClientConnection::serve(Bytes data) {
  if (state_ != State::Http || std::exchange(serving_, true)) return keep(data);
  if (!pending_.empty()) {
    if (busy_ && exchange_->request_complete()) {
      keep(data);
      serving_ = false;
      return;
    }
    std::string input = std::exchange(pending_, {});
    input.append(data);
    std::size_t used = 0;
    while (state_ == State::Http && used < input.size()) {
      std::size_t n = serve_one(Bytes(input).substr(used));
      if (n == 0) break;
      used += n;
    }
    input.erase(0, used);
    if (state_ == State::Http || state_ == State::Tunnel) pending_ = std::move(input);
  } else {
    while (state_ == State::Http && !data.empty()) {
      std::size_t n = serve_one(data);
      if (n == 0) break;
      data.remove_prefix(n);
    }
    if (state_ == State::Http || state_ == State::Tunnel) pending_.assign(data);
  }
  serving_ = false;
  if (state_ != State::Http) return;
  if (behind() && pending_.size() > config_->limits.pipelined) want_reading(false);
  rearm();
}

/// What the client sends now has to wait: for the answer before, or for the client to read it.
bool ClientConnection::behind() const { return busy_ || stream_->queued() > unread_max; }

/// Uses some of the input: an empty line, a request with its head, or body bytes. 0: needs more, or its turn.
std::size_t ClientConnection::serve_one(Bytes input) {
  if (busy_) return exchange_->request_complete() ? 0 : exchange_->on_client_data(input);
  if (behind()) return 0;
  if (const std::size_t empty = leading_empty_lines(input)) {
    empty_bytes_ += empty;
    if (empty_bytes_ > 2 * std::size_t{config_->limits.leading_crlf})
      return refuse(rules::empty_start_line), 0;
    return empty;
  }
  const Instant now = loop_.loop.now();
  if (first_byte_ == Instant{}) {
    first_byte_ = now;
    due_ = now + config_->timeouts.header;
  }
  const std::size_t end = find_head_end(input, searched_);
  if (end == 0) {
    searched_ = input.size();
    const conf::HttpLimits& l = config_->limits;
    if (auto refusal = too_large(
            input, {l.request_line, l.header_bytes, l.header_count, 2 * std::size_t{l.leading_crlf}}))
      refuse(*refusal);
    return 0;
  }
  searched_ = empty_bytes_ = 0;
  reload();
  if (exchange_) loop_.give_back(std::move(exchange_));
  exchange_ = loop_.take_exchange();
  busy_ = true;
  due_ = Instant::never();
  const std::uint32_t most = config_->requests_per_connection;
  const bool last = last_ || loop_.draining || loop_.asks_to_close || (most > 0 && ++requests_ >= most);
  exchange_->begin(*this, facts_, input.substr(0, end), std::exchange(first_byte_, Instant{}), last);
  // Without this call a request whose body is still to come would wait for its first byte.
  if (busy_ && !exchange_->request_complete()) return end + exchange_->on_client_data(input.substr(end));
  return end;
}

void ClientConnection::keep(Bytes rest) {
  pending_.append(rest);
  if (busy_ && pending_.size() > config_->limits.pipelined) want_reading(false);
}

/// For what cannot become an exchange because there is no whole head.
void ClientConnection::refuse(const Refusal& refusal) {
  LocalResponse local;
  local.status = refusal.status;
  local.keep_alive = false;
  local.date = loop_.date();
  loop_.head.clear();
  write_local_response(local, loop_.head);
  counters_->bad_requests.add();
  log_warning("request refused", {{"listen", config_->name},
                                  {"client", facts_.peer_ip},
                                  {"rule", refusal.rule},
                                  {"see", refusal.section}});
  write_client(std::array{Bytes(loop_.head)});
  close(false);
}

void ClientConnection::want_reading(bool on) {
  if (reading_ == on || !stream_) return;
  reading_ = on;
  on ? stream_->start_reading() : stream_->stop_reading();
}

void ClientConnection::pause_client() { want_reading(false); }
void ClientConnection::resume_client() { want_reading(true); }

// ---- writing ----

std::size_t ClientConnection::write_client(std::span<const Bytes> pieces) {
  std::uint64_t size = 0;
  for (Bytes piece : pieces) size += piece.size();
  counters_->bytes_out.add(size);
  const std::size_t queued = stream_->write(pieces);
  if (queued > 0 && write_due_ == Instant::never()) {
    write_due_ = loop_.loop.now() + config_->timeouts.write;
    rearm();
  }
  return queued;
}

void ClientConnection::on_drained() {
  write_due_ = Instant::never();
  if (state_ == State::Closing) return close(false);
  if (busy_) return exchange_->on_client_drained();
  if (state_ != State::Http) return;
  want_reading(true);
  if (!pending_.empty()) serve({});
}

// ---- the end of an exchange, and of the connection ----

void ClientConnection::exchange_done(bool reusable, bool cut) {
  busy_ = false;
  if (cut) return close(true);
  // A client that asked for the close sends no more: no unread bytes can turn ours into a reset.
  if (!reusable) return exchange_->client_closes() ? let_go() : close_after_queue();
  watch_idle();
  want_reading(true);
  // The exchange is still on the stack: its object and what the client sent ahead wait for the turn's end.
  if (!ListNode<ClientConnection, Unsettled>::linked()) loop_.unsettled.push_back(*this);
}

void ClientConnection::settle() {
  if (busy_ || state_ != State::Http) return;
  if (!pending_.empty()) serve({});
  if (busy_) return;
  if (exchange_) loop_.give_back(std::move(exchange_));
  if (pending_.empty()) pending_ = std::string();  // an idle client costs no buffer
}

void ClientConnection::watch_idle() {
  const Duration wait =
      last_ || loop_.draining ? std::min(drain_idle, config_->timeouts.idle) : config_->timeouts.idle;
  due_ = loop_.loop.now() + wait;
  rearm();
}

void ClientConnection::rearm() {
  Instant when = std::min(due_, write_due_);
  if (busy_) when = std::min(when, exchange_->deadline());
  timer_->arm(when);
}

void ClientConnection::on_timer() {
  const Instant now = loop_.loop.now();
  if (write_due_ <= now) {  // the client takes nothing
    if (busy_) exchange_->on_client_gone(), busy_ = false;
    return close(true);
  }
  if (due_ <= now) {
    if (state_ == State::Http && first_byte_ != Instant{}) return refuse(header_timeout);
    if (state_ != State::Http) counters_->refused.add();
    return close(false);
  }
  if (busy_) return exchange_->on_timer();
  rearm();
}

void ClientConnection::on_end() {
  if (state_ == State::Closing) return;  // it finished its half; ours is still leaving
  if (busy_) exchange_->on_client_gone(), busy_ = false;
  close(false);
}

void ClientConnection::on_fault(io::Fault fault, std::string_view detail) {
  if (state_ == State::Handshake) counters_->tls_failures.add();
  if (state_ == State::Proxy) counters_->refused.add();
  if ((state_ == State::Proxy || state_ == State::Handshake) && fault != io::Fault::Reset)
    log_info("connection refused",
             {{"listen", config_->name}, {"client", facts_.peer.text()}, {"reason", detail}});
  if (busy_) exchange_->on_client_gone(), busy_ = false;
  close(false);
}

void ClientConnection::let_go() {
  if (stream_->queued() > 0 || !pending_.empty()) return close_after_queue();
  state_ = State::Closed;
  timer_->disarm();
  stream_.reset();
  die();
}

/// The last response may be larger than what the kernel takes now: it has the write time-out to leave.
void ClientConnection::close_after_queue() {
  if (stream_->queued() == 0) return close(false);
  state_ = State::Closing;
  due_ = Instant::never();
  want_reading(true);  // what still comes is dropped, so that no reset destroys the response
  rearm();
}

void ClientConnection::close(bool cut) {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  timer_->disarm();
  relay_.reset();
  if (stream_) {
    if (cut)
      stream_->reset_on_close();
    else
      stream_
          ->finish();  // what is queued still leaves, and the client's unread bytes do not turn it into a reset
    stream_.reset();
  }
  pending_ = std::string();
  die();
}

void ClientConnection::drain() {
  if (state_ == State::Closing || state_ == State::Closed) return;
  last_ = true;
  if (busy_) return exchange_->close_after();
  if (state_ == State::Http && first_byte_ == Instant{}) watch_idle();
}

void ClientConnection::ask_to_close() {
  if (busy_) exchange_->close_after();
}

void ClientConnection::cut() {
  if (busy_) exchange_->on_client_gone(), busy_ = false;
  close(true);
}

// ---- tunnel ----

void ClientConnection::become_tunnel(io::StreamPtr server, std::string rest, Duration idle) {
  busy_ = false;
  state_ = State::Tunnel;
  due_ = Instant::never();
  RelayOptions options;
  options.idle = idle;
  options.to_server = std::exchange(pending_, {});
  options.to_client = std::move(rest);
  relay_ =
      std::make_unique<Relay>(loop_.loop, std::move(stream_), std::move(server), std::move(options), *this);
  timer_->disarm();
}

void ClientConnection::on_relay_end(const RelayEnd&) { close(false); }

}  // namespace holdfast::http
