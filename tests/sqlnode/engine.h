// The SQL side of the test node: just enough T-SQL over SQLite for real drivers and the failover tests. It
// is a stand-in and says so; it is not SQL Server, and nothing of it is in the product. A Database is one
// SQLite file that both nodes of a pair may open (as a failover cluster shares its disk); an Engine is one
// session on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace holdfast::sqlnode {

/// SQL Server's types, as far as they are spoken here.
enum class Kind : std::uint8_t {
  Bit,
  TinyInt,
  SmallInt,
  Int,
  BigInt,
  Real,
  Float,
  Decimal,
  Money,
  Char,
  VarChar,
  NChar,
  NVarChar,
  Text,
  NText,
  Binary,
  VarBinary,
  Image,
  UniqueIdentifier,
  Date,
  Time,
  DateTime,
  SmallDateTime,
  DateTime2,
  DateTimeOffset,
  Xml,
  Variant,
};
struct Type {
  Kind kind = Kind::NVarChar;
  std::uint32_t length = 0;  ///< bytes for binary and char, characters for n-types; 0: MAX
  std::uint8_t precision = 18, scale = 0;
};

/// Texts are UTF-8; Decimal, dates and times and GUIDs are texts in ISO form ("2026-11-22
/// 10:00:00.1234567", "12.50").
struct Blob {
  std::string bytes;
};
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;

struct Column {
  std::string name;
  Type type;
  bool nullable = true;
};
struct Parameter {
  std::string name;  ///< with @; may be empty: by position
  Type type;
  Value value;
  bool output = false;
};
struct Message {
  std::uint32_t number = 0;
  std::uint8_t state = 1, severity = 16;
  std::string text, procedure;
  std::uint32_t line = 1;
};

/// What a statement yields, in order. The node turns it into tokens.
class Sink {
 public:
  virtual void columns(const std::vector<Column>& columns) = 0;
  /// False: the client has cancelled or gone; stop.
  virtual bool row(const std::vector<Value>& row) = 0;
  /// End of one statement. `counted`: DONE has a row count (not under NOCOUNT). `command`: 0xC1 SELECT,
  /// 0xC3 INSERT, 0xC4 DELETE, 0xC5 UPDATE, else 0.
  virtual void done(bool counted, std::uint64_t count, std::uint16_t command) = 0;
  virtual void error(const Message& message) = 0;
  virtual void info(const Message& message) = 0;
  virtual void database(const std::string& now, const std::string& before) = 0;  ///< USE
  virtual void language(const std::string& now, const std::string& before) = 0;
  virtual void began(std::uint64_t descriptor) = 0;  ///< of a user's transaction
  virtual void ended(std::uint64_t descriptor, bool committed) = 0;
  virtual void output(const Parameter& parameter) = 0;  ///< of a procedure
  virtual void status(std::int32_t value) = 0;  ///< return status of a procedure

 protected:
  ~Sink() = default;
};

/// What a session has set; what SESSIONRECOVERY carries (ids as in reference: 0 options, 2 dates, 4, 5 lock
/// timeout, 7 isolation, 9 textsize, 11 context_info).
struct SessionSettings {
  std::string database = "master", language = "us_english";
  std::string home = "master";                   ///< the database of the login, to which a reset goes back
  std::map<std::string, std::string>
      options;  ///< upper case: "ARITHABORT" -> "ON", "ISOLATION" -> "READ COMMITTED", "LOCK_TIMEOUT" -> "-1"
  std::string context_info;  ///< bytes
  std::string login = "sa", application, host;  ///< as the client logged in
  bool recoverable = true;  ///< no temp table, cursor, app lock, ... is open
};

class Database;

/// Opens or makes the file; several processes may have it open (SQLite's WAL or rollback journal, busy
/// time-out set).
/// `durable`: a commit waits for the disk; else it outlives the process, not the machine.
std::shared_ptr<Database> open_database(const std::string& path, bool durable = true);

/// What the node is just now; the engine answers SERVERPROPERTY, the hadr views and DATABASEPROPERTYEX from
/// it, and refuses as it says.
struct NodeFacts {
  std::string name = "SQL1";
  std::function<bool()> is_primary = [] { return true; };
  std::function<bool()> is_hadr = [] {
    return true;
  };  ///< availability group; else failover cluster or alone
  std::function<bool()> is_clustered = [] { return false; };
  std::function<bool()> is_readable = [] { return false; };  ///< a secondary that takes reads
};

class Engine {
 public:
  virtual ~Engine() = default;
  /// A batch, or the text of sp_executesql and prepared statements with its parameters. `cancelled` is
  /// looked at between rows.
  virtual void batch(const std::string& text, const std::vector<Parameter>& parameters, bool nested,
                     Sink& sink, const std::atomic<bool>& cancelled) = 0;
  /// A procedure of the user's or a system one other than those the node does itself (sp_executesql,
  /// sp_prepare ... sp_unprepare, sp_cursor*): sp_getapplock, sp_reset_connection, sp_describe_...,
  /// sp_datatype_info, sp_columns, sp_tables, sp_pkeys, ...
  virtual void procedure(const std::string& name, const std::vector<Parameter>& parameters, Sink& sink,
                         const std::atomic<bool>& cancelled) = 0;
  virtual void begin(const std::string& isolation, Sink& sink) = 0;  ///< transaction manager requests
  virtual void commit(Sink& sink) = 0;
  virtual void rollback(const std::string& savepoint, Sink& sink) = 0;
  virtual void save(const std::string& savepoint, Sink& sink) = 0;
  /// INSERT BULK: rows in the order of the columns named in the last such batch.
  virtual void bulk(const std::vector<Column>& columns, const std::vector<std::vector<Value>>& rows,
                    Sink& sink) = 0;
  /// Columns a statement would yield, for sp_prepare and sp_describe_first_result_set; empty: none.
  virtual std::vector<Column> describe(const std::string& text, const std::vector<Parameter>& parameters) = 0;
  virtual void reset(bool keep_transaction) = 0;  ///< RESETCONNECTION; isolation level stays
  virtual SessionSettings& settings() = 0;
  virtual std::uint64_t descriptor() const = 0;  ///< of the open transaction; 0: none
};
std::unique_ptr<Engine> make_engine(std::shared_ptr<Database> database, const NodeFacts& node, int spid);

}  // namespace holdfast::sqlnode
