#include <utility>

#include "tds/answer.h"
#include "tds/conversation_parts.h"
#include "tds/rpc.h"

namespace holdfast::tds {

namespace {

std::uint32_t major(std::uint32_t program_version) { return program_version >> 24; }

}  // namespace

bool Conversation::Parts::recoverable_by_server() const {
  return first.server_has_recovery && settings.unrecoverable(true) == 0;
}

Conversation::Relogin Conversation::Parts::relogin() const {
  // Database and language stay the client's own: RESETCONNECTION goes back to what this login says. What was
  // changed since is said by the recovery data or by our batch.
  Relogin relogin;
  relogin.packet_size = first.client_packet_size;
  if (recoverable_by_server()) relogin.recovery = settings.recovery_data();
  return relogin;
}

// Why the new server will not do; empty: it will.
std::string_view Conversation::Parts::mismatch(const LoginFacts& next, bool recovered) const {
  if (next.version != first.version) return "the new server speaks another version of TDS";
  if (next.column_encryption != first.column_encryption) return "the new server differs in column encryption";
  const bool by_client = first.client_asked_recovery && first.server_has_recovery;
  if (by_client && !next.server_has_recovery) return "the new server has no session recovery";
  if (by_client && major(next.server_version) != major(first.server_version))
    return "the new server is of another major version";
  if (next.server_has_recovery && !first.server_has_recovery && !strip) return "";
  if (!next.server_has_recovery && settings.unrecoverable(false) != 0)
    return "the new server has no session recovery";
  if (recovered && !next.database.empty() && next.database != settings.database())
    return "the new server did not restore the database";
  return "";
}

bool Conversation::Parts::recovered_by(const LoginFacts& next) const {
  return recoverable_by_server() && next.server_has_recovery;
}

// `from`: another session used it before; null: it is fresh from its login.
void Conversation::Parts::attached(const LoginFacts& next, const Handover* from) {
  if (ended || server != Server::Lost) return;
  const bool recovered = from == nullptr && recovered_by(next);
  if (const std::string_view why = mismatch(next, recovered); !why.empty()) {
    host.drop_server();
    return end_honestly(answer_number::session_lost, "session-lost", why);
  }
  login = next;
  if (!lent || requests != 0) ++generation;
  if (!std::exchange(lent, false)) ++survived;
  waits_for = {};
  reset_owed = from != nullptr;
  server_sequence = from != nullptr ? from->sequence : 0;
  sequence_offset = sequence - server_sequence;
  flight->server_packets.clear();
  std::string batch =
      recovered ? settings.isolation_batch() : settings.restoring_batch(next.database, next.language);
  if (from != nullptr && !from->isolation_default)
    batch.insert(0, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\n");
  if (batch.empty()) {
    set_server(Server::Ready);
    return go_on();
  }
  ask_own(Server::Restoring, PacketType::Batch, build_batch(login.version, batch));
}

void Conversation::Parts::prepare(const PreparedStatement& statement) {
  flight->preparing = statement.client;
  flight->own_handle = 0;
  ask_own(Server::Preparing, PacketType::Rpc,
          build_prepare(login.version, statement.declaration, statement.text, for_server()));
}

void Conversation::Parts::ask_own(Server next, PacketType type, Bytes payload) {
  flight->own_failed = flight->own_acknowledged = flight->own_said = false;
  flight->own_error.clear();
  set_server(next);
  flight->walk.emplace(login.version,
                       TokenWalk::kinds({Token::Error, Token::Info, Token::EnvChange, Token::SessionState,
                                         Token::ReturnValue, Token::Done, Token::DoneProc}),
                       *this, login.column_encryption);
  std::string out;
  append_message(out, type, payload, login.server_packet_size, take_reset());
  host.to_server(out);
}

// Before TDS 7.2 only the server knows whether a COMMIT was a nested one's. PRINT and IF
// leave @@IDENTITY alone and @@ROWCOUNT at 0, where COMMIT has set it.
void Conversation::Parts::ask_transaction() {
  ask_own(Server::Asking, PacketType::Batch, build_batch(login.version, "IF @@TRANCOUNT > 0 PRINT N'open'"));
}

void Conversation::Parts::own_packet(const WholePacket& packet) {
  if (flight->walk && !flight->walk->feed(packet.payload(), nullptr)) {
    flight->own_failed = true;
    flight->own_error = "its answer could not be read";
    flight->walk.reset();
  }
  if (packet.header.last()) own_answer_over();
}

// The attention ended our sp_prepare, or came behind it; the client's request was not sent.
void Conversation::Parts::cancelled_in_prepare() {
  attention_sent = false;
  record("attention");
  carry_reset();
  stage = Stage::None;
  to_client(attention_answer(first.version));
}

void Conversation::Parts::own_answer_over() {
  if (attention_sent && !flight->walk) {
    host.drop_server();
    return lose("an answer could not be read");
  }
  if (attention_sent && !flight->own_acknowledged) return flight->walk->restart();  // its own message follows
  flight->walk.reset();
  const bool restoring = server == Server::Restoring;
  if (server == Server::Asking) {
    untold_transaction = flight->own_failed || flight->own_said;
    set_server(Server::Ready);
    return go_on();
  }
  set_server(Server::Ready);
  if (restoring) {
    if (!flight->own_failed) return go_on();
    host.drop_server();
    return end_honestly(answer_number::session_lost, "session-lost",
                        "the session's settings could not be restored: " + flight->own_error);
  }
  PreparedStatement* statement = prepared.find(flight->preparing);
  if (statement != nullptr && !flight->own_failed && flight->own_handle != 0) {
    statement->server = flight->own_handle;
    statement->generation = generation;
  }
  if (replaying() && (statement == nullptr || statement->generation != generation))
    return abandon_replay("a statement of the transaction could not be prepared again");
  if (attention_sent) return cancelled_in_prepare();
  if (statement != nullptr && statement->generation == generation) return go_on();
  if (stage != Stage::Held) return;
  answer_request(error_answer(first.version, no_such_handle, 16,
                              "Holdfast: a statement could not be prepared again: " + flight->own_error),
                 "error", no_such_handle);
}

}  // namespace holdfast::tds
