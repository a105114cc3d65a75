// T-SQL's scalar functions as SQLite functions, under the name "t_NAME", and what the translator must know
// of them: whether they exist and the type they yield.
#pragma once

#include <sqlite3.h>

#include <string>
#include <vector>

#include "tests/sqlnode/engine.h"
#include "tests/sqlnode/sql_store.h"

namespace holdfast::sqlnode {

/// What functions ask of the session (DB_NAME, SERVERPROPERTY, OBJECT_ID, ...).
class Host {
 public:
  /// `known` false: no such function.
  virtual Value host(const std::string& function, const std::vector<Value>& arguments) = 0;

 protected:
  ~Host() = default;
};

enum class Yields : std::uint8_t {
  Fixed,
  First /* type of the first argument */,
  Widest,
  Text /* NVARCHAR(4000) */
};

struct Function {
  const char* name;
  int least, most;  ///< arguments; most -1: any number
  Yields yields;
  Kind kind;  ///< for Fixed
  std::uint32_t length;  ///< for Fixed
  Value (*run)(const std::vector<Value>& arguments);  ///< null: the session answers
  bool nulls = false;  ///< called with nulls too; else null in gives null out
};

const Function* find_function(const std::string& name);
void register_functions(Store& store, Host* host);
Value value_of(sqlite3_value* value);
/// Decimals that a double holds exactly enough become numbers; all else as it is.
void bind_value(sqlite3_stmt* statement, int index, const Value& value, const Type& type);
/// A result column as a value of this type.
Value column_value(sqlite3_stmt* statement, int index, const Type& type);
bool like(const std::string& text, const std::string& pattern, char escape);

}  // namespace holdfast::sqlnode
