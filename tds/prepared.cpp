#include "tds/prepared.h"

#include <algorithm>

namespace holdfast::tds {

namespace {

std::size_t size_of(const PreparedStatement& statement) {
  return sizeof statement + statement.declaration.size() + statement.text.size();
}

}  // namespace

const PreparedStatement* Prepared::add(std::int32_t server, bool own, std::uint64_t generation,
                                       Bytes declaration, Bytes text) {
  // A number that a server gives anew while the client still has it was freed by means we do not see.
  if (!own) forget(server);
  if (statements_.size() >= statements_max_ || next_ == INT32_MAX) return nullptr;
  PreparedStatement made{
      own ? next_++ : server, server, generation, std::string(declaration), std::string(text)};
  if (bytes_ + size_of(made) > bytes_max_) return nullptr;
  bytes_ += size_of(made);
  const auto at =
      std::lower_bound(statements_.begin(), statements_.end(), made.client,
                       [](const PreparedStatement& s, std::int32_t client) { return s.client < client; });
  return &*statements_.insert(at, std::move(made));
}

PreparedStatement* Prepared::find(std::int32_t client) {
  const auto at = std::lower_bound(statements_.begin(), statements_.end(), client,
                                   [](const PreparedStatement& s, std::int32_t c) { return s.client < c; });
  return at != statements_.end() && at->client == client ? &*at : nullptr;
}

void Prepared::forget(std::int32_t client) {
  PreparedStatement* statement = find(client);
  if (statement == nullptr) return;
  bytes_ -= size_of(*statement);
  statements_.erase(statements_.begin() + (statement - statements_.data()));
}

void Prepared::clear() {
  statements_.clear();
  bytes_ = 0;
}

}  // namespace holdfast::tds
