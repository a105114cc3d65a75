#include <algorithm>
#include <array>
#include <utility>

#include "tds/answer.h"
#include "tds/conversation_parts.h"
#include "tds/little.h"
#include "tds/login.h"

namespace holdfast::tds {

namespace {

// Besides those of a login: the database or the log went away, the server shuts down or is paused, the
// session was killed.
bool tells_of_failover(std::uint32_t number) {
  static constexpr std::array<std::uint32_t, 5> more = {596, 3906, 6005, 9001, 17142};
  return is_failover_error(number) || std::find(more.begin(), more.end(), number) != more.end();
}

/// A failover partner or a route: a client that knows one goes there by itself.
bool leads_away(EnvKind kind) {
  return kind == EnvKind::Mirror || kind == EnvKind::Routing || kind == EnvKind::EnhancedRouting;
}

}  // namespace

void Conversation::Parts::from_server(Bytes in) {
  if (ended || server == Server::Lost) return;
  Bytes run;
  while (!ended && server != Server::Lost && !in.empty()) {
    WholePacket packet;
    const auto got = flight->server_packets.next(in, packet);
    if (got && !*got) break;
    if (!got || packet.header.type != PacketType::Response) {
      flush(run);
      host.drop_server();
      if (++garbled > attempts_max) return end("server-protocol", true);
      return lose("the server's packets cannot be read");
    }
    if (ours())
      own_packet(packet);
    else if (server == Server::Replaying)
      replay_packet(packet);
    else if (server == Server::Busy)
      answer_packet(packet, run);
  }
  flush(run);
}

void Conversation::Parts::flush(Bytes& run) {
  if (!run.empty() && !ended) give(run);
  run = {};
}

void Conversation::Parts::give(Bytes packets) {
  answer().given = true;
  host.to_client(packets);
}

void Conversation::Parts::answer_packet(const WholePacket& packet, Bytes& run) {
  Bytes body = packet.payload();
  if (!answer().begun) {
    answer().begun = true;
    if (failed_over(body)) return;
  }
  answer().tail.add(body);
  if (flight->answer_digest) flight->answer_digest->add(body);
  if (answer().walking) {
    const auto walked = walk_answer(body);
    if (!walked) return;
    body = *walked;
  }
  if (answer().expect != 0 && !compare(body)) return;
  pass(packet, body, run);
  if (!packet.header.last()) return;
  flush(run);
  if (answer().repacking) {
    std::string out;
    flight->to_client_packer.finish(out);
    give(out);
  }
  answer_over();
}

// Only whole packets go on: so a client is never left inside one, and what it has of an answer can be said in
// bytes of payload.
void Conversation::Parts::pass(const WholePacket& packet, Bytes body, Bytes& run) {
  if (answer().hashed) answer().hash.add(body);
  if (answer().repacking) {
    answer().bytes += body.size();
    std::string out;
    flight->to_client_packer.add(body, out);
    if (!out.empty()) give(out);
    return;
  }
  answer().bytes += body.size();
  if (!packet.borrowed) {
    flush(run);
    give(packet.raw);
    return;
  }
  if (!run.empty() && run.data() + run.size() != packet.raw.data()) flush(run);
  run = run.empty() ? packet.raw : Bytes(run.data(), run.size() + packet.raw.size());
}

// What goes to the client of these bytes. Nullopt: the session is over.
std::optional<Bytes> Conversation::Parts::walk_answer(Bytes payload) {
  flight->scratch.clear();
  const auto walked = flight->walk->feed(payload, answer().rewriting ? &flight->scratch : nullptr);
  if (!walked) {
    if (answer().rewriting) flight->scratch.append(flight->walk->held());
    lost_track();
    if (ended) return std::nullopt;
    answer().walking = false;
  }
  return answer().rewriting ? Bytes(flight->scratch) : payload;
}

// The answer has something that is not understood: what it did to the session is not known.
void Conversation::Parts::lost_track() {
  if (strip) return end_honestly(answer_number::session_lost, "session-lost", "an answer could not be read");
  if (!request().facts.statement().plain) settings.add(Unrecoverable::UnknownSetting);
  if (!request().facts.prepares.empty()) settings.add(Unrecoverable::TooManyHandles);
  if (!trusted_descriptor) settings.add(Unrecoverable::Transaction);
}

// Takes from `body` what the client has already. False: the answers differ, and the session is over.
bool Conversation::Parts::compare(Bytes& body) {
  const Bytes head = body.substr(0, answer().expect - answer().hash.length());
  answer().hash.add(head);
  body.remove_prefix(head.size());
  if (answer().hash.length() < answer().expect) return true;
  if (answer().hash.value() != answer().expect_hash) {
    host.drop_server();
    record("unknown");
    end("answer-differs", true);
    return false;
  }
  answer().expect = 0;
  if (answer().attention_owed) {
    answer().attention_owed = false;
    attention_sent = true;
    std::string out;
    append_message(out, PacketType::Attention, {}, login.server_packet_size);
    host.to_server(out);
  }
  return true;
}

// An answer that begins with an error which tells of a failover. True: it was taken for the server's loss,
// and is withheld.
bool Conversation::Parts::failed_over(Bytes payload) {
  const auto passes = [](char token) {
    return static_cast<Token>(token) == Token::EnvChange || static_cast<Token>(token) == Token::Info;
  };
  while (payload.size() > 3 && passes(payload[0])) {
    LittleReader head(payload.substr(1));
    payload.remove_prefix(std::min<std::size_t>(payload.size(), *head.u16() + std::size_t{3}));
  }
  if (payload.size() < 3 || static_cast<Token>(payload[0]) != Token::Error) return false;
  LittleReader head(payload.substr(1));
  const auto message = parse_server_message(payload.substr(0, *head.u16() + std::size_t{3}), login.version);
  if (!message) return false;
  answer().error = message->number;
  if (!tells_of_failover(message->number)) return false;
  host.on_failover_error(message->number);
  if (stage != Stage::Sent || attention_asked || answer().bytes != 0) return false;
  return lose_to_error();
}

void Conversation::Parts::answer_over() {
  const std::size_t size = done_size(login.version);
  const Bytes tail = answer().tail.bytes();
  std::optional<Done> done;
  if (tail.size() >= size) done = parse_done(tail.substr(tail.size() - size), login.version);
  if (answer().expect != 0) {  // shorter than what the client has of it
    record("unknown");
    return end("answer-differs", true);
  }
  const bool acknowledges = attention_sent && done && (done->status & done_status::attention) != 0;
  if (stage == Stage::Streaming) {
    answer().early = true;
    return;
  }
  if (stage == Stage::Sent) answered(done, acknowledges);
  if (ended) return;
  if (acknowledges) attention_sent = false;
  if (attention_sent) {  // its own message follows
    begin_answer();
    return;
  }
  set_server(Server::Ready);
  std::exchange(ask_due, false) ? ask_transaction() : go_on();
}

void Conversation::Parts::answered(const std::optional<Done>& done, bool cancelled) {
  Request& request = flight->request;
  const bool failed = !done || cancelled || (done->status & done_status::error) != 0 || answer().error != 0;
  const RequestFacts& facts = request.facts;
  settings.apply(facts.statement(), failed);
  cursors = std::max(0, cursors + facts.cursors);
  if (facts.distributed) settings.add(Unrecoverable::Transaction);
  learn_untold_transaction(failed);
  if (!failed)
    for (const std::int32_t handle : facts.unprepares) prepared.forget(handle);
  keep_read(failed);
  answered_generation = generation;
  rows_announced = facts.announces_rows;
  wrote = !facts.statement().read_only;
  garbled = 0;
  std::string_view outcome = failed ? "error" : "ok";
  if (cancelled)
    outcome = "attention";
  else if (request.repeated)
    outcome = "repeated";
  else if (request.resent)
    outcome = "resent";
  record(outcome, answer().error, done && (done->status & done_status::count) != 0 ? done->count : 0);
  stage = Stage::None;
}

// Before 7.2 no descriptor tells of a transaction. A ROLLBACK ends all; a COMMIT may be a nested one's, so the server
// is asked. After other requests it is not: @@ROWCOUNT, which only a COMMIT sets to 0 by itself, would be lost.
void Conversation::Parts::learn_untold_transaction(bool failed) {
  const StatementFacts& said = request().facts.statement();
  if (request().facts.rolls_back && !failed)
    untold_transaction = false;
  else if (!tds_version::has_all_headers(first.version) && (said.may_begin_transaction || implicit()))
    untold_transaction = true;
  ask_due = untold_transaction && said.commits && !said.calls;
}

TokenSink::Verdict Conversation::Parts::on_token(Token token, Bytes whole, std::string& replacement) {
  const bool ours = this->ours();
  switch (token) {
    case Token::Error:
      if (const auto message = parse_server_message(whole, login.version)) {
        if (ours) {
          flight->own_error = to_utf8(message->text);
          flight->own_failed = true;
        } else if (answer().error == 0) {
          answer().error = message->number;
          if (tells_of_failover(message->number)) host.on_failover_error(message->number);
        }
      }
      return Verdict::Pass;
    case Token::Info: flight->own_said = true; return Verdict::Pass;
    case Token::EnvChange:
      if (const auto change = parse_env_change(whole)) {
        if (answer().drops_reset && change->kind == EnvKind::ResetAck) return Verdict::Drop;
        if (leads_away(change->kind)) return Verdict::Drop;
        const Verdict verdict = ours ? Verdict::Pass : on_transaction_end(*change, replacement);
        on_env_change(*change);
        return verdict;
      }
      return Verdict::Pass;
    case Token::SessionState: return on_session_state(whole, replacement);
    case Token::ReturnValue: return on_handle(whole, replacement);
    case Token::Done:
    case Token::DoneProc:
      if (const auto done = parse_done(whole, login.version)) {
        if (ours && (done->status & done_status::attention) != 0) flight->own_acknowledged = true;
        if (!ours && (done->status & done_status::rpc_in_batch) != 0) ++answer().calls_done;
      }
      return Verdict::Pass;
    default: return Verdict::Pass;
  }
}

void Conversation::Parts::on_env_change(const EnvChange& change) {
  switch (change.kind) {
    case EnvKind::Database: return settings.database(change.new_value);
    case EnvKind::Language: return settings.language(change.new_value);
    case EnvKind::Collation: return settings.collation(change.new_value);
    case EnvKind::Enlist: settings.add(Unrecoverable::Transaction); [[fallthrough]];
    case EnvKind::Begin:
      descriptor = LittleReader(change.new_value).u64().value_or(0);
      on_server = 0;
      return;
    case EnvKind::Commit:
    case EnvKind::Rollback:
    case EnvKind::Defect:
    case EnvKind::Ended: descriptor = on_server = 0; return;
    default: return;
  }
}

// The client is told the end of the transaction that it knows.
TokenSink::Verdict Conversation::Parts::on_transaction_end(const EnvChange& change,
                                                           std::string& replacement) const {
  const bool ends = change.kind == EnvKind::Commit || change.kind == EnvKind::Rollback ||
                    change.kind == EnvKind::Defect || change.kind == EnvKind::Ended;
  if (on_server == 0 || !answer().rewriting || !ends || change.old_value.size() != sizeof descriptor)
    return Verdict::Pass;
  std::string eight;
  LittleWriter(eight).u64(descriptor);
  append_env_change(replacement, change.kind, change.new_value, eight);
  return Verdict::Replace;
}

TokenSink::Verdict Conversation::Parts::on_session_state(Bytes whole, std::string& replacement) {
  constexpr std::size_t sequence_at = 5;  // after the type and its length
  const auto state = parse_session_state(whole);
  if (!state) {
    settings.add(Unrecoverable::TooManyHandles);
    return Verdict::Pass;
  }
  settings.session_state(*state);
  server_sequence = state->sequence;
  if (strip) return Verdict::Drop;
  // A client takes no state older than the one it has: the count must go on where the last server's ended.
  const std::uint32_t relayed = state->sequence + sequence_offset;
  sequence = std::max(sequence, relayed);
  if (!answer().rewriting || sequence_offset == 0) return Verdict::Pass;
  std::string four;
  LittleWriter(four).u32(relayed);
  replacement = whole;
  replacement.replace(sequence_at, four.size(), four);
  return Verdict::Replace;
}

TokenSink::Verdict Conversation::Parts::on_handle(Bytes whole, std::string& replacement) {
  const auto returned = parse_returned_int(whole, login.version);
  if (!returned) return Verdict::Pass;
  if (server == Server::Preparing) {
    flight->own_handle = returned->value;
    return Verdict::Pass;
  }
  std::vector<RequestFacts::Prepare>& wanted = request().facts.prepares;
  const auto at = std::find_if(wanted.begin(), wanted.end(),
                               [&](const RequestFacts::Prepare& p) { return p.call == answer().calls_done; });
  if (at == wanted.end() || at->known) return Verdict::Pass;
  at->known = true;
  const bool own = generation != 0;
  const PreparedStatement* made = prepared.add(returned->value, own, generation, at->declaration, at->text);
  if (made == nullptr) settings.add(Unrecoverable::TooManyHandles);
  if (made != nullptr) request().prepared = made->client;
  if (made == nullptr || !own || !answer().rewriting) return Verdict::Pass;
  std::string four;
  LittleWriter(four).u32(static_cast<std::uint32_t>(made->client));
  replacement = whole;
  replacement.replace(returned->at, four.size(), four);
  return Verdict::Replace;
}

}  // namespace holdfast::tds
