// Who may come in: the connection limits of one listener, as one data loop's share of them. A session
// holds a Ticket as long as it lives.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "proxy/base/address.h"

namespace holdfast {

class Doorman {
 public:
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept : doorman_(std::exchange(other.doorman_, nullptr)), client_(other.client_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(doorman_, other.doorman_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Ticket() {
      if (doorman_) doorman_->leave(client_);
    }
    explicit operator bool() const { return doorman_ != nullptr; }

   private:
    friend class Doorman;
    Ticket(Doorman* doorman, const Address& client) : doorman_(doorman), client_(client) {}
    Doorman* doorman_ = nullptr;
    Address client_;
  };

  /// 0: no limit. Open connections are not touched when a limit falls below their number.
  void set_limits(std::uint64_t total, std::uint64_t per_client) { total_max_ = total, client_max_ = per_client; }
  bool full() const { return total_max_ > 0 && open_ >= total_max_; }
  /// Empty if this client has its share already.
  Ticket admit(Address client) {
    client.port = 0;
    if (client_max_ > 0) {
      std::uint64_t& n = by_client_[client];
      if (n >= client_max_) return {};
      ++n;
    }
    ++open_;
    return Ticket(this, client);
  }
  std::uint64_t open() const { return open_; }

 private:
  void leave(const Address& client) {
    --open_;
    auto it = by_client_.find(client);  // absent if there was no limit when it came
    if (it != by_client_.end() && --it->second == 0) by_client_.erase(it);
  }

  std::uint64_t total_max_ = 0, client_max_ = 0;
  std::uint64_t open_ = 0;
  std::map<Address, std::uint64_t> by_client_;
};

}  // namespace holdfast
