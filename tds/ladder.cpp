#include "tds/ladder.h"

namespace holdfast::tds {

namespace {

FateAndWhy end_of(const LossFacts& facts) {
  if (facts.state != 0) return {Fate::End, "the session holds state that cannot be restored"};
  return {Fate::End, "the login cannot be repeated"};
}

FateAndWhy fate_of_unsent(const LossFacts& facts) {
  if (facts.attention) return {Fate::Cancelled, "the request was cancelled and had not been sent"};
  if (facts.in_transaction && facts.replayable && facts.retained)
    return {Fate::Replay, "the transaction has only read"};
  if (facts.in_transaction) return {Fate::RolledBack, "the transaction was lost with its server"};
  if (facts.retained) return {Fate::Resend, "the request had not been sent"};
  return {Fate::RolledBack, "the request was too long to be kept and had not been sent whole"};
}

// A transaction dies with its server unless its COMMIT may have been done.
FateAndWhy fate_in_transaction(const LossFacts& facts, bool restorable) {
  if (facts.ends_transaction && !facts.rolls_back) return {Fate::Unknown, "a COMMIT may have been in flight"};
  if (!restorable) return end_of(facts);
  if (facts.replayable && facts.retained && !facts.attention && (!facts.forwarded || facts.comparable))
    return {Fate::Replay, "the transaction has only read"};
  if (facts.forwarded) return {Fate::End, "part of an answer had been sent"};
  if (facts.attention) return {Fate::Cancelled, "the request was cancelled; its transaction is lost"};
  return {Fate::RolledBack, "the transaction was lost with its server"};
}

FateAndWhy fate_of_sent(const LossFacts& facts, bool restorable) {
  if (facts.in_transaction) return fate_in_transaction(facts, restorable);
  if (!facts.read_only && !facts.rolls_back) return {Fate::Unknown, "a write was in flight"};
  if (!restorable) return end_of(facts);
  if (facts.attention && !facts.forwarded) return {Fate::Cancelled, "the read was cancelled"};
  if (facts.repeat_allowed && facts.retained && (!facts.forwarded || facts.comparable))
    return {Fate::Repeat, "the request only reads"};
  if (facts.forwarded) return {Fate::End, "part of an answer had been sent"};
  return {Fate::RolledBack, "the request only reads and is not repeated here"};
}

}  // namespace

FateAndWhy fate_of(const LossFacts& facts) {
  const bool restorable = facts.relogin_possible && facts.state == 0;
  switch (facts.progress) {
    case Progress::Idle:
      if (!restorable) return end_of(facts);
      if (!facts.in_transaction) return {Fate::Continue, "the session was idle"};
      if (facts.replayable) return {Fate::Replay, "the transaction has only read"};
      return {Fate::RolledBackLater, "the transaction was lost with its server"};
    case Progress::Unsent: return restorable ? fate_of_unsent(facts) : end_of(facts);
    case Progress::Sent: return fate_of_sent(facts, restorable);
  }
  return {Fate::End, "unheard of"};
}

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::Continue: return "continue";
    case Fate::Resend: return "resend";
    case Fate::Repeat: return "repeat";
    case Fate::Replay: return "replay";
    case Fate::Cancelled: return "cancelled";
    case Fate::RolledBack: return "rolled-back";
    case Fate::RolledBackLater: return "rolled-back-later";
    case Fate::Unknown: return "unknown";
    case Fate::End: return "end";
  }
  return "";
}

}  // namespace holdfast::tds
