// Functions: T-SQL's aggregates and window functions become SQLite's, scalar ones t_NAME, a few are spelled
// out.
#include <algorithm>

#include "tests/sqlnode/sql_emit.h"
#include "tests/sqlnode/sql_functions.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

Typed typed(std::string sql, Type type, bool nullable = true) {
  Typed out;
  out.sql = std::move(sql);
  out.type = type;
  out.nullable = nullable;
  return out;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

}  // namespace

std::vector<std::string> Emitter::list(const std::vector<ExprPtr>& exprs, std::vector<Type>* types) {
  std::vector<std::string> out;
  for (const ExprPtr& one : exprs) {
    Typed value = expr(*one);
    if (types != nullptr) types->push_back(value.type);
    out.push_back(value.sql);
  }
  return out;
}

std::string Emitter::over(const Expr& one) {
  if (one.window == nullptr) return "";
  std::string sql = " OVER (";
  if (!one.window->partition.empty()) sql += "PARTITION BY " + joined(list(one.window->partition));
  if (!one.window->order.empty()) {
    sql += " ORDER BY ";
    for (std::size_t i = 0; i < one.window->order.size(); ++i) {
      const OrderItem& item = one.window->order[i];
      sql += (i > 0 ? "," : "") + expr_sql(*item.expr) + (item.descending ? " DESC" : "");
    }
  }
  return sql + one.window->frame + ")";
}

Typed Emitter::aggregate(const Expr& one, bool& known) {
  static constexpr const char* kRanking[] = {"ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"};
  const std::string& f = one.text;
  std::string distinct = one.negated ? "DISTINCT " : "";
  known = true;
  if (f == "COUNT" || f == "COUNT_BIG") {
    std::string what = one.args.empty() ? "*" : expr_sql(*one.args[0]);
    return typed("count(" + distinct + what + ")" + over(one),
                 make_type(f == "COUNT" ? Kind::Int : Kind::BigInt), false);
  }
  if (std::find(std::begin(kRanking), std::end(kRanking), f) != std::end(kRanking)) {
    return typed(f + "(" + joined(list(one.args)) + ")" + over(one), make_type(Kind::BigInt), false);
  }
  if (f == "CUME_DIST" || f == "PERCENT_RANK")
    return typed(f + "()" + over(one), make_type(Kind::Float), false);
  bool first =
      f == "MIN" || f == "MAX" || f == "LAG" || f == "LEAD" || f == "FIRST_VALUE" || f == "LAST_VALUE";
  known = first || f == "SUM" || f == "AVG" || f == "STRING_AGG" || f == "STDEV" || f == "VAR";
  if (!known) return {};
  std::vector<Type> types;
  std::vector<std::string> parts = list(one.args, &types);
  if (parts.empty()) fail(174, "The " + f + " function requires 1 argument(s).", 15, true);
  Type type = types[0];
  if (first) return typed(f + "(" + joined(parts) + ")" + over(one), type);
  if (f == "STRING_AGG") {
    return typed("group_concat(" + joined(parts) + ")" + over(one),
                 make_type(is_national(type.kind) ? Kind::NVarChar : Kind::VarChar, 4000));
  }
  if (f == "STDEV" || f == "VAR") {
    std::string x = parts[0], var = "((sum(1.0*" + x + "*" + x + ")-sum(1.0*" + x + ")*sum(1.0*" + x +
                                    ")/count(" + x + "))/nullif(count(" + x + ")-1,0))";
    return typed(f == "VAR" ? var : "t_SQRT(" + var + ")", make_type(Kind::Float));
  }
  bool integer = is_integer(type.kind);
  if (type.kind == Kind::TinyInt || type.kind == Kind::SmallInt || type.kind == Kind::Bit)
    type.kind = Kind::Int;
  if (type.kind == Kind::Decimal)
    type = make_type(Kind::Decimal, 0, 38, f == "AVG" ? std::max<std::uint8_t>(type.scale, 6) : type.scale);
  if (type.kind == Kind::Real) type.kind = Kind::Float;
  if (is_text(type.kind))
    fail(8117, "Operand data type varchar is invalid for " + f + " operator.", 16, true);
  std::string sql = (f == "SUM" ? "sum(" : "avg(") + distinct + parts[0] + ")" + over(one);
  return typed(integer && f == "AVG" ? "CAST(" + sql + " AS INTEGER)" : sql, type);
}

