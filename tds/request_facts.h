// What must be known of a client's request before it is sent on, read once from its payload: what it may
// change, whether it may be sent twice, which prepared handles stand in it and where. Pure; what cannot be
// read counts as doing anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "tds/packet.h"
#include "tds/prepared.h"
#include "tds/statement.h"
#include "tds/text_memory.h"

namespace holdfast::tds {

struct RequestFacts {
  struct Handle {
    std::size_t at = 0;  ///< offset of its four bytes in the payload
    std::int32_t client = 0;  ///< as the client says it
  };
  struct Prepare {
    std::size_t call = 0;  ///< which call of the request returns the handle
    std::string declaration, text;  ///< UTF-16LE
    bool known = false;  ///< its handle has come
  };

  StatementFacts statement;  ///< all of its statements together
  bool has_descriptor = false;
  std::uint64_t descriptor = 0;  ///< the transaction that the client believes in
  std::size_t descriptor_at = 0;  ///< where its eight bytes stand in the payload; 0: nowhere
  bool repeatable = false;  ///< reads, or says what only concerns the session: may be sent twice
  bool single = false;  ///< one DML statement: if it fails, nothing of it is done
  bool rolls_back = false;  ///< ends the whole transaction, commits nothing, and does no more
  bool begins = false;  ///< only begins a transaction
  bool begins_anew = false;  ///< ends one and begins another at once
  std::uint8_t isolation = 0;  ///< of what a transaction manager request begins, as it says it; 0: as it is
  bool transaction_manager = false;
  bool distributed = false;  ///< DTC: beyond what is tracked
  bool bulk = false;
  bool announces_rows = false;  ///< INSERT BULK: rows follow in a message of their own
  bool asks_previous = false;        ///< for @@IDENTITY or @@ROWCOUNT of the request before it
  bool only_unprepares = false;  ///< drivers send it behind the application's back and ignore how it fares
  std::size_t calls = 0;  ///< of an RPC
  int cursors = 0;  ///< opened minus closed
  std::vector<Handle> handles;
  std::vector<Prepare> prepares;
  std::vector<std::int32_t> unprepares;
  std::string own_text;  ///< of what the digest is of, if the memory of texts keeps it
  StatementDigest digest;  ///< of the batch, the first statement, or "EXEC name"; none: `hash` 0
};

/// `payload` begins with ALL_HEADERS where the version has them. `whole`: all of the message is there; else
/// its first bytes.
RequestFacts read_request(PacketType type, Bytes payload, bool whole, std::uint32_t version,
                          Prepared& prepared, TextMemory& texts);

}  // namespace holdfast::tds
