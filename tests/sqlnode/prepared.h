// RPC requests (MS-TDS 2.2.6.6): the procedures that are the server's own affair, sp_executesql,
// sp_prepare, sp_execute, sp_prepexec, sp_prepexecrpc and sp_unprepare, with the handles that a session
// has; all others go to the engine by name. Cursors are refused with error 16945: no driver opens one
// unless it is asked to.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "tds/rpc.h"
#include "tests/sqlnode/engine.h"
#include "tests/sqlnode/reply.h"

namespace holdfast::sqlnode {

class Prepared {
 public:
  explicit Prepared(Engine& engine) : engine_(&engine) {}

  /// `payload` is the message's after ALL_HEADERS. An error ends the connection: the stream is not
  /// understood.
  Status run(Bytes payload, std::uint32_t version, Reply& reply, const std::atomic<bool>& cancelled);
  void forget_all() { statements_.clear(); }
  std::size_t size() const { return statements_.size(); }

 private:
  struct Statement {
    std::string text;
    std::vector<std::string> names;  ///< of its parameters, as declared
    std::string procedure;  ///< of sp_prepexecrpc: called instead
  };
  using Parameters = std::vector<Parameter>;

  void call(const tds::RpcCall& call, Bytes payload, Reply& reply, const std::atomic<bool>& cancelled);
  void execute_sql(const Parameters& all, Reply& reply, const std::atomic<bool>& cancelled);
  void prepare(const Parameters& all, Reply& reply);
  void execute(const Parameters& all, Reply& reply, const std::atomic<bool>& cancelled);
  void prepare_and_execute(const Parameters& all, bool procedure, Reply& reply,
                           const std::atomic<bool>& cancelled);
  void unprepare(const Parameters& all, Reply& reply);
  void run_statement(const Statement& statement, const Parameters& all, std::size_t from, Reply& reply,
                     const std::atomic<bool>& cancelled);
  std::int32_t keep(Statement statement);

  Engine* engine_;
  std::map<std::int32_t, Statement> statements_;
  std::vector<std::string> names_;  // of the running call's parameters, for the ordinals of output values
  std::int32_t next_ = 1;
};

/// The names in "@a int, @b decimal(10, 2) output".
std::vector<std::string> declared_names(const std::string& declaration);

}  // namespace holdfast::sqlnode
