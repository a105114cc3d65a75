#include "proxy/sql_gate.h"

#include <utility>

namespace holdfast {

void SqlGate::set_bounds(const std::string& service, const tds::LoginLimits::Bounds& bounds) {
  std::vector<std::uint64_t> in;
  {
    std::lock_guard lock(mutex_);
    in = services_[service].set_bounds(bounds);
  }
  tell(std::move(in));
}

tds::LoginLimits::Verdict SqlGate::enter(std::string_view service, std::uint64_t ticket,
                                         std::string_view login, std::string_view application,
                                         std::string_view host) {
  std::lock_guard lock(mutex_);
  const auto found = services_.find(service);
  if (found == services_.end()) return {};
  return found->second.enter(ticket, login, application, host);
}

void SqlGate::leave(std::string_view service, std::uint64_t ticket) {
  std::vector<std::uint64_t> in;
  {
    std::lock_guard lock(mutex_);
    const auto found = services_.find(service);
    if (found != services_.end()) in = found->second.leave(ticket);
  }
  tell(std::move(in));
}

void SqlGate::tell(std::vector<std::uint64_t> tickets) const {
  if (!tickets.empty()) tell_(std::move(tickets));
}

}  // namespace holdfast
