// Joins a client's and a server's stream and moves bytes both ways until both ends have finished: the
// tunnel behind a 101 and the body of an opaque TDS session. It owns both streams and looks at no byte.
// A chunk goes from one stream's callback straight into the other's write, bulk by the loop itself where it can
// forward; nothing is stored here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/io/io.h"

namespace holdfast {

struct RelayOptions {
  Duration idle{};        ///< no byte either way for this long ends it; zero: no limit
  std::string to_server;  ///< bytes the client had sent before
  std::string to_client;  ///< bytes the server had sent before
};

struct RelayEnd {
  enum class Reason : std::uint8_t { Finished, ClientFault, ServerFault, Idle };
  Reason reason = Reason::Finished;
  io::Fault fault = io::Fault::Other;   ///< of the side that failed
  std::string_view detail;              ///< valid during the call
};

class RelayEvents {
 public:
  /// Both streams are closed. The relay may be destroyed in the call.
  virtual void on_relay_end(const RelayEnd& end) = 0;

 protected:
  ~RelayEvents() = default;
};

class Relay final : private io::TimerEvents {
 public:
  /// Bytes queued towards one side above which the other is not read.
  static constexpr std::size_t high_water = 256 * 1024;

  /// Both streams must be connected. Destroying the relay closes both without a callback.
  Relay(io::Loop& loop, io::StreamPtr client, io::StreamPtr server, RelayOptions options,
        RelayEvents& events);

  /// Closes both with a reset, so that neither takes it for a clean end. No callback.
  void cut();
  std::uint64_t bytes_from_client() const { return client_.bytes; }
  std::uint64_t bytes_from_server() const { return server_.bytes; }

 private:
  struct Side final : io::StreamEvents {
    Side(Relay& owner, io::StreamPtr s) : relay(owner), stream(std::move(s)) {}
    void on_data(Bytes data) override { relay.move(*this, data); }
    void on_forwarded(std::size_t size) override {
      bytes += size;
      relay.move(*this, {});  // nothing is left to write, all else is the same
    }
    void on_end() override { relay.side_ended(*this); }
    void on_drained() override { relay.side_drained(*this); }
    void on_fault(io::Fault fault, std::string_view detail) override {
      relay.side_failed(*this, fault, detail);
    }

    Relay& relay;
    io::StreamPtr stream;
    std::uint64_t bytes = 0;  ///< read from this side
    bool paused = false;      ///< not read, because the other side is slow
    bool ended = false;       ///< has finished its half
  };

  Side& other(Side& side) { return &side == &client_ ? server_ : client_; }
  void move(Side& from, Bytes data);
  void side_ended(Side& from);
  void side_drained(Side& side);
  void side_failed(Side& side, io::Fault fault, std::string_view detail);
  void finish_if_done();
  void end(const RelayEnd& end);
  void touch();
  void on_timer() override;

  io::Loop& loop_;
  RelayEvents& events_;
  Duration idle_;
  io::TimerPtr timer_;  ///< null without an idle limit
  Side client_, server_;
};

}  // namespace holdfast
