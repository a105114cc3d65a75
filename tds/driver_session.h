// The aware SQL session: it ends the client's TLS and login, logs in at an instance with the client's own
// LOGIN7, and then feeds a Conversation, for which it finds a new server whenever the old one is lost. It
// owns sockets, TLS and the login; what may be sent again, and what a client is told, is the Conversation's
// word. Owned by the loop's Sessions. Bytes pass from one socket's callback into the other's write without
// being stored here.
//
//   Opening ──▶ Knocking ──▶ ClientLogin ──▶ Joining ──▶ Talking ──▶ Done       every state ──▶ Done
//   (PROXY)    (first byte,   (ClientLogin)  (Seeker,    (Conversation; Seeker and
//               TDS 8's TLS)                 ServerLogin) ServerLogin again after a loss)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tds/conversation.h"
#include "tds/driver_channel.h"
#include "tds/driver_entry.h"
#include "tds/driver_pool.h"
#include "tds/driver_seek.h"
#include "tds/driver_sight.h"
#include "tds/login.h"

namespace holdfast::tds {

class AwareSession final : public Session,
                           public SqlSession,
                           private PoolGuest,
                           private SeekEvents,
                           private ServerEntry::Events,
                           private ConversationHost,
                           private io::TimerEvents {
 public:
  /// Bytes queued towards one side above which the other is not read.
  static constexpr std::size_t high_water = 256 * 1024;
  /// Bytes of a client that is not served yet that are kept; then it is not read.
  static constexpr std::size_t early_max = 64 * 1024;

  AwareSession(TdsContext& context, Doorman::Ticket ticket);
  ~AwareSession() override;
  void open(io::StreamPtr stream);

  void drain() override;
  void cut() override { end("cut", true); }

  LoginNames names() const override { return {record_.user, record_.application, host_, record_.database}; }
  Address client() const override { return record_.peer; }
  std::string_view service() const override { return context_.service.config().name; }
  std::string_view instance() const override;
  Instant opened() const override { return record_.opened; }
  const Conversation* conversation() const override { return conversation_.get(); }
  void pause(bool paused, Duration patience) override;
  void drain_sql() override;
  void kill() override { end("killed", true); }
  void admitted() override;
  std::string pooling() const override;

 private:
  enum class State : std::uint8_t { Opening, Knocking, ClientLogin, Joining, Talking, Done };

  struct ClientSide final : io::StreamEvents {
    explicit ClientSide(AwareSession& s) : session(s) {}
    void on_connected() override { session.client_connected(); }
    void on_data(Bytes data) override { session.client_data(data); }
    void on_end() override { session.client_ended(); }
    void on_drained() override { session.client_drained(); }
    void on_fault(io::Fault fault, std::string_view detail) override { session.client_failed(fault, detail); }
    AwareSession& session;
  };
  struct ServerSide final : io::StreamEvents {
    explicit ServerSide(AwareSession& s) : session(s) {}
    void on_data(Bytes data) override { session.server_data(data); }
    void on_end() override { session.server_failed(io::Fault::Reset, "the server ended the connection"); }
    void on_drained() override { session.server_drained(); }
    void on_fault(io::Fault fault, std::string_view detail) override { session.server_failed(fault, detail); }
    AwareSession& session;
  };
  /// Only while a login is going on, so that an idle session is small.
  struct ClientPhase {
    ClientPhase(io::Stream& stream, const ClientLogin::Options& options) : channel(stream), login(options) {}
    Channel channel;
    ClientLogin login;
  };

  // The client (driver_session.cpp).
  void client_connected();
  void client_data(Bytes data);
  void client_ended();
  void client_drained();
  void client_failed(io::Fault fault, std::string_view detail);
  void knock(Bytes first);
  void begin_client_login(bool strict);
  void feed_client(Bytes raw);
  bool apply_client(LoginStep& step);
  void client_logged_in(Bytes early, Bytes raw);
  void ask_in();
  void limited(std::string_view why);
  void keep_early(Bytes data);
  void refuse_client(std::string_view why);
  void answer_client(Bytes payload);
  void unavailable(std::string_view why);

  // The server (driver_session_server.cpp).
  void on_server(io::StreamPtr stream) override;
  void on_spare(std::unique_ptr<ServerEntry> entry) override;
  void on_view_changed() override;
  void on_seek_timeout() override;
  void enter(std::unique_ptr<ServerEntry> entry, bool spare);
  Login7 login_now() const;
  void server_data(Bytes data);
  void on_answer(Bytes rest) override;
  void on_entry_failed(std::optional<Evidence> evidence, std::string_view reason) override;
  void ask_sspi();
  void relay_sspi(Bytes data);
  void server_accepted(Bytes raw);
  void server_refused();
  void server_routed();
  int find_routed(const ServerLogin::Result_& result) const;
  void attempt_failed(std::optional<Evidence> evidence, std::string_view reason);
  void server_failed(io::Fault fault, std::string_view detail);
  void server_drained();

  // The conversation (driver_session_talk.cpp).
  void to_client(Bytes bytes) override;
  void to_server(Bytes bytes) override;
  void want_server() override { wanted_ = true; }
  void drop_server() override;
  void end(std::string_view outcome, bool reset) override;
  void on_failover_error(std::uint32_t number) override;
  void on_request(const RequestRecord& record) override;
  bool allow(const RequestRecord& record, std::string& why) override;
  /// `lent`: without a server.
  void begin_talking(const LoginFacts& facts, bool lent);
  void settle();
  void heed_starved();
  void tell_held(bool held);
  void lose_server(std::string_view why);

  // The pool (driver_session_pool.cpp).
  std::unique_ptr<PooledStream> give() override;
  void granted() override;
  bool join_pool();
  void leave_pool();
  void find_server();
  void adopt(std::unique_ptr<PooledStream> from);
  std::unique_ptr<PooledStream> hand_over();
  void settle_pool();
  void tell_lent();

  void on_timer() override;
  void arm();
  void arm_talking(Instant conversation_due);
  const conf::ServiceSql& sql() const { return context_.service.config().sql; }

  TdsContext& context_;
  Doorman::Ticket ticket_;
  SessionRecord record_;
  Seeker seeker_;
  ClientSide client_side_{*this};
  ServerSide server_side_{*this};
  io::StreamPtr client_, server_;
  io::TimerPtr timer_;
  std::unique_ptr<ClientPhase> client_phase_;
  std::unique_ptr<ServerEntry> entry_;  ///< only while it logs in at a server
  std::unique_ptr<Conversation> conversation_;
  Login7 login_;  ///< as the client sent it, for every server
  std::string host_;  ///< its name, UTF-8
  std::unique_ptr<std::string> early_;  ///< client bytes before there is a conversation
  Instant deadline_ = Instant::never();  ///< of the client's login
  Instant login_due_ = Instant::never();  ///< of an attempt to log in at a server
  Instant active_at_{};  ///< a byte moved
  Instant server_born_{};  ///< when the server's connection was logged in
  State state_ = State::Opening;
  bool queued_ = false;  ///< waits for room under the service's limits
  bool held_ = false;  ///< a request waits, as far as `sight` was told
  bool attached_ = false;  ///< the conversation has a server
  bool wanted_ = false;  ///< the conversation wants a server
  bool failover_seen_ = false;  ///< an error that tells of a failover, to be reported
  bool retired_ = false;  ///< it has outlived the service's lifetime of sessions
  bool spare_ = false;  ///< `entry_` was
  bool sspi_asked_ = false;  ///< the client has seen a token of the server behind `entry_`
  bool routed_ = false;  ///< a server has sent us on once
  bool lent_ = false;  ///< the conversation lent its server, as far as the pool's counters were told
  bool starved_ = false;  ///< the client is not read, because no more of its request can be taken
  bool client_paused_ = false, server_paused_ = false;  ///< not read, because the other side is slow
};

}  // namespace holdfast::tds
