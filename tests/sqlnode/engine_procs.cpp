// System procedures that drivers call.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_lex.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

const Parameter* named(const std::vector<Parameter>& parameters, const char* name, std::size_t position) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].name.empty() ? i == position : same(parameters[i].name, name)) return &parameters[i];
  }
  return nullptr;
}

std::string text_at(const std::vector<Parameter>& parameters, const char* name, std::size_t position) {
  const Parameter* found = named(parameters, name, position);
  return found == nullptr ? "" : text_of(found->value);
}

constexpr const char* kTables =
    "SELECT CAST(db AS NVARCHAR(128)) AS TABLE_QUALIFIER, CAST(owner AS NVARCHAR(128)) AS TABLE_OWNER, "
    "CAST(name AS NVARCHAR(128)) AS "
    "TABLE_NAME, CAST(CASE kind WHEN 'U' THEN 'TABLE' ELSE 'VIEW' END AS VARCHAR(32)) AS TABLE_TYPE, "
    "CAST(NULL AS VARCHAR(254)) AS REMARKS "
    "FROM holdfast_objects WHERE db = DB_NAME() AND kind IN ('U','V') AND (@n IS NULL OR name LIKE @n) AND "
    "(@o IS NULL OR owner LIKE @o) "
    "ORDER BY 4, 1, 2, 3";
constexpr const char* kColumns =
    "SELECT CAST(o.db AS NVARCHAR(128)) AS TABLE_QUALIFIER, CAST(o.owner AS NVARCHAR(128)) AS TABLE_OWNER, "
    "CAST(o.name AS NVARCHAR(128)) AS "
    "TABLE_NAME, CAST(c.name AS NVARCHAR(128)) AS COLUMN_NAME, CAST(CASE c.type WHEN 'INT' THEN 4 WHEN "
    "'BIGINT' THEN -5 WHEN 'SMALLINT' "
    "THEN 5 WHEN 'TINYINT' THEN -6 WHEN 'BIT' THEN -7 WHEN 'FLOAT' THEN 6 WHEN 'REAL' THEN 7 WHEN 'DECIMAL' "
    "THEN 3 WHEN 'MONEY' THEN 3 "
    "WHEN 'CHAR' THEN 1 WHEN 'VARCHAR' THEN 12 WHEN 'NCHAR' THEN -8 WHEN 'NVARCHAR' THEN -9 WHEN 'VARBINARY' "
    "THEN -3 WHEN 'BINARY' THEN -2 "
    "WHEN 'UNIQUEIDENTIFIER' THEN -11 WHEN 'DATETIME' THEN 11 ELSE -9 END AS SMALLINT) AS DATA_TYPE, "
    "CAST(LOWER(c.type) AS NVARCHAR(128)) AS TYPE_NAME, CAST(CASE WHEN c.bytes > 0 THEN c.bytes ELSE "
    "c.digits END AS INT) AS [PRECISION], "
    "CAST(c.bytes AS INT) AS LENGTH, CAST(c.scale AS SMALLINT) AS SCALE, CAST(10 AS SMALLINT) AS RADIX, "
    "CAST(c.nullable AS SMALLINT) AS "
    "NULLABLE, CAST(NULL AS VARCHAR(254)) AS REMARKS, CAST(NULL AS NVARCHAR(4000)) AS COLUMN_DEF, CAST(0 AS "
    "SMALLINT) AS SQL_DATA_TYPE, "
    "CAST(NULL AS SMALLINT) AS SQL_DATETIME_SUB, CAST(c.bytes AS INT) AS CHAR_OCTET_LENGTH, CAST(c.position "
    "AS INT) AS ORDINAL_POSITION, "
    "CAST(CASE c.nullable WHEN 1 THEN 'YES' ELSE 'NO' END AS VARCHAR(254)) AS IS_NULLABLE, CAST(0 AS "
    "TINYINT) AS SS_DATA_TYPE "
    "FROM holdfast_objects o JOIN holdfast_columns c ON c.id = o.id WHERE o.db = DB_NAME() AND o.name LIKE "
    "@n AND (@o IS NULL OR "
    "o.owner LIKE @o) ORDER BY 1, 2, 3, 17";
