#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

ExprPtr make(Node node, std::string text = {}) {
  auto out = std::make_unique<Expr>();
  out->node = node;
  out->text = std::move(text);
  return out;
}

ExprPtr infix(std::string op, ExprPtr left, ExprPtr right) {
  ExprPtr out = make(Node::Infix, std::move(op));
  out->args.push_back(std::move(left));
  out->args.push_back(std::move(right));
  return out;
}

constexpr int kDeepest = 200, kLongest = 900;

/// Long chains are deep trees, to us and to SQLite.
void count(int& links) {
  if (++links > kLongest) fail(8631, "Internal error: Server stack limit has been reached.", 17, true);
}

}  // namespace

ExprPtr Parser::expression() {
  if (++depth_ > kDeepest) fail(191, "Some part of your SQL statement is nested too deeply.", 15, true);
  ExprPtr left = conjunction();
  int links = 0;
  while (take("OR")) {
    count(links);
    left = infix("OR", std::move(left), conjunction());
  }
  --depth_;
  return left;
}

ExprPtr Parser::conjunction() {
  ExprPtr left = negation();
  int links = 0;
  while (take("AND")) {
    count(links);
    left = infix("AND", std::move(left), negation());
  }
  return left;
}

ExprPtr Parser::negation() {
  if (!take("NOT")) return predicate();
  ExprPtr out = make(Node::Unary, "NOT");
  out->args.push_back(negation());
  return out;
}

ExprPtr Parser::predicate() {
  if (is("EXISTS") && symbol("(", 1)) {
    at_ += 2;
    ExprPtr out = make(Node::Exists);
    out->query = query();
    expect_symbol(")");
    return out;
  }
  return predicate_tail(bitwise());
}

ExprPtr Parser::predicate_tail(ExprPtr left) {
  static constexpr const char* kCompare[] = {"=", "<>", "!=", "<", ">", "<=", ">=", "!<", "!>"};
  for (const char* op : kCompare) {
    if (!take_symbol(op)) continue;
    std::string plain = op == std::string("!=")   ? "<>"
                        : op == std::string("!<") ? ">="
                        : op == std::string("!>") ? "<="
                                                  : op;
    if (is("ANY") || is("ALL") || is("SOME")) {
      ExprPtr out = make(Node::Compare, plain);
      out->negated = is("ALL");
      ++at_;
      expect_symbol("(");
      out->query = query();
      expect_symbol(")");
      out->args.push_back(std::move(left));
      return out;
    }
    return predicate_tail(infix(plain, std::move(left), bitwise()));
  }
  if (take("IS")) {
    ExprPtr out = make(Node::IsNull);
    out->negated = take("NOT");
    expect("NULL");
    out->args.push_back(std::move(left));
    return out;
  }
  bool negated = is("NOT") && (is("IN", 1) || is("LIKE", 1) || is("BETWEEN", 1)) && take("NOT");
  ExprPtr out;
  if (take("IN")) {
    expect_symbol("(");
    out = make(starts_query() ? Node::InQuery : Node::In);
    out->args.push_back(std::move(left));
    if (out->node == Node::InQuery) {
      out->query = query();
      expect_symbol(")");
    } else {
      for (ExprPtr& one : list()) out->args.push_back(std::move(one));
    }
  } else if (take("LIKE")) {
    out = make(Node::Like);
    out->args.push_back(std::move(left));
    out->args.push_back(bitwise());
    if (take("ESCAPE")) out->args.push_back(bitwise());
  } else if (take("BETWEEN")) {
    out = make(Node::Between);
    out->args.push_back(std::move(left));
    out->args.push_back(bitwise());
    expect("AND");
    out->args.push_back(bitwise());
  } else {
    return left;
  }
  out->negated = negated;
  return out;
}

ExprPtr Parser::bitwise() { return sum(); }

ExprPtr Parser::sum() {
  ExprPtr left = product();
  for (int links = 0;; count(links)) {
    std::string op = peek().kind == Lex::Symbol ? peek().text : "";
    if (op != "+" && op != "-" && op != "&" && op != "|" && op != "^") return left;
    ++at_;
    left = infix(op, std::move(left), product());
  }
}

ExprPtr Parser::product() {
  ExprPtr left = unary();
  for (int links = 0;; count(links)) {
    std::string op = peek().kind == Lex::Symbol ? peek().text : "";
    if (op != "*" && op != "/" && op != "%") return left;
    ++at_;
    left = infix(op, std::move(left), unary());
  }
}

ExprPtr Parser::unary() {
  for (const char* op : {"-", "+", "~"}) {
    if (!take_symbol(op)) continue;
    if (++depth_ > kDeepest) fail(191, "Some part of your SQL statement is nested too deeply.", 15, true);
    ExprPtr out = make(Node::Unary, op);
    out->args.push_back(unary());
    --depth_;
    return out;
  }
  ExprPtr out = primary();
  while (take("COLLATE")) name();
  if (is("AT") && is("TIME", 1) && is("ZONE", 2)) {
    at_ += 3;
    primary();
  }
  return out;
}

