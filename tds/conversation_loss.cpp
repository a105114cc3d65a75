#include "tds/answer.h"
#include "tds/conversation_parts.h"

namespace holdfast::tds {

bool Conversation::Parts::implicit() const { return settings.implicit_transactions(); }

UnrecoverableSet Conversation::Parts::lacking() const {
  UnrecoverableSet set = settings.unrecoverable(login.server_has_recovery);
  if (untold_transaction) set |= static_cast<UnrecoverableSet>(Unrecoverable::Transaction);
  if (cursors > 0) set |= static_cast<UnrecoverableSet>(Unrecoverable::Cursor);
  return set;
}

LossFacts Conversation::Parts::loss_facts() const {
  LossFacts facts;
  facts.relogin_possible = options.relogin_possible;
  facts.state = lacking();
  facts.in_transaction = descriptor != 0;
  const bool sent = stage == Stage::Sent && server == Server::Busy;
  if (sent)
    facts.progress = Progress::Sent;
  else if (stage == Stage::Streaming || (stage == Stage::Held && server == Server::Preparing))
    facts.progress = Progress::Unsent;
  facts.replayable = replayable();
  if (facts.progress == Progress::Idle) return facts;

  const StatementFacts& said = request().facts.statement();
  facts.replayable = replayable() && (!sent || said.read_only);
  if (sent || stage == Stage::Streaming) facts.in_transaction = request().in_transaction;
  // Under IMPLICIT_TRANSACTIONS what it wrote was in a transaction of its own making.
  if (sent && implicit() && said.plain && !said.read_only && !request().resets()) facts.in_transaction = true;
  facts.rolls_back = request().facts.rolls_back;
  facts.ends_transaction = said.commits || said.may_end_transaction;
  const bool again = request().attempts < attempts_max;
  facts.read_only = request().facts.repeatable;
  facts.plain = said.plain;
  facts.retained = request().whole && again;
  facts.forwarded = answer().bytes != 0;
  facts.comparable = answer().hashed;
  facts.repeat_allowed = options.replay_reads || !said.read_only;
  facts.attention = attention_asked;
  return facts;
}

void Conversation::Parts::lose(std::string_view why) {
  if (ended || server == Server::Lost) return;
  (void)why;
  if (!answer().given)
    answer().bytes = 0, answer().hash = {};  // what the packer holds the client does not have
  const FateAndWhy fate = fate_of(loss_facts());
  const bool acknowledge = attention_sent && stage == Stage::None;
  flight->server_packets.clear();
  flight->walk.reset();
  const std::uint64_t lost = descriptor;
  if (fate.fate == Fate::Replay)
    begin_replay();
  else
    forget_transaction();
  attention_sent = false;
  set_server(Server::Lost);
  if (acknowledge) to_client(attention_answer(first.version));
  carry_out(fate, lost);
  if (!ended) host.want_server();
}

void Conversation::Parts::carry_out(const FateAndWhy& fate, std::uint64_t lost) {
  switch (fate.fate) {
    case Fate::Continue:
      if (stage == Stage::Held && request().facts.bulk) say_rolled_back(fate.why);
      return;
    case Fate::Resend: request().resent = true; return hold();
    case Fate::Repeat: return repeat();
    case Fate::Replay:
      if (stage == Stage::Sent) return repeat();
      if (stage == Stage::Held) hold();
      return;
    case Fate::Cancelled:
      if (lost != 0 || request().in_transaction) doomed = lost != 0 ? lost : request().descriptor;
      record("attention");
      stage = Stage::None;
      return to_client(attention_answer(first.version));
    case Fate::RolledBack: return roll_back_request(lost, fate.why);
    case Fate::RolledBackLater:
      if (stage == Stage::Held) return roll_back_request(lost, fate.why);
      doomed = lost;
      return;
    case Fate::Unknown: return end_honestly(answer_number::unknown_outcome, "unknown", fate.why);
    case Fate::End: return end_honestly(answer_number::session_lost, "session-lost", fate.why);
  }
}

void Conversation::Parts::repeat() {
  // Bytes that a repeated answer was already compared up to are not lost when it fails, too.
  if (answer().expect == 0) answer().expect_hash = answer().hash.value();
  request().repeated = true;
  hold();
}

void Conversation::Parts::say_rolled_back(std::string_view why) {
  const std::string text =
      "Holdfast: " + std::string(why) + ". Nothing of it remains. Rerun the transaction.";
  answer_request(
      rolled_back_answer(first.version, request().descriptor, text, request().type == PacketType::Rpc),
      "rolled-back", answer_number::rolled_back);
}

// `lost`: the descriptor of a transaction that is gone; 0: none was open when the server was lost.
void Conversation::Parts::roll_back_request(std::uint64_t lost, std::string_view why) {
  if (answer().bytes != 0)
    return end_honestly(answer_number::session_lost, "session-lost", "part of an answer had been sent");
  request().in_transaction = request().in_transaction || lost != 0;
  if (lost != 0) request().descriptor = lost;
  if (request().facts.only_unprepares && request().in_transaction) {
    doomed = request().descriptor;
    return unprepare_done();
  }
  if (request().facts.rolls_back)
    return answer_request(rollback_done_answer(first.version, request().descriptor), "ok");
  say_rolled_back(why);
}

void Conversation::Parts::leave_server() {
  attention_sent = false;
  flight->server_packets.clear();
  flight->walk.reset();
  if (server != Server::Lost) host.drop_server();
  set_server(Server::Lost);
}

// A request that can neither be kept nor be sent now meets a transaction that lives: 1205 has to be true.
void Conversation::Parts::give_up_transaction(std::string_view why) {
  request().in_transaction = true;
  request().descriptor = descriptor;
  forget_transaction();
  leave_server();
  say_rolled_back(why);
  host.want_server();
}

// An error is said where a client can read it: not inside an answer, and not before its request has ended.
void Conversation::Parts::end_honestly(std::uint32_t number, std::string_view outcome, std::string_view why) {
  const bool waits =
      stage == Stage::Held || stage == Stage::Sent || (stage == Stage::Gathering && request().finished);
  const bool says = waits && answer().bytes == 0;
  if (says) {
    std::string text = "Holdfast: " + std::string(why);
    if (const UnrecoverableSet set = lacking(); set != 0) text += " (" + names_of(set) + ")";
    to_client(error_answer(first.version, number, 20, text + "."));
  }
  if (stage != Stage::None) record(outcome, number);
  end(outcome, !says);
}

// The first thing an answer says is that the database went away: nothing of the statement was done, if it is
// one that is done whole or not at all. 9001 may come from a commit's own write to the log.
bool Conversation::Parts::lose_to_error() {
  constexpr std::uint32_t log_not_available = 9001;
  const RequestFacts& facts = request().facts;
  const bool undone = facts.repeatable || (facts.single && answer().error != log_not_available);
  if (!request().in_transaction && !undone) return false;
  if (!request().in_transaction && (!request().whole || request().attempts >= attempts_max)) return false;
  if (lacking() != 0 || !options.relogin_possible) return false;  // the error is the honest answer
  host.drop_server();
  if (!request().in_transaction && !facts.repeatable) {
    flight->server_packets.clear();
    flight->walk.reset();
    set_server(Server::Lost);
    request().resent = true;
    hold();
    host.want_server();
    return true;
  }
  lose("the server told of a failover");
  return true;
}

}  // namespace holdfast::tds
