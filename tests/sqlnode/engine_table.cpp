// CREATE and ALTER TABLE. The definitions of a table stand in SQLite's own catalog as one list with kMark
// between them, so that ALTER can take the list apart, change it and build the table anew.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

constexpr std::string_view kMark = "/*|*/";

std::string create_text(const std::string& physical, const std::vector<std::string>& parts) {
  std::string sql = "CREATE TABLE " + physical + " (" + std::string(kMark);
  for (std::size_t i = 0; i < parts.size(); ++i) sql += (i > 0 ? "," + std::string(kMark) : "") + parts[i];
  return sql + std::string(kMark) + ")";
}

std::vector<std::string> parts_of(const std::string& sql) {
  std::vector<std::string> out;
  std::size_t at = sql.find(kMark);
  while (at != std::string::npos) {
    at += kMark.size();
    std::size_t next = sql.find(kMark, at);
    if (next == std::string::npos) break;
    std::string part = sql.substr(at, next - at);
    if (part.ends_with(",")) part.pop_back();
    out.push_back(std::move(part));
    at = next;
  }
  return out;
}

std::string names_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ",") + quote(name);
  return "(" + out + ")";
}

std::vector<Column> shape(const std::vector<ColumnDef>& columns) {
  std::vector<Column> out;
  for (const ColumnDef& one : columns) {
    Column column;
    column.name = one.name;
    column.type = one.type;
    out.push_back(std::move(column));
  }
  return out;
}

bool defines(const std::string& part, const std::string& column) {
  return same(part.substr(0, column.size() + 2), quote(column));
}

}  // namespace

std::string Interpreter::default_text(const std::string& name, const Expr& value, const Type& type) {
  Emitter emit = emitter();
  emit.push();
  std::string named = name.empty() ? "" : " CONSTRAINT " + quote(name);
  return named + " DEFAULT (" + Emitter::stored(emit.expr(value), type) + ")";
}

std::string Interpreter::column_text(const ColumnDef& column, Emitter& emit) {
  if (column.computed != nullptr) {
    Typed value = emit.expr(*column.computed);
    return quote(column.name) + " " + stored_type(value.type) + " AS (" + value.sql + ")";
  }
  std::string sql = quote(column.name) + " " + stored_type(column.type);
  if (column.not_null || column.identity) sql += " NOT NULL";
  if (is_text(column.type.kind)) sql += " COLLATE CI";
  if (column.type.kind == Kind::Decimal && column.type.precision > 15) sql += " COLLATE DEC";
  if (column.type.kind == Kind::UniqueIdentifier) sql += " COLLATE NOCASE";
  return column.fallback != nullptr ? sql + default_text(column.default_name, *column.fallback, column.type)
                                    : sql;
}

std::string Interpreter::key_text(const KeyDef& key, const std::string& id, Emitter& emit) {
  std::string sql = key.name.empty() ? "" : "CONSTRAINT " + quote(key.name) + " ";
  if (key.kind == "CHECK") return sql + "CHECK (" + emit.condition(*key.check) + ")";
  sql += key.kind + names_of(key.columns);
  if (key.kind != "FOREIGN KEY") return sql;
  const Table* other = store_.table(key.target, settings_.database);
  std::string other_id = store_.id_of(key.target, settings_.database);
  if (other == nullptr && other_id != id) {
    fail(1767, "Foreign key '" + key.name + "' references invalid table '" + key.target.back() + "'.", 16,
         true);
  }
  sql += " REFERENCES " + quote(other != nullptr ? other->id : id);
  return sql + (key.target_columns.empty() ? "" : names_of(key.target_columns)) + key.action;
}

void Interpreter::note_identity(const std::string& id, const ColumnDef& column) {
  bool temporary = id[0] == '#' || id[0] == '@';
  if (temporary) {
    store_.run(
        "CREATE TABLE IF NOT EXISTS temp.holdfast_identity(id TEXT COLLATE NOCASE PRIMARY KEY, name TEXT, "
        "seed INT, step INT, next INT)");
  }
  store_.run(std::string("INSERT OR REPLACE INTO ") + (temporary ? "temp" : "main") +
                 ".holdfast_identity VALUES(?1,?2,?3,?4,?3)",
             {id, column.name, std::to_string(column.seed), std::to_string(column.step)});
}

