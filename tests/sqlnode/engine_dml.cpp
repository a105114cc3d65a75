// INSERT, UPDATE, DELETE with OUTPUT, TOP and FROM.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

std::string comma(const std::string& list) { return list.empty() ? "" : ","; }

const Source* named_source(const Source* source, const std::string& name) {
  if (source == nullptr) return nullptr;
  if (source->kind == From::Join) {
    const Source* left = named_source(source->left.get(), name);
    return left != nullptr ? left : named_source(source->right.get(), name);
  }
  if (source->kind != From::Table) return nullptr;
  return same(source->alias.empty() ? source->path.back() : source->alias, name) ? source : nullptr;
}

}  // namespace

Path Interpreter::target_path(const Statement& statement) const {
  const Source* source =
      statement.path.size() == 1 ? named_source(statement.from.get(), statement.path[0]) : nullptr;
  return source != nullptr ? source->path : statement.path;
}

const Table& Interpreter::target(const Statement& statement) {
  Path path = target_path(statement);
  const Table* table = store_.table(path, settings_.database);
  if (table == nullptr) fail(208, "Invalid object name '" + path.back() + "'.", 16, true);
  if (!table->temporary) guard_write();
  return *table;
}

/// UPDATE and DELETE ask for what OUTPUT and assignments need before they change the rows; SQLite's
/// RETURNING sees only new values.
bool Interpreter::previews(const Statement& statement) const {
  if (statement.what == Do::Insert) return false;
  return !statement.output.empty() || std::any_of(statement.items.begin(), statement.items.end(),
                                                  [](const Item& item) { return !item.variable.empty(); });
}

void Interpreter::run_dml(Statement& statement) {
  const Table& table = target(statement);
  Ready& plan = ready(statement);
  std::string identity = table.id;
  bool counts = statement.what == Do::Insert && table.identity >= 0;
  if (plan.statement == nullptr) {
    Emitter emit = emitter();
    std::string sql = emit.with(statement.with);
    if (statement.what == Do::Insert)
      insert_text(statement, emit, plan, table, sql);
    else if (statement.what == Do::Update)
      update_text(statement, emit, table, sql);
    else
      delete_text(statement, emit, table, sql);
    finish(plan, emit, sql);
  }
  bool own = enter_write(counts || previews(statement) || !statement.output_into.empty());
  std::vector<Column> columns = plan.columns;
  std::vector<Row> rows;
  std::uint64_t count = 0;
  try {
    if (previews(statement)) preview(statement, table, columns, rows);
    if (counts) load_identity(identity);
    bind(plan);
    while (step(plan.statement.get())) {
      Row row(columns.size());
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = column_value(plan.statement.get(), static_cast<int>(i), columns[i].type);
      rows.push_back(std::move(row));
    }
    count = static_cast<std::uint64_t>(sqlite3_changes64(store_.handle()));
    if (counts) store_identity(identity);
    if (!statement.output_into.empty()) emit_output(statement, columns, rows);
  } catch (...) {
    sqlite3_reset(plan.statement.get());
    leave_write(own, false);
    throw;
  }
  leave_write(own, true);
  if (!statement.output.empty() && statement.output_into.empty()) emit_output(statement, columns, rows);
  done(count, statement.what == Do::Insert ? 0xC3 : statement.what == Do::Update ? 0xC5 : 0xC4);
}

std::vector<std::string> Interpreter::insert_names(const Statement& statement, const Table& table) {
  std::vector<std::string> names;
  for (const std::string& name : statement.names) {
    const TableColumn* column = table.column(name);
    if (column == nullptr) fail(207, "Invalid column name '" + name + "'.", 16, true);
    if (column->identity && !same(identity_insert_, table.id)) {
      fail(544, "Cannot insert explicit value for identity column in table '" +
                    table.shown.substr(table.shown.rfind('.') + 1) + "' when IDENTITY_INSERT is set to OFF.");
    }
    names.push_back(column->name);
  }
  if (!statement.names.empty() || statement.flag) return names;
  for (const TableColumn& column : table.columns) {
    if (!column.identity && !column.computed) names.push_back(column.name);
  }
  return names;
}

void Interpreter::insert_text(Statement& statement, Emitter& emit, Ready& plan, const Table& table,
                              std::string& sql) {
  std::vector<std::string> names = insert_names(statement, table);
  std::string with = sql;
  sql = "INSERT INTO " + table.physical;
  std::string body;
  if (statement.flag) {
    body = table.identity >= 0 ? "(" + quote(table.columns[static_cast<std::size_t>(table.identity)].name) +
                                     ") VALUES(t_next_identity(" + literal(table.id) + "))"
                               : " DEFAULT VALUES";
  } else {
    insert_source(statement, emit, table, names, body);
  }
  sql = with + sql + body;
  if (statement.output.empty()) return;
  emit.push();
  sql += " RETURNING " + output_items(statement, emit, plan.columns);
  emit.pop();
}

