// The server's side until it has taken the login: the first one, and each after a loss.
#include <strings.h>

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"
#include "tds/answer.h"
#include "tds/driver_session.h"
#include "tds/relogin.h"

namespace holdfast::tds {
namespace {

/// A server that takes a connection and then says nothing: after so long another attempt is better.
constexpr Duration login_max = 5_s;

ServerLogin::Options options_for(conf::TdsEncrypt setting) {
  ServerLogin::Options options;
  options.strict = setting == conf::TdsEncrypt::Strict;
  options.encryption = setting == conf::TdsEncrypt::None    ? Encryption::NotSupported
                       : setting == conf::TdsEncrypt::Login ? Encryption::Off
                                                            : Encryption::On;
  return options;
}

/// The host as the operator wrote it, without its port.
std::string_view host_of(const conf::Instance& instance) {
  const std::string_view text = instance.configured_address;
  return text.substr(0, text.rfind(':'));
}

bool same_host(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void AwareSession::on_server(io::StreamPtr stream) {
  server_ = std::move(stream);
  server_->set_events(server_side_);
  server_phase_.reset();
  server_paused_ = false;
  login_due_ = context_.loop.now() + login_max;
  arm();
  const auto at = static_cast<std::size_t>(seeker_.instance());
  const bool strict = sql().encrypt == conf::TdsEncrypt::Strict && at < context_.server_tls.size();
  if (!strict) return begin_server_login();
  server_ = io::resume_tls_stream(context_.loop, std::move(server_), context_.server_tls[at]->session(),
                                  server_side_, {}, false);
  server_->start_reading();
}

/// The plain connection stands, or that of TDS 8.0.
void AwareSession::begin_server_login() {
  std::optional<Conversation::Relogin> again;
  if (conversation_) again = conversation_->relogin();
  const Login7 login = login_for_server(login_, sql().recovery, again ? &*again : nullptr);
  server_phase_ =
      std::make_unique<ServerPhase>(*server_, options_for(sql().encrypt), login, feature_set(login_));
  server_->start_reading();
  apply_server(server_phase_->login.start());
}

void AwareSession::server_data(Bytes data) {
  record_.bytes_out += data.size();
  active_at_ = context_.loop.now();
  if (server_phase_) return feed_server(data);
  if (state_ != State::Talking) return;
  conversation_->from_server(data, active_at_);
  settle();
}

void AwareSession::feed_server(Bytes raw) {
  Channel::Piece piece;
  while (server_phase_ && state_ != State::Done) {
    auto more = server_phase_->channel.next(raw, piece);
    if (!more) return attempt_failed(Evidence::Tls, "tls: " + more.error().text);
    if (!*more) return;
    if (piece.closed) return attempt_failed(Evidence::Reset, "reset");
    if (piece.handshake_done && !apply_server(server_phase_->login.tls_ready())) return;
    Bytes plain = piece.plain;
    while (!plain.empty()) {
      auto step = server_phase_->login.feed(plain);
      const bool done = step && step->done;
      if (!apply_server(std::move(step))) return;
      if (done) return server_answered(raw);
    }
  }
}

/// False: this attempt is over.
bool AwareSession::apply_server(Result<LoginStep> step) {
  if (!step) {
    attempt_failed(Evidence::BadResponse, step.error().text);
    return false;
  }
  Channel& channel = server_phase_->channel;
  Status done = channel.send(step->send);
  if (done && step->start_tls) {
    const auto at = static_cast<std::size_t>(seeker_.instance());
    done = at < context_.server_tls.size()
               ? channel.start_tls(context_.server_tls[at]->session(), true)
               : fail(Blame::Operator, "the server insists on TLS, and sql.encrypt is \"none\"");
  }
  if (step->end_tls) channel.end_tls();
  if (!step->send_after.empty()) server_->write(step->send_after);
  wipe(step->send);
  wipe(step->send_after);
  if (done) return true;
  attempt_failed(Evidence::Tls, "tls: " + done.error().text);
  return false;
}

void AwareSession::server_answered(Bytes raw) {
  switch (server_phase_->login.result().outcome) {
    case ServerLogin::Outcome::Accepted: return server_accepted(raw);
    case ServerLogin::Outcome::Refused: return server_refused();
    case ServerLogin::Outcome::Routed: return server_routed();
    case ServerLogin::Outcome::SspiAsked: return ask_sspi();
    case ServerLogin::Outcome::Pending: return;
  }
}

// ---- integrated logins ----

/// NTLM and Kerberos prove to this server alone who the client is: the tokens pass through, once.
void AwareSession::ask_sspi() {
  if (conversation_ || !client_phase_) return attempt_failed(std::nullopt, "sspi");
  server_phase_->sspi_asked = true;
  answer_client(server_phase_->login.result().answer);
}

void AwareSession::relay_sspi(Bytes data) {
  while (!data.empty() && state_ == State::Joining) {
    auto step = client_phase_->login.feed(data);
    if (!step) return refuse_client(step.error().text);
    if (!step->sspi) continue;
    if (!server_phase_ || !server_phase_->sspi_asked)
      return refuse_client("an SSPI token that nobody asked for");
    if (!apply_server(server_phase_->login.sspi(*step->sspi))) return;
  }
}

// ---- the server's word ----

void AwareSession::server_accepted(Bytes raw) {
  const std::unique_ptr<ServerPhase> phase = std::move(server_phase_);
  login_due_ = Instant::never();
  attached_ = true;
  seeker_.arrived();
  server_born_ = context_.loop.now();
  Channel& channel = phase->channel;
  std::string rest;
  if (channel.secure()) {
    server_ = io::resume_tls_stream(context_.loop, std::move(server_), channel.take_tls(), server_side_,
                                    channel.take_record() + std::string(raw), true);
    server_->start_reading();
  } else {
    rest = raw;
  }
  if (login_.changes_password()) {  // done; said again it would fail
    login_.password = std::move(login_.new_password);
    login_.new_password.clear();
    login_.flags3 &= static_cast<std::uint8_t>(~0x01u);
  }
  const ServerLogin::Result_& result = phase->login.result();
  const Instant now = context_.loop.now();
  if (seated()) context_.pool->accepted(*this, conversation_ ? Bytes() : Bytes(result.answer), result.facts);
  if (conversation_) {
    if (!conversation_->lent()) {
      log_info("SQL session moved", {{"client", record_.peer.text()}, {"instance", instance()}});
      if (context_.sight) context_.sight->on_moved(*this);
    }
    conversation_->attached(result.facts, now);
  } else {
    client_phase_.reset();
    answer_client(result.answer);
    begin_talking(result.facts, false);
  }
  if (!rest.empty() && state_ == State::Talking && attached_) conversation_->from_server(rest, now);
  settle();
}

void AwareSession::server_refused() {
  const ServerLogin::Result_& result = server_phase_->login.result();
  if (is_failover_error(result.error) && !server_phase_->sspi_asked)
    return attempt_failed(Evidence::SqlRole, "error-" + std::to_string(result.error));
  log_info("SQL login refused by the server", {{"client", record_.peer.text()},
                                               {"instance", instance()},
                                               {"error", std::to_string(result.error)},
                                               {"text", result.error_text}});
  const std::string why = "the server refused the login: error " + std::to_string(result.error);
  if (!conversation_) {
    answer_client(result.answer);
    return end("login-refused", false);
  }
  drop_server();
  conversation_->login_refused(why, context_.loop.now());
  settle();
}

int AwareSession::find_routed(const ServerLogin::Result_& result) const {
  const auto& instances = context_.service.config().instances;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const conf::Instance& one = instances[i];
    if (one.address.port != result.routed_port) continue;
    if (same_host(host_of(one), result.routed_host) || one.address.ip() == result.routed_host)
      return static_cast<int>(i);
  }
  return -1;
}

/// ENVCHANGE 20: the client must not leave us, so we go there in its place, once.
void AwareSession::server_routed() {
  const ServerLogin::Result_& result = server_phase_->login.result();
  const int to = find_routed(result);
  const std::string where = result.routed_host + ":" + std::to_string(result.routed_port);
  if (to >= 0 && !std::exchange(routed_, true)) {
    server_phase_.reset();
    server_.reset();
    return seeker_.redirect(static_cast<std::size_t>(to));
  }
  log_error("a SQL server routes a login to where the service has no instance",
            {{"instance", instance()}, {"to", where}});
  attempt_failed(std::nullopt, "routed");
}

// ---- failures ----

void AwareSession::attempt_failed(std::optional<Evidence> evidence, std::string_view reason) {
  const bool relayed = server_phase_ && server_phase_->sspi_asked;
  const std::string why(reason);  // may be of the phase
  server_phase_.reset();
  server_.reset();
  login_due_ = Instant::never();
  arm();
  if (relayed)
    return unavailable("The server was lost during an integrated login, which cannot be repeated.");
  seeker_.failed(evidence, why);
}

void AwareSession::on_seek_timeout() {
  seeker_.release();
  if (!conversation_) return unavailable("No SQL Server can be had at the moment; nothing was run.");
}

void AwareSession::server_failed(io::Fault fault, std::string_view detail) {
  if (state_ == State::Done) return;
  Evidence evidence = Evidence::Reset;
  const bool known = evidence_of(fault, evidence);
  if (evidence == Evidence::ConnectTimeout) evidence = Evidence::Reset;
  if (!attached_)
    return attempt_failed(known ? std::optional(evidence) : std::nullopt,
                          fault == io::Fault::Tls ? "tls: " + std::string(detail) : io::name_of(fault));
  // One dead connection makes its instance suspect, no more: a server also kills sessions one by one.
  const auto instance = static_cast<std::size_t>(seeker_.instance());
  lose_server(detail.empty() ? io::name_of(fault) : detail);
  if (known) context_.service.report(instance, Evidence::Reset);
}

void AwareSession::server_drained() {
  if (!client_paused_ || !client_) return;
  client_paused_ = false;
  client_->start_reading();
}

void AwareSession::on_view_changed() {
  if (seeker_.lost())
    return attached_ ? lose_server("its instance is lost") : attempt_failed(std::nullopt, "lost");
  settle();
}

}  // namespace holdfast::tds