ExprPtr Parser::primary() {
  const Token& token = peek();
  switch (token.kind) {
    case Lex::Integer: return make(Node::Integer, tokens_[at_++].text);
    case Lex::Decimal: return make(Node::Decimal, tokens_[at_++].text);
    case Lex::Float: return make(Node::Float, tokens_[at_++].text);
    case Lex::Binary: return make(Node::Binary, tokens_[at_++].text);
    case Lex::Variable: return make(Node::Variable, tokens_[at_++].upper);
    case Lex::String: {
      ExprPtr out = make(Node::Text, token.text);
      out->negated = token.national;
      ++at_;
      return out;
    }
    default: break;
  }
  if (take_symbol("(")) return parenthesised();
  if (take_symbol("*")) return make(Node::Star);
  if (take_symbol("{")) {  // ODBC escapes: {fn NOW()}, {ts '...'}, {d '...'}
    if (!take("FN") && !take("TS") && !take("D") && !take("T") && !take("GUID")) bad();
    ExprPtr out = expression();
    expect_symbol("}");
    return out;
  }
  if (take("NULL")) return make(Node::Null);
  if (take("DEFAULT")) return make(Node::Default);
  if (take("CASE")) return case_of();
  if (token.kind != Lex::Word && token.kind != Lex::Quoted) bad();
  bool callable = is("LEFT") || is("RIGHT") || is("CHECK") || at_name();
  if (token.kind == Lex::Word && symbol("(", 1) && callable) {
    std::string function = token.upper;
    at_ += 2;
    return call(function);
  }
  if (is("CURRENT_TIMESTAMP") || is("CURRENT_USER") || is("SESSION_USER") || is("SYSTEM_USER") ||
      is("USER")) {
    return make(Node::Call, tokens_[at_++].upper);
  }
  ExprPtr out = make(Node::Name);
  out->path = path();
  if (symbol(".") && symbol("*", 1)) {
    at_ += 2;
    out->node = Node::Star;
  } else if (take_symbol("(")) {  // dbo.f(...), sys.fn_x(...)
    return call(upper(out->path.back()));
  }
  return out;
}

ExprPtr Parser::parenthesised() {
  if (starts_query()) {
    ExprPtr out = make(Node::Subquery);
    out->query = query();
    expect_symbol(")");
    return out;
  }
  ExprPtr out = expression();
  expect_symbol(")");
  return out;
}

ExprPtr Parser::case_of() {
  ExprPtr out = make(Node::Case);
  if (!is("WHEN")) {
    out->text = "simple";
    out->args.push_back(expression());
  }
  while (take("WHEN")) {
    out->args.push_back(expression());
    expect("THEN");
    out->args.push_back(expression());
  }
  if (take("ELSE")) {
    out->negated = true;  // has an ELSE
    out->args.push_back(expression());
  }
  expect("END");
  return out;
}

ExprPtr Parser::convert_of(const std::string& function) {
  ExprPtr out = make(Node::Cast);
  out->negated = function.starts_with("TRY_");
  if (function.ends_with("CONVERT")) {
    out->type = type(true);
    expect_symbol(",");
    out->args.push_back(expression());
    if (take_symbol(",")) out->args.push_back(expression());
  } else {
    out->args.push_back(expression());
    expect("AS");
    out->type = type(true);
  }
  expect_symbol(")");
  return out;
}

ExprPtr Parser::call(const std::string& function) {
  if (function == "CAST" || function == "TRY_CAST" || function == "CONVERT" || function == "TRY_CONVERT") {
    return convert_of(function);
  }
  ExprPtr out = make(Node::Call, function);
  if (function == "DATEADD" || function == "DATEDIFF" || function == "DATEPART" || function == "DATENAME" ||
      function == "DATEDIFF_BIG") {
    out->args.push_back(make(Node::Text, name()));
    expect_symbol(",");
  }
  if (take("DISTINCT"))
    out->negated = true;
  else
    take("ALL");
  if (!take_symbol(")")) {
    for (ExprPtr& one : list()) out->args.push_back(std::move(one));
  }
  if (is("WITHIN")) bad();
  if (take("OVER")) window(*out);
  return out;
}

std::vector<ExprPtr> Parser::list() {
  std::vector<ExprPtr> out;
  do out.push_back(expression());
  while (take_symbol(","));
  expect_symbol(")");
  return out;
}

std::vector<OrderItem> Parser::order_list() {
  std::vector<OrderItem> out;
  do {
    OrderItem item;
    item.expr = expression();
    item.descending = take("DESC");
    if (!item.descending) take("ASC");
    out.push_back(std::move(item));
  } while (take_symbol(","));
  return out;
}

void Parser::window(Expr& call) {
  call.window = std::make_unique<Window>();
  expect_symbol("(");
  if (take("PARTITION")) {
    expect("BY");
    do call.window->partition.push_back(expression());
    while (take_symbol(","));
  }
  if (take("ORDER")) {
    expect("BY");
    call.window->order = order_list();
  }
  while (!symbol(")")) {
    if (peek().kind == Lex::End) bad();
    call.window->frame += " " + tokens_[at_++].text;
  }
  expect_symbol(")");
}

}  // namespace holdfast::sqlnode
