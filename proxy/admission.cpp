#include "proxy/admission.h"

namespace holdfast {

Doorman::Answer Doorman::admit(const Address& client, Ticket& ticket) {
  // Count first and look then: two loops that ask at once cannot both take the last place.
  const std::uint64_t total = total_max_;
  if (open_.fetch_add(1) >= total && total > 0) {
    --open_;
    return Answer::Wait;
  }
  Address key;  // stays empty where clients are not counted
  if (const std::uint64_t most = client_max_; most > 0) {
    key = client;
    key.port = 0;
    std::lock_guard lock(mutex_);
    std::uint64_t& n = by_client_[key];
    if (n >= most) {
      --open_;
      return Answer::Refuse;
    }
    ++n;
  }
  ticket.doorman_ = this;
  ticket.client_ = key;
  return Answer::In;
}

void Doorman::leave(const Address& client) {
  if (client.family != Address::Family::None) {
    std::lock_guard lock(mutex_);
    auto it = by_client_.find(client);
    if (--it->second == 0) by_client_.erase(it);
  }
  const std::uint64_t total = total_max_;
  if (open_.fetch_sub(1) >= total && total > 0) wake_();
}

}  // namespace holdfast
