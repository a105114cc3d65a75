// What a Conversation is made of. Only tds/conversation*.cpp include this: conversation.cpp has the surface
// and the client's packets, _request sends, _answer reads the server, _loss decides when it is gone, _restore
// makes a new one ready, _replay runs a transaction there again that has only read.
//
// Two things are tracked apart: where the server is (Server) and where the client's request is (Stage). A
// request is gathered whole before it is sent, up to `retain`: a guard rule, a prepared handle and the ladder
// all need its text first, and a server then never has a request in part that is short enough to be kept.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/time.h"
#include "tds/conversation.h"
#include "tds/flight.h"
#include "tds/kept_reads.h"
#include "tds/ladder.h"
#include "tds/prepared.h"
#include "tds/settings.h"

namespace holdfast::tds {

struct Conversation::Parts final : TokenSink {
  enum class Server : std::uint8_t {
    Ready,  ///< nothing of ours or the client's is with it
    Busy,  ///< it has the client's request, or an attention
    Lost,  ///< there is none; one was asked for
    Restoring,  ///< it has our batch of settings
    Preparing,  ///< it has our sp_prepare for a statement that the held request needs
    Asking,  ///< it has our question whether a transaction is open
    Replaying,  ///< it has a kept request of the open transaction
  };
  enum class Stage : std::uint8_t {
    None,
    Gathering,  ///< the client is still sending, the server has nothing of it
    Held,  ///< whole, and waits
    Streaming,  ///< too long to be kept: passes on as it comes
    Sent,  ///< all of it was given to the server
    Draining,  ///< the rest is swallowed, then drain_answer goes to the client
  };
  static constexpr unsigned attempts_max = 4;  ///< servers that one request is tried on
  static constexpr std::uint32_t no_such_handle =
      8179;  ///< what SQL Server says; JDBC prepares again upon it

  using Request = Flight::Request;
  using Answer = Flight::Answer;

  Parts(ConversationHost& host, const ConversationOptions& options, const LoginFacts& login, Instant now);
  Request& request() const { return flight->request; }
  Answer& answer() const { return flight->answer; }

  void wake(Instant at);  ///< before a call's own step
  void settle();  ///< after it
  void rest();  ///< gives the flight back if nothing is under way

  // conversation.cpp: the client's side.
  void from_client(Bytes bytes);
  bool client_packet(const WholePacket& packet);
  void gather(const WholePacket& packet);
  void stream(const WholePacket& packet);
  void drain(const WholePacket& packet);
  void attention(const WholePacket& packet);
  void end(std::string_view outcome, bool reset);
  void to_client(Bytes payload);
  void record(std::string_view outcome, std::uint32_t error = 0, std::uint64_t rows = 0);
  void carry_reset();
  void answer_request(Bytes payload, std::string_view outcome, std::uint32_t error = 0);
  void set_server(Server server);
  bool settled() const;  ///< no request, no transaction
  /// Or, before 7.2, maybe in one.
  bool in_transaction() const { return descriptor != 0 || untold_transaction; }

  // conversation_request.cpp
  void ready(Bytes raw);
  bool answered_for_lost_transaction();
  void learn_transaction();
  void hold();
  void go_on();  ///< sends what is held, if it may be
  bool may_send() const;
  void send(Bytes raw);
  bool allowed();
  bool handles_ready();
  void patch_handles();
  static void patch_handle(std::string& payload, const RequestFacts::Handle& handle,
                           const PreparedStatement& statement);
  void begin_answer();
  bool needs_walk() const;
  void unprepare_done();

  // conversation_answer.cpp
  void from_server(Bytes bytes);
  void answer_packet(const WholePacket& packet, Bytes& run);
  void pass(const WholePacket& packet, Bytes body, Bytes& run);
  void flush(Bytes& run);
  void give(Bytes packets);
  std::optional<Bytes> walk_answer(Bytes payload);
  bool compare(Bytes& body);
  bool failed_over(Bytes payload);
  void answer_over();
  void answered(const std::optional<Done>& done, bool cancelled);
  void learn_untold_transaction(bool failed);
  Verdict on_token(Token token, Bytes whole, std::string& replacement) override;
  void on_env_change(const EnvChange& change);
  Verdict on_session_state(Bytes whole, std::string& replacement);
  Verdict on_handle(Bytes whole, std::string& replacement);
  Verdict on_transaction_end(const EnvChange& change, std::string& replacement) const;
  void lost_track();

