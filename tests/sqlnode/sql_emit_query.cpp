#include <algorithm>

#include "tests/sqlnode/sql_emit.h"
#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

Column column_of(std::string name, const Typed& value) {
  Column out;
  out.name = std::move(name);
  out.type = value.type;
  out.nullable = value.nullable;
  return out;
}

std::string comma(const std::string& list) { return list.empty() ? "" : ","; }

}  // namespace

void Emitter::push() { scopes_.emplace_back(); }
void Emitter::pop() { scopes_.pop_back(); }

void Emitter::add_columns(const std::string& alias, std::vector<Column> columns, bool bare) {
  scopes_.back().ranges.push_back({alias, alias, std::move(columns), bare, false});
}

void Emitter::add_prefixed(const std::string& alias, std::vector<Column> columns) {
  scopes_.back().ranges.push_back({alias, alias, std::move(columns), false, true});
}

void Emitter::add_range(const std::string& alias, const Table& table) {
  std::vector<Column> columns;
  for (const TableColumn& one : table.columns) {
    Column column;
    column.name = one.name;
    column.type = one.type;
    column.nullable = one.nullable;
    columns.push_back(std::move(column));
  }
  std::string name = table.shown.substr(table.shown.rfind('.') + 1);
  scopes_.back().ranges.push_back({alias, name, std::move(columns), false, false});
}

std::string Emitter::range_of(const std::string& wanted) const {
  for (const Range& range : scopes_.back().ranges) {
    if (same(range.alias, wanted)) return range.alias;
  }
  for (const Range& range : scopes_.back().ranges) {
    if (same(range.name, wanted)) return range.alias;
  }
  return "";
}

Typed Emitter::name(const Expr& one) {
  const std::string& wanted = one.path.back();
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    Typed found;
    int hits = 0;
    for (const Range& range : scope->ranges) {
      if (one.path.size() > 1 && !same(range.alias, one.path[one.path.size() - 2])) continue;
      for (const Column& column : range.columns) {
        if (!same(column.name, wanted)) continue;
        ++hits;
        found.sql = (range.bare || range.alias.empty() ? "" : quote(range.alias) + ".") + quote(column.name);
        if (range.prefixed) found.sql = quote(range.alias + "." + column.name);
        found.type = column.type;
        found.nullable = column.nullable;
      }
    }
    if (hits > 1) fail(209, "Ambiguous column name '" + wanted + "'.", 16, true);
    if (hits == 1) return found;
    if (one.path.size() > 1) continue;
    for (const Column& alias : scope->aliases) {
      if (!same(alias.name, wanted)) continue;
      found.sql = quote(alias.name);
      found.type = alias.type;
      return found;
    }
  }
  if (one.path.size() == 1) fail(207, "Invalid column name '" + wanted + "'.", 16, true);
  std::string full;
  for (const std::string& part : one.path) full += (full.empty() ? "" : ".") + part;
  fail(4104, "The multi-part identifier \"" + full + "\" could not be bound.", 16, true);
}

std::string Emitter::with(const std::vector<Cte>& list) {
  std::string sql;
  for (const Cte& cte : list) {
    std::vector<Column> columns;
    auto rename = [&] {
      for (std::size_t i = 0; i < columns.size() && i < cte.columns.size(); ++i)
        columns[i].name = cte.columns[i];
    };
    if (cte.query->parts.size() > 1) {  // it may name itself: its columns are those of the first part
      select(cte.query->parts[0], nullptr, columns);
      rename();
      ctes_.push_back({cte.name, columns});
      std::vector<Column> ignored;
      sql += (sql.empty() ? "WITH RECURSIVE " : ", ") + quote(cte.name) + "(";
      for (std::size_t i = 0; i < columns.size(); ++i) sql += (i > 0 ? "," : "") + quote(columns[i].name);
      sql += ") AS (" + query(*cte.query, ignored) + ")";
      continue;
    }
    std::string body = query(*cte.query, columns);
    rename();
    sql += (sql.empty() ? "WITH RECURSIVE " : ", ") + quote(cte.name) + "(";
    for (std::size_t i = 0; i < columns.size(); ++i) sql += (i > 0 ? "," : "") + quote(columns[i].name);
    sql += ") AS (" + body + ")";
    ctes_.push_back({cte.name, columns});
  }
  return sql.empty() ? sql : sql + " ";
}

