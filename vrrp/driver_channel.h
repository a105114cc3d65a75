// The peer channel's connections: a listener for what the other node dials, and our own dial. Both are TLS 1.3
// under the pair's pre-shared key, so a connection that is up is proof that the other side knows the secret. It
// moves bytes and tells how connections end; what they say is the Peer machine's matter. Belongs to the VIP thread.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "proxy/io/tls.h"
#include "vrrp/peer.h"
#include "vrrp/plan.h"

namespace holdfast::vrrp {

class ChannelEvents {
 public:
  virtual void on_out_up() = 0;
  virtual void on_out_end(ChannelEnd end) = 0;
  virtual void on_in_up() = 0;
  virtual void on_in_data(Bytes bytes) = 0;
  virtual void on_in_end(ChannelEnd end) = 0;
  virtual void on_channel_story(std::string text) = 0;

 protected:
  ~ChannelEvents() = default;
};

class Channel final : private io::ListenerEvents {
 public:
  static constexpr Duration handshake_patience = 1_s;
  static constexpr std::size_t handshakes_max = 4;  ///< incoming ones under way; more are closed at once
  static constexpr std::size_t queue_max = 8u
                                           << 20;  ///< bytes that the peer does not take: the connection ends

  Channel(io::Loop& loop, ChannelEvents& events);
  ~Channel();

  /// Both contexts from the secret. Only addresses of `paths` may connect; the first path is listened on and dialled.
  Status open(std::vector<Path> paths, std::string_view secret);
  void dial();  ///< drops an outgoing connection, or a dial under way
  void write(Bytes bytes);  ///< on the outgoing connection
  void close_out();
  void close_in();
  /// Frees what ended inside its own callback. Call at the end of a turn.
  void reap();

 private:
  class End;
  friend class End;

  void on_accept(io::StreamPtr stream) override;
  void in_up(End& end);
  void ended(End& end, ChannelEnd how, std::string_view why);

  io::Loop& loop_;
  ChannelEvents& events_;
  std::vector<Path> paths_;
  std::size_t next_path_ = 0;  ///< to dial; moves on when one leads nowhere
  std::shared_ptr<const io::TlsContext> server_, client_;
  io::ListenerPtr listener_;
  std::unique_ptr<End> out_, in_;
  std::list<std::unique_ptr<End>> shaking_hands_;
  std::vector<std::unique_ptr<End>> gone_;  ///< ended, perhaps inside their own callback
  WallTime last_stranger_{};
};

}  // namespace holdfast::vrrp
