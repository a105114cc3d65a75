// One session's SQLite connection: prepared statements, the names of T-SQL tables and what is known of
// their columns. All databases of a node are in one file; a table's name there is "database.schema.name",
// temporary ones are SQLite's own. Owner: the session; the Database outlives it and may be shared by
// sessions on several threads.
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/sqlnode/sql_ast.h"
#include "tests/sqlnode/sql_lex.h"

namespace holdfast::sqlnode {

class Database {
 public:
  Database(std::string path, bool durable) : path_(std::move(path)), durable_(durable) {}
  const std::string& path() const { return path_; }
  bool durable() const { return durable_; }  ///< commits wait for the disk

  struct Lock {
    int owner = 0, count = 0;
    bool shared = false;
  };
  std::mutex mutex;
  std::condition_variable released;
  std::map<std::string, std::vector<Lock>> locks;  ///< sp_getapplock

 private:
  const std::string path_;
  const bool durable_;
};

struct TableColumn {
  std::string name;
  Type type;
  bool nullable = true, identity = false, has_default = false, computed = false;
  int key = 0;
};

struct Table {
  std::string physical;  ///< quoted, as SQLite takes it
  std::string shown;  ///< "dbo.t"
  std::string id;  ///< "master.dbo.t" or "#t"
  bool temporary = false;
  std::vector<TableColumn> columns;
  int identity = -1;
  std::int64_t seed = 1, step = 1;
  const TableColumn* column(const std::string& name) const;
};

std::string quote(const std::string& name);  ///< "x"
std::string literal(const std::string& text);  ///< 'x'

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, Finalize>;

class Store {
 public:
  Store(const std::string& path, const std::atomic<bool>** cancelled, const int* timeout_ms, bool durable);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  sqlite3* handle() { return db_; }
  Prepared prepare(const std::string& sql);
  /// Runs texts of our own, kept prepared; rows as texts.
  std::vector<std::vector<std::string>> ask(const std::string& sql,
                                            const std::vector<std::string>& values = {});
  void run(const std::string& sql, const std::vector<std::string>& values = {}) { ask(sql, values); }
  [[noreturn]] void fail_now();  ///< the connection's last error, in SQL Server's words
  bool in_transaction() { return sqlite3_get_autocommit(db_) == 0; }

  std::string id_of(const Path& path, const std::string& database) const;
  const Table* table(const Path& path, const std::string& database);
  /// Text of a view or procedure ('V', 'P'); false: none.
  bool module(const std::string& id, char kind, std::string& text);
  bool has_database(const std::string& name);
  /// After DDL. What table() gave stays until sweep(): a statement may hold it.
  void forget();
  void sweep() { retired_.clear(); }
  std::uint64_t generation();  ///< of the schema, ours and the file's

  std::unique_ptr<SqlError> raised;  ///< by a function while SQLite ran

 private:
  static int wait(void* self, int times);
  std::unique_ptr<Table> load(const std::string& id);
  std::string duplicate_text(const std::string& detail, bool primary, std::uint32_t& number);

  sqlite3* db_ = nullptr;
  const std::atomic<bool>** cancelled_;
  const int* timeout_ms_;
  std::int64_t waited_us_ = 0;
  std::unordered_map<std::string, Prepared> kept_;
  std::map<std::string, std::unique_ptr<Table>> tables_;
  std::vector<std::unique_ptr<Table>> retired_;
  std::uint64_t generation_ = 1;
  std::string file_version_;
};

}  // namespace holdfast::sqlnode
