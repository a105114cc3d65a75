#include "tds/all_headers.h"
#include "tds/answer.h"
#include "tds/conversation_parts.h"
#include "tds/little.h"
#include "tds/login.h"
#include "tds/rpc.h"

// Replay of a transaction that has only read: after the settings are restored, its requests are sent again
// from the BEGIN, in order, and each answer is compared with what the client was given. The client keeps its
// descriptor; the server's own takes its place in ALL_HEADERS (MS-TDS 2.2.5.3) and is taken out of ENVCHANGE
// (2.2.7.9). An answer that differs ends it: the client is told that the transaction was rolled back.
namespace holdfast::tds {

bool Conversation::Parts::keepable() const {
  const RequestFacts& facts = request().facts;
  return request().whole && facts.statement().read_only && facts.statement().deterministic &&
         !request().resets() && facts.prepares.size() <= 1 && !facts.distributed;
}

bool Conversation::Parts::keeping() const {
  return options.replay_transactions && kept.open() && descriptor != 0 && kept.descriptor() == descriptor;
}

/// The answer that comes is to be one that a replay can be compared with.
bool Conversation::Parts::digests_answer() const {
  if (!options.replay_transactions || stage == Stage::None || !request().whole) return false;
  if (request().facts.begins_anew) return true;
  if (request().in_transaction) return keeping() && keepable();
  return request().facts.begins || (implicit() && keepable());
}

void Conversation::Parts::keep_read(bool failed) {
  if (!options.replay_transactions) return;
  const RequestFacts& facts = request().facts;
  const bool starts = !request().in_transaction || facts.begins_anew;
  if (!starts && facts.only_unprepares) return;
  const bool sound = !failed && flight->answer_digest && flight->answer_digest->fine() && descriptor != 0 &&
                     flight->answer_digest->ended() == facts.begins_anew &&
                     (flight->answer_digest->begun() != 0) == starts;
  if (!sound || (!starts && kept.descriptor() != descriptor)) return kept.clear();
  KeptReads::Step step;
  step.type = request().type;
  step.payload = request().payload;
  step.descriptor_at = facts.descriptor != 0 ? facts.descriptor_at : 0;
  step.handles = facts.handles;
  step.begins = facts.begins;
  step.answer = flight->answer_digest->value();
  if (facts.begins_anew) {  // what it ended stays ended
    step.begins = true;
    step.descriptor_at = 0;
    step.payload.clear();
    append_all_headers(step.payload, 0);
    LittleWriter(step.payload).u16(static_cast<std::uint16_t>(TmKind::Begin)).u8(facts.isolation).u8(0);
  }
  if (!facts.prepares.empty()) {
    if (request().prepared == 0) return kept.clear();
    step.prepared = request().prepared;
  }
  if (!starts) return kept.add(std::move(step));
  replays = 0;
  kept.start(descriptor, std::move(step));
}

void Conversation::Parts::patch_descriptor(std::string& payload, std::size_t at) const {
  if (at == 0 || at + sizeof descriptor > payload.size()) return;
  std::string eight;
  LittleWriter(eight).u64(for_server());
  payload.replace(at, eight.size(), eight);
}

void Conversation::Parts::begin_replay() {
  replay_at = 0;
  on_server = 0;
  ++replays;
}

void Conversation::Parts::replay_next() {
  if (*replay_at == kept.steps().size()) {
    replay_at.reset();
    flight->answer_digest.reset();
    ++replayed;
    return go_on();
  }
  const KeptReads::Step& step = kept.steps()[*replay_at];
  std::string payload = step.payload;
  patch_descriptor(payload, step.descriptor_at);
  for (const RequestFacts::Handle& handle : step.handles) {
    const PreparedStatement* statement = prepared.find(handle.client);
    if (statement == nullptr) return abandon_replay("the transaction used a statement that is gone");
    if (statement->generation != generation) return prepare(*statement);
    patch_handle(payload, handle, *statement);
  }
  flight->answer_digest.emplace(login.version, login.column_encryption, step.prepared != 0);
  set_server(Server::Replaying);
  std::string out;
  append_message(out, step.type, payload, login.server_packet_size);
  host.to_server(out);
}

void Conversation::Parts::replay_packet(const WholePacket& packet) {
  flight->answer_digest->add(packet.payload());
  if (!packet.header.last()) return;
  const KeptReads::Step& step = kept.steps()[*replay_at];
  const AnswerDigest& said = *flight->answer_digest;
  if (is_failover_error(said.error())) host.on_failover_error(said.error());
  const bool first_step = *replay_at == 0;
  if (!said.fine() || said.ended() || (said.begun() != 0) != first_step ||
      (step.prepared != 0 && said.handle() == 0))
    return abandon_replay("the transaction could not be run again");
  if (!step.begins && said.value() != step.answer)
    return abandon_replay("what the transaction had read has changed");
  if (first_step) on_server = said.begun();
  if (step.prepared != 0)
    if (PreparedStatement* statement = prepared.find(step.prepared)) {
      statement->server = said.handle();
      statement->generation = generation;
    }
  ++*replay_at;
  set_server(Server::Ready);
  replay_next();
}

void Conversation::Parts::forget_transaction() {
  descriptor = on_server = 0;
  replay_at.reset();
  kept.clear();
}

/// The new server's transaction is of no use: its connection goes, and the client hears of it.
void Conversation::Parts::abandon_replay(std::string_view why) {
  const std::uint64_t lost = descriptor;
  forget_transaction();
  leave_server();
  if (stage == Stage::Held)
    roll_back_request(lost, why);
  else
    doomed = lost;
  if (!ended) host.want_server();
}

/// A request that comes while its transaction is being replayed may say that the client has given it up.
void Conversation::Parts::give_up_replay() {
  if (!replaying()) return;
  const RequestFacts& facts = request().facts;
  const bool other =
      facts.has_descriptor && facts.descriptor != descriptor && (facts.descriptor != 0 || trusted_descriptor);
  if (!other && !request().rolls_back_by_reset()) return;
  forget_transaction();
  if (server != Server::Replaying && server != Server::Preparing) return;
  leave_server();
  host.want_server();
}

}  // namespace holdfast::tds
