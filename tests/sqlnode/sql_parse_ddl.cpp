#include <cstdlib>

#include "tests/sqlnode/sql_parse.h"

namespace holdfast::sqlnode {

void Parser::rest_as_text(Statement& out, Do what) {
  out.what = what;
  out.text = text_.substr(peek().begin);
  at_ = tokens_.size() - 1;
}

void Parser::create(Statement& out) {
  std::size_t start = peek().begin;
  expect("CREATE");
  if (take("OR")) {
    expect("ALTER");
    out.mode = "ALTER";
  }
  if (take("TABLE")) {
    create_table(out);
  } else if (take("PROC") || take("PROCEDURE")) {
    out.path = path();
    bool parenthesis = take_symbol("(");
    out.parameters = parameters();
    if (parenthesis) expect_symbol(")");
    while (take("WITH") || take_symbol(",")) name();
    expect("AS");
    rest_as_text(out, Do::CreateProcedure);
    out.alias = out.text;
    out.text = text_.substr(start);
  } else if (take("VIEW")) {
    out.path = path();
    if (symbol("(")) out.names = names();
    while (take("WITH") || take_symbol(",")) name();
    expect("AS");
    rest_as_text(out, Do::CreateView);
  } else if (take("DATABASE")) {
    out.what = Do::CreateDatabase;
    out.text = name();
    while (peek().kind != Lex::End && !symbol(";")) ++at_;
  } else if (is("LOGIN") || is("USER") || is("ROLE") || is("SCHEMA") || is("STATISTICS")) {
    skip_statement();
  } else {
    create_index(out);
  }
}

void Parser::create_index(Statement& out) {
  out.what = Do::CreateIndex;
  out.flag = take("UNIQUE");
  if (!take("CLUSTERED")) take("NONCLUSTERED");
  expect("INDEX");
  out.text = name();
  expect("ON");
  out.path = path();
  out.names = names();
  if (take("INCLUDE")) names();
  if (take("WHERE")) out.where = expression();
  index_options();
}

void Parser::index_options() {
  if (take("WITH")) {
    if (take_symbol("(")) {
      for (int depth = 1; depth > 0; ++at_) {
        if (peek().kind == Lex::End) bad();
        depth += symbol("(") - symbol(")");
      }
    } else {
      bad();
    }
  }
  if (take("ON")) {
    name();
    if (symbol("(")) names();
  }
  if (take("TEXTIMAGE_ON")) name();
}

void Parser::create_table(Statement& out) {
  out.what = Do::CreateTable;
  out.path = path();
  table_body(out);
  index_options();
}

void Parser::table_body(Statement& out) {
  expect_symbol("(");
  do {
    if (symbol(")")) break;
    if (!table_key(out)) out.columns.push_back(column());
  } while (take_symbol(","));
  expect_symbol(")");
}

bool Parser::table_key(Statement& out) {
  KeyDef key;
  std::size_t start = at_;
  if (take("CONSTRAINT")) key.name = name();
  if (take("PRIMARY")) {
    expect("KEY");
    key.kind = "PRIMARY KEY";
  } else if (take("UNIQUE")) {
    key.kind = "UNIQUE";
  } else if (take("FOREIGN")) {
    expect("KEY");
    key.kind = "FOREIGN KEY";
  } else if (take("CHECK")) {
    expect_symbol("(");
    key.kind = "CHECK";
    key.check = expression();
    expect_symbol(")");
  } else if (take("DEFAULT")) {
    key.kind = "DEFAULT";
    key.check = expression();
    expect("FOR");
    key.columns.push_back(name());
  } else if (take("INDEX")) {
    key.kind = "INDEX";
    key.name = name();
  } else {
    at_ = start;
    return false;
  }
  if (key.kind != "CHECK" && key.kind != "DEFAULT") {
    if (!take("CLUSTERED")) take("NONCLUSTERED");
    key.columns = names();
    if (is("WITH")) index_options();
  }
  if (take("REFERENCES")) {
    key.target = path();
    if (symbol("(")) key.target_columns = names();
    referential(key.action);
  }
  out.keys.push_back(std::move(key));
  return true;
}

void Parser::referential(std::string& action) {
  while (is("ON") && (is("DELETE", 1) || is("UPDATE", 1))) {
    action += " ON " + peek(1).upper;
    at_ += 2;
    if (take("NO")) {
      expect("ACTION");
      action += " NO ACTION";
    } else if (take("SET")) {
      action += " SET " + tokens_[at_++].upper;
    } else {
      expect("CASCADE");
      action += " CASCADE";
    }
  }
}

ColumnDef Parser::column() {
  ColumnDef out;
  out.name = name();
  if (take("AS")) {
    expect_symbol("(");
    out.computed = expression();
    expect_symbol(")");
    take("PERSISTED");
    return out;
  }
  out.type = type();
  while (column_option(out)) {}
  return out;
}

bool Parser::column_option(ColumnDef& out) {
  if (take("CONSTRAINT")) {
    out.default_name = name();
  } else if (take("NOT")) {
    if (take("FOR")) {
      expect("REPLICATION");
    } else {
      expect("NULL");
      out.not_null = true;
    }
  } else if (take("NULL")) {
    out.null_given = true;
  } else if (take("IDENTITY")) {
    out.identity = true;
    if (take_symbol("(")) {
      bool negative = take_symbol("-");
      out.seed = std::atoll(tokens_[at_++].text.c_str()) * (negative ? -1 : 1);
      expect_symbol(",");
      negative = take_symbol("-");
      out.step = std::atoll(tokens_[at_++].text.c_str()) * (negative ? -1 : 1);
      expect_symbol(")");
    }
  } else if (take("PRIMARY")) {
    expect("KEY");
    out.primary = out.not_null = true;
    if (!take("CLUSTERED")) take("NONCLUSTERED");
  } else if (take("UNIQUE")) {
    out.unique = true;
    if (!take("CLUSTERED")) take("NONCLUSTERED");
  } else if (take("DEFAULT")) {
    out.fallback = bitwise();
    if (take("WITH")) expect("VALUES");
  } else if (take("CHECK")) {
    expect_symbol("(");
    out.check = expression();
    expect_symbol(")");
  } else if (is("REFERENCES") || (is("FOREIGN") && is("KEY", 1))) {
    if (take("FOREIGN")) expect("KEY");
    expect("REFERENCES");
    out.references = path();
    if (symbol("(")) out.references_column = names().front();
    referential(out.references_action);
  } else if (take("COLLATE")) {
    name();
  } else if (take("ROWGUIDCOL") || take("SPARSE")) {
    return true;
  } else {
    return false;
  }
  return true;
}

void Parser::alter(Statement& out) {
  std::size_t start = at_;
  expect("ALTER");
  if (is("PROC") || is("PROCEDURE") || is("VIEW")) {
    at_ = start;
    tokens_[at_].upper = "CREATE";
    create(out);
    out.mode = "ALTER";
    return;
  }
  if (!take("TABLE")) {
    skip_statement();
    return;
  }
  out.path = path();
  if (take("WITH")) name();
  if (take("ADD")) {
    out.what = Do::AddColumns;
    do {
      if (!table_key(out)) out.columns.push_back(column());
    } while (take_symbol(","));
  } else if (take("DROP")) {
    out.what = take("CONSTRAINT") ? Do::DropConstraint : Do::DropColumn;
    if (out.what == Do::DropColumn && !is("COLUMN")) {
      out.what = Do::DropConstraint;
    } else {
      take("COLUMN");
    }
    if (take("IF")) {
      expect("EXISTS");
      out.flag = true;
    }
    do out.names.push_back(name());
    while (take_symbol(","));
  } else if (take("ALTER")) {
    expect("COLUMN");
    out.what = Do::AlterColumn;
    out.columns.push_back(column());
  } else {
    skip_statement();  // CHECK CONSTRAINT, REBUILD, ...
  }
}

void Parser::drop(Statement& out) {
  expect("DROP");
  if (take("TABLE"))
    out.what = Do::DropTable;
  else if (take("PROC") || take("PROCEDURE"))
    out.what = Do::DropProcedure;
  else if (take("VIEW"))
    out.what = Do::DropView;
  else if (take("INDEX"))
    out.what = Do::DropIndex;
  else if (take("DATABASE"))
    out.what = Do::DropDatabase;
  else
    return skip_statement();
  if (take("IF")) {
    expect("EXISTS");
    out.flag = true;
  }
  do {
    out.paths.push_back(path());
    if (out.what == Do::DropIndex && take("ON")) out.path = path();
  } while (take_symbol(","));
}

}  // namespace holdfast::sqlnode
