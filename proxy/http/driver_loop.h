// What the HTTP sessions of one data loop share: scratch space, pools, budgets. One object a loop, used
// by that loop's thread only, outliving every session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/access_log.h"
#include "proxy/http/driver_pool.h"
#include "proxy/http/driver_store.h"
#include "proxy/http/parser.h"
#include "proxy/io/io.h"
#include "proxy/metrics.h"
#include "proxy/plan.h"
#include "proxy/session.h"

namespace holdfast::http {

class ClientConnection;
class ExchangeDriver;
struct Unsettled {};  ///< tag: connections whose exchange has ended in this turn

/// A service as this loop runs it. Kept across reloads as long as its instances and their TLS stay.
struct ServiceHub {
  ServiceHub(HttpLoop& loop, PlanPtr plan, std::size_t index, Service::Report report);

  PlanPtr origin;              ///< of `service`'s TLS contexts, and of its configuration after a removal
  std::size_t origin_index;
  ServiceCounters& counters;
  Service service;
  ServicePool pool;
  unsigned refs = 0;           ///< LoopPlans that use it
};

/// A Plan with this loop's own objects beside it. Requests pin it by count, not by an atomic.
struct LoopPlan {
  PlanPtr plan;
  std::vector<ServiceHub*> hubs;            ///< by service index
  std::vector<ListenCounters*> listens;     ///< by listener index
  std::uint64_t refs = 0;                   ///< sessions and exchanges
};

/// An exchange that holds bytes against the budget; the oldest is shed first.
class Holder : public ListNode<Holder> {
 public:
  virtual void shed() = 0;  ///< let go of all it holds, and of the list; answer 503 if need be
  virtual bool spilled() const = 0;  ///< some of what it holds is on disk

 protected:
  ~Holder() = default;
};

struct HttpLoop {
  HttpLoop(io::Loop& loop, Sessions& sessions, LoopMetrics& metrics, AccessLog& access, unsigned number);
  ~HttpLoop();

  /// At the end of each turn: connections go on to their next request, and what was retired is destroyed.
  void turn_end();
  /// "9f86d081884c7d65-1a2b": random per loop and start, then a count.
  std::string_view next_request_id(std::string& out);
  /// The Date field's value, made once a second (RFC 9110 section 5.6.7).
  std::string_view date();
  std::unique_ptr<ExchangeDriver> take_exchange();
  void give_back(std::unique_ptr<ExchangeDriver> exchange);

  io::Loop& loop;
  Sessions& sessions;
  LoopMetrics& metrics;
  AccessLog& access;
  unsigned number;
  bool draining = false;
  bool asks_to_close = false;               ///< each response is its connection's last; idle ones are left alone
  LoopPlan* current = nullptr;              ///< what new requests follow
  HeadParser parser;
  RetainBudget budget;
  List<Holder> holders;                     ///< oldest first
  std::string head;                         ///< scratch: one head being written
  std::string frames;                       ///< scratch: chunk sizes of one turn
  std::unique_ptr<char[]> spill_scratch;    ///< scratch: bytes read back from disk
  std::vector<std::unique_ptr<ServerConnection>> retired;
  List<ClientConnection, Unsettled> unsettled;

 private:
  std::string id_prefix_;
  std::uint64_t id_count_ = 0;
  std::string date_;
  Instant date_until_{};
  std::vector<std::unique_ptr<ExchangeDriver>> spare_;
};

inline constexpr std::size_t spill_scratch_size = 128 * 1024;

}  // namespace holdfast::http