std::string Emitter::query(const Query& one, std::vector<Column>& columns) {
  if (++depth_ > 60) fail(191, "Some part of your SQL statement is nested too deeply.", 15, true);
  std::size_t known = ctes_.size();
  std::string sql = with(one.with);
  bool compound = one.parts.size() > 1;
  for (std::size_t i = 0; i < one.parts.size(); ++i) {
    const Select& part = one.parts[i];
    std::vector<Column> own;
    std::string text = select(part, compound ? nullptr : &one, own);
    if (compound && (part.top != nullptr || part.inner != nullptr)) text = "SELECT * FROM (" + text + ")";
    sql += (part.op.empty() ? "" : " " + part.op + " ") + text;
    if (i == 0) {
      columns = own;
      continue;
    }
    if (own.size() != columns.size()) {
      fail(205,
           "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
           "expressions in their "
           "target lists.",
           16, true);
    }
    for (std::size_t c = 0; c < own.size(); ++c) {
      columns[c].type = common_type(columns[c].type, own[c].type);
      columns[c].nullable = columns[c].nullable || own[c].nullable;
    }
  }
  if (compound && !one.order.empty()) sql += order(one.order, columns, true);
  if (compound && one.offset != nullptr) {
    sql +=
        " LIMIT " + (one.fetch != nullptr ? expr_sql(*one.fetch) : "-1") + " OFFSET " + expr_sql(*one.offset);
  }
  ctes_.resize(known);
  --depth_;
  return sql;
}

std::string Emitter::order(const std::vector<OrderItem>& list, const std::vector<Column>& columns,
                           bool compound) {
  std::string sql;
  for (const OrderItem& item : list) {
    std::string key;
    const Expr& one = *item.expr;
    if (one.node == Node::Integer) {
      key = one.text;
    } else if (one.node == Node::Name && one.path.size() == 1) {
      auto hit = std::find_if(columns.begin(), columns.end(),
                              [&](const Column& c) { return same(c.name, one.path[0]); });
      if (hit != columns.end()) key = std::to_string(hit - columns.begin() + 1);
    }
    if (key.empty() && compound)
      fail(104,
           "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or "
           "EXCEPT operator.",
           16, true);
    if (key.empty()) key = expr_sql(one);
    sql += comma(sql) + key + (item.descending ? " DESC" : "");
  }
  return " ORDER BY " + sql;
}

std::string Emitter::values(const Select& part, std::vector<Column>& columns) {
  std::string sql;
  for (const auto& row : part.values) {
    std::string one;
    for (std::size_t i = 0; i < row.size(); ++i) {
      Typed value = expr(*row[i]);
      one += comma(one) + value.sql;
      if (columns.size() <= i)
        columns.push_back(column_of("column" + std::to_string(i + 1), value));
      else if (row[i]->node != Node::Null)
        columns[i].type = common_type(columns[i].type, value.type);
    }
    sql += comma(sql) + "(" + one + ")";
  }
  return "VALUES " + sql;
}

std::vector<Item> Emitter::expand(const Item& item) {
  std::vector<Item> out;
  for (const Range& range : scopes_.back().ranges) {
    if (!item.expr->path.empty() && !same(range.alias, item.expr->path.back())) continue;
    for (const Column& column : range.columns) {
      Item one;
      one.expr = std::make_unique<Expr>();
      one.expr->node = Node::Name;
      one.expr->path = range.alias.empty() ? Path{column.name} : Path{range.alias, column.name};
      out.push_back(std::move(one));
    }
  }
  if (out.empty()) fail(263, "Must specify table to select from.", 16, true);
  return out;
}

std::string Emitter::items(const Select& part, std::vector<Column>& columns) {
  std::string sql;
  auto add = [&](const Item& item) {
    Typed value = expr(*item.expr);
    std::string name = item.alias;
    if (name.empty() && item.expr->node == Node::Name) name = item.expr->path.back();
    sql += comma(sql) + value.sql + (name.empty() ? "" : " AS " + quote(name));
    columns.push_back(column_of(name, value));
  };
  for (const Item& item : part.items) {
    if (item.expr->node != Node::Star) {
      add(item);
      continue;
    }
    for (const Item& one : expand(item)) add(one);
  }
  return sql;
}

