// What must be known of a client's request before it is sent on, read once from its payload: what it may
// change, whether it may be sent twice, which prepared handles stand in it and where. Pure; what cannot be
// read counts as doing anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "tds/packet.h"
#include "tds/prepared.h"
#include "tds/statement.h"
#include "tds/text_memory.h"

namespace holdfast::tds {

struct RequestTraits {
  bool of_text = false;  ///< RequestFacts::statement() is the text's
  bool has_descriptor = false;
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
  bool asks_previous = false;  ///< for @@IDENTITY or @@ROWCOUNT of the request before it
  bool only_unprepares = false;  ///< drivers send it behind the application's back and ignore how it fares
  int cursors = 0;  ///< opened minus closed
  std::uint64_t descriptor = 0;  ///< the transaction that the client believes in
  std::size_t descriptor_at = 0;  ///< where its eight bytes stand in the payload; 0: nowhere
  std::size_t calls = 0;  ///< of an RPC
};

struct RequestFacts : RequestTraits {
  struct Handle {
    std::size_t at = 0;  ///< offset of its four bytes in the payload
    std::int32_t client = 0;  ///< as the client says it
  };
  struct Prepare {
    std::size_t call = 0;  ///< which call of the request returns the handle
    std::string declaration, text;  ///< UTF-16LE
    bool known = false;  ///< its handle has come
  };

  /// All of its statements together.
  const StatementFacts& statement() const { return of_text ? text->statement : own_statement; }
  std::uint64_t digest() const { return text ? text->digest.hash : 0; }  ///< 0: none
  std::string_view digest_text() const {
    return text ? std::string_view(text->digest.text) : std::string_view();
  }
  /// Its own words, if the memory of texts keeps them; UTF-8.
  std::string_view own_text() const { return text ? std::string_view(text->own_text) : std::string_view(); }
  /// As new, for the next request; what the vectors had allocated stays.
  void clear();

  TextRef text;  ///< the batch, the first statement of an RPC, or "EXEC name"; null: it is not text
  StatementFacts own_statement;  ///< see statement()
  std::vector<Handle> handles;
  std::vector<Prepare> prepares;
  std::vector<std::int32_t> unprepares;
};

/// Into `facts`, which are as new. `payload` begins with ALL_HEADERS where the version has them. `whole`: all
/// of the message is there; else its first bytes.
void read_request(PacketType type, Bytes payload, bool whole, std::uint32_t version, Prepared& prepared,
                  TextMemory& texts, RequestFacts& facts);

}  // namespace holdfast::tds
