// What both replicas know, behind one surface: sessions, records, and each request that changed something. A
// file (journal.h) for tests and benchmarks, or SQL Server's protocol through Holdfast (sql_store.h) for the
// demo. Called from the threads of all connections.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

namespace portal {

/// A word that may stand in a line or a statement: all but letters, digits and ._:- becomes _; 100 bytes.
std::string word(const std::string& text);

/// The store cannot be had: the request is answered with 500.
struct StoreFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A request that changes something; all members are words.
struct Change {
  std::string id, method, path, instance;
  std::string key;  ///< Idempotency-Key; empty: none
};

struct Totals {
  std::uint64_t executed = 0;  ///< requests other than GET
  std::uint64_t posts_twice = 0;  ///< POST executed again under the same id
  std::map<std::string, std::uint64_t> by_instance;
};

/// Made up.
struct Customer {
  std::string name, queue;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual void log_in(const std::string& session, const std::string& user) = 0;
  virtual void log_out(const std::string& session) = 0;
  virtual std::string user_of(const std::string& session) = 0;  ///< empty: no such session
  virtual void put_record(const std::string& id, const std::string& json) = 0;
  virtual std::string record(const std::string& id) = 0;  ///< as it was put; empty: none
  /// Stores it, unless its key was used before: then the id that used it.
  virtual std::string execute(const Change& change) = 0;
  virtual unsigned executions(const std::string& id) = 0;  ///< of that request, over both replicas
  virtual bool once(const std::string& token) = 0;  ///< true the first time anybody asks
  virtual Totals totals() = 0;
  virtual Customer customer(unsigned number);
  virtual std::string state() { return "{}"; }  ///< JSON, for /admin/state
};

}  // namespace portal
