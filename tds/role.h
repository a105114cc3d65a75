// What a SQL Server is just now: the primary of an availability group, its secondary, the owner of a failover
// cluster, or simply there. Pure: gives the batch the monitor asks with, takes the rows of its answer, and says the
// role. It knows no other instance: that two claim to be primary is seen by the control loop.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tds {

enum class SqlRole : std::uint8_t {
  Unknown,  ///< no answer, or one that tells nothing
  Primary,  ///< of an availability group, online and writable; or the owner of a failover cluster
  Secondary,  ///< of an availability group
  Resolving,  ///< an availability group without a role here, or a database that is not online (yet)
  ReadOnly,  ///< the database takes no writes
  Reachable,  ///< neither availability group nor failover cluster: that it answers is all there is
};
inline constexpr std::size_t sql_roles = static_cast<std::size_t>(SqlRole::Reachable) + 1;
std::string_view name_of(SqlRole role);  ///< "primary"

/// One result set as text. The batch names its first column, so that a set that is missing shifts nothing.
struct AnswerTable {
  using Row = std::vector<std::optional<std::string>>;
  std::string name;
  std::vector<Row> rows;
};

struct RoleAnswer {
  SqlRole role = SqlRole::Unknown;
  bool readable = false;  ///< a secondary that takes reads
  bool certain = false;  ///< told by the server, or nobody listens there: no second question is needed
  std::string why;  ///< "secondary of the availability group"
  std::string node;  ///< its ComputerNamePhysicalNetBIOS; empty: not told
  std::string version;  ///< its ProductVersion

  bool usable() const { return role == SqlRole::Primary || role == SqlRole::Reachable; }
};

/// One batch for SQL Server 2012 and later. `database` empty: the instance's role alone counts. What needs
/// VIEW SERVER STATE comes last, so that a refusal costs nothing else.
std::string role_batch(std::string_view database);

/// `complaint`: the last error the batch met; empty: none.
RoleAnswer judge_role(std::string_view database, std::span<const AnswerTable> tables,
                      std::string_view complaint);

}  // namespace holdfast::tds
