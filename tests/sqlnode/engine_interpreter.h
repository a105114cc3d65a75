// One session of the SQL node: runs parsed T-SQL against its Store, keeps variables, transactions, options
// and the last error. Owner: the node's session thread; nothing here is shared but the Database. See
// engine.h for the seam to the wire.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sqlnode/engine.h"
#include "tests/sqlnode/sql_emit.h"
#include "tests/sqlnode/sql_functions.h"
#include "tests/sqlnode/sql_store.h"

namespace holdfast::sqlnode {

enum class Flow : std::uint8_t { Next, Break, Continue, Return, Abort };

/// The client sent an attention or went away.
struct Cancelled {};

class Interpreter final : public Engine, public Host {
 public:
  Interpreter(std::shared_ptr<Database> database, const NodeFacts& node, int spid);
  ~Interpreter() override;

  void batch(const std::string& text, const std::vector<Parameter>& parameters, bool nested, Sink& sink,
             const std::atomic<bool>& cancelled) override;
  void procedure(const std::string& name, const std::vector<Parameter>& parameters, Sink& sink,
                 const std::atomic<bool>& cancelled) override;
  void begin(const std::string& isolation, Sink& sink) override;
  void commit(Sink& sink) override;
  void rollback(const std::string& savepoint, Sink& sink) override;
  void save(const std::string& savepoint, Sink& sink) override;
  void bulk(const std::vector<Column>& columns, const std::vector<std::vector<Value>>& rows,
            Sink& sink) override;
  std::vector<Column> describe(const std::string& text, const std::vector<Parameter>& parameters) override;
  void reset(bool keep_transaction) override;
  SessionSettings& settings() override { return settings_; }
  std::uint64_t descriptor() const override { return descriptor_; }
  Value host(const std::string& function, const std::vector<Value>& arguments) override;

 private:
  struct Variable {
    Type type;
    Value value;
  };
  struct Frame {
    std::map<std::string, Variable> variables;
    std::string procedure;
    std::vector<std::string> tables;  ///< table variables and temporary tables, dropped at its end
    std::int64_t status = 0;
  };
  /// A statement as SQLite runs it, good while schema, database and the types of its variables stay.
  struct Ready : Plan {
    Prepared statement;
    std::vector<std::string> bindings;
    std::vector<std::int64_t> codes;
    std::vector<Column> columns;
    std::vector<std::string> variables;  ///< SELECT @v = ...
    std::string database, identity_table;
    std::uint64_t generation = 0;
    bool reads = false, temporary = false;
  };
  using Row = std::vector<Value>;
  using Parsed = std::shared_ptr<Batch>;

  // engine.cpp: entry, parsing, errors.
  Parsed parse(const std::string& text);
  void enter(Sink& sink, const std::atomic<bool>& cancelled);
  void guarded(const std::function<void()>& body);
  void report(const SqlError& error);
  Flow failed(SqlError error, const Statement& statement);
  void add_parameters(Frame& frame, const std::vector<Parameter>& parameters);
  void drop_tables(Frame& frame);
  void check_cancelled() const;

  // engine_run.cpp: control.
  Flow run(const Batch& statements);
  Flow run_one(Statement& statement);
  Flow dispatch(Statement& statement);
  Flow run_try(Statement& statement);
  Flow run_while(Statement& statement);
  void run_raise(Statement& statement);
  void run_print(Statement& statement);
  void run_wait(Statement& statement);
  void run_declare(Statement& statement);
  void set_variable(const std::string& name, const Value& value);
  Value eval(const Expr& expr, Type* type = nullptr);
  bool test(const Expr& expr);
  Type variable_type(const std::string& name);
  Variable variable(const std::string& name);
  Variable global(const std::string& name);

  // engine_query.cpp and engine_dml.cpp.
  Emitter::Context context();
  Emitter emitter() { return Emitter(context()); }
  bool fresh(const Ready& ready);
  Ready& ready(Statement& statement);
  void finish(Ready& ready, Emitter& emitter, const std::string& sql);
  void bind(Ready& ready);
  bool step(sqlite3_stmt* statement);
  void run_query(Statement& statement);
  void send_rows(Ready& ready);
  void take_rows(Ready& ready);
  void select_into(Statement& statement);
  void run_dml(Statement& statement);
  void insert_text(Statement& statement, Emitter& emitter, Ready& ready, const Table& table,
                   std::string& sql);
  void insert_source(Statement& statement, Emitter& emitter, const Table& table,
                     std::vector<std::string> names, std::string& sql);
  std::vector<std::string> insert_names(const Statement& statement, const Table& table);
  void update_text(Statement& statement, Emitter& emitter, const Table& table, std::string& sql);
  void delete_text(Statement& statement, Emitter& emitter, const Table& table, std::string& sql);
  std::string target_rows(Statement& statement, Emitter& emitter, const Table& table,
                          const std::string& items);
  std::string output_items(Statement& statement, Emitter& emitter, std::vector<Column>& columns);
  std::string output_list(Statement& statement, Emitter& emitter, std::vector<Column>& columns);
  bool previews(const Statement& statement) const;
  void preview(Statement& statement, const Table& table, std::vector<Column>& columns,
               std::vector<Row>& rows);
  void emit_output(Statement& statement, const std::vector<Column>& columns, const std::vector<Row>& rows);
  const Table& target(const Statement& statement);
  Path target_path(const Statement& statement) const;
  void load_identity(const std::string& id);
  void store_identity(const std::string& id);
  void done(std::uint64_t count, std::uint16_t command);
  void done_plain();

