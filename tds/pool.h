// Which server connection a session of an aware SQL service gets, where connections are shared (`pool`): the
// free ones, who waits for one, and whose may be taken, by login. A pure machine: who asks for what in; a
// verdict out. It owns the free connections, which it never looks into. One for each service on each data
// loop, owned by ServerPool (driver_pool.h). A place is a connection of a login: with a session, free, or
// being made.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/crypto.h"
#include "proxy/base/list.h"
#include "proxy/base/time.h"
#include "tds/conversation.h"

namespace holdfast::tds {

/// A logged-in connection that no session has.
struct PooledServer {
  virtual ~PooledServer() = default;
  Instant born{};   ///< when its login was accepted
  Instant freed{};  ///< when it became free
};
using PooledPtr = std::unique_ptr<PooledServer>;

struct PoolGroup;

/// A session's place in the pool. It must leave() before it dies.
class PoolSeat : public ListNode<PoolSeat> {
 public:
  bool seated() const { return group_ != nullptr; }
  /// It is in the queue.
  bool waits() const { return linked() && !holds_; }
  PoolGroup& group() const { return *group_; }

 private:
  friend class Pool;
  PoolGroup* group_ = nullptr;
  bool holds_ = false;  ///< a place
  bool called_ = false;  ///< its turn has come
  bool joins_ = false;  ///< a login, to which the answer of an earlier one would do
};

/// All that share one login.
struct PoolGroup : ListNode<PoolGroup> {
  Digest key{};
  std::deque<PooledPtr> free;  ///< the back one was used last
  List<PoolSeat> idle;  ///< with a connection that another may take; the front one is so longest
  List<PoolSeat> waiting;
  std::uint32_t places = 0, seats = 0;
  Instant accepted{};  ///< when a server last took this login
  std::string answer;  ///< to the first login, as its client got it; empty: none was accepted yet
  LoginFacts facts;    ///< of the same
  bool leans = false;  ///< see Conversation::lendable
};

class Pool {
 public:
  struct Limits {
    conf::SqlPool mode = conf::SqlPool::Off;
    std::uint32_t max = 0;
    Duration idle{}, lifetime{};
  };
  enum class Way : std::uint8_t {
    Free,      ///< `server` is its own now
    Steal,     ///< the connection of `from`, which has none any more
    Open,      ///< a new login, for which it has the place
    Believed,  ///< of a login: the kept answer does, and it has no server yet
    Wait,      ///< it is in the queue; see next()
  };
  struct Answer {
    Way way = Way::Open;
    PooledPtr server = {};
    PoolSeat* from = nullptr;
  };

  void set_limits(const Limits& limits) { limits_ = limits; }
  const Limits& limits() const { return limits_; }

  void sit(PoolSeat& seat, const Digest& key);
  /// What it held is closed by the caller.
  void leave(PoolSeat& seat);
  /// The seat has no connection and needs one. `joins`: for a login that no server has answered.
  Answer want(PoolSeat& seat, bool joins, Instant now);
  /// A server took its login.
  void accepted(PoolSeat& seat, Instant now);
  /// Whether another may take the seat's connection.
  void mark(PoolSeat& seat, bool lendable);
  /// The seat's connection is gone.
  void dropped(PoolSeat& seat);
  /// The seat gives its connection back. Returns it if it is to be closed.
  PooledPtr put(PoolSeat& seat, PooledPtr server, Instant now);

  /// Out of the free ones; null: it is not there.
  PooledPtr take_out(const PooledServer& server);
  /// All free ones that `is_bad(server)`.
  template <class F>
  std::vector<PooledPtr> sweep(F&& is_bad) {
    std::vector<PooledPtr> out;
    for (auto at = groups_.begin(); at != groups_.end();) sweep_group((at++)->second, is_bad, out);
    return out;
  }
  bool stale(const PooledServer& server, Instant now) const {
    return now >= server.freed + limits_.idle || now >= server.born + limits_.lifetime;
  }
  bool aged(const PooledServer& server, Instant now) const { return now >= server.born + limits_.lifetime; }
  /// When the first free one becomes stale.
  Instant deadline() const;

  /// Somebody in the queue may have something: next() is to be called.
  bool woken() const { return !woken_.empty(); }
  /// Whose turn it is; it is out of the queue and must want() again. Null: nobody's.
  PoolSeat* next(Instant now);

  std::size_t free() const { return free_; }

 private:
  template <class F>
  void sweep_group(PoolGroup& group, F& is_bad, std::vector<PooledPtr>& out) {
    for (auto at = group.free.begin(); at != group.free.end();) {
      if (!is_bad(**at)) {
        ++at;
        continue;
      }
      out.push_back(std::move(*at));
      at = group.free.erase(at);
      gone(group);
    }
    forget_if_empty(group);
  }
  bool believed(const PoolGroup& group, Instant now) const;
  bool available(const PoolGroup& group, Instant now) const;
  void wake(PoolGroup& group);
  void gone(PoolGroup& group);
  void forget_if_empty(PoolGroup& group);

  Limits limits_;
  std::map<Digest, PoolGroup> groups_;
  List<PoolGroup> woken_;
  std::size_t free_ = 0;
};

}  // namespace holdfast::tds
