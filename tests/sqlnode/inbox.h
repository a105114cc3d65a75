// What a logged-in client sends, read by a thread of its own, so that an attention is noticed while a
// statement runs. Requests wait here in order; an attention that came while one was being executed is told
// through `cancelled`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "tds/packet.h"
#include "tests/sqlnode/channel.h"

namespace holdfast::sqlnode {

struct Request {
  tds::PacketType type{};
  std::uint8_t status = 0;  ///< of the first packet
  bool ignored = false;  ///< its last packet said IGNORE: not to be executed (MS-TDS 2.2.1.7)
  std::string payload;
};

class Inbox {
 public:
  static constexpr std::size_t request_max = 512 * 1024 * 1024;  ///< bytes of one request

  /// `first` are bytes read behind the login. `exact`: the size that packets but a message's last must have
  /// (2.2.3, since 7.3), or 0.
  Inbox(Channel& channel, std::string first, std::size_t longest, std::size_t exact);
  /// The channel must be shut by now.
  ~Inbox();

  enum class Event : std::uint8_t { Request, Attention, Closed };
  /// Waits.
  Event next(Request& request);
  const std::atomic<bool>& cancelled() const { return cancelled_; }
  /// True once per attention; clears `cancelled`.
  bool take_attention();
  bool closed() const { return closed_; }
  /// Nothing more is read; what runs is cancelled. For other threads.
  void close();

 private:
  void run(std::string plain);
  bool cut(Bytes in);
  bool push();

  Channel* channel_;
  std::size_t exact_;
  tds::PacketReader packets_;
  Request gathering_;
  bool begun_ = false;
  std::size_t packet_have_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  unsigned attentions_ = 0;
  std::atomic<bool> cancelled_{false}, closed_{false};
  std::thread reader_;
};

}  // namespace holdfast::sqlnode