  // conversation_loss.cpp
  void lose(std::string_view why);
  LossFacts loss_facts() const;
  void carry_out(const FateAndWhy& fate, std::uint64_t lost);
  void say_rolled_back(std::string_view why);
  void roll_back_request(std::uint64_t lost, std::string_view why);
  void leave_server();
  void give_up_transaction(std::string_view why);
  void repeat();
  bool lose_to_error();
  bool implicit() const;
  void end_honestly(std::uint32_t number, std::string_view outcome, std::string_view why);

  // conversation_restore.cpp
  void attached(const LoginFacts& login, const Handover* from);
  std::string_view mismatch(const LoginFacts& login, bool recovered) const;
  void ask_own(Server next, PacketType type, Bytes payload);
  bool recovered_by(const LoginFacts& next) const;
  void prepare(const PreparedStatement& statement);
  void own_packet(const WholePacket& packet);
  void own_answer_over();
  void cancelled_in_prepare();
  void ask_transaction();
  bool ours() const {  ///< what the server says answers us
    return server == Server::Restoring || server == Server::Preparing || server == Server::Asking;
  }
  bool recoverable_by_server() const;
  Relogin relogin() const;
  UnrecoverableSet lacking() const;

  // conversation_replay.cpp
  bool keepable() const;  ///< the request only reads, and always the same
  bool keeping() const;  ///< of the open transaction all is kept
  bool digests_answer() const;
  void keep_read(bool failed);
  bool replayable() const { return keeping() && replays < attempts_max; }
  bool replaying() const { return replay_at.has_value(); }
  void begin_replay();
  void replay_next();
  void replay_packet(const WholePacket& packet);
  void abandon_replay(std::string_view why);
  void give_up_replay();
  void forget_transaction();
  void patch_descriptor(std::string& payload, std::size_t at) const;
  std::uint64_t for_server() const { return on_server != 0 ? on_server : descriptor; }

  // conversation_share.cpp
  UnrecoverableSet pins() const;
  bool pinned(bool leans) const;
  bool lendable(bool leans) const;
  void ask_back();  ///< a server for a session that lent its own, if it needs one now
  std::uint8_t take_reset();
  bool starved() const;

  ConversationHost& host;
  const ConversationOptions options;
  const std::unique_ptr<ConversationShared> own_shared;  ///< if nobody shares his
  ConversationShared& shared;
  LoginTerms login;  ///< of the present or the last server
  const LoginTerms first;  ///< what the client knows
  Instant now;

  Server server = Server::Ready;
  Stage stage = Stage::None;
  bool ended = false, paused = false, draining = false;
  Duration patience{};
  Instant since;

  std::unique_ptr<Flight> flight;  ///< during every call; between two of them null if nothing is under way
  std::uint8_t carried_reset = 0;  ///< reset flags of a request that the client took back

  bool attention_sent = false;  ///< the server has one that it has not acknowledged
  bool attention_asked = false;  ///< by the client, of the present request

  Settings settings;
  Prepared prepared;
  int cursors = 0;
  std::uint64_t generation = 0;  ///< counts servers
  std::uint64_t answered_generation = 0;  ///< of the last answered request
  std::uint64_t descriptor = 0;  ///< of the open transaction, as the client knows it; 0: none
  std::uint64_t on_server = 0;  ///< as its server knows it, where that differs: it was replayed there
  bool untold_transaction = false;  ///< of TDS 7.1: one may be open, and ...
  bool ask_due = false;  ///< ... the server is to be asked whether one is
  bool trusted_descriptor = false;  ///< the client repeats descriptors as it should
  std::optional<std::uint64_t> doomed;  ///< a transaction died, and the client has not heard of it
  std::uint32_t sequence = 0, sequence_offset = 0;  ///< of SESSIONSTATE, as relayed; modulo 2^32
  std::uint32_t server_sequence = 0;  ///< as the server last said it
  const bool strip;  ///< only we asked for SESSIONRECOVERY

  KeptReads kept;
  std::optional<std::size_t> replay_at;  ///< the step that is next on the new server
  unsigned replays = 0;  ///< servers that the open transaction was begun on again

  bool lent = false;  ///< its server serves another; one is asked for at the next request
  bool reset_owed = false;  ///< the server has another session's state: what is sent first resets it
  bool own_reset = false;  ///< the request that is being sent does so, and the client did not ask for it
  bool rows_announced = false;  ///< by an INSERT BULK that was the last request
  bool wrote = false;  ///< the last request may have
  bool leans = false;  ///< it has asked for what the request before left
  std::string_view waits_for;  ///< empty: a primary

  unsigned garbled = 0;  ///< servers given up in a row because they do not speak TDS
  TextRef last_text;
  std::uint64_t requests = 0, survived = 0, replayed = 0;
};

}  // namespace holdfast::tds
