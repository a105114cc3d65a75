#include "tests/sqlnode/session.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "tds/all_headers.h"
#include "tds/little.h"
#include "tests/sqlnode/node.h"
#include "tests/sqlnode/session_state.h"

namespace holdfast::sqlnode {
namespace {

Message ending_message(std::uint32_t error) {
  if (error == 596)
    return {596, 1, 21, "Cannot continue the execution because the session is in the kill state.", "", 1};
  return {error,
          1,
          20,
          "Unable to access availability database because the database replica is not in the PRIMARY or "
          "SECONDARY role.",
          "",
          1};
}

bool takes_headers(tds::PacketType type) {
  return type == tds::PacketType::Batch || type == tds::PacketType::Rpc ||
         type == tds::PacketType::TransactionManager;
}

}  // namespace

Session::Session(Node& node, int fd) : node_(&node), channel_(fd, node.faults), spid_(node.enter(*this)) {
  wire_.channel = &channel_;
  wire_.faults = &node.faults;
  wire_.spid = static_cast<std::uint16_t>(spid_);
  wire_.server = node.options().name;
}

Session::~Session() {
  channel_.shut();
  inbox_.reset();
  engine_.reset();  // its transaction is rolled back before anybody is told that the session has ended
  node_->leave(spid_);
}

void Session::end(std::uint32_t error) {
  ending_ = error;
  const std::lock_guard lock(mutex_);
  if (inbox_)
    inbox_->close();
  else
    channel_.shut();
}

void Session::run() {
  if (!greet()) return;
  const bool exact = wire_.version >= tds::tds_version::v7_3a || wire_.version == tds::tds_version::v8_0;
  {
    const std::lock_guard lock(mutex_);
    inbox_ = std::make_unique<Inbox>(channel_, std::move(plain_), wire_.packet_size,
                                     exact ? wire_.packet_size : 0);
  }
  if (ending_ != 0) return;
  Request request;
  while (true) {
    const Inbox::Event event = inbox_->next(request);
    if (event == Inbox::Event::Closed) return;
    if (event == Inbox::Event::Attention)
      acknowledge_attention();
    else if (!serve(request))
      return;
  }
}

void Session::acknowledge_attention() {
  if (!inbox_->take_attention()) return;
  ++node_->counters.attentions;
  std::string done, packet;
  tds::append_done(done, wire_.version, {tds::Token::Done, tds::done_status::attention, 0, 0});
  tds::append_message(packet, tds::PacketType::Response, done, wire_.packet_size, 0, wire_.spid);
  channel_.write(packet);
}

Reply Session::make_reply() {
  Reply reply(wire_, [this] { return !inbox_->cancelled(); }, [this] { return engine_->descriptor() != 0; });
  reply.set_columns_only([this] {
    const auto& options = engine_->settings().options;
    const auto only = options.find("FMTONLY");
    return only != options.end() && only->second == "ON";
  });
  return reply;
}

bool Session::serve(const Request& incoming) {
  Request request = incoming;
  Reply reply = make_reply();
  if (request.ignored) {
    std::string done, packet;
    tds::append_done(done, wire_.version, {tds::Token::Done, tds::done_status::error, 0, 0});
    tds::append_message(packet, tds::PacketType::Response, done, wire_.packet_size, 0, wire_.spid);
    return channel_.write(packet);
  }
  for (std::uint32_t waited = 0; waited < node_->faults.slow_ms && !inbox_->cancelled(); waited += 5)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (!execute(request, reply)) return false;
  return close_response(reply);
}

bool Session::execute(Request& request, Reply& reply) {
  Bytes payload = request.payload;
  if (takes_headers(request.type) && tds::tds_version::has_all_headers(wire_.version)) {
    const auto headers = tds::parse_all_headers(payload);
    if (!headers || !headers->has_transaction) {
      std::fprintf(stderr, "sqlnode: spid %d: ALL_HEADERS missing or wrong\n", spid_);
      return false;
    }
    payload.remove_prefix(headers->size);
    if ((request.status &
         (tds::packet_status::reset_connection | tds::packet_status::reset_connection_skip_tran)) != 0) {
      ++node_->counters.resets;
      engine_->reset((request.status & tds::packet_status::reset_connection_skip_tran) != 0);
      prepared_->forget_all();
      told_ = initial_;
      reply.environment(tds::EnvKind::ResetAck, {}, {});
    }
    if (headers->descriptor != engine_->descriptor()) {
      reply.error(
          {3989, 1, 16,
           "New request is not allowed to start because it should come with valid transaction descriptor.",
           "", 1});
      return true;
    }
  }
  switch (request.type) {
    case tds::PacketType::Batch: batch(payload, reply); return true;
    case tds::PacketType::TransactionManager: transaction(payload, reply); return true;
    case tds::PacketType::Bulk: bulk(payload, reply); return true;
    case tds::PacketType::Rpc: {
      ++node_->counters.calls;
      const auto understood = prepared_->run(payload, wire_.version, reply, inbox_->cancelled());
      if (understood) return true;
      std::fprintf(stderr, "sqlnode: spid %d: RPC: %s\n", spid_, understood.error().text.c_str());
      reply.error(
          {8009, 1, 20, "The incoming TDS RPC stream is incorrect: " + understood.error().text, "", 1});
      return true;
    }
    default:
      std::fprintf(stderr, "sqlnode: spid %d: a message of type %d\n", spid_, static_cast<int>(request.type));
      return false;
  }
}

std::string Session::session_state() {
  if (!recovery_) return {};
  auto now = state_values(engine_->settings());
  const bool recoverable = engine_->settings().recoverable && node_->faults.recoverable;
  tds::SessionState state;
  // A change of recoverability alone has to name ids too: it holds for those that a token has.
  state.states = recoverable == told_recoverable_ ? changed_values(told_, now) : now;
  if (state.states.empty()) return {};
  state.sequence = ++sequence_;
  state.recoverable = recoverable;
  told_ = std::move(now);
  told_recoverable_ = recoverable;
  std::string token;
  tds::append_session_state(token, state);
  return token;
}

bool Session::close_response(Reply& reply) {
  if (const std::uint32_t error = ending_; error != 0) {
    reply.error(ending_message(error));
    reply.finish();
    return false;
  }
  if (!reply.finish(session_state()) || reply.fatal()) return false;
  // The attention's answer is a message of its own behind the response that it has cut short.
  acknowledge_attention();
  return true;
}

}  // namespace holdfast::sqlnode
