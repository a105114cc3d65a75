// The server's side until it has taken the login: the first one, and each after a loss.
#include <strings.h>

#include <utility>

#include "proxy/base/log.h"
#include "tds/answer.h"
#include "tds/driver_session.h"
#include "tds/relogin.h"

namespace holdfast::tds {
namespace {

/// A server that takes a connection and then says nothing: after so long another attempt is better.
constexpr Duration login_max = 5_s;

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
  const auto at = static_cast<std::size_t>(seeker_.instance());
  const io::TlsContext* tls = at < context_.server_tls.size() ? context_.server_tls[at] : nullptr;
  ServerEntry::Events& events = *this;
  enter(std::make_unique<ServerEntry>(context_.loop, sql().encrypt, tls, events), false);
  entry_->begin(std::move(stream), login_now(), feature_set(login_));
}

void AwareSession::on_spare(std::unique_ptr<ServerEntry> entry) {
  entry->set_events(*this);
  enter(std::move(entry), true);
  entry_->say(login_now(), feature_set(login_));
}

void AwareSession::enter(std::unique_ptr<ServerEntry> entry, bool spare) {
  entry_ = std::move(entry);
  spare_ = spare;
  sspi_asked_ = false;
  server_paused_ = false;
  login_due_ = context_.loop.now() + login_max;
  arm();
}

Login7 AwareSession::login_now() const {
  std::optional<Conversation::Relogin> again;
  if (conversation_) again = conversation_->relogin();
  return login_for_server(login_, sql().recovery, again ? &*again : nullptr);
}

void AwareSession::server_data(Bytes data) {
  record_.bytes_out += data.size();
  active_at_ = context_.loop.now();
  if (state_ != State::Talking) return;
  conversation_->from_server(data, active_at_);
  settle();
}

void AwareSession::on_answer(Bytes rest) {
  switch (entry_->login().result().outcome) {
    case ServerLogin::Outcome::Accepted: return server_accepted(rest);
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
  sspi_asked_ = true;
  answer_client(entry_->login().result().answer);
}

void AwareSession::relay_sspi(Bytes data) {
  while (!data.empty() && state_ == State::Joining) {
    auto step = client_phase_->login.feed(data);
    if (!step) return refuse_client(step.error().text);
    if (!step->sspi) continue;
    if (!entry_ || !sspi_asked_) return refuse_client("an SSPI token that nobody asked for");
    entry_->sspi(*step->sspi);
    if (!entry_) return;
  }
}

// ---- the server's word ----

void AwareSession::server_accepted(Bytes raw) {
  const std::unique_ptr<ServerEntry> entry = std::move(entry_);
  const Instant now = context_.loop.now();
  login_due_ = Instant::never();
  attached_ = true;
  seeker_.arrived();
  server_born_ = active_at_ = now;
  std::string rest(raw);
  server_ = entry->leave(server_side_, rest);
  if (login_.changes_password()) {  // done; said again it would fail
    login_.password = std::move(login_.new_password);
    login_.new_password.clear();
    login_.flags3 &= static_cast<std::uint8_t>(~0x01u);
  }
  const ServerLogin::Result_& result = entry->login().result();
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
  const ServerLogin::Result_& result = entry_->login().result();
  if (is_failover_error(result.error) && !sspi_asked_)
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
  const ServerLogin::Result_& result = entry_->login().result();
  const int to = find_routed(result);
  const std::string where = result.routed_host + ":" + std::to_string(result.routed_port);
  if (to >= 0 && !std::exchange(routed_, true)) {
    entry_.reset();
    return seeker_.redirect(static_cast<std::size_t>(to), "routed");
  }
  log_error("a SQL server routes a login to where the service has no instance",
            {{"instance", instance()}, {"to", where}});
  attempt_failed(std::nullopt, "routed");
}

// ---- failures ----

void AwareSession::on_entry_failed(std::optional<Evidence> evidence, std::string_view reason) {
  if (!spare_ || sspi_asked_) return attempt_failed(evidence, reason);
  // It had waited for us: that it is gone by now says little about the server.
  entry_.reset();
  seeker_.redirect(static_cast<std::size_t>(seeker_.instance()), "spare");
}

void AwareSession::attempt_failed(std::optional<Evidence> evidence, std::string_view reason) {
  const std::string why(reason);  // may be of the entry
  const bool relayed = entry_ && sspi_asked_;
  entry_.reset();
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

// One dead connection makes its instance suspect, no more: a server also kills sessions one by one.
void AwareSession::server_failed(io::Fault fault, std::string_view detail) {
  if (state_ == State::Done) return;
  Evidence evidence = Evidence::Reset;
  const bool known = evidence_of(fault, evidence);
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