void Interpreter::create_table(const Path& path, std::vector<ColumnDef>& columns, std::vector<KeyDef>& keys) {
  std::string id = store_.id_of(path, settings_.database);
  bool temporary = id[0] == '#' || id[0] == '@';
  if (store_.table(path, settings_.database) != nullptr) {
    fail(2714, "There is already an object named '" + path.back() + "' in the database.", 16, true);
  }
  if (!temporary && !store_.has_database(id.substr(0, id.find('.')))) {
    fail(2702, "Database '" + id.substr(0, id.find('.')) + "' does not exist.", 16, true);
  }
  std::vector<std::string> parts;
  Emitter emit = emitter();
  emit.push();
  emit.add_columns("", shape(columns), true);
  auto column_key = [&](const ColumnDef& column, const char* kind) {
    KeyDef key;
    key.kind = kind;
    key.name = column.fallback == nullptr ? column.default_name : "";
    key.columns = {column.name};
    return key;
  };
  std::vector<std::string> late;
  for (ColumnDef& column : columns) {
    for (const KeyDef& key : keys) {
      bool named = std::any_of(key.columns.begin(), key.columns.end(),
                               [&](const std::string& n) { return same(n, column.name); });
      if (key.kind == "PRIMARY KEY" && named) column.not_null = true;
    }
    parts.push_back(column_text(column, emit));
    if (column.primary) late.push_back(key_text(column_key(column, "PRIMARY KEY"), id, emit));
    if (column.unique) late.push_back(key_text(column_key(column, "UNIQUE"), id, emit));
    if (column.check != nullptr) late.push_back("CHECK (" + emit.condition(*column.check) + ")");
    if (!column.references.empty() && !temporary) {
      KeyDef key = column_key(column, "FOREIGN KEY");
      key.target = column.references;
      if (!column.references_column.empty()) key.target_columns = {column.references_column};
      key.action = column.references_action;
      late.push_back(key_text(key, id, emit));
    }
  }
  for (const KeyDef& key : keys) {
    if (key.kind != "INDEX" && (key.kind != "FOREIGN KEY" || !temporary))
      late.push_back(key_text(key, id, emit));
  }
  parts.insert(parts.end(), late.begin(), late.end());
  Prepared create = store_.prepare(create_text((temporary ? "temp." : "main.") + quote(id), parts));
  step(create.get());
  for (const ColumnDef& column : columns) {
    if (column.identity) note_identity(id, column);
  }
  store_.forget();
  if (!temporary)
    note_table(id);
  else if (id[0] == '#')
    settings_.recoverable = false;
  if (id[0] == '@' || (id[0] == '#' && !frames_.back().procedure.empty()))
    frames_.back().tables.push_back(id);
}

/// Enters a table in the catalog that the system views show.
void Interpreter::note_table(const std::string& id) {
  std::size_t dot = id.find('.'), second = id.find('.', dot + 1);
  Path path{id.substr(0, dot), id.substr(dot + 1, second - dot - 1), id.substr(second + 1)};
  store_.run(
      "INSERT OR IGNORE INTO main.holdfast_objects(id,db,owner,name,kind,made) "
      "VALUES(?1,?2,?3,?4,'U',t_GETDATE())",
      {id, path[0], path[1], path[2]});
  store_.run("DELETE FROM main.holdfast_columns WHERE id=?1", {id});
  const Table* table = store_.table(path, "");
  for (std::size_t i = 0; i < table->columns.size(); ++i) {
    const TableColumn& column = table->columns[i];
    std::string text = type_text(column.type);
    std::string bytes = column.type.length == 0
                            ? "-1"
                            : std::to_string(column.type.length * (is_national(column.type.kind) ? 2 : 1));
    store_.run("INSERT INTO main.holdfast_columns VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
               {id, std::to_string(i + 1), column.name, text.substr(0, text.find('(')), bytes,
                std::to_string(column.type.precision), std::to_string(column.type.scale),
                column.nullable ? "1" : "0", column.identity ? "1" : "0", std::to_string(column.key)});
  }
}

void Interpreter::drop_constraint(const std::string& name, bool if_exists, std::vector<std::string>& parts) {
  std::string mark = "CONSTRAINT " + quote(name) + " ";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::size_t at = parts[i].find(mark);
    if (at == std::string::npos) continue;
    if (at == 0)
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    else
      parts[i].erase(at - 1);  // a named default ends its column
    return;
  }
  if (!if_exists) fail(3728, "'" + name + "' is not a constraint.", 16, true);
}

