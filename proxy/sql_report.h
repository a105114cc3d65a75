// What `holdfast sql sessions` and `sql top` print. Pure: rows are handed in. Names that clients chose are
// hostile: as text they are made printable, as JSON they are escaped. There are statements' digests only, in
// which no literal is left.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/base/time.h"
#include "tds/digest_table.h"

namespace holdfast {

struct SqlSessionRow {
  std::uint64_t number = 0;
  std::string client, login, application, host, database;  ///< as the login named them
  std::string service, instance;  ///< instance empty: none at the moment
  std::string state;
  Duration since{}, age{};  ///< in this state; in all
  bool in_transaction = false;
  std::string pool;  ///< "shares", "lent", "waits", "pinned: ..."; empty: it is not pooled
  std::string unrecoverable;  ///< "temporary table, cursor"; empty: it can be rebuilt
  bool recovery_by_server = false;
  std::uint64_t prepared = 0, requests = 0, survived = 0;
  std::string last_digest;
};

/// By service.
using SqlTables = std::map<std::string, tds::DigestTable>;

/// How the sessions of one service stand.
struct SqlSurvey {
  static constexpr std::size_t named_max = 10;
  std::uint64_t sessions = 0, in_transaction = 0, busy = 0, held = 0;
  std::vector<std::uint64_t> named;  ///< numbers of those in a transaction or busy, the first few
};

std::string sql_sessions_text(const std::vector<SqlSessionRow>& rows);
std::string sql_sessions_json(const std::vector<SqlSessionRow>& rows);  ///< with its newline
/// The first `top_rows` of each service.
inline constexpr std::size_t sql_top_rows = 20;
std::string sql_top_text(const SqlTables& tables);
std::string sql_top_json(const SqlTables& tables);  ///< all rows; with its newline

}  // namespace holdfast
