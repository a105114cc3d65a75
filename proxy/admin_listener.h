// One admin listener and its connections: bytes are gathered until the answer function has enough, its
// reply is sent, and the connection ends; or it follows the events. Everything is bounded: connections,
// bytes, and the time for each half. The process owns one for the control socket and one for each
// admin address; it lives on the control loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/admin.h"
#include "proxy/io/io.h"
#include "proxy/session.h"

namespace holdfast {

class AdminListener final : public io::ListenerEvents {
 public:
  /// Empty: more bytes are needed. It must answer before request_max bytes.
  using Answer = std::function<std::optional<AdminReply>(Bytes so_far)>;
  static constexpr std::size_t connections_max = 32;
  static constexpr std::size_t followers_max = 16;  ///< the rest stays free for commands
  static constexpr std::size_t request_max = (1 << 20) + 16384;  ///< a pushed configuration and its command

  AdminListener(io::Loop& loop, const Events& events, Answer answer);
  Status open(const io::ListenOptions& options);
  int descriptor() const { return listener_->descriptor(); }
  Address local() const { return listener_->local(); }

  // io::ListenerEvents
  void on_accept(io::StreamPtr stream) override;

 private:
  friend class AdminSession;
  io::Loop& loop_;
  const Events& events_;
  Answer answer_;
  std::size_t followers_ = 0;
  Sessions sessions_;
  io::ListenerPtr listener_;
};

/// Refuses a control socket in a folder where any user could put another in its place.
Status check_socket_folder(const std::string& socket_path);

}  // namespace holdfast
