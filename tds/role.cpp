#include "tds/role.h"

#include <algorithm>

namespace holdfast::tds {

namespace {

// Columns of sys.dm_hadr_availability_replica_states. The role is 0 while it is resolving.
constexpr std::string_view role_primary = "1", role_secondary = "2", state_online = "2";

std::string quoted(std::string_view name) {
  std::string out = "N'";
  for (char c : name) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

const AnswerTable* find(std::span<const AnswerTable> tables, std::string_view name) {
  auto it = std::find_if(tables.begin(), tables.end(), [&](const AnswerTable& t) { return t.name == name; });
  return it == tables.end() ? nullptr : &*it;
}

/// Of a set's first row; empty if it is NULL or was not answered.
std::string cell(const AnswerTable* table, std::size_t column) {
  if (!table || table->rows.empty() || column >= table->rows.front().size()) return {};
  return table->rows.front()[column].value_or("");
}

std::string column(const AnswerTable::Row& row, std::size_t i) {
  return i < row.size() ? row[i].value_or("") : "";
}

struct Facts {
  bool hadr = false, clustered = false;
  bool asked_database = false;
  std::string database, status, updateability;
  std::string is_primary;  // sys.fn_hadr_is_primary_replica: "1", "0"; empty: not told
  const AnswerTable* replicas = nullptr;
  std::string readable_as;  // secondary_role_allow_connections; empty: not told
  std::string complaint;

  bool online() const { return !asked_database || status == "ONLINE"; }
  bool writable() const { return !asked_database || updateability == "READ_WRITE"; }
};

RoleAnswer say(SqlRole role, std::string why) {
  RoleAnswer answer;
  answer.role = role;
  answer.why = std::move(why);
  answer.certain = true;
  return answer;
}

std::string because_of(const Facts& f) { return f.complaint.empty() ? "" : ": " + f.complaint; }

/// `as` unless the database says otherwise.
RoleAnswer by_database(const Facts& f, SqlRole as, std::string why) {
  const std::string database = "database " + f.database;
  if (f.asked_database && f.status.empty())
    return say(SqlRole::Unknown, database + " is not there, or the monitor's login may not see it");
  if (!f.online()) return say(SqlRole::Resolving, database + " is " + f.status);
  if (!f.writable())
    return say(SqlRole::ReadOnly,
               database + (f.updateability.empty() ? " does not tell whether it takes writes"
                                                   : " is " + f.updateability));
  return say(as, std::move(why));
}

/// Without VIEW SERVER STATE: a database that takes writes is the primary's.
RoleAnswer without_permission(const Facts& f) {
  if (!f.asked_database)
    return say(SqlRole::Unknown,
               "its role is not told without VIEW SERVER STATE or monitor.database" + because_of(f));
  RoleAnswer answer = by_database(f, SqlRole::Primary, "database " + f.database + " takes writes");
  if (answer.role == SqlRole::ReadOnly)
    answer = say(SqlRole::Secondary, "database " + f.database + " takes no writes");
  return answer;
}

/// The row of the group that counts: of the database's if the server tells which, else the least of all.
const AnswerTable::Row& row_that_counts(const Facts& f) {
  const auto& rows = f.replicas->rows;
  auto is_primary = [](const AnswerTable::Row& row) { return column(row, 1) == role_primary; };
  const bool wanted = f.is_primary == "1";
  for (const AnswerTable::Row& row : rows)
    if (is_primary(row) == wanted) return row;
  return rows.front();
}

RoleAnswer by_group(const Facts& f) {
  const AnswerTable::Row& row = row_that_counts(f);
  const std::string role = column(row, 1), state = column(row, 2);
  if (role == role_secondary) {
    RoleAnswer answer = say(SqlRole::Secondary, "secondary of the availability group");
    answer.readable = f.asked_database && f.online() && !f.readable_as.empty() && f.readable_as != "0";
    return answer;
  }
  if (role != role_primary)
    return say(SqlRole::Resolving, "the availability group has no role here: resolving");
  if (state != state_online)
    return say(SqlRole::Resolving, "primary of the availability group, but its operational state is " +
                                       (state.empty() ? std::string("not told") : state) +
                                       ", not 2 (online)");
  if (f.is_primary == "0")
    return say(SqlRole::Resolving, "primary of the availability group, but not of database " + f.database);
  return by_database(f, SqlRole::Primary, "primary of the availability group");
}

RoleAnswer judge(const Facts& f) {
  if (f.hadr && !f.replicas) return without_permission(f);
  if (f.hadr && !f.replicas->rows.empty()) return by_group(f);
  if (f.clustered) return by_database(f, SqlRole::Primary, "owner of the failover cluster");
  return by_database(f, SqlRole::Reachable, "it answers, and is in no group and no cluster");
}

}  // namespace

std::string_view name_of(SqlRole role) {
  switch (role) {
    case SqlRole::Unknown: return "unknown";
    case SqlRole::Primary: return "primary";
    case SqlRole::Secondary: return "secondary";
    case SqlRole::Resolving: return "resolving";
    case SqlRole::ReadOnly: return "read-only";
    case SqlRole::Reachable: return "reachable";
  }
  return "?";
}

std::string role_batch(std::string_view database) {
  std::string batch =
      "SELECT CAST(SERVERPROPERTY('IsHadrEnabled') AS int) AS hadr, "
      "CAST(SERVERPROPERTY('IsClustered') AS int) AS clustered, "
      "CAST(SERVERPROPERTY('ComputerNamePhysicalNetBIOS') AS nvarchar(128)) AS node, "
      "CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version;\n";
  if (!database.empty())
    batch += "SELECT CAST(DATABASEPROPERTYEX(" + quoted(database) +
             ", 'Status') AS nvarchar(128)) AS status, CAST(DATABASEPROPERTYEX(" + quoted(database) +
             ", 'Updateability') AS nvarchar(128)) AS updateability;\n";
  batch +=
      "SELECT 1 AS replica, role, operational_state FROM sys.dm_hadr_availability_replica_states WHERE "
      "is_local = 1;\n";
  if (!database.empty())
    batch += "SELECT sys.fn_hadr_is_primary_replica(" + quoted(database) + ") AS is_primary;\n";
  return batch +
         "SELECT MAX(secondary_role_allow_connections) AS readable FROM sys.availability_replicas "
         "WHERE replica_server_name = @@SERVERNAME;\n";
}

RoleAnswer judge_role(std::string_view database, std::span<const AnswerTable> tables,
                      std::string_view complaint) {
  const AnswerTable* server = find(tables, "hadr");
  Facts f;
  f.complaint = complaint;
  if (!server || server->rows.empty())
    return say(SqlRole::Unknown, "it does not tell what it is" + because_of(f));
  f.hadr = cell(server, 0) == "1";
  f.clustered = cell(server, 1) == "1";
  f.asked_database = !database.empty();
  f.database = database;
  f.status = cell(find(tables, "status"), 0);
  f.updateability = cell(find(tables, "status"), 1);
  f.is_primary = cell(find(tables, "is_primary"), 0);
  f.replicas = find(tables, "replica");
  f.readable_as = cell(find(tables, "readable"), 0);
  RoleAnswer answer = judge(f);
  answer.node = cell(server, 2);
  answer.version = cell(server, 3);
  return answer;
}

}  // namespace holdfast::tds
