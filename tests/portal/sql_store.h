// A Store behind a SQL server, as an application keeps its data there: a few connections, transactions of two
// batches, and what any program at SQL Server does about errors: 1205 (rolled back) runs the transaction
// again; a connection lost while a COMMIT was under way (or Holdfast's 50701) first looks whether it was done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/portal/sql_client.h"
#include "tests/portal/store.h"

namespace portal {

class SqlStore final : public Store {
 public:
  SqlStore(int port, const std::string& instance) : port_(port), instance_(instance) {}

  void log_in(const std::string& session, const std::string& user) override;
  void log_out(const std::string& session) override;
  std::string user_of(const std::string& session) override;
  void put_record(const std::string& id, const std::string& json) override;
  std::string record(const std::string& id) override;
  std::string execute(const Change& change) override;
  unsigned executions(const std::string& id) override;
  bool once(const std::string& token) override;
  Totals totals() override;
  Customer customer(unsigned number) override;
  std::string state() override;

 private:
  using Client = std::unique_ptr<SqlClient>;
  Client take();
  void give(Client client);
  Client connect();
  void make_tables();
  /// Calls `work` until it throws nothing, for a few seconds.
  void trying(const std::function<void(SqlClient&)>& work);
  SqlClient::Rows ask(const std::string& batch);
  void store(SqlClient& client, const Change& change, const std::string& mark, std::string& first);

  const int port_;
  const std::string instance_;
  std::mutex mutex_, tables_mutex_;
  std::condition_variable given_;
  std::vector<Client> idle_;
  unsigned out_ = 0;
  bool tables_ = false;
  std::atomic<unsigned long> marks_{0}, rolled_back_{0}, unknown_{0}, other_{0};
};

}  // namespace portal
