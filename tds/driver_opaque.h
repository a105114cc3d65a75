// The opaque TDS session: a client of a listener with mode "opaque", joined to the service's live instance,
// byte for byte. It waits where no instance can be had, up to the listener's deadline, and ends at once when
// its instance is lost, so that no driver hangs. Owned by the loop's Sessions.
//
//   Opening ──▶ Seeking ──▶ Relaying ──▶ Done       every state ──▶ Done
//   (PROXY)     Seeker       tunnel
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/relay.h"
#include "tds/driver_seek.h"

namespace holdfast::tds {

class TdsSession final : public Session,
                         private SeekEvents,
                         private RelayEvents,
                         private io::StreamEvents,
                         private io::TimerEvents {
 public:
  /// Bytes of a waiting client that are kept; then it is not read.
  static constexpr std::size_t held_max = 64 * 1024;

  TdsSession(TdsContext& context, Doorman::Ticket ticket);
  ~TdsSession() override;
  void open(io::StreamPtr stream);

  /// Opaque bytes show no end of a statement: the session goes on until the client ends it or the engine
  /// cuts it.
  void drain() override {}
  void cut() override { end("cut", true); }

 private:
  enum class State : std::uint8_t { Opening, Seeking, Relaying, Done };

  // The client until it is relayed.
  void on_connected() override { ready(); }
  void on_data(Bytes data) override;
  void on_end() override { end("client-gone", false); }
  void on_fault(io::Fault fault, std::string_view detail) override;
  void on_timer() override { end("handshake-timeout", true); }
  void on_server(io::StreamPtr stream) override;
  void on_view_changed() override;
  void on_seek_timeout() override { end("deadline", true); }
  void on_relay_end(const RelayEnd& end) override;

  void ready();
  void end(std::string_view outcome, bool reset);

  TdsContext& context_;
  Doorman::Ticket ticket_;
  SessionRecord record_;
  Seeker seeker_;
  io::StreamPtr client_;
  std::unique_ptr<Relay> relay_;
  io::TimerPtr timer_;  ///< only while opening
  std::string held_;  ///< client bytes that wait for an instance
  State state_ = State::Opening;
};

}  // namespace holdfast::tds
