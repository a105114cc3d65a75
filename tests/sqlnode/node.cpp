#include "tests/sqlnode/node.h"

#include <chrono>
#include <vector>

#include "tests/sqlnode/session.h"

namespace holdfast::sqlnode {

Node::Node(Options options, std::shared_ptr<Database> database, std::unique_ptr<TlsCertificate> certificate)
    : options_(std::move(options)),
      database_(std::move(database)),
      certificate_(std::move(certificate)),
      role_(options_.role) {}

NodeFacts Node::facts() const {
  NodeFacts facts;
  facts.name = options_.name;
  facts.is_primary = [this] { return role_ == Role::Primary; };
  facts.is_hadr = [this] { return options_.hadr; };
  facts.is_clustered = [this] { return options_.cluster; };
  facts.is_readable = [this] { return role_ == Role::Readable; };
  return facts;
}

std::uint32_t Node::refusal(const std::string& database) const {
  if (const std::uint32_t forced = faults.refuse; forced != 0) return forced;
  if (database == "master" || database == "msdb" || database == "model" || database == "tempdb") return 0;
  const Role role = role_;
  return role == Role::Resolving ? 983 : role == Role::Secondary ? 976 : 0;
}

void Node::set_role(Role role) {
  const Role before = role_.exchange(role);
  if (before != role && (before == Role::Primary || role == Role::Primary)) end_all(983);
}

void Node::end_all(std::uint32_t error) {
  std::unique_lock lock(mutex_);
  std::vector<int> ended;
  for (const auto& [spid, session] : sessions_) {
    if (!session->is_session()) continue;
    session->end(error);
    ended.push_back(spid);
  }
  left_.wait_for(lock, std::chrono::seconds(5), [&] {
    for (const int spid : ended)
      if (sessions_.contains(spid)) return false;
    return true;
  });
}

bool Node::kill(int spid) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(spid);
  if (found == sessions_.end()) return false;
  found->second->end(596);
  return true;
}

int Node::enter(Session& session) {
  const std::lock_guard lock(mutex_);
  ++counters.connections;
  sessions_[next_spid_] = &session;
  return next_spid_++;
}

void Node::leave(int spid) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(spid);
  left_.notify_all();
}

std::string Node::stats() {
  std::size_t sessions = 0;
  {
    const std::lock_guard lock(mutex_);
    sessions = sessions_.size();
  }
  std::string json = "{\"name\": \"" + options_.name + "\", \"role\": \"" + role_name(role_) + "\"";
  const auto add = [&](const char* name, std::uint64_t value) {
    json += std::string(", \"") + name + "\": " + std::to_string(value);
  };
  add("sessions", sessions);
  add("connections", counters.connections);
  add("logins", counters.logins);
  add("refused", counters.refused);
  add("recoveries", counters.recoveries);
  add("resets", counters.resets);
  add("batches", counters.batches);
  add("calls", counters.calls);
  add("transactions", counters.transactions);
  add("bulks", counters.bulks);
  add("attentions", counters.attentions);
  add("held", faults.held);
  add("sent", faults.sent);
  return json + "}";
}

}  // namespace holdfast::sqlnode