Typed Emitter::special_call(const Expr& one, bool& known) {
  const std::string& f = one.text;
  known = f == "ISNULL" || f == "COALESCE" || f == "NULLIF" || f == "IIF" || f == "CHOOSE" ||
          f == "DATEFROMPARTS" || f == "GREATEST" || f == "LEAST" || f == "OBJECTPROPERTY" ||
          f == "HASHBYTES" || f == "FORMAT" || f == "CONCAT_WS";
  if (!known) return {};
  std::vector<Type> types;
  std::vector<std::string> a = list(one.args, &types);
  auto need = [&](std::size_t count) {
    if (a.size() < count)
      fail(174, "The " + f + " function requires " + std::to_string(count) + " argument(s).", 15, true);
  };
  need(2);
  Type type = make_type(Kind::Int);
  bool any = false;
  for (std::size_t i = f == "IIF" || f == "CHOOSE" ? 1 : 0; i < a.size(); ++i) {
    if (one.args[i]->node == Node::Null) continue;
    type = any ? common_type(type, types[i]) : types[i];
    any = true;
  }
  if (f == "ISNULL") {
    Type wanted = one.args[0]->node == Node::Null ? types[1] : types[0];
    std::string other = types[1].kind == wanted.kind && !is_text(wanted.kind) ? a[1] : cast(a[1], wanted);
    return typed("ifnull(" + a[0] + "," + other + ")", wanted, false);
  }
  if (f == "COALESCE") return typed("coalesce(" + joined(a) + ")", type);
  if (f == "GREATEST" || f == "LEAST") return typed((f == "LEAST" ? "min(" : "max(") + joined(a) + ")", type);
  if (f == "NULLIF")
    return typed("(CASE WHEN " + a[0] + " = " + a[1] + " THEN NULL ELSE " + a[0] + " END)", types[0]);
  if (f == "IIF") {
    need(3);
    return typed("(CASE WHEN " + a[0] + " THEN " + a[1] + " ELSE " + a[2] + " END)", type);
  }
  if (f == "CHOOSE") {
    std::string sql = "(CASE " + a[0];
    for (std::size_t i = 1; i < a.size(); ++i) sql += " WHEN " + std::to_string(i) + " THEN " + a[i];
    return typed(sql + " END)", type);
  }
  if (f == "DATEFROMPARTS") {
    need(3);
    Type date = make_type(Kind::Date);
    return typed(cast("printf('%04d-%02d-%02d'," + joined(a) + ")", date), date);
  }
  if (f == "OBJECTPROPERTY") return typed("NULL", make_type(Kind::Int));
  fail(195, "'" + f + "' is not a function that the test node knows.", 15, true);
}

Typed Emitter::call(const Expr& one) {
  bool known = false;
  Typed out = aggregate(one, known);
  if (known) return out;
  out = special_call(one, known);
  if (known) return out;
  const Function* function = find_function(one.text);
  if (function == nullptr)
    fail(195, "'" + one.text + "' is not a recognized built-in function name.", 15, true);
  std::vector<Type> types;
  std::vector<std::string> arguments = list(one.args, &types);
  auto count = static_cast<int>(arguments.size());
  if (count < function->least || (function->most >= 0 && count > function->most)) {
    fail(174, "The " + one.text + " function requires " + std::to_string(function->least) + " argument(s).",
         15, true);
  }
  if (one.text == "DATALENGTH" && !is_national(types[0].kind)) arguments.push_back("1");
  Type type = make_type(function->kind, function->length);
  if (function->yields == Yields::Text) type = make_type(Kind::NVarChar, 4000);
  if (function->yields == Yields::First) type = types[0];
  bool long_text =
      std::any_of(types.begin(), types.end(), [](const Type& t) { return is_text(t.kind) && t.length == 0; });
  if (function->yields == Yields::Text && long_text) type.length = 0;
  if (one.text == "DATEADD") type = is_date(types[2].kind) ? types[2] : make_type(Kind::DateTime);
  if (type.kind == Kind::DateTime2 || type.kind == Kind::DateTimeOffset || type.kind == Kind::Time) {
    if (function->yields == Yields::Fixed) type.scale = 7;
  }
  if (type.kind == Kind::Decimal && function->yields == Yields::Fixed)
    type = make_type(Kind::Decimal, 0, 38, 0);
  if (one.text == "SERVERPROPERTY") {
    std::string what = one.args[0]->node == Node::Text ? upper(one.args[0]->text) : "";
    bool number = what.starts_with("IS") || what == "ENGINEEDITION" || what == "PROCESSID" ||
                  what == "PRODUCTMAJORVERSION" || what == "EDITIONID" || what == "HADRMANAGERSTATUS";
    if (number) type = make_type(Kind::Int);
  }
  std::string sql = "t_" + one.text + "(" + joined(arguments) + ")";
  // DATEADD of a text or other kind keeps the shape of its argument; normalised to the column's.
  if (one.text == "DATEADD") sql = cast(sql, type);
  return typed(sql, type);
}

}  // namespace holdfast::sqlnode
