#include <algorithm>
#include <iterator>

#include "tests/sqlnode/sql_parse.h"

namespace holdfast::sqlnode {

bool Parser::starts_statement() const {
  static constexpr const char* kStarts[] = {
      "SELECT",   "INSERT", "UPDATE",  "DELETE", "CREATE", "ALTER",    "DROP",       "DECLARE", "SET",
      "IF",       "WHILE",  "BEGIN",   "END",    "COMMIT", "ROLLBACK", "SAVE",       "PRINT",   "RAISERROR",
      "THROW",    "EXEC",   "EXECUTE", "USE",    "RETURN", "WAITFOR",  "TRUNCATE",   "GOTO",    "BREAK",
      "CONTINUE", "GRANT",  "REVOKE",  "DENY",   "DBCC",   "KILL",     "CHECKPOINT", "MERGE"};
  return peek().kind == Lex::Word && std::any_of(std::begin(kStarts), std::end(kStarts),
                                                 [&](const char* word) { return peek().upper == word; });
}

StatementPtr Parser::statement() {
  if (++depth_ > 100) fail(191, "Some part of your SQL statement is nested too deeply.", 15, true);
  auto out = std::make_unique<Statement>();
  out->line = peek().line;
  if (take("WITH")) out->with = ctes();
  if (starts_query() || is("INSERT") || is("UPDATE") || is("DELETE") || is("TRUNCATE")) {
    dml(*out);
  } else if (!out->with.empty()) {
    bad();
  } else if (!control(*out) && !simple(*out)) {
    if (is("CREATE")) {
      create(*out);
    } else if (is("ALTER")) {
      alter(*out);
    } else if (is("DROP")) {
      drop(*out);
    } else if (is("EXEC") || is("EXECUTE") || (at_ == 0 && at_name())) {
      exec(*out);  // the first statement of a batch may leave out EXEC
    } else {
      bad();
    }
  }
  while (take_symbol(";")) {}
  --depth_;
  return out;
}

void Parser::dml(Statement& out) {
  if (starts_query()) {
    out.what = Do::Query;
    out.query = query_after_with(std::move(out.with));
  } else if (take("INSERT")) {
    insert(out);
  } else if (take("UPDATE")) {
    update(out);
  } else if (take("DELETE")) {
    remove(out);
  } else {
    expect("TRUNCATE");
    expect("TABLE");
    out.what = Do::Truncate;
    out.path = path();
  }
}

void Parser::output_clause(Statement& out) {
  if (!take("OUTPUT")) return;
  out.output = items();
  if (!take("INTO")) return;
  out.output_into = path();
  if (symbol("(")) out.output_columns = names();
}

void Parser::insert(Statement& out) {
  if (take("BULK")) {
    out.what = Do::InsertBulk;
    out.path = path();
    if (take_symbol("(")) {
      do {
        ColumnDef column;
        column.name = name();
        column.type = type();
        if (take("COLLATE")) name();
        out.columns.push_back(std::move(column));
      } while (take_symbol(","));
      expect_symbol(")");
    }
    hints();
    return;
  }
  out.what = Do::Insert;
  if (take("TOP")) out.top = primary();
  take("INTO");
  out.path = path();
  hints();
  if (symbol("(") && !starts_query()) out.names = names();
  output_clause(out);
  if (take("DEFAULT")) {
    expect("VALUES");
    out.flag = true;
  } else if (is("EXEC") || is("EXECUTE")) {
    bad();
  } else {
    out.query = query();
  }
}

void Parser::update(Statement& out) {
  out.what = Do::Update;
  if (take("TOP")) out.top = primary();
  out.path = path();
  hints();
  expect("SET");
  do {
    Item item;
    if (peek().kind == Lex::Variable) {
      item.variable = tokens_[at_++].upper;
      expect_symbol("=");
      if (at_name() && symbol("=", 1)) {  // SET @v = column = expr
        item.alias = name();
        expect_symbol("=");
      }
      item.expr = expression();
    } else {
      item.alias = path().back();
      std::string op = peek().kind == Lex::Symbol ? peek().text : "";
      ++at_;
      if (op != "=" && (op.size() != 2 || op[1] != '=')) {
        --at_;
        bad();
      }
      item.expr = bitwise();
      if (op != "=") {
        auto both = std::make_unique<Expr>();
        both->node = Node::Infix;
        both->text = op.substr(0, 1);
        auto column = std::make_unique<Expr>();
        column->node = Node::Name;
        column->path = {item.alias};
        both->args.push_back(std::move(column));
        both->args.push_back(std::move(item.expr));
        item.expr = std::move(both);
      }
    }
    out.items.push_back(std::move(item));
  } while (take_symbol(","));
  output_clause(out);
  if (take("FROM")) out.from = sources();
  if (take("WHERE")) out.where = expression();
}

void Parser::remove(Statement& out) {
  out.what = Do::Delete;
  if (take("TOP")) out.top = primary();
  take("FROM");
  out.path = path();
  hints();
  output_clause(out);
  if (take("FROM")) out.from = sources();
  if (take("WHERE")) out.where = expression();
}

void Parser::exec_arguments(Statement& out) {
  do {
    if (peek().kind == Lex::End || symbol(";") || starts_statement()) return;
    Argument argument;
    if (peek().kind == Lex::Variable && symbol("=", 1)) {
      argument.name = peek().text;
      at_ += 2;
    }
    if (at_name() && !symbol("(", 1)) {  // a bare word is a string here
      argument.value = std::make_unique<Expr>();
      argument.value->node = Node::Text;
      argument.value->text = name();
      argument.value->negated = true;
    } else {
      argument.value = expression();
    }
    if (take("OUTPUT") || take("OUT")) argument.output = true;
    out.arguments.push_back(std::move(argument));
  } while (take_symbol(","));
}

void Parser::exec(Statement& out) {
  if (!take("EXEC")) take("EXECUTE");
  out.what = Do::Exec;
  if (take("AS")) {  // EXECUTE AS: there are no users here
    out.what = Do::Nothing;
    skip_statement();
    return;
  }
  if (take_symbol("(")) {
    out.what = Do::ExecText;
    out.exprs.push_back(expression());
    expect_symbol(")");
    return;
  }
  if (peek().kind == Lex::Variable && symbol("=", 1)) {
    out.alias = peek().upper;
    at_ += 2;
  }
  out.path = path();
  exec_arguments(out);
  if (take("WITH")) expect("RECOMPILE");
}

}  // namespace holdfast::sqlnode
