#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

bool Parser::control(Statement& out) {
  if (take("DECLARE")) {
    declare(out);
  } else if (take("SET")) {
    set(out);
  } else if (take("IF")) {
    if_or_while(out, false);
  } else if (take("WHILE")) {
    if_or_while(out, true);
  } else if (take("BEGIN")) {
    begin(out);
  } else if (is("COMMIT") || is("ROLLBACK") || is("SAVE")) {
    transaction_end(out);
  } else if (is("RAISERROR") || is("THROW")) {
    raise(out);
  } else if (take("PRINT")) {
    out.what = Do::Print;
    out.exprs.push_back(expression());
  } else if (take("RETURN")) {
    out.what = Do::Return;
    bool value = peek().kind == Lex::Integer || peek().kind == Lex::Variable || symbol("-") || symbol("(");
    if (value) out.exprs.push_back(expression());
  } else if (take("BREAK")) {
    out.what = Do::Break;
  } else if (take("CONTINUE")) {
    out.what = Do::Continue;
  } else {
    return false;
  }
  return true;
}

bool Parser::simple(Statement& out) {
  if (take("USE")) {
    out.what = Do::Use;
    out.text = name();
  } else if (take("WAITFOR")) {
    out.what = Do::Waitfor;
    expect("DELAY");
    out.exprs.push_back(primary());
  } else if (is("GRANT") || is("REVOKE") || is("DENY") || is("DBCC") || is("CHECKPOINT") || is("REVERT")) {
    skip_statement();
  } else {
    return false;
  }
  return true;
}

void Parser::skip_statement() {
  ++at_;
  while (peek().kind != Lex::End && !symbol(";")) {
    if (starts_statement() && tokens_[at_ - 1].line != peek().line) return;
    ++at_;
  }
}

void Parser::declare(Statement& out) {
  out.what = Do::Declare;
  if (peek().kind != Lex::Variable) bad();
  if (is("TABLE", 1) || (is("AS", 1) && is("TABLE", 2))) {
    out.what = Do::DeclareTable;
    out.path = {tokens_[at_++].text};
    take("AS");
    ++at_;
    table_body(out);
    return;
  }
  do {
    ParameterDef variable;
    if (peek().kind != Lex::Variable) bad();
    variable.name = tokens_[at_++].upper;
    take("AS");
    variable.type = type();
    if (take_symbol("=")) variable.fallback = expression();
    out.parameters.push_back(std::move(variable));
  } while (take_symbol(","));
}

void Parser::set(Statement& out) {
  if (peek().kind == Lex::Variable) {
    out.what = Do::SetVariable;
    out.text = tokens_[at_++].upper;
    std::string op = peek().text;
    if (peek().kind != Lex::Symbol || (op != "=" && (op.size() != 2 || op[1] != '='))) bad();
    ++at_;
    ExprPtr value = expression();
    if (op != "=") {
      auto both = std::make_unique<Expr>();
      both->node = Node::Infix;
      both->text = op.substr(0, 1);
      both->args.push_back(std::make_unique<Expr>());
      both->args[0]->node = Node::Variable;
      both->args[0]->text = out.text;
      both->args.push_back(std::move(value));
      value = std::move(both);
    }
    out.exprs.push_back(std::move(value));
    return;
  }
  out.what = Do::SetOption;
  if (take("TRANSACTION")) {
    expect("ISOLATION");
    expect("LEVEL");
    out.names = {"ISOLATION"};
    out.text = tokens_[at_++].upper;
    if (out.text == "READ" || out.text == "REPEATABLE") out.text += " " + tokens_[at_++].upper;
    return;
  }
  if (take("IDENTITY_INSERT")) {
    out.names = {"IDENTITY_INSERT"};
    out.path = path();
  } else {
    do {
      out.names.push_back(upper(name()));
      if (out.names.back() == "STATISTICS") ++at_;
    } while (take_symbol(","));
  }
  if (take("ON")) {
    out.text = "ON";
  } else if (is("OFF")) {
    ++at_;
    out.text = "OFF";
  } else if (peek().kind == Lex::Word || peek().kind == Lex::Quoted || peek().kind == Lex::String) {
    out.text = tokens_[at_++].text;
  } else {
    out.exprs.push_back(expression());
  }
}

void Parser::if_or_while(Statement& out, bool loop) {
  out.what = loop ? Do::While : Do::If;
  out.exprs.push_back(expression());
  out.body.push_back(statement());
  if (!loop && take("ELSE")) out.otherwise.push_back(statement());
}

void Parser::begin(Statement& out) {
  auto until_end = [this](std::vector<StatementPtr>& body) {
    while (take_symbol(";")) {}
    while (!is("END")) {
      if (peek().kind == Lex::End) bad();
      body.push_back(statement());
    }
    ++at_;
  };
  if (take("TRAN") || take("TRANSACTION")) {
    out.what = Do::Begin;
    if (at_name() && !starts_statement())
      out.text = name();
    else if (peek().kind == Lex::Variable)
      ++at_;
    if (is("WITH") && is("MARK", 1)) at_ += 2;
  } else if (take("DISTRIBUTED")) {
    bad();
  } else if (take("TRY")) {
    out.what = Do::Try;
    until_end(out.body);
    expect("TRY");
    while (take_symbol(";")) {}
    expect("BEGIN");
    expect("CATCH");
    until_end(out.otherwise);
    expect("CATCH");
  } else {
    out.what = Do::Block;
    until_end(out.body);
  }
}

void Parser::transaction_end(Statement& out) {
  std::string verb = tokens_[at_++].upper;
  out.what = verb == "COMMIT" ? Do::Commit : verb == "SAVE" ? Do::Save : Do::Rollback;
  if (!take("TRAN") && !take("TRANSACTION")) {
    take("WORK");
    return;
  }
  if (peek().kind == Lex::Variable) {
    out.exprs.push_back(primary());
  } else if (at_name() && !starts_statement()) {
    out.text = name();
  }
  if (is("WITH") && symbol("(", 1)) hints();
}

void Parser::raise(Statement& out) {
  if (take("THROW")) {
    out.what = Do::Throw;
    if (peek().kind != Lex::Integer && peek().kind != Lex::Variable) return;
    for (int i = 0; i < 3; ++i) {
      out.exprs.push_back(expression());
      if (i < 2) expect_symbol(",");
    }
    return;
  }
  ++at_;
  out.what = Do::Raiserror;
  expect_symbol("(");
  out.exprs = list();
  if (out.exprs.size() < 3) bad();
  if (take("WITH")) {
    do out.names.push_back(upper(name()));
    while (take_symbol(","));
  }
}

}  // namespace holdfast::sqlnode
