#include <algorithm>
#include <utility>

#include "tds/all_headers.h"
#include "tds/answer.h"
#include "tds/conversation_parts.h"
#include "tds/little.h"
#include "tds/rpc.h"

namespace holdfast::tds {

// The request is whole, or as much of it is here as is ever kept.
void Conversation::Parts::ready(Bytes raw) {
  if (std::exchange(request().read, true)) request().facts.clear();
  read_request(request().type, request().payload, request().whole, first.version, prepared, shared.texts,
               request().facts);
  if (answered_for_lost_transaction()) return;
  give_up_replay();
  learn_transaction();
  // Rows follow an INSERT BULK that only the server which read it knows of.
  if (request().facts.bulk && (server == Server::Lost || answered_generation != generation))
    return say_rolled_back("the server that was to take the rows is gone");
  if (request().facts.asks_previous && requests != 0 &&
      (server == Server::Lost || answered_generation != generation))
    return end_honestly(answer_number::session_lost, "session-lost",
                        "the server that knew the last statement's @@IDENTITY and @@ROWCOUNT is gone");
  leans |= request().facts.asks_previous;
  if (!may_send()) return hold();
  if (allowed()) send(raw);
}

bool Conversation::Parts::answered_for_lost_transaction() {
  if (!doomed) return false;
  const RequestFacts& facts = request().facts;
  // A client that follows its descriptors and says none has been told already, or has given the transaction
  // up.
  if (request().rolls_back_by_reset() ||
      (facts.has_descriptor && facts.descriptor == 0 && trusted_descriptor)) {
    doomed.reset();
    return false;
  }
  if (facts.only_unprepares) {
    unprepare_done();
    return true;
  }
  request().in_transaction = true;
  request().descriptor = *doomed;
  doomed.reset();
  if (facts.rolls_back)
    answer_request(rollback_done_answer(first.version, request().descriptor), "ok");
  else
    say_rolled_back("the transaction was lost with its server");
  return true;
}

// The client's own word, where it has been seen to keep it, also tells of transactions that ended in answers
// nobody walked.
void Conversation::Parts::learn_transaction() {
  const RequestFacts& facts = request().facts;
  if (!facts.has_descriptor) return;
  if (facts.descriptor != 0) {
    if (facts.descriptor == descriptor) trusted_descriptor = true;
    descriptor = facts.descriptor;
  } else if (trusted_descriptor) {
    descriptor = 0;
  }
}

void Conversation::Parts::unprepare_done() {
  std::string out;
  for (std::size_t i = 0; i < request().facts.calls; ++i) {
    append_return_status(out, 0);
    const bool more = i + 1 < request().facts.calls;
    append_done(out, first.version,
                {Token::DoneProc,
                 static_cast<std::uint16_t>(more ? done_status::more | done_status::rpc_in_batch : 0), 0, 0});
  }
  for (const std::int32_t handle : request().facts.unprepares) prepared.forget(handle);
  answer_request(out, "ok");
}

bool Conversation::Parts::may_send() const {
  return server == Server::Ready && !replaying() && (!paused || in_transaction());
}

void Conversation::Parts::hold() {
  if (!request().whole) {
    constexpr std::string_view why = "the request is too long to wait for a server";
    return descriptor != 0 ? give_up_transaction(why) : say_rolled_back(why);
  }
  stage = Stage::Held;
  request().held_since = now;
  ask_back();
}

void Conversation::Parts::go_on() {
  if (!ended && replaying() && server == Server::Ready) return replay_next();
  ask_back();
  // It was kept beyond its bound while there was no server for it.
  if (stage == Stage::Gathering && request().payload.size() >= options.retain && may_send()) return ready({});
  if (ended || stage != Stage::Held || !may_send()) return;
  if (allowed()) send({});
}

bool Conversation::Parts::allowed() {
  if (options.digest_text == 0) return true;
  RequestRecord record;
  record.digest = request().facts.digest();
  record.digest_text = request().facts.digest_text();
  record.bytes_in = request().bytes;
  std::string why;
  if (host.allow(record, why)) return true;
  if (answer().bytes != 0)
    end("denied", true);
  else
    answer_request(error_answer(first.version, answer_number::denied, 16, why), "denied",
                   answer_number::denied);
  return false;
}

// False: the request waits for a statement to be prepared, or was answered.
bool Conversation::Parts::handles_ready() {
  if (generation == 0) return true;
  for (const RequestFacts::Handle& handle : request().facts.handles) {
    const PreparedStatement* statement = prepared.find(handle.client);
    if (statement == nullptr) {
      // It may be another statement's number by now.
      answer_request(error_answer(first.version, no_such_handle, 16,
                                  "Could not find prepared statement with handle " +
                                      std::to_string(handle.client) + "."),
                     "error", no_such_handle);
      return false;
    }
    if (statement->generation == generation) continue;
    if (!request().whole)  // it cannot wait; the next one will find the handle
      answer_request(error_answer(first.version, no_such_handle, 16,
                                  "Holdfast: the request is too long to wait for its statement."),
                     "error", no_such_handle);
    else if (stage != Stage::Held)
      hold();
    prepare(*statement);
    return false;
  }
  return true;
}

void Conversation::Parts::patch_handles() {
  if (generation == 0) return;
  for (const RequestFacts::Handle& handle : request().facts.handles) {
    const PreparedStatement* statement = prepared.find(handle.client);
    if (statement != nullptr) patch_handle(request().payload, handle, *statement);
  }
}

void Conversation::Parts::patch_handle(std::string& payload, const RequestFacts::Handle& handle,
                                       const PreparedStatement& statement) {
  std::string four;
  LittleWriter(four).u32(static_cast<std::uint32_t>(statement.server));
  if (handle.at + four.size() <= payload.size()) payload.replace(handle.at, four.size(), four);
}

void Conversation::Parts::send(Bytes raw) {
  Request& request = flight->request;
  if (request.resets()) {
    settings.reset();
    prepared.clear();
    cursors = 0;
    if (request.rolls_back_by_reset()) {
      forget_transaction();
      untold_transaction = false;
    }
  }
  if (!handles_ready()) return;
  patch_handles();
  if (on_server != 0 && request.facts.descriptor == descriptor)
    patch_descriptor(request.payload, request.facts.descriptor_at);
  if (stage == Stage::Held) request.held = request.held + (now - request.held_since);
  request.in_transaction = descriptor != 0;
  request.descriptor = descriptor;
  ++request.attempts;
  const std::uint8_t reset = take_reset();
  own_reset = reset != 0 && !request.resets();
  const std::uint8_t status = own_reset ? request.status | reset : request.status;
  begin_answer();
  set_server(Server::Busy);
  std::string out;
  if (request.whole) {
    stage = Stage::Sent;
    const bool as_it_came = !raw.empty() && !request.flagged && !answer().drops_reset && on_server == 0 &&
                            raw.size() <= login.server_packet_size &&
                            (generation == 0 || request.facts.handles.empty());
    if (as_it_came) return host.to_server(raw);
    append_message(out, request.type, request.payload, login.server_packet_size, status);
  } else {
    stage = Stage::Streaming;
    flight->to_server_packer.begin(request.type, login.server_packet_size, status);
    flight->to_server_packer.add(request.payload, out);
    std::string().swap(request.payload);
  }
  host.to_server(out);
}

bool Conversation::Parts::needs_walk() const {
  if (strip) return true;
  if (stage == Stage::None) return false;
  if (on_server != 0) return true;
  const StatementFacts& said = request().facts.statement();
  if (request().resets() || !request().facts.prepares.empty() || settings.implicit_transactions())
    return true;
  // A client that does not repeat descriptors cannot tell of a transaction that an error ended.
  if (request().in_transaction && !trusted_descriptor) return true;
  return !said.plain && !said.read_only;
}

void Conversation::Parts::begin_answer() {
  Answer& next = answer();
  const Flight::AnswerState last = next;
  const std::uint64_t had = next.bytes;
  next.clear();
  if (request().repeated && stage != Stage::None) {
    next.expect = next.bytes = had;
    next.given = last.given;
    next.attention_owed = attention_asked;
    next.expect_hash = last.expect_hash;
  }
  const RequestFacts& facts = request().facts;
  const StatementFacts& said = facts.statement();
  next.hashed = stage != Stage::None && facts.repeatable && request().whole &&
                (said.deterministic || !said.read_only) &&
                (request().in_transaction ? keeping() : options.replay_reads);
  next.drops_reset = std::exchange(own_reset, false);
  next.walking = needs_walk() || next.drops_reset;
  const bool offset = first.client_asked_recovery && sequence_offset != 0;
  const bool handle = generation != 0 && !facts.prepares.empty();
  // USE goes to a database that may have a failover partner, which no client is to be told.
  const bool partner = said.changes_database;
  next.rewriting =
      next.walking && (strip || offset || handle || partner || next.drops_reset || on_server != 0);
  next.repacking = next.rewriting || next.expect != 0 || login.server_packet_size > first.client_packet_size;
  flight->walk.reset();
  flight->answer_digest.reset();
  if (digests_answer())
    flight->answer_digest.emplace(login.version, login.column_encryption, !facts.prepares.empty());
  if (next.walking) {
    auto kinds = TokenWalk::kinds({Token::EnvChange, Token::Error, Token::SessionState});
    if (!facts.prepares.empty()) kinds |= TokenWalk::kinds({Token::ReturnValue, Token::DoneProc});
    flight->walk.emplace(login.version, kinds, *this, login.column_encryption);
  }
  const bool continues = next.expect != 0 && last.repacking;  // with a packet begun
  if (next.repacking && !continues)
    flight->to_client_packer.begin(PacketType::Response, first.client_packet_size, 0, first.spid);
}

}  // namespace holdfast::tds
