// The client's side until it is logged in, and the ends.
#include "tds/driver_session.h"

#include <algorithm>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/proxy_stream.h"
#include "tds/answer.h"
#include "tds/little.h"

namespace holdfast::tds {
namespace {

constexpr char tls_record_handshake = 0x16;  // TDS 8.0: a ClientHello where PRELOGIN would be
constexpr std::size_t name_max = 128;        // characters of a login's names that are logged

Encryption encryption_of(conf::TdsEncrypt setting) {
  switch (setting) {
    case conf::TdsEncrypt::None: return Encryption::NotSupported;
    case conf::TdsEncrypt::Login: return Encryption::Off;
    case conf::TdsEncrypt::All:
    case conf::TdsEncrypt::Strict: break;
  }
  return Encryption::On;
}

std::string name_of(Bytes utf16) { return to_utf8(utf16.substr(0, 2 * name_max)); }

}  // namespace

AwareSession::AwareSession(TdsContext& context, Doorman::Ticket ticket)
    : context_(context),
      ticket_(std::move(ticket)),
      seeker_(context, record_, *this),
      timer_(context.loop.timer(*this)) {
  ++context_.sessions_alive;
  context_.counters.accepted.add();
  context_.counters.open.add();
}

AwareSession::~AwareSession() {
  context_.counters.open.sub();
  --context_.sessions_alive;
}

// ---- the door ----

void AwareSession::open(io::StreamPtr stream) {
  record_.at = context_.loop.wall();
  record_.opened = active_at_ = context_.loop.now();
  record_.peer = stream->peer();
  deadline_ = record_.opened + context_.config.timeouts.handshake;
  client_ = std::move(stream);
  client_->set_events(client_side_);
  arm();
  const conf::ProxyProtocol& config = context_.config.proxy_protocol;
  if (!config.accept) return client_connected();
  if (!proxy_trusted(config, record_.peer)) {
    context_.counters.refused.add();
    return end("refused:proxy-not-trusted", true);
  }
  client_ = io::make_proxy_stream(context_.loop, std::move(client_), client_side_);
}

/// The PROXY header was read, or there is none; or the handshake of TDS 8.0 is done.
void AwareSession::client_connected() {
  if (state_ == State::Knocking) {
    if (const io::TlsInfo* info = client_->tls()) record_.tls_version = info->version;
    begin_client_login(true);
  } else {
    record_.peer = client_->peer();
    record_.local = client_->local();
    state_ = State::Knocking;
  }
  client_->start_reading();
}

void AwareSession::client_data(Bytes data) {
  record_.bytes_in += data.size();
  active_at_ = context_.loop.now();
  switch (state_) {
    case State::Talking: conversation_->from_client(data, active_at_); return settle();
    case State::Knocking: return knock(data);
    case State::ClientLogin: return feed_client(data);
    case State::Joining:
      if (client_phase_) return relay_sspi(data);
      return keep_early(data);
    case State::Opening:
    case State::Done: return;
  }
}

void AwareSession::knock(Bytes first) {
  if (first.front() != tls_record_handshake) {
    begin_client_login(false);
    return feed_client(first);
  }
  if (!context_.tls) return refuse_client("the client speaks TDS 8.0, and this listener has no certificate");
  client_ = io::resume_tls_stream(context_.loop, std::move(client_), context_.tls->session(), client_side_,
                                  std::string(first), false);
}

void AwareSession::begin_client_login(bool strict) {
  ClientLogin::Options options;
  options.strict = strict;
  options.encryption = encryption_of(context_.config.tds.encrypt);
  client_phase_ = std::make_unique<ClientPhase>(*client_, options);
  state_ = State::ClientLogin;
}

// ---- its login ----

void AwareSession::feed_client(Bytes raw) {
  Channel::Piece piece;
  while (state_ == State::ClientLogin) {
    auto more = client_phase_->channel.next(raw, piece);
    if (!more) {
      context_.counters.tls_failures.add();
      return refuse_client(more.error().text);
    }
    if (!*more) return;
    if (piece.closed) return end("client-gone", false);
    Bytes plain = piece.plain;
    while (!plain.empty()) {
      auto step = client_phase_->login.feed(plain);
      if (!step) return refuse_client(step.error().text);
      if (!apply_client(*step)) return;
      if (step->done) return client_logged_in(plain, raw);
    }
  }
}

/// False: the session is over.
bool AwareSession::apply_client(LoginStep& step) {
  Channel& channel = client_phase_->channel;
  Status done = channel.send(step.send);
  if (done && step.start_tls)
    done = context_.tls ? channel.start_tls(context_.tls->session(), false)
                        : fail(Blame::Operator, "TLS was agreed on without a certificate");
  if (step.end_tls) channel.end_tls();
  if (!step.send_after.empty()) client_->write(step.send_after);
  if (done && step.refused.empty()) return true;
  refuse_client(done ? step.refused : done.error().text);
  return false;
}

void AwareSession::client_logged_in(Bytes early, Bytes raw) {
  const std::string rest(early);  // before the channel wipes it
  Channel& channel = client_phase_->channel;
  if (channel.secure()) {
    record_.tls_version = channel.info()->version;
    client_ = io::resume_tls_stream(context_.loop, std::move(client_), channel.take_tls(), client_side_,
                                    channel.take_record() + std::string(raw), true);
    client_->start_reading();
    raw = {};
  }
  login_ = std::move(client_phase_->login.login());
  record_.user = name_of(login_.user);
  record_.application = name_of(login_.application);
  record_.database = name_of(login_.database);
  host_ = name_of(login_.host);
  if (!login_.integrated()) client_phase_.reset();
  state_ = State::Joining;
  ask_in();
  if (state_ == State::Done) return;
  if (!rest.empty() || !raw.empty()) client_data(rest + std::string(raw));
}

/// Under the service's limits; who has to wait may do so as long as for a server.
void AwareSession::ask_in() {
  std::string why;
  const auto answer = context_.sight ? context_.sight->admit(*this, why) : SqlSight::Admission::Admitted;
  if (answer == SqlSight::Admission::Admitted) return admitted();
  if (answer == SqlSight::Admission::Refused) return limited(why);
  queued_ = true;
  deadline_ = context_.loop.now() + context_.config.tds_connect_deadline;
  arm();
}

void AwareSession::admitted() {
  queued_ = false;
  deadline_ = Instant::never();
  arm();
  if (!context_.spares) context_.spares = std::make_unique<Spares>(context_);
  if (join_pool()) return;
  seeker_.seek(context_.loop.now() + context_.config.tds_connect_deadline, login_.read_only_intent());
}

void AwareSession::limited(std::string_view why) {
  context_.counters.refused.add();
  answer_client(error_answer(login_.version, answer_number::limited, 20, why));
  end("refused:limit", false);
}

void AwareSession::keep_early(Bytes data) {
  if (!early_) early_ = std::make_unique<std::string>();
  early_->append(data);
  if (early_->size() >= early_max) client_->stop_reading();
}

void AwareSession::refuse_client(std::string_view why) {
  if (state_ == State::Done) return;
  context_.counters.refused.add();
  log_info("SQL login refused",
           {{"listen", context_.config.name}, {"client", record_.peer.text()}, {"reason", why}});
  end("refused:login", false);
}

/// A response to the login, in packets of the size that holds until it is done.
void AwareSession::answer_client(Bytes payload) {
  std::string out;
  append_message(out, PacketType::Response, payload, packet_size_before_login);
  record_.bytes_out += out.size();
  client_->write(out);
}

void AwareSession::unavailable(std::string_view why) {
  context_.service_counters.errors_local.add();
  answer_client(error_answer(login_.version, answer_number::unavailable, 20, why));
  end("unavailable", false);
}

// ---- the client's end ----

void AwareSession::client_ended() { end(state_ == State::Talking ? "ok" : "client-gone", false); }

void AwareSession::client_failed(io::Fault fault, std::string_view detail) {
  if (state_ == State::Knocking || state_ == State::Opening) {
    if (fault == io::Fault::Tls) context_.counters.tls_failures.add();
    if (fault == io::Fault::Tls || fault == io::Fault::Protocol) return refuse_client(detail);
  }
  // Drivers close TLS without a word, which cannot be told from a cut; between requests it does no harm.
  end(state_ != State::Talking ? "client-gone" : conversation_->idle() ? "ok" : "client-reset", false);
}

void AwareSession::client_drained() {
  if (!server_paused_ || !server_) return;
  server_paused_ = false;
  server_->start_reading();
}

// ---- time ----

void AwareSession::arm() {
  if (conversation_) return arm_talking(conversation_->deadline());
  timer_->arm(std::min(deadline_, login_due_));
}

void AwareSession::arm_talking(Instant conversation_due) {
  Instant due = std::min(deadline_, login_due_);
  due = std::min(due, std::min(conversation_due, active_at_ + context_.config.tds_idle));
  if (!retired_ && sql().lifetime > Duration{}) due = std::min(due, record_.opened + sql().lifetime);
  timer_->arm(due);
}

void AwareSession::on_timer() {
  const Instant now = context_.loop.now();
  if (now >= deadline_ && queued_) return limited("There was no room for this login in time.");
  if (now >= deadline_ && waits())
    return unavailable("All connections that pool-max allows were in use; nothing was run.");
  if (now >= deadline_) return end("handshake-timeout", true);
  if (now >= login_due_) attempt_failed(Evidence::ResponseTimeout, "login-timeout");
  if (state_ != State::Talking) return state_ == State::Done ? void() : arm();
  if (now >= active_at_ + context_.config.tds_idle) return end("idle", false);
  if (now >= conversation_->deadline()) conversation_->on_deadline(now);
  const bool old = sql().lifetime > Duration{} && now >= record_.opened + sql().lifetime;
  if (old && !std::exchange(retired_, true) && state_ == State::Talking) conversation_->drain(now);
  settle();
}

// ---- by hand ----

std::string_view AwareSession::instance() const {
  const int at = seeker_.instance();
  return at < 0 ? std::string_view() : context_.service.config().instances[static_cast<std::size_t>(at)].name;
}

void AwareSession::drain() {
  if (conversation_)
    drain_sql();
  else
    end("drained", false);
}

void AwareSession::drain_sql() {
  if (state_ != State::Talking) return;
  conversation_->drain(context_.loop.now());
  settle();
}

void AwareSession::pause(bool paused, Duration patience) {
  if (state_ != State::Talking) return;
  conversation_->pause(paused, context_.loop.now(), patience);
  settle();
}

void AwareSession::end(std::string_view outcome, bool reset) {
  if (state_ == State::Done) return;
  state_ = State::Done;
  SqlSession::unlink();
  if (context_.sight && number != 0) context_.sight->on_end(*this, held_);
  timer_->disarm();
  const int instance = seeker_.instance();
  leave_pool();
  seeker_.release();
  log_session(context_, record_, instance, outcome);
  context_.service_counters.requests.add();
  if (client_) reset ? client_->reset_on_close() : client_->finish();
  client_.reset();
  if (server_) server_->finish();
  server_.reset();
  entry_.reset();
  early_.reset();
  login_.password.clear();
  die();
}

}  // namespace holdfast::tds
