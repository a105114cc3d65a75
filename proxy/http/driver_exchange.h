// One request on its way to an answer: joins a client connection, the exchange machine (exchange.h), the
// retained body and, attempt by attempt, a connection to an instance. It moves bytes; the machine
// decides. Owned by its client connection while a request is in progress, else by the loop's spare list.
//
// Sources: driver_exchange.cpp (the request's side), driver_attempt.cpp (attempts and replay),
// driver_response.cpp (the response's side).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/driver_loop.h"
#include "proxy/http/driver_resume.h"
#include "proxy/http/driver_server.h"
#include "proxy/http/exchange.h"

namespace holdfast::http {

/// What an exchange needs of its client's connection.
class ExchangeClient {
 public:
  virtual std::size_t write_client(std::span<const Bytes> pieces) = 0;  ///< bytes still queued
  virtual void pause_client() = 0;
  virtual void resume_client() = 0;
  virtual void rearm() = 0;          ///< the exchange's deadline may have moved
  /// The last call of an exchange. `reusable`: the connection can take another request; otherwise it is
  /// finished, or reset if `cut`, because the client must not take what it has for a whole response.
  virtual void exchange_done(bool reusable, bool cut) = 0;
  /// A 101 was sent: the connection becomes a tunnel. Instead of exchange_done.
  virtual void become_tunnel(io::StreamPtr server, std::string rest, Duration idle) = 0;
  virtual Address local_address() = 0;  ///< where it connected to; costs a system call

 protected:
  ~ExchangeClient() = default;
};

/// The facts of the connection that requests on it share.
struct ClientFacts {
  LoopPlan* plan = nullptr;
  const conf::Listen* listen = nullptr;
  std::size_t listen_index = 0;
  const ListenRoutes* routes = nullptr;
  Address peer;
  std::string peer_ip;
  std::string_view tls_version;   ///< empty: plain
  bool trusted = false;           ///< its X-Forwarded-* are believed
};

class ExchangeDriver final : public ServerEvents, public ServiceWatcher, public Holder {
 public:
  explicit ExchangeDriver(HttpLoop& loop) : loop_(loop) {}

  /// A whole request head. Everything may happen in this call but destruction.
  void begin(ExchangeClient& client, const ClientFacts& facts, Bytes block, Instant first_byte, bool last);
  /// Bytes behind the head; returns how many belong to this request.
  std::size_t on_client_data(Bytes data);
  void on_client_drained();
  void on_client_gone();
  void on_timer();
  Instant deadline() const { return exchange_.deadline(); }
  bool request_complete() const { return request_done_; }
  /// The client said that this was its last request, and all of it has been read. Valid in exchange_done.
  bool client_closes() const { return client_closes_; }
  void close_after() { keep_alive_ = false; }   ///< drain: the response says so if it still can

  // ServerEvents
  void on_server_connected() override;
  void on_server_drained() override;
  void on_response_head(const ResponseHead& head) override;
  void on_response_body(Bytes data) override;
  void on_response_end(Bytes trailers) override;
  void on_server_chunk_end() override;
  void on_server_failure(Failure failure, std::string_view detail) override;
  // ServiceWatcher, Holder
  void on_service_changed(Service& service) override;
  void shed() override;
  bool spilled() const override { return store_.spilled(); }

 private:
  // the request's side
  bool accept_head();
  bool find_route();
  std::string allow_field() const;
  void write_request();
  bool ready_to_send() const;
  bool keep_body(Bytes run);
  void make_room(std::size_t size);
  bool body_too_slow(Instant now) const;
  void forget_body();
  void pump_request();
  void send_pieces(std::span<const Bytes> pieces);
  void wait_if_blocked();

  // attempts
  void start_attempt();
  void park();
  void unpark();
  void attach(std::unique_ptr<ServerConnection> server, bool pooled);
  Bytes write_attempt_fields();
  void send_request();
  void fail_attempt(Failure failure, std::string_view detail);
  bool within_budget();
  void count_replay(Failure failure, bool sent);
  void drop_server();
  bool lost(int instance) const;
  bool linked_as_holder() const { return static_cast<const ListNode<Holder>&>(*this).linked(); }

  // the response's side
  bool withhold(const ResponseHead& head) const;
  void forward_interim(const ResponseHead& head);
  std::string new_cookie() const;
  void open_response(const ResponseHead& head);
  void resume_response(const ResponseHead& head);
  void stash();
  void flush(bool ended);
  void keep_fallback();
  void end_response();

  // ends
  void answer(unsigned status, std::string_view outcome);
  void answer_redirect();
  void finish(bool reusable, bool cut, std::string_view outcome);
  void log(std::string_view outcome);
  void reset();

  HttpLoop& loop_;
  ExchangeClient* client_ = nullptr;
  const ClientFacts* facts_ = nullptr;
  LoopPlan* plan_ = nullptr;
  ServiceHub* hub_ = nullptr;
  const conf::Route* route_ = nullptr;
  Exchange exchange_;

  // the request
  std::string block_;              ///< the head as received; head_ points into it
  RequestHead head_;
  std::string request_id_;
  std::string wire_;               ///< the head as forwarded, without the fields of one attempt
  std::string attempt_fields_;
  BodyDecoder body_in_;
  BodyStore store_;
  std::uint64_t store_base_ = 0;   ///< offset of the store's first byte in the body
  std::uint64_t parked_charge_ = 0;
  bool request_done_ = false;
  bool request_broken_ = false;    ///< the rest of it will never be read
  bool keep_alive_ = true;
  bool client_closes_ = false;
  bool client_paused_ = false;
  Instant first_byte_{}, head_at_{};

  // the attempt
  std::unique_ptr<ServerConnection> server_;
  int last_instance_ = -1;
  std::uint64_t avoid_ = 0;        ///< instances that failed this request
  std::uint64_t sent_offset_ = 0;  ///< body bytes handed to this attempt
  bool head_sent_ = false;
  bool last_chunk_sent_ = false;
  bool parked_ = false;
  bool awaits_verdict_ = false;    ///< an answer is withheld until the control loop has checked its instance
  bool owes_budget_ = false;       ///< the next attempt repeats something that was sent
  unsigned give_up_status_ = 502;  ///< if there is no next attempt
  Instant parked_since_{};
  Duration parked_for_{}, connect_for_{}, first_byte_for_{};
  Instant attempt_at_{};
  std::string reasons_;            ///< "refused,reset": why each attempt but the last ended

  // the response
  unsigned status_ = 0;            ///< of the response that is being forwarded; 0: none yet
  bool response_open_ = false;     ///< its head is in out_head_ or has been sent
  bool chunked_out_ = false;
  bool until_close_out_ = false;
  unsigned interim_ = 0;           ///< 1xx heads of this attempt
  bool going_away_ = false;        ///< a 502, 503 or 504 is being withheld
  bool ended_ = false;
  bool continue_sent_ = false;     ///< a 100 has been forwarded
  bool server_paused_ = false;
  bool tunnel_ = false;
  std::string out_head_;           ///< response head, not yet sent
  std::string held_;               ///< body bytes withheld (shield)
  std::vector<Bytes> runs_;        ///< body bytes of this turn, borrowed
  std::uint64_t runs_size_ = 0;
  std::uint64_t body_out_ = 0;     ///< body bytes given to the client
  std::string trailers_;
  std::string fallback_;  ///< the last real 502, 503 or 504, whole, to give if nothing better comes
  unsigned fallback_status_ = 0;
  int withheld_instance_ = -1;  ///< who sent it
  Resume resume_;
};

}  // namespace holdfast::http