void Interpreter::insert_source(Statement& statement, Emitter& emit, const Table& table,
                                std::vector<std::string> names, std::string& sql) {
  const Select& part = statement.query->parts[0];
  bool listed = std::any_of(names.begin(), names.end(),
                            [&](const std::string& n) { return table.column(n)->identity; });
  std::string identity;
  if (table.identity >= 0 && !listed) identity = "t_next_identity(" + literal(table.id) + ")";
  std::string columns, source;
  auto mismatch = [] {
    fail(213, "Column name or number of supplied values does not match table definition.", 16, true);
  };
  std::set<std::size_t> defaults;
  if (!part.values.empty() && statement.query->parts.size() == 1) {
    for (std::size_t i = 0; i < part.values[0].size(); ++i) {
      if (part.values[0][i]->node == Node::Default) defaults.insert(i);
    }
    emit.push();
    for (const auto& row : part.values) {
      if (row.size() != names.size()) mismatch();
      std::string one;
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (!defaults.contains(i))
          one += comma(one) + Emitter::stored(emit.expr(*row[i]), table.column(names[i])->type);
      }
      if (!identity.empty()) one += comma(one) + identity;
      source += comma(source) + "(" + one + ")";
    }
    emit.pop();
    bool nothing = defaults.size() == names.size() && identity.empty();
    source = nothing ? " DEFAULT VALUES" : " VALUES" + source;
    if (nothing) {
      sql = source;
      return;
    }
  } else {
    std::vector<Column> given;
    std::string query = emit.query(*statement.query, given), inner;
    if (given.size() != names.size()) mismatch();
    for (std::size_t i = 0; i < given.size(); ++i) {
      std::string name = "c" + std::to_string(i);
      Typed value;
      value.sql = "q." + name;
      value.type = given[i].type;
      value.node = Node::Name;
      inner += comma(inner) + name;
      source += comma(source) + Emitter::stored(value, table.column(names[i])->type);
    }
    if (!identity.empty()) source += comma(source) + identity;
    source = " WITH q(" + inner + ") AS (" + query + ") SELECT " + source + " FROM q WHERE true";
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!defaults.contains(i)) columns += comma(columns) + quote(names[i]);
  }
  if (!identity.empty())
    columns += comma(columns) + quote(table.columns[static_cast<std::size_t>(table.identity)].name);
  sql = " (" + columns + ")" + source;
}

/// "(SELECT t._rowid_, items FROM ... WHERE ... LIMIT n)": the rows that UPDATE or DELETE with FROM or TOP
/// means. The emitter's scope stays open for the caller.
std::string Interpreter::target_rows(Statement& statement, Emitter& emit, const Table& table,
                                     const std::string& items) {
  std::string alias = statement.path.back(), sources;
  if (statement.from != nullptr) {
    sources = emit.from(*statement.from);
    std::string found = emit.range_of(alias);
    if (found.empty()) {
      emit.add_range(alias, table);
      sources = table.physical + " AS " + quote(alias) + ", " + sources;
    } else {
      alias = found;
    }
  } else {
    emit.add_range(alias, table);
    sources = table.physical + " AS " + quote(alias);
  }
  std::string where = statement.where != nullptr ? " WHERE " + emit.condition(*statement.where) : "";
  std::string top = statement.top != nullptr ? " LIMIT " + emit.expr_sql(*statement.top) : "";
  return "SELECT " + (items.empty() ? quote(alias) + "._rowid_" : items) + " FROM " + sources + where + top;
}

void Interpreter::update_text(Statement& statement, Emitter& emit, const Table& table, std::string& sql) {
  bool simple = statement.from == nullptr && statement.top == nullptr;
  std::string alias = statement.path.back(), rows, sets, values;
  emit.push();
  if (simple)
    emit.add_range(alias, table);
  else
    rows = target_rows(statement, emit, table, "");
  for (std::size_t i = 0; i < statement.items.size(); ++i) {
    const Item& item = statement.items[i];
    if (item.alias.empty()) continue;
    const TableColumn* column = table.column(item.alias);
    if (column == nullptr) fail(207, "Invalid column name '" + item.alias + "'.", 16, true);
    if (column->identity) fail(8102, "Cannot update identity column '" + item.alias + "'.", 16, true);
    std::string value;
    if (item.expr->node == Node::Default) fail(156, "Incorrect syntax near the keyword 'DEFAULT'.", 15, true);
    value = Emitter::stored(emit.expr(*item.expr), column->type);
    values += "," + value + " AS v" + std::to_string(i);
    sets +=
        comma(sets) + quote(column->name) + " = " + (simple ? value : "holdfast_new.v" + std::to_string(i));
  }
  if (sets.empty()) {  // only variables: the preview has done the work
    sql = "SELECT 1 WHERE false";
  } else if (simple) {
    sql += "UPDATE " + table.physical + " AS " + quote(alias) + " SET " + sets;
    if (statement.where != nullptr) sql += " WHERE " + emit.condition(*statement.where);
  } else {
    std::size_t from = rows.find(" FROM ");
    std::string chosen = rows.substr(0, from) + " AS r" + values + rows.substr(from);
    sql += "UPDATE " + table.physical + " AS holdfast_target SET " + sets + " FROM (" + chosen +
           ") AS holdfast_new WHERE holdfast_target._rowid_ = holdfast_new.r";
  }
  emit.pop();
}

void Interpreter::delete_text(Statement& statement, Emitter& emit, const Table& table, std::string& sql) {
  emit.push();
  std::string alias = statement.path.back();
  if (statement.from == nullptr && statement.top == nullptr) {
    emit.add_range(alias, table);
    sql += "DELETE FROM " + table.physical + " AS " + quote(alias);
    if (statement.where != nullptr) sql += " WHERE " + emit.condition(*statement.where);
  } else {
    sql += "DELETE FROM " + table.physical + " WHERE _rowid_ IN (" + target_rows(statement, emit, table, "") +
           ")";
  }
  emit.pop();
}

}  // namespace holdfast::sqlnode
