#include "tds/driver_opaque.h"

#include <utility>

#include "proxy/base/log.h"
#include "proxy/proxy_stream.h"

namespace holdfast::tds {

TdsSession::TdsSession(TdsContext& context, Doorman::Ticket ticket)
    : context_(context), ticket_(std::move(ticket)), seeker_(context, record_, *this) {
  ++context_.sessions_alive;
  context_.counters.accepted.add();
  context_.counters.open.add();
}

TdsSession::~TdsSession() {
  context_.counters.open.sub();
  --context_.sessions_alive;
}

void TdsSession::open(io::StreamPtr stream) {
  record_.at = context_.loop.wall();
  record_.opened = context_.loop.now();
  record_.peer = stream->peer();
  client_ = std::move(stream);
  client_->set_events(*this);
  const conf::ProxyProtocol& config = context_.config.proxy_protocol;
  if (!config.accept) return ready();
  if (!proxy_trusted(config, record_.peer)) {
    context_.counters.refused.add();
    return end("refused:proxy-not-trusted", true);
  }
  client_ = io::make_proxy_stream(context_.loop, std::move(client_), *this);
  timer_ = context_.loop.timer(*this);
  timer_->arm(record_.opened + context_.config.timeouts.handshake);
}

void TdsSession::ready() {
  record_.peer = client_->peer();
  record_.local = client_->local();
  timer_.reset();
  state_ = State::Seeking;
  client_->start_reading();  // also to notice one that leaves
  seeker_.seek(context_.loop.now() + context_.config.tds_connect_deadline);
}

void TdsSession::on_data(Bytes data) {
  held_.append(data);
  if (held_.size() >= held_max) client_->stop_reading();
}

void TdsSession::on_fault(io::Fault fault, std::string_view detail) {
  if (state_ != State::Opening) return end("client-gone", false);
  if (fault == io::Fault::Protocol) {
    context_.counters.refused.add();
    log_info("connection refused",
             {{"listen", context_.config.name}, {"client", record_.peer.text()}, {"reason", detail}});
  }
  end("refused:" + std::string(io::name_of(fault)), false);
}

void TdsSession::on_server(io::StreamPtr stream) {
  state_ = State::Relaying;
  RelayOptions options;
  options.idle = context_.config.tds_idle;
  options.to_server = std::exchange(held_, {});
  RelayEvents& events = *this;
  relay_ = std::make_unique<Relay>(context_.loop, std::move(client_), std::move(stream), std::move(options),
                                   events);
}

void TdsSession::on_view_changed() {
  if (seeker_.lost()) end("instance-lost", true);
}

void TdsSession::on_relay_end(const RelayEnd& relay) {
  switch (relay.reason) {
    case RelayEnd::Reason::Finished: return end("ok", false);
    case RelayEnd::Reason::Idle: return end("idle", false);
    case RelayEnd::Reason::ClientFault: return end("client-reset", false);
    case RelayEnd::Reason::ServerFault: break;
  }
  // One dead connection makes its instance suspect, no more: a server also kills sessions one by one.
  const auto instance = static_cast<std::size_t>(seeker_.instance());
  end("server-" + std::string(io::name_of(relay.fault)), false);
  if (Evidence unused; evidence_of(relay.fault, unused)) context_.service.report(instance, Evidence::Reset);
}

void TdsSession::end(std::string_view outcome, bool reset) {
  if (state_ == State::Done) return;
  state_ = State::Done;
  timer_.reset();
  if (relay_) {
    record_.bytes_in = relay_->bytes_from_client();
    record_.bytes_out = relay_->bytes_from_server();
  }
  const int instance = seeker_.instance();
  seeker_.release();
  log_session(context_, record_, instance, outcome);
  context_.service_counters.requests.add();
  if (relay_ && reset) relay_->cut();
  relay_.reset();
  if (client_ && reset) client_->reset_on_close();
  client_.reset();
  held_ = std::string();
  die();
}

}  // namespace holdfast::tds