std::string Emitter::select(const Select& part, const Query* owner, std::vector<Column>& columns) {
  if (part.inner != nullptr) return query(*part.inner, columns);
  push();
  if (!part.values.empty()) {
    std::string sql = values(part, columns);
    pop();
    return sql;
  }
  std::string sources = part.from != nullptr ? " FROM " + from(*part.from) : "";
  std::string sql =
      std::string("SELECT ") + (part.distinct ? "DISTINCT " : "") + items(part, columns) + sources;
  if (part.where != nullptr) sql += " WHERE " + condition(*part.where);
  if (!part.group.empty()) {
    std::string keys;
    for (const ExprPtr& key : part.group) keys += comma(keys) + expr_sql(*key);
    sql += " GROUP BY " + keys;
  }
  if (part.having != nullptr) sql += " HAVING " + condition(*part.having);
  if (owner != nullptr && !owner->order.empty()) {
    scopes_.back().aliases = columns;
    sql += order(owner->order, columns, false);
  }
  if (owner != nullptr && owner->offset != nullptr) {
    sql += " LIMIT " + (owner->fetch != nullptr ? expr_sql(*owner->fetch) : "-1") + " OFFSET " +
           expr_sql(*owner->offset);
  } else if (part.top != nullptr) {
    sql += " LIMIT " + expr_sql(*part.top);
  }
  pop();
  return sql;
}

std::string Emitter::from(const Source& source) {
  if (source.kind != From::Join) return table_source(source);
  std::string left = from(*source.left), right = from(*source.right);
  if (source.right->kind == From::Join) right = "(" + right + ")";
  std::string sql = left + " " + source.join + " " + right;
  return source.on != nullptr ? sql + " ON " + condition(*source.on) : sql;
}

std::string Emitter::derived(const std::string& text, const std::string& alias) {
  std::vector<Column> columns;
  std::vector<Scope> outer;
  outer.swap(scopes_);  // a view sees nothing of what is around it
  std::string sql = query(*Parser(text, true).whole_query(), columns);
  outer.swap(scopes_);
  add_columns(alias, columns);
  return "(" + sql + ") AS " + quote(alias);
}

std::string Emitter::table_source(const Source& source) {
  if (source.kind == From::Derived) {
    std::vector<Column> columns;
    std::string sql = query(*source.query, columns), alias = source.alias;
    std::string names;
    for (std::size_t i = 0; i < source.columns.size() && i < columns.size(); ++i) {
      columns[i].name = source.columns[i];
      names += comma(names) + quote(source.columns[i]);
    }
    add_columns(alias, columns);
    if (names.empty()) return "(" + sql + ") AS " + quote(alias);
    return "(WITH q(" + names + ") AS (" + sql + ") SELECT * FROM q) AS " + quote(alias);
  }
  std::string alias = source.alias.empty() ? source.path.back() : source.alias;
  if (source.path.size() == 1) {
    for (auto known = ctes_.rbegin(); known != ctes_.rend(); ++known) {
      if (!same(known->name, source.path[0])) continue;
      add_columns(alias, known->columns);
      return quote(known->name) + " AS " + quote(alias);
    }
  }
  if (std::string view = context_.system_view(source.path); !view.empty()) return derived(view, alias);
  reads_table = true;
  if (const Table* table = context_.store->table(source.path, context_.database);
      table != nullptr && !source.function) {
    add_range(alias, *table);
    scopes_.back().ranges.back().name = source.path.back();
    return table->physical + " AS " + quote(alias);
  }
  std::string text;
  if (context_.store->module(context_.store->id_of(source.path, context_.database), 'V', text))
    return derived(text, alias);
  std::string full;
  for (const std::string& part : source.path) full += (full.empty() ? "" : ".") + part;
  fail(208, "Invalid object name '" + full + "'.", 16, true);
}

}  // namespace holdfast::sqlnode
