// One connection to an instance: it sends what it is given and reads responses, one at a time. It is
// owned by a pool while idle and by an exchange while busy, and knows nothing of replay. Its owner must
// not destroy it inside its callbacks, but retire it to the end of the turn; giving it back to the pool
// is legal in on_server_chunk_end, which is always the last call of a turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/list.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/http/message.h"
#include "proxy/http/parser.h"
#include "proxy/io/io.h"

namespace holdfast::http {

class ServerConnection;

/// What a busy connection tells the exchange that owns it. After on_server_failure nothing follows.
class ServerEvents {
 public:
  virtual void on_server_connected() = 0;
  virtual void on_server_drained() = 0;
  /// `head` and its views live until the call returns.
  virtual void on_response_head(const ResponseHead& head) = 0;
  /// A run of body bytes, borrowed until on_server_chunk_end at least.
  virtual void on_response_body(Bytes data) = 0;
  /// The response is whole. `trailers`: as received, may be empty.
  virtual void on_response_end(Bytes trailers) = 0;
  /// All of one read has been told: now is the time to write on, in one go.
  virtual void on_server_chunk_end() = 0;
  virtual void on_server_failure(Failure failure, std::string_view detail) = 0;

 protected:
  ~ServerEvents() = default;
};

struct ServerLimits {
  ParseLimits parse;
  BodyLimits body;
};

class ServerConnection final : public io::StreamEvents, public ListNode<ServerConnection> {
 public:
  /// Told by an idle connection that has died; the pool drops it.
  class IdleEvents {
   public:
    virtual void on_idle_lost(ServerConnection& connection) = 0;

   protected:
    ~IdleEvents() = default;
  };

  ServerConnection(HeadParser& parser, std::size_t instance) : parser_(parser), instance_(instance) {}

  std::size_t instance() const { return instance_; }
  bool connected() const { return connected_; }
  bool reusable() const { return reusable_ && !failed_; }
  unsigned served() const { return served_; }
  Instant idle_since() const { return idle_since_; }

  /// Gives it its stream, whose events are this object.
  void attach(io::StreamPtr stream) { stream_ = std::move(stream); }
  void take(ServerEvents& owner, const ServerLimits& limits);  ///< busy from now on
  void idle(IdleEvents& pool, Instant now);                    ///< back in the pool

  /// What the next response answers; call before the first byte of each request is sent.
  void expect(bool to_head, bool upgrade) { to_head_ = to_head, upgrade_ = upgrade, response_done_ = false; }
  std::size_t send(std::span<const Bytes> pieces) { return stream_->write(pieces); }
  std::size_t queued() const { return stream_->queued(); }
  void pause() { stream_->stop_reading(); }
  void resume() { stream_->start_reading(); }
  /// Nobody wants it any more: it says nothing to owner or pool, and is not reusable.
  void abandon() { owner_ = nullptr, pool_ = nullptr, failed_ = true; }
  /// After a 101: hands over the stream and bytes that came behind the head.
  io::StreamPtr release(std::string& rest);

  // io::StreamEvents
  void on_connected() override;
  void on_data(Bytes data) override;
  void on_end() override;
  void on_drained() override;
  void on_fault(io::Fault fault, std::string_view detail) override;

 private:
  bool consume(Bytes& data);       ///< one step; false: stop for now
  bool consume_head(Bytes& data);
  bool consume_body(Bytes& data);
  void finish_response();
  bool fail_owner(Failure failure, std::string_view detail);  ///< always false

  HeadParser& parser_;
  std::size_t instance_;
  io::StreamPtr stream_;
  ServerEvents* owner_ = nullptr;
  IdleEvents* pool_ = nullptr;
  ServerLimits limits_;
  std::string pending_;            ///< an incomplete head
  std::size_t searched_ = 0;       ///< bytes of pending_ in which no head end was found
  BodyDecoder body_;
  bool in_body_ = false;
  bool connected_ = false;
  bool reusable_ = true;
  bool failed_ = false;
  bool to_head_ = false;
  bool upgrade_ = false;
  bool switched_ = false;          ///< 101: no longer HTTP
  bool response_done_ = false;
  bool any_byte_ = false;          ///< of the response
  unsigned served_ = 0;
  Instant idle_since_{};
};

}  // namespace holdfast::http