constexpr const char* kKeys =
    "SELECT CAST(o.db AS NVARCHAR(128)) AS TABLE_QUALIFIER, CAST(o.owner AS NVARCHAR(128)) AS TABLE_OWNER, "
    "CAST(o.name AS NVARCHAR(128)) AS "
    "TABLE_NAME, CAST(c.name AS NVARCHAR(128)) AS COLUMN_NAME, CAST(c.pk AS SMALLINT) AS KEY_SEQ, CAST('PK_' "
    "+ o.name AS NVARCHAR(128)) AS "
    "PK_NAME FROM holdfast_objects o JOIN holdfast_columns c ON c.id = o.id WHERE o.db = DB_NAME() AND "
    "o.name = @n AND c.pk > 0 AND (@o IS "
    "NULL OR o.owner = @o) ORDER BY 5";
constexpr const char* kTypes =
    "SELECT * FROM (VALUES "
    "('int',4,10,NULL,NULL,0),('bigint',-5,19,NULL,NULL,0),('smallint',5,5,NULL,NULL,0),('tinyint',-6,3,NULL,"
    "NULL,0),"
    "('bit',-7,1,NULL,NULL,0),('float',6,53,NULL,NULL,0),('real',7,24,NULL,NULL,0),('decimal',3,38,NULL,NULL,"
    "0),('nvarchar',-9,4000,'N''',"
    "'''',3),('varchar',12,8000,'''','''',3),('varbinary',-3,8000,'0x',NULL,2),('uniqueidentifier',-11,36,'''"
    "','''',2),('datetime',93,23,"
    "'''','''',3),('datetime2',93,27,'''','''',3),('date',91,10,'''','''',3)) AS "
    "t(TYPE_NAME,DATA_TYPE,[PRECISION],LITERAL_PREFIX,"
    "LITERAL_SUFFIX,SEARCHABLE)";

}  // namespace

void Interpreter::query_text(const std::string& text, const std::vector<Parameter>& parameters) {
  std::vector<Parameter> copy = parameters;
  execute_text(text, copy);
}

bool Interpreter::system_procedure(const std::string& given, std::vector<Parameter>& parameters,
                                   std::int64_t& status) {
  std::string name = upper(given);
  auto wanted = [&](const char* by_name, std::size_t position, const char* as) {
    Parameter out;
    out.name = as;
    out.type = make_type(Kind::NVarChar, 256);
    const Parameter* found = named(parameters, by_name, position);
    if (found != nullptr) out.value = found->value;
    return out;
  };
  if (name == "SP_TABLES") {
    query_text(kTables, {wanted("@table_name", 0, "@n"), wanted("@table_owner", 1, "@o")});
  } else if (name == "SP_COLUMNS" || name == "SP_COLUMNS_100" || name == "SP_COLUMNS_90") {
    query_text(kColumns, {wanted("@table_name", 0, "@n"), wanted("@table_owner", 1, "@o")});
  } else if (name == "SP_PKEYS") {
    query_text(kKeys, {wanted("@table_name", 0, "@n"), wanted("@table_owner", 1, "@o")});
  } else if (name == "SP_DATATYPE_INFO" || name == "SP_DATATYPE_INFO_100" || name == "SP_DATATYPE_INFO_90") {
    query_text(kTypes, {});
  } else if (name == "SP_GETAPPLOCK") {
    status = get_app_lock(parameters);
  } else if (name == "SP_RELEASEAPPLOCK") {
    status = release_app_lock(parameters);
  } else if (name == "SP_SET_SESSION_CONTEXT") {
    const Parameter* value = named(parameters, "@value", 1);
    session_context_[text_at(parameters, "@key", 0)] = value == nullptr ? Value() : value->value;
  } else if (name == "SP_DESCRIBE_UNDECLARED_PARAMETERS") {
    query_text(
        "SELECT CAST(1 AS INT) AS parameter_ordinal, CAST('@P1' AS NVARCHAR(128)) AS name, CAST(231 AS INT) "
        "AS "
        "suggested_system_type_id, CAST('nvarchar(4000)' AS NVARCHAR(256)) AS suggested_system_type_name, "
        "CAST(8000 AS SMALLINT) AS "
        "suggested_max_length, CAST(0 AS TINYINT) AS suggested_precision, CAST(0 AS TINYINT) AS "
        "suggested_scale WHERE 1 = 0",
        {});
  } else if (name == "SP_WHO" || name == "SP_WHO2") {
    query_text(
        "SELECT CAST(@@SPID AS SMALLINT) AS spid, SUSER_SNAME() AS loginame, HOST_NAME() AS hostname, "
        "DB_NAME() AS dbname",
        {});
  } else if (name == "SP_HELPDB" || name == "SP_DATABASES") {
    query_text(
        "SELECT CAST(name AS NVARCHAR(128)) AS DATABASE_NAME, CAST(1024 AS INT) AS DATABASE_SIZE, CAST(NULL "
        "AS VARCHAR(254)) AS "
        "REMARKS FROM holdfast_databases ORDER BY 1",
        {});
  } else if (name == "SP_RESET_CONNECTION") {
    reset(false);
  } else {
    return false;
  }
  return true;
}

