#include "tds/conversation.h"

#include <algorithm>

#include "tds/answer.h"
#include "tds/conversation_parts.h"

namespace holdfast::tds {

namespace {

constexpr std::size_t early_max = 64 * 1024;  // bytes that a client may send ahead of an answer
constexpr std::uint8_t reset_flags =
    packet_status::reset_connection | packet_status::reset_connection_skip_tran;

}  // namespace

Conversation::Parts::Parts(ConversationHost& host_, const ConversationOptions& options_,
                           const LoginFacts& login_, Instant now_)
    : host(host_),
      options(options_),
      own_shared(options_.shared ? nullptr
                                 : std::make_unique<ConversationShared>(
                                       TextMemory(options_.digest_text, options_.own_text))),
      shared(options_.shared ? *options_.shared : *own_shared),
      login(login_),
      first(login_),
      now(now_),
      since(now_),
      prepared(options_.prepared_max, options_.prepared_bytes),
      strip(login_.server_has_recovery && !login_.client_asked_recovery),
      kept(options_.retain) {
  settings.login(login_.database, login_.language, login_.collation, login_.initial_state);
}

void Conversation::Parts::wake(Instant at) {
  now = at;
  if (!flight) flight = shared.flights.take();
}

void Conversation::Parts::rest() {
  const bool under_way =
      stage != Stage::None || attention_sent || (server != Server::Ready && server != Server::Lost);
  if (under_way || !flight->early.empty() || flight->client_packets.held() != 0 ||
      flight->server_packets.held() != 0)
    return;
  shared.flights.give(std::move(flight));
}

void Conversation::Parts::set_server(Server next) {
  if (server == next) return;
  server = next;
  since = now;
}

void Conversation::Parts::end(std::string_view outcome, bool reset) {
  if (ended) return;
  ended = true;
  stage = Stage::None;
  host.end(outcome, reset);
}

void Conversation::Parts::to_client(Bytes payload) {
  std::string out;
  append_message(out, PacketType::Response, payload, first.client_packet_size, 0, first.spid);
  host.to_client(out);
}

void Conversation::Parts::record(std::string_view outcome, std::uint32_t error, std::uint64_t rows) {
  Request& request = flight->request;
  RequestRecord record;
  const RequestFacts& facts = request.facts;
  record.digest = facts.digest();
  record.digest_text = facts.digest_text();
  record.own_text = facts.own_text();
  record.outcome = outcome;
  record.error = error;
  record.rows = rows;
  record.bytes_in = request.bytes;
  record.bytes_out = answer().bytes;
  record.took = now - request.came;
  record.held = request.held;
  ++requests;
  last_text = facts.text;
  host.on_request(record);
}

// A request that no server saw was to reset the session all the same: the next one does.
void Conversation::Parts::carry_reset() {
  if (request().attempts == 0) carried_reset = request().status & reset_flags;
}

void Conversation::Parts::answer_request(Bytes payload, std::string_view outcome, std::uint32_t error) {
  if (!request().finished) {
    flight->drain_answer = payload;
    flight->drain_outcome = outcome;
    flight->drain_error = error;
    stage = Stage::Draining;
    request().payload.clear();
    return;
  }
  to_client(payload);
  record(outcome, error);
  carry_reset();
  stage = Stage::None;
}

bool Conversation::Parts::settled() const {
  return stage == Stage::None && !attention_sent && !in_transaction() && !doomed &&
         (!flight || (flight->early.empty() && flight->client_packets.held() == 0));
}

// What a call has left to do once its own step is over.
void Conversation::Parts::settle() {
  while (!ended && stage == Stage::None && !flight->early.empty()) {
    std::string packets;
    packets.swap(flight->early);
    WholePackets cut;
    WholePacket packet;
    Bytes in = packets;
    while (!ended) {
      const auto got = cut.next(in, packet);
      if (!got || !*got || !client_packet(packet)) break;
    }
  }
  if (!ended && draining && settled()) end("drained", false);
  rest();
}

void Conversation::Parts::from_client(Bytes in) {
  WholePacket packet;
  while (!ended && !in.empty()) {
    const auto got = flight->client_packets.next(in, packet);
    if (!got) return end("client-protocol", true);
    if (!*got || !client_packet(packet)) return;
  }
}

bool Conversation::Parts::client_packet(const WholePacket& packet) {
  if (packet.header.type == PacketType::Attention) {
    attention(packet);
    return !ended;
  }
  switch (stage) {
    case Stage::None:
    case Stage::Gathering: gather(packet); break;
    case Stage::Streaming: stream(packet); break;
    case Stage::Draining: drain(packet); break;
    case Stage::Held:
    case Stage::Sent:
      if (flight->early.size() + packet.raw.size() > early_max) {
        end("client-protocol", true);
        break;
      }
      flight->early.append(packet.raw);
  }
  return !ended;
}

void Conversation::Parts::gather(const WholePacket& packet) {
  Request& request = flight->request;
  const PacketHeader& header = packet.header;
  if (stage == Stage::None) {
    if (header.type != PacketType::Batch && header.type != PacketType::Rpc &&
        header.type != PacketType::Bulk && header.type != PacketType::TransactionManager)
      return end("client-protocol", true);
    if (request.packets != 0) request.clear();
    request.type = header.type;
    request.status = static_cast<std::uint8_t>((header.status & reset_flags) | carried_reset);
    request.flagged = carried_reset != 0;
    request.came = now;
    carried_reset = 0;
    answer().clear();
    attention_asked = false;
    stage = Stage::Gathering;
  }
  if (header.type != request.type) return end("client-protocol", true);
  ask_back();
  request.payload.append(packet.payload());
  request.bytes += packet.raw.size();
  ++request.packets;
  if (!header.last()) {
    if (request.payload.size() >= options.retain && !starved()) ready({});
    return;
  }
  request.finished = true;
  if ((header.status & packet_status::ignore) != 0) {
    // Taken back by the client (MS-TDS 2.2.1.7): one DONE with ERROR. The server has nothing of it.
    std::string done;
    append_done(done, first.version, {Token::Done, done_status::error, 0, 0});
    return answer_request(done, "attention");
  }
  request.whole = true;
  ready(request.packets == 1 ? packet.raw : Bytes{});
}

void Conversation::Parts::stream(const WholePacket& packet) {
  if (packet.header.type != request().type) return end("client-protocol", true);
  request().bytes += packet.raw.size();
  std::string out;
  flight->to_server_packer.add(packet.payload(), out);
  const bool last = packet.header.last();
  if (last) flight->to_server_packer.finish(out, packet.header.status & packet_status::ignore);
  if (!out.empty()) host.to_server(out);
  if (!last) return;
  request().finished = true;
  // Whether a server resets for a request that is taken back is not said (MS-TDS 2.2.3.1.2).
  if ((packet.header.status & packet_status::ignore) != 0) {
    carried_reset = request().status & reset_flags;
    reset_owed = answer().drops_reset;
  }
  stage = Stage::Sent;
  if (answer().early) answer_over();
}

void Conversation::Parts::drain(const WholePacket& packet) {
  request().bytes += packet.raw.size();
  if (!packet.header.last()) return;
  request().finished = true;
  answer_request(std::string(flight->drain_answer), flight->drain_outcome, flight->drain_error);
}

void Conversation::Parts::attention(const WholePacket& packet) {
  const auto acknowledge = [&] {
    if (stage != Stage::None) {
      record("attention");
      carry_reset();
    }
    stage = Stage::None;
    to_client(attention_answer(first.version));
  };
  switch (stage) {
    case Stage::Draining:
      if (flight->drain_error == answer_number::rolled_back && request().in_transaction)
        doomed = request().descriptor;
      return acknowledge();
    case Stage::Gathering: return acknowledge();
    case Stage::Held:
      if (answer().bytes != 0) return end("attention", true);
      if (server != Server::Preparing || replaying()) return acknowledge();
      // The client may go on once it is told, and the server cannot yet: it is told when our answer is over.
      if (attention_asked) return;
      attention_asked = true;
      break;
    case Stage::None:
      if (server != Server::Ready) {
        if (!attention_sent) acknowledge();
        return;
      }
      begin_answer();
      set_server(Server::Busy);
      break;
    case Stage::Sent:
    case Stage::Streaming:
      if (attention_asked) return;
      attention_asked = true;
      if (answer().expect != 0) {
        answer().attention_owed = true;
        return;
      }
      reset_owed = stage == Stage::Streaming && answer().drops_reset;
  }
  attention_sent = true;
  host.to_server(packet.raw);
}

Conversation::Conversation(ConversationHost& host, const ConversationOptions& options,
                           const LoginFacts& login, Instant now)
    : parts_(std::make_unique<Parts>(host, options, login, now)) {}

Conversation::~Conversation() = default;

void Conversation::from_client(Bytes bytes, Instant now) {
  parts_->wake(now);
  parts_->from_client(bytes);
  parts_->settle();
}

void Conversation::from_server(Bytes bytes, Instant now) {
  parts_->wake(now);
  parts_->from_server(bytes);
  parts_->settle();
}

void Conversation::server_lost(Instant now, std::string_view why) {
  parts_->wake(now);
  parts_->lose(why);
  parts_->settle();
}

Conversation::Relogin Conversation::relogin() const { return parts_->relogin(); }

void Conversation::attached(const LoginFacts& login, Instant now) {
  parts_->wake(now);
  parts_->attached(login, nullptr);
  parts_->settle();
}

void Conversation::login_refused(std::string_view why, Instant now) {
  parts_->wake(now);
  if (!parts_->ended && parts_->server == Parts::Server::Lost)
    parts_->end_honestly(answer_number::session_lost, "session-lost", why);
}

void Conversation::pause(bool paused, Instant now, Duration patience) {
  parts_->wake(now);
  parts_->paused = paused;
  parts_->patience = paused ? patience : Duration{};
  parts_->go_on();
  parts_->settle();
}

void Conversation::drain(Instant now) {
  parts_->wake(now);
  parts_->draining = true;
  parts_->settle();
}

Instant Conversation::deadline() const {
  const Parts& p = *parts_;
  if (p.ended) return Instant::never();
  if (p.starved()) return p.request().came + std::max(p.options.hold, p.patience);
  if (p.stage != Parts::Stage::Held) return Instant::never();
  return p.request().held_since + std::max(p.options.hold, p.patience);
}

void Conversation::on_deadline(Instant now) {
  if (now < deadline()) return;
  parts_->wake(now);
  if (parts_->stage == Parts::Stage::Held)
    parts_->request().held = parts_->request().held + (now - parts_->request().held_since);
  const std::string_view what = parts_->waits_for;
  parts_->end_honestly(answer_number::unavailable, "unavailable",
                       what.empty() ? "no primary was found in time; nothing was done" : what);
}

bool Conversation::idle() const { return parts_->settled(); }

bool Conversation::in_transaction() const { return parts_->in_transaction(); }

SessionSight Conversation::sight() const {
  const Parts& p = *parts_;
  SessionSight sight;
  switch (p.server) {
    case Parts::Server::Ready: sight.state = "idle"; break;
    case Parts::Server::Asking:
    case Parts::Server::Busy: sight.state = "busy"; break;
    case Parts::Server::Lost: sight.state = p.lent ? "lent" : "detached"; break;
    case Parts::Server::Restoring:
    case Parts::Server::Replaying:
    case Parts::Server::Preparing: sight.state = "restoring";
  }
  if (p.stage == Parts::Stage::Held) sight.state = "held";
  sight.in_transaction = p.in_transaction();
  sight.unrecoverable = p.lacking();
  sight.recovery_by_server = p.login.server_has_recovery;
  if (p.last_text) sight.last_digest = p.last_text->digest.text;
  sight.since = p.since;
  sight.requests = p.requests;
  sight.survived = p.survived;
  sight.replayed = p.replayed;
  sight.prepared = p.prepared.size();
  return sight;
}

std::size_t Conversation::memory() const {
  const Parts& p = *parts_;
  return sizeof(Parts) + p.settings.memory() + p.prepared.memory() + p.kept.memory() +
         (p.flight ? p.flight->memory() : 0);
}

}  // namespace holdfast::tds
