// SELECT: prepared once, run with the session's variables, rows to the sink or to variables or a new table.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

Emitter::Context Interpreter::context() {
  Emitter::Context out;
  out.store = &store_;
  out.database = settings_.database;
  out.variable = [this](const std::string& name) { return variable_type(name); };
  out.system_view = [this](const Path& path) { return system_view(path); };
  return out;
}

bool Interpreter::fresh(const Ready& ready) {
  if (ready.statement == nullptr || ready.database != settings_.database) return false;
  if (sqlite3_stmt_busy(ready.statement.get()) != 0) return false;  // recursion: the other run keeps it
  if (sqlite3_stmt_status(ready.statement.get(), SQLITE_STMTSTATUS_REPREPARE, 0) != 0) return false;
  if (ready.generation != store_.generation()) return false;
  for (std::size_t i = 0; i < ready.bindings.size(); ++i) {
    if (type_code(variable_type(ready.bindings[i])) != ready.codes[i]) return false;
  }
  return true;
}

/// The statement's own plan, emptied if it no longer holds.
Interpreter::Ready& Interpreter::ready(Statement& statement) {
  auto* kept = static_cast<Ready*>(statement.plan.get());
  if (kept != nullptr && fresh(*kept)) return *kept;
  store_.generation();
  statement.plan = std::make_unique<Ready>();
  return static_cast<Ready&>(*statement.plan);
}

void Interpreter::finish(Ready& ready, Emitter& emitter, const std::string& sql) {
  ready.statement = store_.prepare(sql);
  ready.bindings = emitter.bindings;
  ready.codes.clear();
  for (const std::string& name : ready.bindings) ready.codes.push_back(type_code(variable_type(name)));
  ready.database = settings_.database;
  ready.generation = store_.generation();
  ready.reads = emitter.reads_table;
}

void Interpreter::bind(Ready& ready) {
  sqlite3_reset(ready.statement.get());
  for (std::size_t i = 0; i < ready.bindings.size(); ++i) {
    Variable value = variable(ready.bindings[i]);
    bind_value(ready.statement.get(), static_cast<int>(i + 1), value.value, value.type);
  }
}

/// True: a row. Ends the statement's use of SQLite whatever happens.
bool Interpreter::step(sqlite3_stmt* statement) {
  int result = sqlite3_step(statement);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) {
    std::optional<SqlError> error;
    try {
      store_.fail_now();
    } catch (const SqlError& found) {
      error = found;
    }
    sqlite3_reset(statement);
    check_cancelled();
    throw *error;
  }
  sqlite3_reset(statement);
  return false;
}

void Interpreter::run_query(Statement& statement) {
  Query& query = *statement.query;
  if (!query.parts[0].into.empty()) return select_into(statement);
  Ready& plan = ready(statement);
  if (plan.statement == nullptr) {
    for (const Item& item : query.parts[0].items) {
      if (!item.variable.empty()) plan.variables.push_back(item.variable);
    }
    Emitter emit = emitter();
    std::string sql = emit.query(query, plan.columns);
    if (!plan.variables.empty() && plan.variables.size() != plan.columns.size()) {
      fail(141,
           "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval "
           "operations.",
           15, true);
    }
    finish(plan, emit, sql);
  }
  if (plan.reads) enter_read();
  bind(plan);
  if (plan.variables.empty())
    send_rows(plan);
  else
    take_rows(plan);
}

void Interpreter::send_rows(Ready& ready) {
  struct Reset {
    sqlite3_stmt* statement;
    ~Reset() { sqlite3_reset(statement); }
  } reset{ready.statement.get()};
  bool more = step(ready.statement.get());
  sink_->columns(ready.columns);
  std::uint64_t count = 0;
  Row row(ready.columns.size());
  while (more) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = column_value(ready.statement.get(), static_cast<int>(i), ready.columns[i].type);
    }
    ++count;
    if (!sink_->row(row)) throw Cancelled{};
    check_cancelled();
    more = step(ready.statement.get());
  }
  done(count, 0xC1);
}

/// SELECT @a = x, ...: each row overwrites the one before; later assignments of a row see earlier ones only
/// in the next row.
void Interpreter::take_rows(Ready& ready) {
  std::uint64_t count = 0;
  while (step(ready.statement.get())) {
    ++count;
    for (std::size_t i = 0; i < ready.columns.size(); ++i) {
      set_variable(ready.variables[i],
                   column_value(ready.statement.get(), static_cast<int>(i), ready.columns[i].type));
    }
    check_cancelled();
  }
  done(count, 0xC1);
}

void Interpreter::select_into(Statement& statement) {
  Query& query = *statement.query;
  Path into = query.parts[0].into;
  Emitter emit = emitter();
  std::vector<Column> columns;
  std::string sql = emit.query(query, columns);
  std::vector<ColumnDef> made(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name.empty()) fail(1038, "An object or column name is missing or empty.", 15, true);
    made[i].name = columns[i].name;
    made[i].type = columns[i].type;
    made[i].not_null = !columns[i].nullable;
    made[i].null_given = columns[i].nullable;
  }
  std::string name = into.back();
  if (name[0] != '#') guard_write();
  bool own = enter_write(true);
  std::uint64_t count = 0;
  try {
    std::vector<KeyDef> keys;
    create_table(into, made, keys);
    const Table* table = store_.table(into, settings_.database);
    Ready plan;
    finish(plan, emit, "INSERT INTO " + table->physical + " " + sql);
    bind(plan);
    step(plan.statement.get());
    count = static_cast<std::uint64_t>(sqlite3_changes64(store_.handle()));
  } catch (...) {
    leave_write(own, false);
    store_.forget();
    throw;
  }
  leave_write(own, true);
  done(count, 0xC1);
}

void Interpreter::send_table(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  sink_->columns(columns);
  for (const Row& row : rows) {
    if (!sink_->row(row)) throw Cancelled{};
  }
  done(rows.size(), 0xC1);
}

std::vector<Column> Interpreter::describe(const std::string& text, const std::vector<Parameter>& parameters) {
  std::vector<Column> columns;
  frames_.emplace_back();
  try {
    Parsed batch = parse(text);
    add_parameters(frames_.back(), parameters);
    for (const StatementPtr& statement : *batch) {
      if (statement->what == Do::Declare) run_declare(*statement);
      Emitter emit = emitter();
      if (statement->what == Do::Query && statement->query->parts[0].into.empty()) {
        emit.query(*statement->query, columns);
        bool assigns = !statement->query->parts[0].items.empty() &&
                       !statement->query->parts[0].items[0].variable.empty();
        if (!assigns) break;
        columns.clear();
      }
      bool writes =
          statement->what == Do::Insert || statement->what == Do::Update || statement->what == Do::Delete;
      if (writes && !statement->output.empty() && statement->output_into.empty()) {
        emit.push();
        output_items(*statement, emit, columns);
        break;
      }
    }
  } catch (const SqlError&) {  // the statement itself will say so when it is run
    columns.clear();
  }
  frames_.pop_back();
  return columns;
}

}  // namespace holdfast::sqlnode
