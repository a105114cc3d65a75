// OUTPUT lists, assignments in UPDATE, identity values and bulk rows.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

std::string comma(const std::string& list) { return list.empty() ? "" : ","; }

std::vector<Column> shape_of(const Table& table) {
  std::vector<Column> out;
  for (const TableColumn& one : table.columns) {
    Column column;
    column.name = one.name;
    column.type = one.type;
    column.nullable = one.nullable;
    out.push_back(std::move(column));
  }
  return out;
}

}  // namespace

/// The OUTPUT list; the caller has opened a scope. INSERT: inserted.x is the new row itself.
std::string Interpreter::output_items(Statement& statement, Emitter& emit, std::vector<Column>& columns) {
  std::vector<Column> all = shape_of(target(statement));
  emit.add_columns(statement.what == Do::Delete ? "deleted" : "inserted", all, true);
  if (statement.what == Do::Update) emit.add_columns("deleted", all, true);
  return output_list(statement, emit, columns);
}

std::string Interpreter::output_list(Statement& statement, Emitter& emit, std::vector<Column>& columns) {
  std::string sql;
  auto add = [&](const Item& item) {
    Typed value = emit.expr(*item.expr);
    Column column;
    column.name = !item.alias.empty()             ? item.alias
                  : item.expr->node == Node::Name ? item.expr->path.back()
                                                  : "";
    column.type = value.type;
    column.nullable = value.nullable;
    columns.push_back(std::move(column));
    sql += comma(sql) + value.sql;
  };
  for (const Item& item : statement.output) {
    if (item.expr->node != Node::Star) {
      add(item);
      continue;
    }
    for (const Item& one : emit.expand(item)) add(one);
  }
  return sql;
}

/// What UPDATE or DELETE will give out and assign: one query before the change, in the same transaction.
/// Old values are the table's; inserted.x is what SET says, as the column will hold it.
void Interpreter::preview(Statement& statement, const Table& table, std::vector<Column>& columns,
                          std::vector<Row>& rows) {
  Emitter emit = emitter();
  std::string with = emit.with(statement.with);
  emit.push();
  std::string chosen = target_rows(statement, emit, table, "*");
  std::string alias = emit.range_of(statement.path.back());
  std::string inner;
  for (const TableColumn& column : table.columns) {
    std::string name = quote(alias) + "." + quote(column.name), fresh = name;
    for (const Item& item : statement.items) {
      if (same(item.alias, column.name)) fresh = Emitter::stored(emit.expr(*item.expr), column.type);
    }
    inner += comma(inner) + name + " AS " + quote("deleted." + column.name) + "," + fresh + " AS " +
             quote("inserted." + column.name);
  }
  std::vector<std::string> variables;
  std::vector<Type> types;
  for (const Item& item : statement.items) {
    if (item.variable.empty()) continue;
    Typed value = emit.expr(*item.expr);
    inner += "," + value.sql + " AS " + quote(item.variable);
    variables.push_back(item.variable);
    types.push_back(value.type);
  }
  chosen.replace(0, 8, "SELECT " + inner);
  emit.pop();
  emit.push();
  std::vector<Column> shape = shape_of(table);
  emit.add_prefixed("deleted", shape);
  if (statement.what == Do::Update) emit.add_prefixed("inserted", shape);
  std::string out = output_list(statement, emit, columns);
  std::size_t shown = columns.size();
  for (const std::string& name : variables) out += comma(out) + quote(name);
  emit.pop();
  Ready plan;
  finish(plan, emit, with + "SELECT " + out + " FROM (" + chosen + ")");
  bind(plan);
  while (step(plan.statement.get())) {
    Row row(shown);
    for (std::size_t i = 0; i < shown; ++i)
      row[i] = column_value(plan.statement.get(), static_cast<int>(i), columns[i].type);
    for (std::size_t i = 0; i < variables.size(); ++i) {
      set_variable(variables[i], column_value(plan.statement.get(), static_cast<int>(shown + i), types[i]));
    }
    if (shown > 0) rows.push_back(std::move(row));
  }
}

