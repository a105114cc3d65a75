// Statements that change the catalog other than CREATE and ALTER TABLE.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

void Interpreter::run_ddl(Statement& statement) {
  if (statement.what == Do::Truncate) return truncate(statement);
  if (statement.what == Do::AddColumns || statement.what == Do::DropColumn ||
      statement.what == Do::AlterColumn || statement.what == Do::DropConstraint) {
    return alter_table(statement);
  }
  auto temporary = [](const Path& path) {
    return !path.empty() && (path.back()[0] == '#' || path.back()[0] == '@');
  };
  bool all_temporary = !statement.path.empty()
                           ? temporary(statement.path)
                           : !statement.paths.empty() &&
                                 std::all_of(statement.paths.begin(), statement.paths.end(), temporary);
  if (!all_temporary) guard_write();
  bool own = enter_write(true);
  try {
    run_catalog(statement);
  } catch (...) {
    leave_write(own, false);
    store_.forget();
    throw;
  }
  leave_write(own, true);
  store_.forget();
  done_plain();
}

void Interpreter::run_catalog(Statement& statement) {
  switch (statement.what) {
    case Do::CreateTable:
    case Do::DeclareTable:
      if (statement.what == Do::DeclareTable) drop_table(statement.path, true);
      create_table(statement.path, statement.columns, statement.keys);
      break;
    case Do::DropTable:
      for (const Path& path : statement.paths) drop_table(path, statement.flag);
      break;
    case Do::CreateIndex: create_index(statement); break;
    case Do::DropIndex:
      for (const Path& path : statement.paths) drop_index(path, statement.path, statement.flag);
      break;
    case Do::CreateProcedure: create_module(statement, 'P'); break;
    case Do::CreateView: create_module(statement, 'V'); break;
    case Do::DropProcedure:
    case Do::DropView:
      for (const Path& path : statement.paths)
        drop_module(path, statement.what == Do::DropView ? 'V' : 'P', statement.flag);
      break;
    case Do::CreateDatabase:
      if (store_.has_database(statement.text)) {
        fail(1801, "Database '" + statement.text + "' already exists. Choose a different database name.", 16,
             true);
      }
      store_.run("INSERT INTO main.holdfast_databases(name) VALUES(?1)", {statement.text});
      break;
    case Do::DropDatabase:
      for (const Path& path : statement.paths) {
        std::string name = path.back();
        if (!store_.has_database(name)) {
          if (statement.flag) continue;
          fail(3701,
               "Cannot drop the database '" + name +
                   "', because it does not exist or you do not have permission.",
               11);
        }
        for (const auto& row :
             store_.ask("SELECT id, kind, owner, name FROM main.holdfast_objects WHERE db=?1", {name})) {
          if (row[1] == "U")
            drop_table({name, row[2], row[3]}, true);
          else
            drop_module({name, row[2], row[3]}, row[1][0], true);
        }
        store_.run("DELETE FROM main.holdfast_databases WHERE name=?1", {name});
      }
      break;
    default: fail(40510, "The test node does not know this statement.", 16, true);
  }
}

void Interpreter::drop_table(const Path& path, bool if_exists) {
  const Table* table = store_.table(path, settings_.database);
  if (table == nullptr) {
    if (if_exists) return;
    fail(3701,
         "Cannot drop the table '" + path.back() +
             "', because it does not exist or you do not have permission.",
         11);
  }
  std::string id = table->id;
  bool temporary = table->temporary;
  // A finished SELECT that is still open somewhere would keep the table locked.
  for (sqlite3_stmt* open = sqlite3_next_stmt(store_.handle(), nullptr); open != nullptr;
       open = sqlite3_next_stmt(store_.handle(), open)) {
    if (temporary && sqlite3_stmt_busy(open) != 0) sqlite3_reset(open);
  }
  Prepared drop = store_.prepare("DROP TABLE " + table->physical);
  step(drop.get());
  if (temporary) {
    if (!store_.ask("SELECT 1 FROM temp.sqlite_schema WHERE name='holdfast_identity'").empty()) {
      store_.run("DELETE FROM temp.holdfast_identity WHERE id=?1", {id});
    }
    settings_.recoverable =
        store_.ask("SELECT 1 FROM temp.sqlite_schema WHERE type='table' AND name LIKE '#%'").empty() &&
        app_locks_.empty();
  } else {
    for (const char* catalog : {"holdfast_identity", "holdfast_objects", "holdfast_columns"}) {
      store_.run(std::string("DELETE FROM main.") + catalog + " WHERE id=?1", {id});
    }
  }
  store_.forget();
}

