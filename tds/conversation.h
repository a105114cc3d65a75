// One logged-in TDS session: a client that keeps its connection, and a server that may be lost and replaced.
// A pure machine: bytes and `now` in, calls of ConversationHost and a deadline out. The driver owns the
// sockets, TLS and logins; it makes a Conversation when both sides have logged in and feeds it until end().
//
//                  request                         answer's last packet
//   ┌──▶ Idle ────────────────▶ Busy ──────────────────────────────────────▶ Idle
//   │     │ lost                 │ lost: ladder.h decides
//   │     ▼                      ▼
//   │   Detached ◀───────────────┤      (a request that comes now is held; an attention is answered here)
//   │     │ attached() by the driver: logged in on the primary
//   │     ▼
//   └── Restoring  our own batch says the settings again; prepared statements follow at their first use;
//                  a transaction that has only read is run again, if the operator says so
//
// In Idle and Busy bytes pass as they came: packet headers are read, the last 13 bytes of an answer are its
// final DONE. An answer is walked token by token only if the request may change what must be known
// (transaction, database, settings, prepared handles), or if something in it must be rewritten. A request is
// kept, up to `retain`, until it is answered; it is sent once all of that is here, so that a short one is never
// with a server in part.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/time.h"
#include "tds/ladder.h"
#include "tds/login7.h"

namespace holdfast::tds {

struct ConversationShared;

/// What the login settled, on the client's side and on the server's.
struct LoginTerms {
  std::uint32_t version = 0;  ///< TDS version of LOGINACK
  std::uint32_t server_version = 0;  ///< LOGINACK's program version: its major must not change under recovery
  std::size_t client_packet_size = 4096, server_packet_size = 4096;
  bool client_asked_recovery = false;  ///< SESSIONRECOVERY in the client's LOGIN7
  bool server_has_recovery = false;  ///< acknowledged
  bool column_encryption = false;  ///< acknowledged: answers cannot be walked
  std::uint16_t spid = 0;
};
struct LoginFacts : LoginTerms {
  std::string database, language;  ///< UTF-16LE, by ENVCHANGE
  std::string collation;  ///< five bytes or none
  std::vector<SessionStateValue> initial_state;  ///< of the acknowledgement
};

struct ConversationOptions {
  Duration hold = Duration::seconds(10);  ///< a request waits so long for a primary
  bool replay_reads = true;
  bool replay_transactions = false;  ///< also transactions, from their BEGIN, that have only read
  bool relogin_possible = true;  ///< false: integrated login, or the operator says so
  std::size_t retain = 256 * 1024;  ///< bytes of a request that are kept; a longer one is not sent again ...
      ///< ... and of all requests of a transaction that may be replayed
  std::size_t prepared_max = 512;  ///< statements, and ...
  std::size_t prepared_bytes = 1024 * 1024;  ///< ... bytes of them
  std::size_t digest_text = 1024;  ///< bytes; 0: no digests are made
  std::size_t own_text = 0;  ///< characters of a statement kept with its literals, for its record; 0: none
  ConversationShared* shared = nullptr;  ///< of the loop, its texts made for these two; null: one of its own
};

/// One request, answered or failed. Views are valid during the call.
struct RequestRecord {
  std::uint64_t digest = 0;  ///< 0: not text
  std::string_view digest_text;  ///< UTF-8, without literals; empty for what is not text
  std::string_view own_text;  ///< UTF-8, with its literals; empty unless ConversationOptions asks for it
  std::string_view
      outcome;  ///< "ok", "error", "attention", "repeated", "resent", "rolled-back", "unknown", "unavailable", "denied"
  std::uint32_t error = 0;  ///< number, if one was seen
  std::uint64_t rows = 0;  ///< of the final DONE
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Duration took{}, held{};
};

class ConversationHost {
 public:
  /// Valid during the call only. The host may not call back into the conversation from these.
  virtual void to_client(Bytes bytes) = 0;
  virtual void to_server(Bytes bytes) = 0;
  /// Log in on the primary, with relogin() for what to say; answer by attached() or login_refused().
  /// Repeating it changes nothing.
  virtual void want_server() = 0;
  /// The server's connection is of no more use.
  virtual void drop_server() = 0;
  /// Over. `reset`: the client must not take it for a clean end. Nothing follows.
  virtual void end(std::string_view outcome, bool reset) = 0;
  /// The server reported this error number that may tell of a failover (976, 978, 983, 3906, 6005, 9001,
  /// 17142, 596, ...).
  virtual void on_failover_error(std::uint32_t number) = 0;
  virtual void on_request(const RequestRecord& record) = 0;
  /// Before a request is sent or resent: false refuses it (a guard rule); `why` goes into the error. Only if
  /// digests are made.
  virtual bool allow(const RequestRecord& record, std::string& why) {
    (void)record, (void)why;
    return true;
  }

