// Who may come in: the connection limits of one listener, over all data loops. It is touched once when a
// connection comes and once when it goes, never per request. A session holds a Ticket as long as it lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "proxy/base/address.h"

namespace holdfast {

class Doorman {
 public:
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : doorman_(std::exchange(other.doorman_, nullptr)), client_(other.client_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(doorman_, other.doorman_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Ticket() {
      if (doorman_) doorman_->leave(client_);
    }

   private:
    friend class Doorman;
    Doorman* doorman_ = nullptr;
    Address client_;
  };
  enum class Answer : std::uint8_t {
    In,
    Wait,    ///< the listener is full
    Refuse,  ///< this client has its share already
  };

  /// `wake` is called, from any loop's thread, when a full listener has room again.
  explicit Doorman(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// 0: no limit. Open connections are not touched when a limit falls below their number.
  void set_limits(std::uint64_t total, std::uint64_t per_client) {
    total_max_ = total, client_max_ = per_client;
  }
  bool full() const { return total_max_ > 0 && open_ >= total_max_; }
  std::uint64_t open() const { return open_; }
  Answer admit(const Address& client, Ticket& ticket);

 private:
  void leave(const Address& client);

  std::function<void()> wake_;
  std::atomic<std::uint64_t> total_max_{0}, client_max_{0}, open_{0};
  std::mutex mutex_;
  std::map<Address, std::uint64_t> by_client_;  ///< without ports; guarded by mutex_
};

}  // namespace holdfast
