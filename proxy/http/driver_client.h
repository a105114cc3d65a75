// One client's connection: PROXY header and TLS first, then requests one at a time, in the order they
// came. It gathers heads and hands each to an ExchangeDriver; what a client sends ahead waits, bounded.
// After a 101 it becomes a tunnel. Owned by the loop's Sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/admission.h"
#include "proxy/http/driver_exchange.h"
#include "proxy/http/driver_loop.h"
#include "proxy/relay.h"
#include "proxy/session.h"

namespace holdfast::http {

/// Takes an accepted stream of listener `listen` of the loop's current plan.
void accept_http(HttpLoop& loop, std::size_t listen, io::StreamPtr stream, Doorman::Ticket ticket);

class ClientConnection final : public Session,
                               public io::StreamEvents,
                               public io::TimerEvents,
                               public ExchangeClient,
                               public RelayEvents,
                               public ListNode<ClientConnection, Unsettled> {
 public:
  ClientConnection(HttpLoop& loop, std::size_t listen, Doorman::Ticket ticket);
  ~ClientConnection() override;
  void open(io::StreamPtr stream);
  void settle();  ///< at the end of a turn in which an exchange ended

  // Session
  void drain() override;
  void ask_to_close() override;
  void reload() override;
  void cut() override;
  // io::StreamEvents
  void on_connected() override;
  void on_data(Bytes data) override;
  void on_end() override;
  void on_drained() override;
  void on_fault(io::Fault fault, std::string_view detail) override;
  // io::TimerEvents
  void on_timer() override;
  // ExchangeClient
  std::size_t write_client(std::span<const Bytes> pieces) override;
  void pause_client() override;
  void resume_client() override;
  void rearm() override;
  void exchange_done(bool reusable, bool cut) override;
  Address local_address() override { return stream_->local(); }
  void become_tunnel(io::StreamPtr server, std::string rest, Duration idle) override;
  // RelayEvents
  void on_relay_end(const RelayEnd& end) override;

 private:
  enum class State : std::uint8_t { Proxy, Handshake, Http, Tunnel, Closing, Closed };

  void follow(LoopPlan& plan, std::size_t listen);
  void next_layer();
  void serve(Bytes data);
  std::size_t serve_one(Bytes input);
  bool behind() const;
  void keep(Bytes rest);
  void want_reading(bool on);
  void close(bool cut);
  void close_after_queue();
  void let_go();
  void refuse(const Refusal& refusal);
  void watch_idle();

  HttpLoop& loop_;
  Doorman::Ticket ticket_;
  LoopPlan* plan_ = nullptr;             ///< followed since the last request began
  const conf::Listen* config_ = nullptr;
  ListenCounters* counters_ = nullptr;
  ClientFacts facts_;
  State state_ = State::Proxy;
  io::StreamPtr stream_;
  io::TimerPtr timer_;
  std::unique_ptr<ExchangeDriver> exchange_;
  std::unique_ptr<Relay> relay_;
  std::string pending_;            ///< an incomplete head, or what came ahead of its turn
  std::size_t searched_ = 0;       ///< of pending_, bytes without the end of a head
  std::size_t empty_bytes_ = 0;    ///< of empty lines before the next request
  std::uint32_t requests_ = 0;
  bool busy_ = false;              ///< an exchange is in progress
  bool serving_ = false;           ///< serve() is on the stack
  bool reading_ = false;
  bool last_ = false;              ///< draining: the next response is the last
  Instant first_byte_{};           ///< of the request being gathered
  Instant due_ = Instant::never(); ///< idle, header or handshake time-out
  Instant write_due_ = Instant::never();
};

}  // namespace holdfast::http
