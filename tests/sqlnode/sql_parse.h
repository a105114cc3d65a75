// The SQL node's T-SQL parser: recursive descent over the tokens of one batch. What it does not understand
// is error 102 or 156, as SQL Server says it, and the batch is not run at all.
#pragma once

#include <string>
#include <vector>

#include "tests/sqlnode/sql_ast.h"
#include "tests/sqlnode/sql_lex.h"

namespace holdfast::sqlnode {

class Parser {
 public:
  Parser(const std::string& text, bool quoted_identifier);
  Batch batch();
  /// A query alone (views).
  QueryPtr whole_query();
  ExprPtr whole_expression();
  /// "@a int, @b nvarchar(5) = 'x' OUTPUT" as of procedures and sp_executesql.
  std::vector<ParameterDef> parameters();

 private:
  // Tokens.
  const Token& peek(std::size_t ahead = 0) const;
  bool is(const char* word, std::size_t ahead = 0) const;
  bool symbol(const char* text, std::size_t ahead = 0) const;
  bool take(const char* word);
  bool take_symbol(const char* text);
  void expect(const char* word);
  void expect_symbol(const char* text);
  [[noreturn]] void bad() const;
  std::string name();
  std::string alias();  ///< [AS] x, or nothing
  bool at_name() const;
  Path path();
  std::vector<std::string> names();  ///< (a, b)
  Type type(bool wide = false);

  // Expressions (sql_parse_expr.cpp).
  ExprPtr expression();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr predicate();
  ExprPtr predicate_tail(ExprPtr left);
  ExprPtr bitwise();
  ExprPtr sum();
  ExprPtr product();
  ExprPtr unary();
  ExprPtr primary();
  ExprPtr case_of();
  ExprPtr convert_of(const std::string& function);
  ExprPtr call(const std::string& function);
  ExprPtr parenthesised();
  void window(Expr& call);
  std::vector<ExprPtr> list();  ///< up to, with, the closing parenthesis
  std::vector<OrderItem> order_list();

  // Queries (sql_parse_query.cpp).
  QueryPtr query();
  QueryPtr query_after_with(std::vector<Cte> with);
  std::vector<Cte> ctes();
  Select select_part();
  void select_core(Select& out);
  Item item();
  SourcePtr sources();
  SourcePtr joined();
  SourcePtr source();
  void hints();
  std::vector<Item> items();
  bool starts_query() const;

  // Statements (sql_parse_statement.cpp, sql_parse_control.cpp, sql_parse_ddl.cpp).
  StatementPtr statement();
  void dml(Statement& out);
  void insert(Statement& out);
  void update(Statement& out);
  void remove(Statement& out);
  void output_clause(Statement& out);
  void declare(Statement& out);
  void set(Statement& out);
  void if_or_while(Statement& out, bool loop);
  void begin(Statement& out);
  void transaction_end(Statement& out);
  void raise(Statement& out);
  void exec(Statement& out);
  void exec_arguments(Statement& out);
  void create(Statement& out);
  void create_table(Statement& out);
  void table_body(Statement& out);
  ColumnDef column();
  bool column_option(ColumnDef& out);
  bool table_key(Statement& out);
  void referential(std::string& action);
  void index_options();
  void alter(Statement& out);
  void drop(Statement& out);
  void create_index(Statement& out);
  void rest_as_text(Statement& out, Do what);
  void skip_statement();
  bool starts_statement() const;
  bool control(Statement& out);
  bool simple(Statement& out);

  std::string text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace holdfast::sqlnode
