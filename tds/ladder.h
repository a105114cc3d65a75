// What becomes of a session when its server is lost: the continuity ladder (DESIGN.md section 6) as one
// function over facts. It knows no bytes and no time; Conversation gathers the facts and carries the verdict
// out.
#pragma once

#include <cstdint>
#include <string_view>

#include "tds/statement.h"

namespace holdfast::tds {

/// What was in the server's hands.
enum class Progress : std::uint8_t {
  Idle,          ///< nothing
  Unsent,        ///< a request whose end was not given to the server: it cannot have run (MS-TDS 2.2.1.7)
  Sent,          ///< all of it was given to the socket: it may have run
};

struct LossFacts {
  Progress progress = Progress::Idle;
  bool in_transaction = false;      ///< one was begun and its end was not seen
  bool ends_transaction =
      false;    ///< the request in flight commits, or may: a COMMIT, a procedure, text we cannot read
  bool rolls_back = false;          ///< it only rolls back
  bool read_only = false;           ///< the request in flight is proved so
  bool plain = false;               ///< it is DML at most
  bool retained = false;            ///< all of it is kept and can be sent again
  bool forwarded = false;           ///< bytes of its answer have reached the client ...
  bool comparable = false;  ///< ... and their hash is kept, so that a repeated answer can be compared
  bool repeat_allowed = true;  ///< the operator's word (replay-reads)
  bool attention = false;  ///< the client has asked to cancel it
  bool replayable = false;  ///< all of the transaction so far is kept and has only read, this request included
  bool relogin_possible = false;  ///< a SQL login whose password is kept
  UnrecoverableSet state = 0;  ///< what a new login would lack
};

enum class Fate : std::uint8_t {
  Continue,  ///< log in again, restore, go on: the client notices nothing
  Resend,  ///< the same, and send the request: it never ran
  Repeat,  ///< the same, and send it again: it only reads; what was forwarded is compared
  Replay,  ///< the same, and run the transaction again from its BEGIN, then the request
  Cancelled,  ///< the same; the client's attention is answered by us
  RolledBack,  ///< the same; the request is answered with error 1205: nothing of the transaction remains
  RolledBackLater,  ///< idle in a transaction: the next request is answered so
  Unknown,  ///< say that the outcome is not known, and end
  End,  ///< end honestly: the session cannot be rebuilt
};
std::string_view name_of(Fate fate);

struct FateAndWhy {
  Fate fate = Fate::End;
  std::string_view why;  ///< one clause for the log and the error: "a write was in flight"
};
FateAndWhy fate_of(const LossFacts& facts);

}  // namespace holdfast::tds
