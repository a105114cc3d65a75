// One node: what all its sessions share. Threads: the acceptor, one per session with a reader beside it,
// one for control.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tests/sqlnode/engine.h"
#include "tests/sqlnode/faults.h"
#include "tests/sqlnode/options.h"
#include "tests/sqlnode/tls.h"

namespace holdfast::sqlnode {

class Session;

struct Counters {
  std::atomic<std::uint64_t> connections{0}, logins{0}, refused{0}, recoveries{0}, resets{0};
  std::atomic<std::uint64_t> batches{0}, calls{0}, transactions{0}, bulks{0}, attentions{0};
};

class Node {
 public:
  Node(Options options, std::shared_ptr<Database> database, std::unique_ptr<TlsCertificate> certificate);

  const Options& options() const { return options_; }
  const TlsCertificate& certificate() const { return *certificate_; }
  std::shared_ptr<Database> database() const { return database_; }
  NodeFacts facts() const;
  Role role() const { return role_; }
  /// A failover cluster's passive node does not listen at all; an availability group's does.
  bool listens() const { return options_.hadr || role_ == Role::Primary; }
  /// The error that a login to this database gets now; 0: none.
  std::uint32_t refusal(const std::string& database) const;

  /// Losing or gaining the primary role ends all sessions first, but not connections that have not logged in;
  /// returns when they have ended, at the latest after five seconds.
  void set_role(Role role);
  bool kill(int spid);
  std::string stats();

  int enter(Session& session);
  void leave(int spid);

  Faults faults;
  Counters counters;

 private:
  void end_all(std::uint32_t error);

  const Options options_;
  std::shared_ptr<Database> database_;
  std::unique_ptr<TlsCertificate> certificate_;
  std::atomic<Role> role_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::map<int, Session*> sessions_;
  int next_spid_ = 51;
};

}  // namespace holdfast::sqlnode
