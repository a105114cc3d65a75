#include "tests/sqlnode/sql_store.h"

#include <unistd.h>

#include <algorithm>

#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

int compare_texts(void*, int a_size, const void* a, int b_size, const void* b) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  auto fold = [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : static_cast<int>(c); };
  while (a_size > 0 && x[a_size - 1] == ' ') --a_size;
  while (b_size > 0 && y[b_size - 1] == ' ') --b_size;
  for (int i = 0; i < a_size && i < b_size; ++i) {
    if (int difference = fold(x[i]) - fold(y[i])) return difference;
  }
  return a_size - b_size;
}

/// Decimals kept as texts, by magnitude.
int compare_decimals(void*, int a_size, const void* a, int b_size, const void* b) {
  std::string x = decimal_text({static_cast<const char*>(a), static_cast<std::size_t>(a_size)}, 38);
  std::string y = decimal_text({static_cast<const char*>(b), static_cast<std::size_t>(b_size)}, 38);
  bool below = x[0] == '-';
  if (below != (y[0] == '-')) return below ? -1 : 1;
  int order = x.size() != y.size() ? (x.size() < y.size() ? -1 : 1) : x.compare(y);
  return below ? -order : order;
}

constexpr std::int64_t kLongestWaitUs = 20'000'000;
constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS holdfast_databases(database_id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE "
    "UNIQUE);"
    "INSERT OR IGNORE INTO holdfast_databases VALUES(1,'master'),(2,'tempdb'),(3,'model'),(4,'msdb');"
    "CREATE TABLE IF NOT EXISTS holdfast_objects(object_id INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT "
    "COLLATE NOCASE UNIQUE,"
    " db TEXT COLLATE NOCASE, owner TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, kind TEXT, body TEXT, "
    "made TEXT);"
    "CREATE TABLE IF NOT EXISTS holdfast_columns(id TEXT COLLATE NOCASE, position INT, name TEXT COLLATE "
    "NOCASE, type TEXT,"
    " bytes INT, digits INT, scale INT, nullable INT, identity INT, pk INT);"
    "CREATE TABLE IF NOT EXISTS holdfast_identity(id TEXT COLLATE NOCASE PRIMARY KEY, name TEXT, seed INT, "
    "step INT, next INT);";

}  // namespace

const TableColumn* Table::column(const std::string& name) const {
  auto found = std::find_if(columns.begin(), columns.end(),
                            [&](const TableColumn& one) { return same(one.name, name); });
  return found == columns.end() ? nullptr : &*found;
}

std::string quote(const std::string& name) {
  std::string out = "\"";
  for (char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}
std::string literal(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

Store::Store(const std::string& path, const std::atomic<bool>** cancelled, const int* timeout_ms,
             bool durable)
    : cancelled_(cancelled), timeout_ms_(timeout_ms) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK)
    fail(5120, "Unable to open the physical file.", 16, true);
  sqlite3_busy_handler(db_, wait, this);
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_create_collation(db_, "CI", SQLITE_UTF8, nullptr, compare_texts);
  sqlite3_create_collation(db_, "DEC", SQLITE_UTF8, nullptr, compare_decimals);
  run("PRAGMA journal_mode=WAL");
  run(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
  run("PRAGMA foreign_keys=ON");
  run("PRAGMA temp_store=MEMORY");
  run("PRAGMA wal_autocheckpoint=2000");
  if (ask("SELECT 1 FROM sqlite_schema WHERE name='holdfast_identity'").empty()) {
    std::string all = std::string("BEGIN IMMEDIATE;") + kSchema + "COMMIT;";
    if (sqlite3_exec(db_, all.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail_now();
  }
}

Store::~Store() {
  kept_.clear();
  sqlite3_close_v2(db_);
}

/// LOCK_TIMEOUT -1 is for ever; here it is long, and then error 1205: there is no other node to find a
/// deadlock.
int Store::wait(void* self, int times) {
  auto* store = static_cast<Store*>(self);
  if (*store->cancelled_ != nullptr && (*store->cancelled_)->load()) return 0;
  if (times == 0) store->waited_us_ = 0;
  std::int64_t most_us = *store->timeout_ms_ >= 0 ? *store->timeout_ms_ * 1000LL : kLongestWaitUs;
  if (store->waited_us_ >= most_us) return 0;
  int pause_us = std::min(200 + times * 100, 2000);
  store->waited_us_ += pause_us;
  ::usleep(static_cast<useconds_t>(pause_us));
  return 1;
}

Prepared Store::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK) {
    fail_now();
  }
  return Prepared(statement);
}

std::vector<std::vector<std::string>> Store::ask(const std::string& sql,
                                                 const std::vector<std::string>& values) {
  Prepared& statement = kept_[sql];
  if (statement == nullptr) statement = prepare(sql);
  for (std::size_t i = 0; i < values.size(); ++i) {
    sqlite3_bind_text(statement.get(), static_cast<int>(i + 1), values[i].data(),
                      static_cast<int>(values[i].size()), SQLITE_TRANSIENT);
  }
  std::vector<std::vector<std::string>> rows;
  int result = 0;
  while ((result = sqlite3_step(statement.get())) == SQLITE_ROW) {
    std::vector<std::string> row;
    for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), i));
      row.emplace_back(text == nullptr ? "" : text,
                       static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), i)));
    }
    rows.push_back(std::move(row));
  }
  sqlite3_reset(statement.get());
  if (result != SQLITE_DONE) {
    kept_.erase(sql);
    fail_now();
  }
  return rows;
}

