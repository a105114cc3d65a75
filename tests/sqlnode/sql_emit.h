// Turns T-SQL trees into SQLite's SQL and finds the types of what they yield. Variables, @@globals become
// numbered parameters, in the order of `bindings`; functions become t_NAME (sql_functions). It reads the
// catalog and changes nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sqlnode/sql_ast.h"
#include "tests/sqlnode/sql_store.h"

namespace holdfast::sqlnode {

/// What an expression becomes.
struct Typed {
  std::string sql;
  Type type;
  bool nullable = true;
  Node node = Node::Null;
};

class Emitter {
 public:
  /// `variable`: the type of @x; throws 137 for an unknown one. `system_view`: T-SQL text of sys.x, empty
  /// if there is none.
  struct Context {
    Store* store = nullptr;
    std::string database;
    std::function<Type(const std::string&)> variable;
    std::function<std::string(const Path&)> system_view;
    bool quoted_identifier = true;
  };
  explicit Emitter(Context context) : context_(std::move(context)) {}

  std::string query(const Query& query, std::vector<Column>& columns);
  Typed expr(const Expr& expr);
  /// A condition: as expr, but NULL and bit texts need no care in SQLite.
  std::string condition(const Expr& expr) { return expr_sql(expr); }
  std::string expr_sql(const Expr& one) { return expr(one).sql; }
  std::string from(const Source& source);
  /// Opens and closes a scope in which names are found.
  void push();
  void pop();
  /// Makes a table's columns visible under an alias.
  void add_range(const std::string& alias, const Table& table);
  /// `bare`: columns are written without the alias (RETURNING knows none).
  void add_columns(const std::string& alias, std::vector<Column> columns, bool bare = false);
  /// Columns that are written as one quoted name, "alias.column".
  void add_prefixed(const std::string& alias, std::vector<Column> columns);
  std::string with(const std::vector<Cte>& ctes);  ///< stays known: one emitter, one statement
  std::vector<Item> expand(const Item& item);
  /// The value made fit for a column of this type.
  static std::string stored(const Typed& value, const Type& type);
  static std::string cast(const std::string& sql, const Type& type);
  /// The physical alias of the table that UPDATE or DELETE names, among the sources of the open scope;
  /// empty: none.
  std::string range_of(const std::string& name) const;

  std::vector<std::string> bindings;
  bool reads_table = false;

 private:
  struct Range {
    std::string alias, name;
    std::vector<Column> columns;
    bool bare = false, prefixed = false;
  };
  struct Scope {
    std::vector<Range> ranges;
    std::vector<Column> aliases;  ///< of the select list, for ORDER BY
  };
  struct Known {
    std::string name;
    std::vector<Column> columns;
  };

  std::string bind(const std::string& name);
  Typed name(const Expr& expr);
  Typed infix(const Expr& expr);
  Typed arithmetic(const std::string& op, Typed left, Typed right);
  Typed comparison(const std::string& op, Typed left, Typed right);
  Typed call(const Expr& expr);
  Typed aggregate(const Expr& expr, bool& known);
  std::string over(const Expr& expr);
  Typed case_of(const Expr& expr);
  Typed in_list(const Expr& expr);
  Typed subquery(const Expr& expr);
  Typed like(const Expr& expr);
  Typed between(const Expr& expr);
  Typed unary(const Expr& expr);
  Typed special_call(const Expr& expr, bool& known);
  std::vector<std::string> list(const std::vector<ExprPtr>& exprs, std::vector<Type>* types = nullptr);
  std::string select(const Select& part, const Query* owner, std::vector<Column>& columns);
  std::string values(const Select& part, std::vector<Column>& columns);
  std::string order(const std::vector<OrderItem>& items, const std::vector<Column>& columns, bool compound);
  std::string table_source(const Source& source);
  std::string derived(const std::string& text, const std::string& alias);
  std::vector<Column> star(const Path& path);
  std::string items(const Select& part, std::vector<Column>& columns);

  Context context_;
  std::vector<Scope> scopes_;
  std::vector<Known> ctes_;
  int depth_ = 0;
};

/// The type two values become when they meet (CASE, UNION, COALESCE).
Type common_type(const Type& a, const Type& b);

}  // namespace holdfast::sqlnode