 protected:
  ~ConversationHost() = default;
};

/// For `holdfast sql sessions`.
struct SessionSight {
  std::string_view state;  ///< "idle", "busy", "held", "restoring", "detached"
  bool in_transaction = false;
  UnrecoverableSet unrecoverable = 0;
  bool recovery_by_server = false;  ///< SESSIONRECOVERY
  std::string_view last_digest;  ///< text
  Instant since;  ///< of the state
  std::uint64_t requests = 0, survived = 0;  ///< servers lost and replaced
  std::uint64_t replayed = 0;  ///< transactions that went on, on another server
  std::size_t prepared = 0;
};

class Conversation {
 public:
  Conversation(ConversationHost& host, const ConversationOptions& options, const LoginFacts& login,
               Instant now);
  ~Conversation();

  void from_client(Bytes bytes, Instant now);
  void from_server(Bytes bytes, Instant now);
  /// The server's connection ended, or the election gave its instance up. The socket is already of no use.
  void server_lost(Instant now, std::string_view why);
  /// What a new login must differ in from the client's own: database, language, packet size, recovery data.
  struct Relogin {
    std::string database, language;  ///< UTF-16LE; empty: as the client had it
    std::size_t packet_size = 4096;
    std::string recovery;  ///< SESSIONRECOVERY data; empty: none is to be sent
  };
  Relogin relogin() const;
  /// Logged in anew. Facts of the new server. The client hears nothing of it.
  void attached(const LoginFacts& login, Instant now);

  // Sharing of servers among sessions of one login (conversation_share.cpp).
  /// What is known of a connection that another session used.
  struct Handover {
    LoginFacts facts;
    bool isolation_default = false;  ///< RESETCONNECTION does not reset the isolation level
    std::uint32_t sequence = 0;  ///< of the last SESSIONSTATE on it
  };
  /// What has to stay with this session's server, one clause for the operator; empty: it may serve another
  /// session between this one's transactions. `leans`: sessions of this login have asked for @@IDENTITY or
  /// @@ROWCOUNT of the request before.
  std::string pin(bool leans) const;
  /// Nothing is in progress on its server, and it is not pinned.
  bool lendable(bool leans) const;
  /// Its server goes to another session, or it begins without one: it asks for a server at its next request.
  void lend(Instant now);
  /// For the next session, while this one is lendable.
  Handover handover() const;
  /// Only a new login can rebuild it: with the server's own recovery, or by a transaction's replay.
  bool needs_login() const;
  bool lent() const;
  /// It asked for @@IDENTITY or @@ROWCOUNT of the request before.
  bool leans() const;
  /// A server that another session used: what is said first resets it, then this session's settings follow.
  /// The client hears nothing.
  void attached(const Handover& from, Instant now);
  /// Why a held request waits, for the error if it does so in vain; static. Empty: for a primary.
  void waits_for(std::string_view what);
  /// No more of the client's request can be taken before there is a server for it.
  bool starved() const;

  /// It cannot be: wrong password by now, recovery refused, ... The session ends honestly.
  void login_refused(std::string_view why, Instant now);
  /// While true new requests outside a transaction wait (sql pause, a planned failover); also under `hold`
  /// unless `patience` says longer.
  void pause(bool paused, Instant now, Duration patience = {});
  /// End at the next moment without a transaction or a request; see idle().
  void drain(Instant now);

  Instant deadline() const;
  void on_deadline(Instant now);
  bool idle() const;  ///< no request, no transaction
  bool in_transaction() const;
  SessionSight sight() const;
  /// Bytes this holds (requests kept, prepared statements, packets in part).
  std::size_t memory() const;

 private:
  struct Parts;  // conversation.cpp and its siblings
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::tds
