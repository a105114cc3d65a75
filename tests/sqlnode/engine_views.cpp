// System views, as T-SQL over the catalog; the translator reads them like any view.
#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

struct View {
  const char* name;
  const char* text;
};

constexpr const char* kObjects =
    "SELECT CAST(name AS NVARCHAR(128)) AS name, CAST(object_id AS INT) AS object_id, CAST(1 AS INT) AS "
    "schema_id, CAST(CASE kind WHEN 'P' "
    "THEN 'P ' WHEN 'V' THEN 'V ' ELSE 'U ' END AS CHAR(2)) AS type, CAST(CASE kind WHEN 'P' THEN "
    "'SQL_STORED_PROCEDURE' WHEN 'V' THEN "
    "'VIEW' ELSE 'USER_TABLE' END AS NVARCHAR(60)) AS type_desc, CAST(made AS DATETIME) AS create_date, "
    "CAST(made AS DATETIME) AS "
    "modify_date, CAST(0 AS INT) AS parent_object_id, CAST(0 AS BIT) AS is_ms_shipped FROM holdfast_objects "
    "WHERE db = DB_NAME()";

constexpr View kViews[] = {
    {"SYS.DATABASES",
     "SELECT CAST(name AS NVARCHAR(128)) AS name, CAST(database_id AS INT) AS database_id, CAST('ONLINE' AS "
     "NVARCHAR(60)) AS state_desc, "
     "CAST(0 AS TINYINT) AS state, CAST(150 AS TINYINT) AS compatibility_level, CAST(CASE WHEN "
     "DATABASEPROPERTYEX(name, 'Updateability') = "
     "'READ_ONLY' THEN 1 ELSE 0 END AS BIT) AS is_read_only, CAST('SQL_Latin1_General_CP1_CI_AS' AS "
     "NVARCHAR(128)) AS collation_name, "
     "CAST('FULL' AS NVARCHAR(60)) AS recovery_model_desc, CAST(0 AS TINYINT) AS user_access, "
     "CAST('MULTI_USER' AS NVARCHAR(60)) AS "
     "user_access_desc, CAST(0 AS BIT) AS is_read_committed_snapshot_on, CAST(1 AS TINYINT) AS "
     "snapshot_isolation_state, "
     "CAST(CASE WHEN database_id > 4 AND SERVERPROPERTY('IsHadrEnabled') = 1 THEN "
     "'00000000-0000-0000-0000-000000000001' END AS "
     "UNIQUEIDENTIFIER) AS replica_id, CAST(CASE WHEN database_id > 4 THEN "
     "'00000000-0000-0000-0000-00000000000A' END AS UNIQUEIDENTIFIER) "
     "AS group_database_id, CAST('2026-01-01' AS DATETIME) AS create_date FROM holdfast_databases"},
    {"SYS.OBJECTS", kObjects},
    {"SYS.ALL_OBJECTS", kObjects},
    {"SYS.SCHEMAS",
     "SELECT CAST('dbo' AS NVARCHAR(128)) AS name, CAST(1 AS INT) AS schema_id, CAST(1 AS INT) AS "
     "principal_id"},
    {"SYS.COLUMNS",
     "SELECT CAST(o.object_id AS INT) AS object_id, CAST(c.name AS NVARCHAR(128)) AS name, CAST(c.position "
     "AS INT) AS column_id, "
     "CAST(c.bytes AS SMALLINT) AS max_length, CAST(c.digits AS TINYINT) AS precision, CAST(c.scale AS "
     "TINYINT) AS scale, CAST(c.nullable "
     "AS BIT) AS is_nullable, CAST(c.[identity] AS BIT) AS is_identity, CAST(LOWER(c.type) AS NVARCHAR(128)) "
     "AS type_name, CAST(CASE WHEN c.type LIKE '%CHAR' OR c.type LIKE '%TEXT' THEN "
     "'SQL_Latin1_General_CP1_CI_AS' END AS NVARCHAR(128)) AS collation_name, CAST(0 AS BIT) AS is_computed, "
     "CAST(NULL AS INT) AS encryption_type FROM "
     "holdfast_columns c JOIN holdfast_objects o ON o.id = c.id WHERE o.db = DB_NAME()"},
    {"INFORMATION_SCHEMA.TABLES",
     "SELECT CAST(db AS NVARCHAR(128)) AS TABLE_CATALOG, CAST(owner AS NVARCHAR(128)) AS TABLE_SCHEMA, "
     "CAST(name AS NVARCHAR(128)) AS "
     "TABLE_NAME, CAST(CASE kind WHEN 'U' THEN 'BASE TABLE' ELSE 'VIEW' END AS VARCHAR(10)) AS TABLE_TYPE "
     "FROM holdfast_objects WHERE db = "
     "DB_NAME() AND kind IN ('U','V')"},
    {"INFORMATION_SCHEMA.COLUMNS",
     "SELECT CAST(o.db AS NVARCHAR(128)) AS TABLE_CATALOG, CAST(o.owner AS NVARCHAR(128)) AS TABLE_SCHEMA, "
     "CAST(o.name AS NVARCHAR(128)) AS "
     "TABLE_NAME, CAST(c.name AS NVARCHAR(128)) AS COLUMN_NAME, CAST(c.position AS INT) AS ORDINAL_POSITION, "
     "CAST(NULL AS NVARCHAR(4000)) "
     "AS COLUMN_DEFAULT, CAST(CASE c.nullable WHEN 1 THEN 'YES' ELSE 'NO' END AS VARCHAR(3)) AS IS_NULLABLE, "
     "CAST(LOWER(c.type) AS "
     "NVARCHAR(128)) AS DATA_TYPE, CAST(CASE WHEN c.type LIKE '%CHAR' THEN CASE WHEN c.type LIKE 'N%' AND "
     "c.bytes > 0 THEN c.bytes / 2 ELSE "
     "c.bytes END WHEN c.type LIKE '%BINARY' THEN c.bytes END AS INT) AS CHARACTER_MAXIMUM_LENGTH, CAST(CASE "
     "WHEN c.type = 'DECIMAL' THEN "
     "c.digits END AS TINYINT) AS NUMERIC_PRECISION, CAST(CASE WHEN c.type = 'DECIMAL' THEN c.scale END AS "
     "INT) AS NUMERIC_SCALE FROM "
     "holdfast_columns c JOIN holdfast_objects o ON o.id = c.id WHERE o.db = DB_NAME()"},
    {"INFORMATION_SCHEMA.SCHEMATA",
     "SELECT DB_NAME() AS CATALOG_NAME, CAST('dbo' AS NVARCHAR(128)) AS SCHEMA_NAME"},
    {"SYS.DM_HADR_AVAILABILITY_REPLICA_STATES",
     "SELECT CAST(1 AS BIT) AS is_local, CAST(CASE WHEN sys.fn_hadr_is_primary_replica('') = 1 THEN 1 ELSE 2 "
     "END AS TINYINT) AS role, "
     "CAST(CASE WHEN sys.fn_hadr_is_primary_replica('') = 1 THEN 'PRIMARY' ELSE 'SECONDARY' END AS "
     "NVARCHAR(60)) AS role_desc, CAST(2 AS "
     "TINYINT) AS operational_state, CAST('ONLINE' AS NVARCHAR(60)) AS operational_state_desc, CAST(1 AS "
     "TINYINT) AS connected_state, "
     "CAST('CONNECTED' AS NVARCHAR(60)) AS connected_state_desc, CAST(2 AS TINYINT) AS "
     "synchronization_health, CAST('HEALTHY' AS "
     "NVARCHAR(60)) AS synchronization_health_desc, CAST('00000000-0000-0000-0000-000000000001' AS "
     "UNIQUEIDENTIFIER) AS replica_id, "
     "CAST('00000000-0000-0000-0000-00000000000F' AS UNIQUEIDENTIFIER) AS group_id WHERE "
     "SERVERPROPERTY('IsHadrEnabled') = 1"},
    {"SYS.AVAILABILITY_REPLICAS",
     "SELECT @@SERVERNAME AS replica_server_name, CAST('00000000-0000-0000-0000-000000000001' AS "
     "UNIQUEIDENTIFIER) AS replica_id, "
     "CAST('00000000-0000-0000-0000-00000000000F' AS UNIQUEIDENTIFIER) AS group_id, CAST(1 AS TINYINT) AS "
     "availability_mode, CAST(CASE WHEN SERVERPROPERTY('SecondaryIsReadable') = 1 THEN 2 ELSE 0 END AS "
     "TINYINT) AS secondary_role_allow_connections WHERE "
     "SERVERPROPERTY('IsHadrEnabled') = 1"},
    {"SYS.AVAILABILITY_GROUPS",
     "SELECT CAST('ag' AS NVARCHAR(128)) AS name, CAST('00000000-0000-0000-0000-00000000000F' AS "
     "UNIQUEIDENTIFIER) AS group_id WHERE "
     "SERVERPROPERTY('IsHadrEnabled') = 1"},
    {"SYS.DM_HADR_DATABASE_REPLICA_STATES",
     "SELECT CAST(database_id AS INT) AS database_id, CAST(1 AS BIT) AS is_local, "
     "sys.fn_hadr_is_primary_replica(name) AS "
     "is_primary_replica, CAST(2 AS TINYINT) AS synchronization_state, CAST('SYNCHRONIZED' AS NVARCHAR(60)) "
     "AS synchronization_state_desc "
     "FROM holdfast_databases WHERE database_id > 4"},
    {"SYS.DM_OS_CLUSTER_NODES",
     "SELECT @@SERVERNAME AS NodeName, CAST(0 AS INT) AS status, CAST('up' AS NVARCHAR(20)) AS "
     "status_description, "
     "sys.fn_hadr_is_primary_replica('') AS is_current_owner WHERE SERVERPROPERTY('IsClustered') = 1"},
    {"SYS.DM_EXEC_SESSIONS",
     "SELECT CAST(@@SPID AS SMALLINT) AS session_id, SUSER_SNAME() AS login_name, HOST_NAME() AS host_name, "
     "APP_NAME() AS program_name, "
     "CAST(1 AS BIT) AS is_user_process, CAST(@@TRANCOUNT AS INT) AS open_transaction_count, "
     "CAST(@@ISOLATION_LEVEL AS SMALLINT) AS transaction_isolation_level, CAST(DB_ID() AS SMALLINT) AS database_id"},
    {"SYS.DM_EXEC_CONNECTIONS",
     "SELECT CAST(@@SPID AS INT) AS session_id, CAST('TCP' AS NVARCHAR(40)) AS net_transport, CAST('SQL' AS "
     "NVARCHAR(40)) AS auth_scheme, "
     "CAST('TRUE' AS NVARCHAR(40)) AS encrypt_option"},
    {"SYS.CONFIGURATIONS",
     "SELECT CAST(0 AS INT) AS configuration_id, CAST('' AS NVARCHAR(35)) AS name, CAST(0 AS INT) AS value "
     "WHERE 1 = 0"},
    {"SYS.TYPES",
     "SELECT CAST(name AS NVARCHAR(128)) AS name, CAST(id AS INT) AS user_type_id, CAST(id AS TINYINT) AS "
     "system_type_id FROM (VALUES "
     "('int',56),('bigint',127),('nvarchar',231),('varchar',167),('bit',104),('datetime2',42),('decimal',106)"
     ",('varbinary',165),"
     "('uniqueidentifier',36),('float',62)) AS t(name,id)"},
};

}  // namespace

std::string Interpreter::system_view(const Path& path) {
  if (path.size() < 2) return same(path[0], "sysobjects") ? kObjects : "";
  const std::string owner = upper(path[path.size() - 2]), name = upper(path.back());
  if (owner != "SYS" && owner != "INFORMATION_SCHEMA") return "";
  if (owner == "SYS" && name == "TABLES") return "SELECT * FROM sys.objects WHERE type = 'U '";
  if (owner == "SYS" && name == "PROCEDURES") return "SELECT * FROM sys.objects WHERE type = 'P '";
  if (owner == "SYS" && name == "VIEWS") return "SELECT * FROM sys.objects WHERE type = 'V '";
  if (owner == "SYS" && name == "SYSOBJECTS") return kObjects;
  for (const View& view : kViews) {
    if (owner + "." + name == view.name) return view.text;
  }
  return "";
}

}  // namespace holdfast::sqlnode
