// The conversation's host: bytes between two logged-in sides, and what to do when one is lost. The machine
// may not be called back from inside its own calls; what it asks for there is done in settle().
#include <utility>

#include "tds/driver_session.h"
#include "tds/flight.h"

namespace holdfast::tds {
namespace {

constexpr std::size_t own_text_max = 1024;  // characters of a slow statement that are logged, if asked for

}  // namespace

void AwareSession::begin_talking(const LoginFacts& facts, bool lent) {
  const conf::ServiceSql& config = sql();
  ConversationOptions options;
  options.hold = config.hold;
  options.replay_reads = config.replay_reads;
  options.replay_transactions = config.replay_transactions;
  options.relogin_possible = !login_.integrated();
  options.retain = config.retain;
  if (!context_.sight || (config.digests == 0 && config.rules.empty() && config.slow == Duration{}))
    options.digest_text = 0;
  if (context_.sight && config.log_literals && config.slow > Duration{}) options.own_text = own_text_max;
  if (!context_.shared)
    context_.shared = std::make_unique<ConversationShared>(TextMemory(options.digest_text, options.own_text));
  options.shared = context_.shared.get();
  const Instant now = context_.loop.now();
  ConversationHost& host = *this;
  conversation_ = std::make_unique<Conversation>(host, options, facts, now);
  if (lent) conversation_->lend(now);
  state_ = State::Talking;
  if (context_.sight) {
    context_.sight->sessions().push_back(*this);
    context_.sight->on_begin(*this);
    if (const auto patience = context_.sight->paused(*this)) conversation_->pause(true, now, *patience);
  }
  if (login_.integrated()) login_ = Login7();  // it cannot be said again
  if (!early_) return;
  const std::unique_ptr<std::string> early = std::move(early_);
  client_->start_reading();
  conversation_->from_client(*early, now);
}

void AwareSession::to_client(Bytes bytes) {
  if (!client_) return;
  if (client_->write(bytes) <= high_water || server_paused_ || !server_) return;
  server_paused_ = true;
  server_->stop_reading();
}

void AwareSession::to_server(Bytes bytes) {
  if (!server_) return;
  if (server_->write(bytes) <= high_water || client_paused_ || !client_) return;
  client_paused_ = true;
  client_->stop_reading();
}

void AwareSession::drop_server() {
  attached_ = false;
  login_due_ = Instant::never();
  entry_.reset();
  server_.reset();
  seeker_.release();
  if (seated()) context_.pool->dropped(*this);
  server_drained();
}

void AwareSession::on_failover_error(std::uint32_t number) {
  record_.add_reason("error-" + std::to_string(number));
  failover_seen_ = true;
}

void AwareSession::on_request(const RequestRecord& record) {
  if (context_.sight) context_.sight->on_request(*this, record);
}

bool AwareSession::allow(const RequestRecord& record, std::string& why) {
  return !context_.sight || context_.sight->allow(*this, record, why);
}

/// After every call of the conversation: what it asked for, and the next deadline.
void AwareSession::settle() {
  if (state_ != State::Talking) return;
  if (attached_ && seeker_.leaving() && conversation_->idle()) {
    server_->finish();
    lose_server("its instance takes no more sessions");
    if (state_ != State::Talking) return;
  }
  Instant due = conversation_->deadline();
  seeker_.awaited(due != Instant::never());
  if (std::exchange(wanted_, false) && seeker_.state() == Seeker::State::Idle) {
    find_server();
    if (state_ != State::Talking) return;
    due = conversation_->deadline();
  }
  if (seated()) {
    settle_pool();
    due = conversation_->deadline();
  }
  heed_starved();
  tell_held(due != Instant::never());
  const int instance = seeker_.instance();
  arm_talking(due);
  if (std::exchange(failover_seen_, false) && instance >= 0)
    context_.service.report(static_cast<std::size_t>(instance), Evidence::SqlRole);
}

void AwareSession::heed_starved() {
  if (conversation_->starved()) {
    starved_ = true;
    client_->stop_reading();
  } else if (std::exchange(starved_, false) && !client_paused_) {
    client_->start_reading();
  }
}

void AwareSession::tell_held(bool held) {
  if (held != std::exchange(held_, held) && context_.sight) context_.sight->on_held(*this, held);
}

void AwareSession::lose_server(std::string_view why) {
  const std::string reason(why);  // may be of the stream
  drop_server();
  conversation_->server_lost(context_.loop.now(), reason);
  settle();
}

}  // namespace holdfast::tds