std::string Store::id_of(const Path& path, const std::string& database) const {
  const std::string& name = path.back();
  if (!name.empty() && (name[0] == '#' || name[0] == '@')) return name;
  if (path.size() == 1 && name.starts_with("holdfast_")) return name;
  std::string owner = path.size() > 1 && !path[path.size() - 2].empty() ? path[path.size() - 2] : "dbo";
  std::string db = path.size() > 2 && !path[path.size() - 3].empty() ? path[path.size() - 3] : database;
  return db + "." + owner + "." + name;
}

void Store::forget() {
  for (auto& [id, table] : tables_) retired_.push_back(std::move(table));
  tables_.clear();
  ++generation_;
}

std::uint64_t Store::generation() {
  std::string version = ask("PRAGMA main.schema_version")[0][0];
  if (version != file_version_) {
    file_version_ = version;
    forget();
  }
  return generation_;
}

const Table* Store::table(const Path& path, const std::string& database) {
  std::string id = id_of(path, database);
  auto found = tables_.find(id);
  if (found == tables_.end()) found = tables_.emplace(id, load(id)).first;
  return found->second.get();
}

std::unique_ptr<Table> Store::load(const std::string& id) {
  bool temporary = id[0] == '#' || id[0] == '@';
  auto rows =
      ask(temporary ? "SELECT name,type,\"notnull\",dflt_value,pk,hidden FROM pragma_table_xinfo(?1,'temp')"
                    : "SELECT name,type,\"notnull\",dflt_value,pk,hidden FROM pragma_table_xinfo(?1,'main')",
          {id});
  if (rows.empty()) return nullptr;
  auto out = std::make_unique<Table>();
  out->temporary = temporary;
  out->id = id;
  out->physical = temporary ? "temp." + quote(id) : "main." + quote(id);
  out->shown = temporary ? id : id.substr(id.find('.') + 1);
  for (const auto& row : rows) {
    TableColumn column;
    column.name = row[0];
    if (!parse_type(row[1], column.type))
      column.type = make_type(row[1] == "INT" ? Kind::Int : Kind::NVarChar);
    column.nullable = row[2] == "0" && row[4] == "0";
    column.has_default = !row[3].empty();
    column.key = std::atoi(row[4].c_str());
    column.computed = row[5] != "0";
    out->columns.push_back(std::move(column));
  }
  std::string from = temporary ? "temp.holdfast_identity" : "main.holdfast_identity";
  if (temporary && ask("SELECT 1 FROM temp.sqlite_schema WHERE name='holdfast_identity'").empty()) return out;
  auto identity = ask("SELECT name,seed,step FROM " + from + " WHERE id=?1", {id});
  if (!identity.empty()) {
    for (std::size_t i = 0; i < out->columns.size(); ++i) {
      if (out->columns[i].name != identity[0][0]) continue;
      out->identity = static_cast<int>(i);
      out->columns[i].identity = true;
    }
    out->seed = std::atoll(identity[0][1].c_str());
    out->step = std::atoll(identity[0][2].c_str());
  }
  return out;
}

bool Store::module(const std::string& id, char kind, std::string& text) {
  auto rows =
      ask("SELECT body FROM main.holdfast_objects WHERE id=?1 AND kind=?2", {id, std::string(1, kind)});
  if (!rows.empty()) text = rows[0][0];
  return !rows.empty();
}

bool Store::has_database(const std::string& name) {
  return !ask("SELECT 1 FROM main.holdfast_databases WHERE name=?1", {name}).empty();
}

}  // namespace holdfast::sqlnode