  // engine_tran.cpp.
  void guard_write();
  bool enter_write(bool many);
  void leave_write(bool own, bool good);
  void enter_read();
  void begin_transaction(bool implicit);
  void commit_transaction();
  void rollback_all();
  void rollback_to(const std::string& name);
  void save_point(const std::string& name);
  void lost_transaction();
  void implicit(const Statement& statement);
  void set_isolation(const std::string& level);
  int isolation_number() const;  // as sys.dm_exec_sessions shows it

  // engine_ddl.cpp, engine_table.cpp.
  void run_ddl(Statement& statement);
  void run_catalog(Statement& statement);
  void create_table(const Path& path, std::vector<ColumnDef>& columns, std::vector<KeyDef>& keys);
  std::string column_text(const ColumnDef& column, Emitter& emit);
  std::string default_text(const std::string& name, const Expr& value, const Type& type);
  std::string key_text(const KeyDef& key, const std::string& id, Emitter& emit);
  void note_table(const std::string& id);
  void note_identity(const std::string& id, const ColumnDef& column);
  void alter_table(Statement& statement);
  void alter_parts(Statement& statement, const Table& table, std::vector<std::string>& parts);
  void drop_constraint(const std::string& name, bool if_exists, std::vector<std::string>& parts);
  void rebuild(const std::string& id, bool temporary, const std::vector<std::string>& parts);
  void drop_table(const Path& path, bool if_exists);
  void create_index(Statement& statement);
  void drop_index(const Path& path, const Path& table, bool if_exists);
  void create_module(Statement& statement, char kind);
  void drop_module(const Path& path, char kind, bool if_exists);
  void truncate(Statement& statement);

  // engine_options.cpp.
  void set_option(Statement& statement);
  void use(const std::string& name);
  bool option(const std::string& name) const;
  void default_options();

  // engine_call.cpp, engine_procs.cpp.
  void run_exec(Statement& statement);
  void execute_text(const std::string& text, std::vector<Parameter>& parameters);
  void execute_sql(std::vector<Parameter>& parameters);
  bool user_procedure(const Path& path, std::vector<Parameter>& parameters, std::int64_t& status);
  bool system_procedure(const std::string& name, std::vector<Parameter>& parameters, std::int64_t& status);
  std::int64_t get_app_lock(const std::vector<Parameter>& parameters);
  std::int64_t release_app_lock(const std::vector<Parameter>& parameters);
  void release_locks(bool transaction_only);
  void query_text(const std::string& text, const std::vector<Parameter>& parameters);
  void send_table(const std::vector<Column>& columns, const std::vector<Row>& rows);
  void call(const Path& path, std::vector<Parameter>& parameters, std::int64_t& status);

  // engine_views.cpp, engine_host.cpp.
  std::string system_view(const Path& path);
  Value error_part(const std::string& function) const;
  Value session_part(const std::string& function, const std::string& first);
  Value database_part(const std::string& function, const std::string& first, bool given);
  Value server_property(const std::string& name);
  Value database_property(const std::string& database, const std::string& name);
  Value object_id(const std::string& name);

  std::shared_ptr<Database> database_;
  NodeFacts node_;
  int spid_;
  const std::atomic<bool>* cancelled_ = nullptr;
  int lock_timeout_ms_ = -1;
  Store store_;
  SessionSettings settings_;
  Sink* sink_ = nullptr;
  std::vector<Frame> frames_;

  struct Kept {
    Parsed batch;
    std::list<std::string>::iterator place;
  };
  std::map<std::string, Kept> parsed_;
  std::list<std::string> recent_;

  int transactions_ = 0, try_depth_ = 0, depth_ = 0;
  std::uint64_t descriptor_ = 0;
  bool doomed_ = false, held_ = false;  ///< held: SQLite's transaction is part of the session's
  std::vector<std::string> savepoints_;
  std::int64_t row_count_ = 0;
  std::uint32_t error_ = 0;
  std::optional<SqlError> caught_;
  Value identity_, scope_identity_;
  std::string identity_insert_;
  struct Identity {
    std::int64_t next = 1, step = 1, last = 0;
    bool used = false;
  };
  std::map<std::string, Identity> identities_;
  std::map<std::string, Value> session_context_;
  std::vector<std::string> bulk_columns_;
  Path bulk_table_;
  std::vector<std::pair<std::string, bool>> app_locks_;  ///< resource, owned by the transaction
};

}  // namespace holdfast::sqlnode
