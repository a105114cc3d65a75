#include "tests/sqlnode/sql_parse.h"

namespace holdfast::sqlnode {

bool Parser::starts_query() const {
  std::size_t ahead = 0;
  while (symbol("(", ahead)) ++ahead;
  return is("SELECT", ahead) || is("WITH", ahead);
}

std::vector<Cte> Parser::ctes() {
  std::vector<Cte> out;
  do {
    Cte cte;
    cte.name = name();
    if (symbol("(")) cte.columns = names();
    expect("AS");
    expect_symbol("(");
    cte.query = query();
    expect_symbol(")");
    out.push_back(std::move(cte));
  } while (take_symbol(","));
  return out;
}

QueryPtr Parser::query() { return query_after_with(take("WITH") ? ctes() : std::vector<Cte>()); }

QueryPtr Parser::query_after_with(std::vector<Cte> with) {
  if (++depth_ > 100) fail(191, "Some part of your SQL statement is nested too deeply.", 15, true);
  auto out = std::make_unique<Query>();
  out->with = std::move(with);
  out->parts.push_back(select_part());
  while (is("UNION") || is("EXCEPT") || is("INTERSECT")) {
    std::string op = tokens_[at_++].upper;
    if (take("ALL")) op += " ALL";
    Select next = select_part();
    next.op = op;
    out->parts.push_back(std::move(next));
  }
  if (take("ORDER")) {
    expect("BY");
    out->order = order_list();
  }
  if (take("OFFSET")) {
    out->offset = expression();
    if (!take("ROWS")) expect("ROW");
    if (take("FETCH")) {
      if (!take("NEXT")) expect("FIRST");
      out->fetch = expression();
      if (!take("ROWS")) expect("ROW");
      expect("ONLY");
    }
  }
  if (is("FOR") && (is("BROWSE", 1) || is("XML", 1) || is("JSON", 1))) bad();
  if (take("OPTION")) {
    expect_symbol("(");
    for (int depth = 1; depth > 0; ++at_) {
      if (peek().kind == Lex::End) bad();
      depth += symbol("(") - symbol(")");
    }
  }
  --depth_;
  return out;
}

Select Parser::select_part() {
  Select out;
  if (take_symbol("(")) {
    out.inner = query();
    expect_symbol(")");
  } else if (take("VALUES")) {
    do {
      expect_symbol("(");
      out.values.push_back(list());
    } while (take_symbol(","));
  } else {
    expect("SELECT");
    select_core(out);
  }
  return out;
}

void Parser::select_core(Select& out) {
  if (take("DISTINCT"))
    out.distinct = true;
  else
    take("ALL");
  if (take("TOP")) {
    out.top = symbol("(") ? primary() : unary();
    if (is("PERCENT")) bad();
    if (take("WITH")) expect("TIES");
  }
  out.items = items();
  if (take("INTO")) out.into = path();
  if (take("FROM")) out.from = sources();
  if (take("WHERE")) out.where = expression();
  if (take("GROUP")) {
    expect("BY");
    do out.group.push_back(expression());
    while (take_symbol(","));
  }
  if (take("HAVING")) out.having = expression();
}

std::vector<Item> Parser::items() {
  std::vector<Item> out;
  do out.push_back(item());
  while (take_symbol(","));
  return out;
}

Item Parser::item() {
  Item out;
  if (peek().kind == Lex::Variable && symbol("=", 1)) {
    out.variable = peek().upper;
    at_ += 2;
    out.expr = expression();
    return out;
  }
  bool named = (at_name() || peek().kind == Lex::String) && symbol("=", 1);
  if (named) {
    out.alias = peek().text;
    at_ += 2;
  }
  out.expr = expression();
  if (!named && out.expr->node != Node::Star) out.alias = alias();
  return out;
}

SourcePtr Parser::sources() {
  SourcePtr left = joined();
  while (take_symbol(",")) {
    auto both = std::make_unique<Source>();
    both->kind = From::Join;
    both->join = "CROSS JOIN";
    both->left = std::move(left);
    both->right = joined();
    left = std::move(both);
  }
  return left;
}

SourcePtr Parser::joined() {
  SourcePtr left = source();
  for (;;) {
    std::string join;
    std::size_t start = at_;
    if (take("CROSS")) {
      join = "CROSS JOIN";
    } else if (is("LEFT") || is("RIGHT") || is("FULL")) {
      join = tokens_[at_++].upper + " JOIN";
      take("OUTER");
    } else if (take("INNER") || is("JOIN")) {
      join = "INNER JOIN";
    } else {
      return left;
    }
    if (is("HASH") || is("LOOP") || is("MERGE")) ++at_;
    if (!take("JOIN")) {
      at_ = start;
      bad();
    }
    auto both = std::make_unique<Source>();
    both->kind = From::Join;
    both->join = join;
    both->left = std::move(left);
    both->right = source();
    if (join != "CROSS JOIN") {
      // a JOIN b JOIN c ON .. ON ..: the inner join binds first.
      if (!is("ON")) {
        --at_;
        bad();
      }
      expect("ON");
      both->on = expression();
    }
    left = std::move(both);
  }
}

SourcePtr Parser::source() {
  auto out = std::make_unique<Source>();
  if (take_symbol("(")) {
    if (starts_query() || is("VALUES")) {
      out->kind = From::Derived;
      out->query = query();
      expect_symbol(")");
    } else {
      out = joined();
      expect_symbol(")");
      return out;
    }
  } else {
    out->path = path();
    if (symbol("(") && peek(1).kind != Lex::End) {
      bool hint = is("NOLOCK", 1) || is("UPDLOCK", 1) || is("HOLDLOCK", 1) || is("READPAST", 1);
      if (!hint) {
        ++at_;
        out->function = true;
        if (!take_symbol(")")) out->args = list();
      }
    }
  }
  hints();
  out->alias = alias();
  if (symbol("(") && !out->alias.empty() && out->kind == From::Derived) out->columns = names();
  hints();
  return out;
}

void Parser::hints() {
  bool with = is("WITH") && symbol("(", 1);
  bool bare = symbol("(") && (is("NOLOCK", 1) || is("UPDLOCK", 1) || is("HOLDLOCK", 1) || is("READPAST", 1));
  if (!with && !bare) return;
  at_ += with ? 2 : 1;
  for (int depth = 1; depth > 0; ++at_) {
    if (peek().kind == Lex::End) bad();
    depth += symbol("(") - symbol(")");
  }
}

}  // namespace holdfast::sqlnode