std::int64_t Interpreter::get_app_lock(const std::vector<Parameter>& parameters) {
  std::string resource = text_at(parameters, "@Resource", 0),
              mode = upper(text_at(parameters, "@LockMode", 1));
  bool by_transaction = !same(text_at(parameters, "@LockOwner", 2), "Session"),
       shared = mode == "SHARED" || mode == "INTENTSHARED";
  std::string wait = text_at(parameters, "@LockTimeout", 3);
  std::int64_t left_ms = wait.empty() ? lock_timeout_ms_ : std::atoll(wait.c_str()), waited = 0;
  if (by_transaction && transactions_ == 0) return -999;
  std::unique_lock lock(database_->mutex);
  auto& holders = database_->locks[resource];
  auto blocked = [&] {
    return std::any_of(holders.begin(), holders.end(), [&](const Database::Lock& one) {
      return one.owner != spid_ && !(shared && one.shared);
    });
  };
  while (blocked()) {
    if (cancelled_ != nullptr && cancelled_->load()) throw Cancelled{};
    if (left_ms >= 0 && waited >= left_ms) return -1;
    database_->released.wait_for(lock, std::chrono::milliseconds(10));
    waited += 10;
  }
  holders.push_back({spid_, 1, shared});
  app_locks_.emplace_back(resource, by_transaction);
  if (!by_transaction) settings_.recoverable = false;
  return waited > 0 ? 1 : 0;
}

std::int64_t Interpreter::release_app_lock(const std::vector<Parameter>& parameters) {
  std::string resource = text_at(parameters, "@Resource", 0);
  auto mine = std::find_if(app_locks_.begin(), app_locks_.end(),
                           [&](const auto& one) { return one.first == resource; });
  if (mine == app_locks_.end()) return -999;
  app_locks_.erase(mine);
  std::lock_guard lock(database_->mutex);
  auto& holders = database_->locks[resource];
  auto held = std::find_if(holders.begin(), holders.end(),
                           [&](const Database::Lock& one) { return one.owner == spid_; });
  if (held != holders.end()) holders.erase(held);
  database_->released.notify_all();
  return 0;
}

void Interpreter::release_locks(bool transaction_only) {
  std::lock_guard lock(database_->mutex);
  std::erase_if(app_locks_, [&](const auto& one) {
    if (transaction_only && !one.second) return false;
    auto& holders = database_->locks[one.first];
    auto held = std::find_if(holders.begin(), holders.end(),
                             [&](const Database::Lock& lock) { return lock.owner == spid_; });
    if (held != holders.end()) holders.erase(held);
    return true;
  });
  database_->released.notify_all();
}

}  // namespace holdfast::sqlnode