void Interpreter::emit_output(Statement& statement, const std::vector<Column>& columns,
                              const std::vector<Row>& rows) {
  if (statement.output_into.empty()) {
    sink_->columns(columns);
    for (const Row& row : rows) {
      if (!sink_->row(row)) throw Cancelled{};
    }
    return;
  }
  const Table* into = store_.table(statement.output_into, settings_.database);
  if (into == nullptr) fail(208, "Invalid object name '" + statement.output_into.back() + "'.", 16, true);
  std::string names, marks;
  std::vector<std::string> wanted = statement.output_columns;
  for (std::size_t i = wanted.size(); i < columns.size() && i < into->columns.size(); ++i)
    wanted.push_back(into->columns[i].name);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    names += comma(names) + quote(wanted[i]);
    marks += comma(marks) + "?" + std::to_string(i + 1);
  }
  Prepared insert =
      store_.prepare("INSERT INTO " + into->physical + " (" + names + ") VALUES (" + marks + ")");
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      bind_value(insert.get(), static_cast<int>(i + 1), row[i], columns[i].type);
    step(insert.get());
  }
}

void Interpreter::load_identity(const std::string& id) {
  bool temporary = id[0] == '#' || id[0] == '@';
  auto rows = store_.ask(temporary ? "SELECT next, step FROM temp.holdfast_identity WHERE id=?1"
                                   : "SELECT next, step FROM main.holdfast_identity WHERE id=?1",
                         {id});
  Identity& identity = identities_[id];
  identity.used = false;
  if (rows.empty()) return;
  identity.next = std::atoll(rows[0][0].c_str());
  identity.step = std::atoll(rows[0][1].c_str());
}

void Interpreter::store_identity(const std::string& id) {
  Identity& identity = identities_[id];
  bool temporary = id[0] == '#' || id[0] == '@';
  const Table* table = nullptr;
  if (!identity.used && same(identity_insert_, id)) {
    std::size_t dot = id.find('.'), second = id.find('.', dot + 1);
    table = store_.table(
        temporary ? Path{id}
                  : Path{id.substr(0, dot), id.substr(dot + 1, second - dot - 1), id.substr(second + 1)},
        "");
    auto rows =
        store_.ask("SELECT max(" + quote(table->columns[static_cast<std::size_t>(table->identity)].name) +
                   ") FROM " + table->physical);
    identity.last = std::atoll(rows[0][0].c_str());
    identity.next = std::max(identity.next, identity.last + identity.step);
    identity.used = true;
  }
  if (!identity.used) return;
  store_.run(temporary ? "UPDATE temp.holdfast_identity SET next=?2 WHERE id=?1"
                       : "UPDATE main.holdfast_identity SET next=?2 WHERE id=?1",
             {id, std::to_string(identity.next)});
  identity_ = scope_identity_ = std::to_string(identity.last);
}

void Interpreter::bulk(const std::vector<Column>& columns, const std::vector<std::vector<Value>>& rows,
                       Sink& sink) {
  sink_ = &sink;
  guarded([&] {
    if (bulk_table_.empty()) fail(4891, "Insert bulk failed: there was no INSERT BULK before.", 16, true);
    const Table* table = store_.table(bulk_table_, settings_.database);
    if (table == nullptr) fail(208, "Invalid object name '" + bulk_table_.back() + "'.", 16, true);
    if (!table->temporary) guard_write();
    std::string names, marks, id = table->id;
    bool counts = table->identity >= 0;
    std::vector<Type> types;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& name = i < bulk_columns_.size() ? bulk_columns_[i] : columns[i].name;
      const TableColumn* column = table->column(name);
      if (column == nullptr) fail(207, "Invalid column name '" + name + "'.", 16, true);
      counts = counts && !column->identity;
      types.push_back(column->type);
      names += comma(names) + quote(column->name);
      marks += comma(marks) + "?" + std::to_string(i + 1);
    }
    if (counts) {
      names += comma(names) + quote(table->columns[static_cast<std::size_t>(table->identity)].name);
      marks += comma(marks) + "t_next_identity(" + literal(id) + ")";
    }
    bool own = enter_write(true);
    if (!own) store_.run("SAVEPOINT holdfast_bulk");
    try {
      if (counts) load_identity(id);
      Prepared insert =
          store_.prepare("INSERT INTO " + table->physical + " (" + names + ") VALUES (" + marks + ")");
      for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size() && i < types.size(); ++i) {
          bind_value(insert.get(), static_cast<int>(i + 1), convert(row[i], types[i], 0, true), types[i]);
        }
        step(insert.get());
      }
      if (counts) store_identity(id);
    } catch (...) {
      if (!own && store_.in_transaction()) store_.run("ROLLBACK TO holdfast_bulk");
      leave_write(own, false);
      throw;
    }
    if (!own) store_.run("RELEASE holdfast_bulk");
    leave_write(own, true);
    done(rows.size(), 0xF0);
  });
}

}  // namespace holdfast::sqlnode
