// What the T-SQL parser makes: expressions, queries and statements as plain trees. Nothing here knows
// SQLite. A Statement also carries the slot for the plan that the engine keeps with it, so that a repeated
// batch is neither parsed nor prepared again.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

struct Expr;
struct Query;
struct Source;
struct Statement;
using ExprPtr = std::unique_ptr<Expr>;
using QueryPtr = std::unique_ptr<Query>;
using SourcePtr = std::unique_ptr<Source>;
using StatementPtr = std::unique_ptr<Statement>;
using Path = std::vector<std::string>;  ///< [server.][database.][schema.]name

enum class Node : std::uint8_t {
  Null,
  Default,
  Integer,
  Decimal,
  Float,
  Text,
  Binary,
  Variable,
  Name,
  Star,
  Unary,
  Infix,
  Call,
  Case,
  Cast,
  In,
  InQuery,
  Between,
  Like,
  IsNull,
  Exists,
  Subquery,
  Compare /* op ANY/ALL */,
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
};

struct Window {
  std::vector<ExprPtr> partition;
  std::vector<OrderItem> order;
  std::string frame;  ///< as SQLite takes it too
};

struct Expr {
  Node node = Node::Null;
  std::string text;  ///< literal, operator, function (upper case), variable
  Path path;  ///< Name, Star
  std::vector<ExprPtr> args;
  Type type;  ///< Cast
  bool negated = false;  ///< NOT IN ...; Call: DISTINCT; Cast: TRY_; Text: national
  QueryPtr query;
  std::unique_ptr<Window> window;
};

struct Item {
  ExprPtr expr;
  std::string alias, variable;  ///< SELECT @v = expr
};

enum class From : std::uint8_t { Table, Derived, Join, Values };
struct Source {
  From kind = From::Table;
  Path path;
  std::string alias, join;  ///< join: "INNER JOIN", "LEFT JOIN", "CROSS JOIN", ...
  std::vector<std::string> columns;
  QueryPtr query;
  SourcePtr left, right;
  ExprPtr on;
  std::vector<ExprPtr> args;  ///< of a table-valued function
  bool function = false;
};

struct Select {
  bool distinct = false;
  ExprPtr top;
  std::vector<Item> items;
  Path into;
  SourcePtr from;
  ExprPtr where, having;
  std::vector<ExprPtr> group;
  std::vector<std::vector<ExprPtr>> values;  ///< VALUES (...), (...)
  QueryPtr inner;  ///< a parenthesised query
  std::string op;  ///< UNION ALL, ... in front of it
};

struct Cte {
  std::string name;
  std::vector<std::string> columns;
  QueryPtr query;
};

struct Query {
  std::vector<Cte> with;
  std::vector<Select> parts;
  std::vector<OrderItem> order;
  ExprPtr offset, fetch;
};

struct ColumnDef {
  std::string name;
  Type type;
  bool not_null = false, null_given = false, identity = false, primary = false, unique = false;
  std::int64_t seed = 1, step = 1;
  ExprPtr fallback, check, computed;
  Path references;
  std::string references_column, references_action, default_name;
};

struct KeyDef {  ///< PRIMARY KEY, UNIQUE, FOREIGN KEY, CHECK, DEFAULT of a table
  std::string name, kind, action;
  std::vector<std::string> columns, target_columns;
  Path target;
  ExprPtr check;
};

struct ParameterDef {
  std::string name;
  Type type;
  ExprPtr fallback;
  bool output = false, table = false;
};

enum class Do : std::uint8_t {
  Query,
  Insert,
  Update,
  Delete,
  Truncate,
  Declare,
  DeclareTable,
  SetVariable,
  SetOption,
  If,
  While,
  Block,
  Break,
  Continue,
  Return,
  Print,
  Raiserror,
  Throw,
  Try,
  Use,
  Begin,
  Commit,
  Rollback,
  Save,
  Waitfor,
  Exec,
  ExecText,
  CreateTable,
  AddColumns,
  DropColumn,
  AlterColumn,
  DropConstraint,
  DropTable,
  CreateIndex,
  DropIndex,
  CreateProcedure,
  DropProcedure,
  CreateView,
  DropView,
  CreateDatabase,
  DropDatabase,
  InsertBulk,
  Goto,
  Label,
  Nothing,
};

struct Argument {
  std::string name;
  ExprPtr value;
  bool output = false;
};

/// A prepared form of the statement; what it is, only the engine knows.
struct Plan {
  virtual ~Plan() = default;
};

struct Statement {
  Do what = Do::Nothing;
  std::uint32_t line = 1;
  Path path;  ///< table, procedure, ...
  std::string text, alias, mode;  ///< name, option, savepoint, procedure text, ...
  std::vector<std::string> names;  ///< columns of INSERT, options of SET, objects
  std::vector<ExprPtr> exprs;
  std::vector<Item> items;  ///< UPDATE: alias is the column; OUTPUT list of DML in `output`
  std::vector<Item> output;
  Path output_into;
  std::vector<std::string> output_columns;
  QueryPtr query;
  SourcePtr from;
  ExprPtr where, top;
  std::vector<StatementPtr> body, otherwise;
  std::vector<ColumnDef> columns;
  std::vector<KeyDef> keys;
  std::vector<ParameterDef> parameters;
  std::vector<Argument> arguments;
  std::vector<Path> paths;
  bool flag = false;  ///< IF EXISTS, UNIQUE, DEFAULT VALUES, ...
  std::vector<Cte> with;
  std::unique_ptr<Plan> plan;
};

using Batch = std::vector<StatementPtr>;

}  // namespace holdfast::sqlnode
