// What a node does wrong on command. One per process, shared by all sessions; everything here may be called
// from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast::sqlnode {

class Faults {
 public:
  std::atomic<std::uint32_t> refuse{0};  ///< logins get this error; 0: off
  std::atomic<std::uint32_t> slow_ms{0};  ///< before every answer to a request
  std::atomic<std::uint32_t> split{0};  ///< bytes of a write; 0: whole
  std::atomic<bool> odd_packets{false};  ///< response packets of varying sizes
  std::atomic<bool> recoverable{true};  ///< false: SESSIONSTATE says that a session is not
  std::atomic<std::uint64_t> sent{0};  ///< bytes to clients, TLS included
  std::atomic<std::uint32_t> held{0};  ///< answers that wait for `release`

  /// The process ends with the N-th byte sent from now.
  void die_at(std::uint64_t bytes);
  void hold_commits();
  void release();
  /// Called when a commit or an autocommit write is done and not yet answered; returns when it may be, or
  /// when `gone`.
  void wait_while_held(const std::function<bool()>& gone);

  std::string route() const;
  std::string mirror() const;
  void set_route(std::string to);
  void set_mirror(std::string to);

  /// Writes all to the socket as the faults want it. False: the client is gone.
  bool deliver(int fd, Bytes bytes);

 private:
  std::size_t allowance(std::size_t want);

  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool hold_ = false;
  bool dies_ = false;
  std::uint64_t until_death_ = 0;
  std::string route_, mirror_;
};

}  // namespace holdfast::sqlnode