void Interpreter::alter_parts(Statement& statement, const Table& table, std::vector<std::string>& parts) {
  Emitter emit = emitter();
  emit.push();
  emit.add_columns("", shape(statement.columns), true);
  emit.add_range("", table);
  auto at = [&](const std::string& column) {
    auto found = std::find_if(parts.begin(), parts.end(),
                              [&](const std::string& part) { return defines(part, column); });
    if (found == parts.end())
      fail(
          4924,
          "ALTER TABLE failed because column '" + column + "' does not exist in table '" + table.shown + "'.",
          16, true);
    return found;
  };
  for (const ColumnDef& column : statement.columns) {
    if (statement.what == Do::AlterColumn) {
      std::string old = *at(column.name), fresh = column_text(column, emit);
      std::size_t named = old.find(" CONSTRAINT "), fallback = std::min(named, old.find(" DEFAULT ("));
      *at(column.name) = fresh + (fallback == std::string::npos ? "" : old.substr(fallback));
      continue;
    }
    if (table.column(column.name) != nullptr) {
      fail(2705,
           "Column names in each table must be unique. Column name '" + column.name + "' in table '" +
               table.shown + "' is specified more than once.",
           16, true);
    }
    parts.insert(
        std::find_if(parts.begin(), parts.end(), [](const std::string& part) { return part[0] != '"'; }),
        column_text(column, emit));
    if (column.unique) parts.push_back("UNIQUE" + names_of({column.name}));
    if (column.check != nullptr) parts.push_back("CHECK (" + emit.condition(*column.check) + ")");
  }
  for (const KeyDef& key : statement.keys) {
    if (key.kind == "DEFAULT")
      *at(key.columns[0]) += default_text(key.name, *key.check, table.column(key.columns[0])->type);
    else
      parts.push_back(key_text(key, table.id, emit));
  }
  for (const std::string& name : statement.names) {
    if (statement.what == Do::DropConstraint)
      drop_constraint(name, statement.flag, parts);
    else
      parts.erase(at(name));
  }
}

void Interpreter::alter_table(Statement& statement) {
  const Table& table = target(statement);
  std::string id = table.id;
  bool temporary = table.temporary;
  // Building the table anew must not look like deleting its rows to those that refer to them.
  bool unchecked = !store_.in_transaction() && transactions_ == 0;
  if (unchecked) store_.run("PRAGMA foreign_keys=OFF");
  struct Check {
    Store* store;
    ~Check() { sqlite3_exec(store->handle(), "PRAGMA foreign_keys=ON", nullptr, nullptr, nullptr); }
  } check{&store_};
  bool own = enter_write(true);
  try {
    auto rows = store_.ask(
        temporary ? "SELECT sql FROM temp.sqlite_schema WHERE name=?1 COLLATE NOCASE AND type='table'"
                  : "SELECT sql FROM main.sqlite_schema WHERE name=?1 COLLATE NOCASE AND type='table'",
        {id});
    std::vector<std::string> parts = parts_of(rows.at(0).at(0));
    alter_parts(statement, table, parts);
    rebuild(id, temporary, parts);
    for (const ColumnDef& column : statement.columns) {
      if (column.identity) note_identity(id, column);
    }
    store_.forget();
    if (!temporary) note_table(id);
    if (!temporary && !store_.ask("SELECT 1 FROM pragma_foreign_key_check(?1) LIMIT 1", {id}).empty()) {
      fail(547, "The ALTER TABLE statement conflicted with a FOREIGN KEY constraint.");
    }
  } catch (...) {
    leave_write(own, false);
    store_.forget();
    throw;
  }
  leave_write(own, true);
  done_plain();
}

void Interpreter::rebuild(const std::string& id, bool temporary, const std::vector<std::string>& parts) {
  std::string schema = temporary ? "temp." : "main.", fresh = id + "~";
  auto indexes = store_.ask(
      "SELECT sql FROM " + schema + "sqlite_schema WHERE type='index' AND tbl_name=?1 AND sql IS NOT NULL",
      {id});
  std::string common;
  const Table* old = store_.table(
      temporary ? Path{id}
                : Path{id.substr(0, id.find('.')),
                       id.substr(id.find('.') + 1, id.find('.', id.find('.') + 1) - id.find('.') - 1),
                       id.substr(id.find('.', id.find('.') + 1) + 1)},
      "");
  for (const TableColumn& column : old->columns) {
    bool stays = std::any_of(parts.begin(), parts.end(),
                             [&](const std::string& part) { return defines(part, column.name); });
    if (stays && !column.computed) common += (common.empty() ? "" : ",") + quote(column.name);
  }
  auto execute = [&](const std::string& sql) {
    Prepared statement = store_.prepare(sql);
    while (step(statement.get())) {}
  };
  if (transactions_ > 0) execute("PRAGMA defer_foreign_keys=ON");
  execute("PRAGMA legacy_alter_table=ON");
  execute(create_text(schema + quote(fresh), parts));
  execute("INSERT INTO " + schema + quote(fresh) + " (" + common + ") SELECT " + common + " FROM " + schema +
          quote(id));
  execute("DROP TABLE " + schema + quote(id));
  execute("ALTER TABLE " + schema + quote(fresh) + " RENAME TO " + quote(id));
  for (const auto& index : indexes) execute(index[0]);
  execute("PRAGMA legacy_alter_table=OFF");
}

}  // namespace holdfast::sqlnode
