// SQLite's errors in SQL Server's numbers and words.
#include <algorithm>

#include "tests/sqlnode/sql_store.h"

namespace holdfast::sqlnode {
namespace {

/// "... failed: master.dbo.t.c, master.dbo.t.d" -> the part behind the colon.
std::string detail_of(const std::string& text) {
  std::size_t colon = text.find(": ");
  return colon == std::string::npos ? "" : text.substr(colon + 2);
}

struct Place {
  std::string id, shown, column;
};
/// "master.dbo.t.c" -> id "master.dbo.t", shown "dbo.t", column "c".
Place place_of(const std::string& detail) {
  Place out;
  std::string first = detail.substr(0, detail.find(", "));
  std::size_t dot = first.rfind('.');
  out.id = first.substr(0, dot);
  out.column = dot == std::string::npos ? "" : first.substr(dot + 1);
  out.shown = out.id[0] == '#' ? out.id : out.id.substr(out.id.find('.') + 1);
  return out;
}

}  // namespace

std::string Store::duplicate_text(const std::string& detail, bool primary, std::uint32_t& number) {
  Place place = place_of(detail);
  std::string name = "PK_" + place.shown.substr(place.shown.find('.') + 1), columns = detail;
  number = 2627;
  if (!primary) {
    bool index = detail.starts_with("index ");
    std::string prefix = place.id + ".";
    for (std::size_t at = columns.find(prefix); at != std::string::npos; at = columns.find(prefix))
      columns.erase(at, prefix.size());
    auto rows =
        ask("SELECT l.name, l.origin, (SELECT group_concat(name, ', ') FROM pragma_index_info(l.name)) FROM "
            "pragma_index_list(?1) AS l WHERE l.\"unique\"=1 AND l.origin<>'pk'",
            {place.id});
    for (const auto& row : rows) {
      if (!index && row[2] != columns) continue;
      bool unnamed = row[0].starts_with("sqlite_autoindex_");
      name = unnamed ? "UQ_" + name.substr(3) : row[0].substr(row[0].rfind('.') + 1);
      if (row[1] == "c") number = 2601;
      break;
    }
  }
  if (number == 2601) {
    return "Cannot insert duplicate key row in object '" + place.shown + "' with unique index '" + name +
           "'.";
  }
  return std::string("Violation of ") + (primary ? "PRIMARY" : "UNIQUE") + " KEY constraint '" + name +
         "'. Cannot insert duplicate key in object '" + place.shown + "'.";
}

void Store::fail_now() {
  int code = sqlite3_extended_errcode(db_);
  std::string text = sqlite3_errmsg(db_);
  if (raised != nullptr) {
    SqlError error = std::move(*raised);
    raised.reset();
    throw error;
  }
  std::string detail = detail_of(text);
  std::uint32_t number = 0;
  switch (code) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_UNIQUE:
      text = duplicate_text(detail, code != SQLITE_CONSTRAINT_UNIQUE, number);
      fail(number, text, 14);
    case SQLITE_CONSTRAINT_NOTNULL: {
      Place place = place_of(detail);
      fail(515, "Cannot insert the value NULL into column '" + place.column + "', table '" + place.id +
                    "'; column does not allow nulls. INSERT fails.");
    }
    case SQLITE_CONSTRAINT_CHECK:
      fail(547, "The statement conflicted with the CHECK constraint \"" + detail + "\".");
    case SQLITE_CONSTRAINT_FOREIGNKEY: fail(547, "The statement conflicted with a FOREIGN KEY constraint.");
    case SQLITE_INTERRUPT: fail(3617, "Query canceled.", 16, true);
    case SQLITE_BUSY_SNAPSHOT:
      fail(3960, "Snapshot isolation transaction aborted due to update conflict.", 16, true);
    default: break;
  }
  if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) {
    if (*cancelled_ != nullptr && (*cancelled_)->load()) fail(3617, "Query canceled.", 16, true);
    if (*timeout_ms_ >= 0) fail(1222, "Lock request time out period exceeded.", 16);
    SqlError error;
    error.message.number = 1205;
    error.message.severity = 13;
    error.message.state = 51;
    error.message.text =
        "Transaction was deadlocked on lock resources with another process and has been chosen as the "
        "deadlock "
        "victim. Rerun the transaction.";
    error.fatal = true;
    throw error;
  }
  if ((code & 0xff) == SQLITE_FULL) fail(1105, "Could not allocate space in database: " + text, 17);
  if ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CORRUPT)
    fail(823, "The operating system returned error: " + text, 24, true);
  fail(50000, "The test node's SQLite says: " + text);
}

}  // namespace holdfast::sqlnode
