#include "tds/limits.h"

#include <algorithm>
#include <utility>

namespace holdfast::tds {
namespace {

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
  return out;
}

using Counts = std::unordered_map<std::string, std::uint32_t>;

bool at_bound(const Counts& counts, const std::string& key, std::uint32_t bound) {
  if (bound == 0) return false;
  const auto found = counts.find(key);
  return found != counts.end() && found->second >= bound;
}

Counts::value_type* count_in(Counts& counts, const std::string& key) {
  const auto at = counts.try_emplace(key, 0).first;
  ++at->second;
  return &*at;
}

void give_back(Counts& counts, Counts::value_type& count) {
  if (--count.second == 0) counts.erase(counts.find(count.first));
}

}  // namespace

std::string_view LoginLimits::full(const Keys& keys) const {
  if (at_bound(logins_, keys.login, bounds_.per_login)) return "login";
  if (at_bound(applications_, keys.application, bounds_.per_application)) return "application";
  if (at_bound(hosts_, keys.host, bounds_.per_host)) return "host";
  return {};
}

void LoginLimits::take(std::uint64_t ticket, const Keys& keys) {
  const Place place{count_in(logins_, keys.login), count_in(applications_, keys.application),
                    count_in(hosts_, keys.host)};
  inside_.emplace(ticket, place);
}

std::vector<std::uint64_t> LoginLimits::set_bounds(const Bounds& bounds) {
  if (bounds == bounds_) return {};
  bounds_ = bounds;
  return let_in();
}

LoginLimits::Verdict LoginLimits::enter(std::uint64_t ticket, std::string_view login,
                                        std::string_view application, std::string_view host) {
  Keys keys{folded(login), folded(application), folded(host)};
  const std::string_view what = full(keys);
  if (what.empty()) {
    take(ticket, keys);
    return {};
  }
  std::string why = "This " + std::string(what) + " has as many sessions as it may have.";
  if (queue_.size() >= bounds_.queue) return {Answer::Refused, std::move(why)};
  queue_.push_back({ticket, std::move(keys)});
  return {Answer::Waits, std::move(why)};
}

std::vector<std::uint64_t> LoginLimits::leave(std::uint64_t ticket) {
  const auto found = inside_.find(ticket);
  if (found == inside_.end()) {
    std::erase_if(queue_, [ticket](const Waiter& w) { return w.ticket == ticket; });
    return {};
  }
  give_back(logins_, *found->second.login);
  give_back(applications_, *found->second.application);
  give_back(hosts_, *found->second.host);
  inside_.erase(found);
  return let_in();
}

/// One that has no room yet does not hold up those behind it, who wait for something else.
std::vector<std::uint64_t> LoginLimits::let_in() {
  std::vector<std::uint64_t> in;
  for (auto waiter = queue_.begin(); waiter != queue_.end();) {
    if (!full(waiter->keys).empty()) {
      ++waiter;
      continue;
    }
    in.push_back(waiter->ticket);
    take(waiter->ticket, waiter->keys);
    waiter = queue_.erase(waiter);
  }
  return in;
}

}  // namespace holdfast::tds
