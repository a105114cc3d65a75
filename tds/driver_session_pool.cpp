// A session in its service's pool: it may begin without a server, take one that another used, and give up its
// own.
#include <utility>

#include "tds/driver_session.h"

namespace holdfast::tds {
namespace {

constexpr std::string_view no_room = "all connections that pool-max allows are in use; nothing was done";

}  // namespace

/// True: the client is logged in, or its turn comes later. False: a server has to be asked.
bool AwareSession::join_pool() {
  if (!seated() && (context_.pool == nullptr || !context_.pool->sit(*this, login_))) return false;
  ServerPool::Got got = context_.pool->want(*this, true, false);
  if (got.way == Pool::Way::Open) return false;
  if (got.way == Pool::Way::Wait) {
    deadline_ = context_.loop.now() + context_.config.tds_connect_deadline;
    arm();
    return true;
  }
  context_.pool->counters().pool_logins_saved.add();
  answer_client(group().answer);
  begin_talking(group().facts, true);
  if (got.server && state_ != State::Talking) context_.pool->close(std::move(got.server));
  if (got.server) adopt(std::move(got.server));
  settle();
  return true;
}

/// For a conversation that wants one.
void AwareSession::find_server() {
  if (seated()) {
    ServerPool::Got got = context_.pool->want(*this, false, conversation_->needs_login());
    if (got.server) return adopt(std::move(got.server));
    if (got.way == Pool::Way::Wait) return conversation_->waits_for(no_room);
  }
  conversation_->waits_for({});
  seeker_.seek(Instant::never(), login_.read_only_intent());
}

void AwareSession::granted() {
  if (state_ == State::Talking) {
    find_server();
    return settle();
  }
  const Instant due = std::exchange(deadline_, Instant::never());
  if (!join_pool()) seeker_.seek(due, login_.read_only_intent());
  if (state_ == State::Joining) arm();
}

void AwareSession::adopt(std::unique_ptr<PooledStream> from) {
  server_ = std::move(from->stream);
  server_->set_events(server_side_);
  server_->start_reading();
  server_paused_ = false;
  server_born_ = from->born;
  seeker_.adopt(from->instance, login_.read_only_intent());
  attached_ = true;
  wanted_ = false;
  conversation_->attached(from->handover, context_.loop.now());
}

/// The connection, which this session has no more.
std::unique_ptr<PooledStream> AwareSession::hand_over() {
  auto out = std::make_unique<PooledStream>();
  out->handover = conversation_->handover();
  out->reads = login_.read_only_intent();
  out->born = server_born_;
  out->stream = std::move(server_);
  out->instance = seeker_.hand_over();
  attached_ = false;
  server_paused_ = false;
  server_drained();
  return out;
}

std::unique_ptr<PooledStream> AwareSession::give() {
  auto out = hand_over();
  conversation_->lend(context_.loop.now());
  tell_lent();
  return out;
}

void AwareSession::leave_pool() {
  if (!seated()) return;
  if (attached_ && server_ && conversation_ && conversation_->lendable(false))
    context_.pool->put(*this, hand_over());
  context_.pool->leave(*this);
  if (std::exchange(lent_, false)) context_.pool->counters().pool_lent.sub();
}

void AwareSession::tell_lent() {
  if (conversation_->lent() == lent_) return;
  lent_ = !lent_;
  lent_ ? context_.pool->counters().pool_lent.add() : context_.pool->counters().pool_lent.sub();
}

/// After every call of the conversation.
void AwareSession::settle_pool() {
  if (conversation_->leans()) group().leans = true;
  context_.pool->mark(*this, attached_ && conversation_->lendable(group().leans));
  tell_lent();
}

std::string AwareSession::pooling() const {
  if (!seated()) return {};
  if (conversation_->lent()) return waits() ? "waits" : "lent";
  const std::string pin = conversation_->pin(group().leans);
  return pin.empty() ? "shares" : "pinned: " + pin;
}

}  // namespace holdfast::tds