void Interpreter::create_index(Statement& statement) {
  const Table* table = store_.table(statement.path, settings_.database);
  if (table == nullptr) {
    fail(1088,
         "Cannot find the object \"" + statement.path.back() +
             "\" because it does not exist or you do not have permissions.",
         16, true);
  }
  std::string columns, schema = table->temporary ? "temp." : "main.";
  for (const std::string& name : statement.names) {
    if (table->column(name) == nullptr)
      fail(1911, "Column name '" + name + "' does not exist in the target table or view.", 16, true);
    columns += (columns.empty() ? "" : ",") + quote(table->column(name)->name);
  }
  std::string where;
  if (statement.where != nullptr) {
    Emitter emit = emitter();
    emit.push();
    std::vector<Column> shape;
    for (const TableColumn& column : table->columns) {
      Column one;
      one.name = column.name;
      one.type = column.type;
      shape.push_back(std::move(one));
    }
    emit.add_columns("", shape, true);
    where = " WHERE " + emit.condition(*statement.where);
  }
  Prepared create = store_.prepare(std::string("CREATE ") + (statement.flag ? "UNIQUE " : "") + "INDEX " +
                                   schema + quote(table->id + "." + statement.text) + " ON " +
                                   quote(table->id) + "(" + columns + ")" + where);
  step(create.get());
}

void Interpreter::drop_index(const Path& path, const Path& on, bool if_exists) {
  Path where = on.empty() ? Path(path.begin(), path.end() - 1) : on;
  const Table* table = where.empty() ? nullptr : store_.table(where, settings_.database);
  if (table == nullptr) {
    if (if_exists) return;
    fail(3701,
         "Cannot drop the index '" + path.back() +
             "', because it does not exist or you do not have permission.",
         11);
  }
  Prepared drop =
      store_.prepare(std::string("DROP INDEX ") + (if_exists ? "IF EXISTS " : "") +
                     (table->temporary ? "temp." : "main.") + quote(table->id + "." + path.back()));
  step(drop.get());
}

void Interpreter::create_module(Statement& statement, char kind) {
  std::string id = store_.id_of(statement.path, settings_.database), text, body = statement.text;
  bool there = store_.module(id, kind, text);
  if ((there && statement.mode != "ALTER") || store_.table(statement.path, settings_.database) != nullptr) {
    fail(2714, "There is already an object named '" + statement.path.back() + "' in the database.", 16, true);
  }
  if (kind == 'V') {
    std::vector<Column> columns;
    emitter().query(*Parser(body, true).whole_query(), columns);
    if (!statement.names.empty()) {
      std::string names;
      for (const std::string& name : statement.names) names += (names.empty() ? "" : ",") + quote(name);
      body = "SELECT * FROM (" + body + ") AS v(" + names + ")";
    }
  } else {
    Parser(statement.alias, option("QUOTED_IDENTIFIER")).batch();  // what cannot be parsed is not kept
  }
  std::size_t dot = id.find('.'), second = id.find('.', dot + 1);
  if (there) {
    store_.run("UPDATE main.holdfast_objects SET body=?2 WHERE id=?1", {id, body});
    return;
  }
  store_.run(
      "INSERT INTO main.holdfast_objects(id,db,owner,name,kind,body,made) "
      "VALUES(?1,?2,?3,?4,?5,?6,t_GETDATE())",
      {id, id.substr(0, dot), id.substr(dot + 1, second - dot - 1), id.substr(second + 1),
       std::string(1, kind), body});
}

void Interpreter::drop_module(const Path& path, char kind, bool if_exists) {
  std::string id = store_.id_of(path, settings_.database), text;
  if (!store_.module(id, kind, text)) {
    if (if_exists) return;
    fail(3701,
         std::string("Cannot drop the ") + (kind == 'V' ? "view" : "procedure") + " '" + path.back() +
             "', because it does not exist or you do not have permission.",
         11);
  }
  store_.run("DELETE FROM main.holdfast_objects WHERE id=?1", {id});
}

void Interpreter::truncate(Statement& statement) {
  const Table& table = target(statement);
  std::string id = table.id;
  bool own = enter_write(true);
  try {
    store_.run("DELETE FROM " + table.physical);
    if (table.identity >= 0) {
      std::string from = table.temporary ? "temp.holdfast_identity" : "main.holdfast_identity";
      store_.run("UPDATE " + from + " SET next=seed WHERE id=?1", {id});
    }
  } catch (...) {
    leave_write(own, false);
    throw;
  }
  leave_write(own, true);
  done_plain();
}

}  // namespace holdfast::sqlnode
