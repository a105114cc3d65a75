#include <algorithm>
#include <cstdlib>

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
  out.node = Node::Call;
  return out;
}

Type integer_type(const std::string& digits) {
  if (digits.size() < 10 || (digits.size() == 10 && digits <= "2147483647")) return make_type(Kind::Int);
  return digits.size() <= 18
             ? make_type(Kind::BigInt)
             : make_type(Kind::Decimal, 0,
                         static_cast<std::uint8_t>(std::min<std::size_t>(digits.size(), 38)), 0);
}

Type decimal_type(const std::string& text) {
  std::size_t point = text.find('.');
  auto scale = static_cast<std::uint8_t>(std::min<std::size_t>(text.size() - point - 1, 37));
  auto precision = static_cast<std::uint8_t>(std::clamp<std::size_t>(text.size() - 1, 1U + scale, 38));
  return make_type(Kind::Decimal, 0, precision, scale);
}

int rank(Kind kind) {
  static constexpr Kind kOrder[] = {
      Kind::Variant,   Kind::DateTimeOffset, Kind::DateTime2, Kind::DateTime, Kind::SmallDateTime,
      Kind::Date,      Kind::Time,           Kind::Float,     Kind::Real,     Kind::Decimal,
      Kind::Money,     Kind::BigInt,         Kind::Int,       Kind::SmallInt, Kind::TinyInt,
      Kind::Bit,       Kind::NText,          Kind::Text,      Kind::Image,    Kind::UniqueIdentifier,
      Kind::Xml,       Kind::NVarChar,       Kind::NChar,     Kind::VarChar,  Kind::Char,
      Kind::VarBinary, Kind::Binary};
  auto found = std::find(std::begin(kOrder), std::end(kOrder), kind);
  return static_cast<int>(found - std::begin(kOrder));
}

Type as_decimal(const Type& type) {
  switch (type.kind) {
    case Kind::Decimal: return type;
    case Kind::Money: return make_type(Kind::Decimal, 0, 19, 4);
    case Kind::BigInt: return make_type(Kind::Decimal, 0, 19, 0);
    case Kind::Int: return make_type(Kind::Decimal, 0, 10, 0);
    case Kind::SmallInt: return make_type(Kind::Decimal, 0, 5, 0);
    default: return make_type(Kind::Decimal, 0, 3, 0);
  }
}

Type decimal_result(const std::string& op, const Type& left, const Type& right) {
  Type a = as_decimal(left), b = as_decimal(right);
  int scale = std::max(a.scale, b.scale),
      precision = std::max(a.precision - a.scale, b.precision - b.scale) + scale + 1;
  if (op == "*") scale = a.scale + b.scale, precision = a.precision + b.precision + 1;
  if (op == "/")
    scale = std::max(6, a.scale + b.precision + 1), precision = a.precision - a.scale + b.scale + scale;
  if (op == "%")
    scale = std::max(a.scale, b.scale),
    precision = std::min(a.precision - a.scale, b.precision - b.scale) + scale;
  if (precision > 38) {
    int whole = precision - scale;
    scale = std::max(std::min(scale, 38 - whole), std::min(scale, 6));
    precision = 38;
  }
  return make_type(Kind::Decimal, 0, static_cast<std::uint8_t>(std::max(precision, 1)),
                   static_cast<std::uint8_t>(scale));
}

}  // namespace

Type common_type(const Type& a, const Type& b) {
  if (is_text(a.kind) && is_text(b.kind)) {
    Type out = rank(a.kind) <= rank(b.kind) ? a : b;
    out.length = a.length == 0 || b.length == 0 ? 0 : std::max(a.length, b.length);
    if (out.kind == Kind::NChar && a.length != b.length) out.kind = Kind::NVarChar;
    if (out.kind == Kind::Char && a.length != b.length) out.kind = Kind::VarChar;
    return out;
  }
  if (a.kind == Kind::Decimal || b.kind == Kind::Decimal) {
    bool numbers = is_number(a.kind) && is_number(b.kind) && a.kind != Kind::Float && b.kind != Kind::Float &&
                   a.kind != Kind::Real && b.kind != Kind::Real;
    if (numbers) {
      Type x = as_decimal(a), y = as_decimal(b);
      int scale = std::max(x.scale, y.scale), whole = std::max(x.precision - x.scale, y.precision - y.scale);
      return make_type(Kind::Decimal, 0, static_cast<std::uint8_t>(std::min(38, whole + scale)),
                       static_cast<std::uint8_t>(scale));
    }
  }
  Type out = rank(a.kind) <= rank(b.kind) ? a : b;
  if (a.kind == b.kind && is_binary(a.kind))
    out.length = a.length == 0 || b.length == 0 ? 0 : std::max(a.length, b.length);
  if (a.kind == b.kind) out.scale = std::max(a.scale, b.scale);
  return out;
}

std::string Emitter::cast(const std::string& sql, const Type& type) {
  return "t_cast(" + sql + "," + std::to_string(type_code(type)) + ",0,0)";
}

std::string Emitter::stored(const Typed& value, const Type& type) {
  const Type& from = value.type;
  bool fits = from.kind == type.kind &&
              (type.length == 0 || (from.length != 0 && from.length <= type.length)) &&
              from.scale == type.scale && from.precision == type.precision && type.kind != Kind::Char &&
              type.kind != Kind::NChar && type.kind != Kind::Binary;
  if (is_integer(from.kind) && is_integer(type.kind) && from.kind <= type.kind && from.kind != Kind::Bit)
    fits = true;
  if (value.node == Node::Null || fits) return value.sql;
  return "t_store(" + value.sql + "," + std::to_string(type_code(type)) + ")";
}

std::string Emitter::bind(const std::string& name) {
  auto found = std::find(bindings.begin(), bindings.end(), name);
  if (found == bindings.end()) found = bindings.insert(bindings.end(), name);
  return "?" + std::to_string(found - bindings.begin() + 1);
}

Typed Emitter::expr(const Expr& one) {
  Typed out;
  switch (one.node) {
    case Node::Null: out = typed("NULL", make_type(Kind::Int)); break;
    case Node::Default: fail(156, "Incorrect syntax near the keyword 'DEFAULT'.", 15, true);
    case Node::Integer:
      out = typed(one.text.size() <= 18 ? one.text : literal(one.text), integer_type(one.text), false);
      if (one.text.size() == 19 && one.text <= "9223372036854775807")
        out = typed(one.text, make_type(Kind::BigInt), false);
      break;
    case Node::Decimal: {
      std::size_t digits = one.text.size() - 1;
      out = typed(digits <= 15 ? (one.text.back() == '.' ? one.text + "0" : one.text) : literal(one.text),
                  decimal_type(one.text), false);
      break;
    }
    case Node::Float: out = typed(one.text, make_type(Kind::Float), false); break;
    case Node::Text: {
      std::size_t units = utf16_length(one.text);
      bool long_text = units > (one.negated ? 4000U : 8000U);
      auto length = static_cast<std::uint32_t>(long_text ? 0 : std::max<std::size_t>(units, 1));
      out = typed(literal(one.text), make_type(one.negated ? Kind::NVarChar : Kind::VarChar, length), false);
      break;
    }
    case Node::Binary: {
      std::string digits = one.text.size() % 2 != 0 ? "0" + one.text : one.text;
      auto length = static_cast<std::uint32_t>(digits.size() / 2);
      out = typed("x'" + digits + "'", make_type(Kind::VarBinary, length > 8000 ? 0 : std::max(length, 1U)),
                  false);
      break;
    }
    case Node::Variable: out = typed(bind(one.text), context_.variable(one.text)); break;
    case Node::Name: out = name(one); break;
    case Node::Star: out = typed("*", make_type(Kind::Int)); break;
    case Node::Unary: out = unary(one); break;
    case Node::Infix: out = infix(one); break;
    case Node::Call: out = call(one); break;
    case Node::Case: out = case_of(one); break;
    case Node::Cast: {
      Typed inner = expr(*one.args[0]);
      std::string style = one.args.size() > 1 ? expr_sql(*one.args[1]) : "0";
      out = typed("t_cast(" + inner.sql + "," + std::to_string(type_code(one.type)) + "," + style +
                      (one.negated ? ",1)" : ",0)"),
                  one.type, inner.nullable || one.negated);
      break;
    }
    case Node::In:
    case Node::InQuery: out = in_list(one); break;
    case Node::Between: out = between(one); break;
    case Node::Like: out = like(one); break;
    case Node::IsNull:
      out = typed("(" + expr_sql(*one.args[0]) + (one.negated ? " IS NOT NULL)" : " IS NULL)"),
                  make_type(Kind::Bit), false);
      break;
    case Node::Exists:
    case Node::Subquery:
    case Node::Compare: out = subquery(one); break;
  }
  out.node = one.node;
  return out;
}

Typed Emitter::unary(const Expr& one) {
  Typed inner = expr(*one.args[0]);
  if (one.text == "NOT") return typed("(NOT " + inner.sql + ")", make_type(Kind::Bit));
  if (one.text == "+") return inner;
  return typed("(" + one.text + " " + inner.sql + ")", inner.type, inner.nullable);
}

Typed Emitter::infix(const Expr& one) {
  // Long chains of AND or + lean to the left; they are walked, not recursed, by depth of the parser's
  // limit.
  Typed left = expr(*one.args[0]), right = expr(*one.args[1]);
  const std::string& op = one.text;
  if (op == "AND" || op == "OR")
    return typed("(" + left.sql + " " + op + " " + right.sql + ")", make_type(Kind::Bit));
  if (op == "=" || op == "<>" || op == "<" || op == ">" || op == "<=" || op == ">=")
    return comparison(op, left, right);
  return arithmetic(op, std::move(left), std::move(right));
}

Typed Emitter::arithmetic(const std::string& op, Typed left, Typed right) {
  // A whole literal beside a decimal counts with its own digits.
  for (Typed* side : {&left, &right}) {
    const Typed& other = side == &left ? right : left;
    if (side->node != Node::Integer || other.type.kind != Kind::Decimal) continue;
    side->type = make_type(Kind::Decimal, 0,
                           static_cast<std::uint8_t>(std::min<std::size_t>(side->sql.size(), 38)), 0);
  }
  bool nullable = left.nullable || right.nullable;
  Type type = common_type(left.type, right.type);
  if (op == "+" && is_text(left.type.kind) && is_text(right.type.kind)) {
    std::uint64_t length = left.type.length + right.type.length;
    std::uint64_t most = is_national(type.kind) ? 4000 : 8000;
    bool max = left.type.length == 0 || right.type.length == 0;
    type = make_type(is_national(type.kind) ? Kind::NVarChar : Kind::VarChar,
                     max ? 0 : static_cast<std::uint32_t>(std::min(length, most)));
    return typed("(" + left.sql + " || " + right.sql + ")", type, nullable);
  }
  if (op == "&" || op == "|") return typed("(" + left.sql + " " + op + " " + right.sql + ")", type, nullable);
  if (op == "^") {
    return typed("((" + left.sql + " | " + right.sql + ") - (" + left.sql + " & " + right.sql + "))", type,
                 nullable);
  }
  if (op == "+" && is_date(left.type.kind) && is_number(right.type.kind)) {
    return typed("t_DATEADD('DAY'," + right.sql + "," + left.sql + ")", left.type, nullable);
  }
  if (op == "-" && is_date(left.type.kind) && is_number(right.type.kind)) {
    return typed("t_DATEADD('DAY',-" + right.sql + "," + left.sql + ")", left.type, nullable);
  }
  if (type.kind == Kind::Bit || is_text(type.kind)) type = make_type(Kind::Int);
  if (type.kind == Kind::TinyInt || type.kind == Kind::SmallInt) type.kind = Kind::Int;
  if (type.kind == Kind::Decimal || type.kind == Kind::Money)
    type = decimal_result(op, left.type, right.type);
  if (op == "/") return typed("t_div(" + left.sql + "," + right.sql + ")", type);
  if (op == "%") return typed("t_mod(" + left.sql + "," + right.sql + ")", type);
  bool plain = is_number(left.type.kind) && is_number(right.type.kind);
  if (op == "+" && !plain) return typed("t_add(" + left.sql + "," + right.sql + ")", type, nullable);
  return typed("(" + left.sql + " " + op + " " + right.sql + ")", type, nullable);
}

Typed Emitter::comparison(const std::string& op, Typed left, Typed right) {
  const Type a = left.type, b = right.type;
  bool text_a = is_text(a.kind), text_b = is_text(b.kind);
  auto strict = [](Kind kind) { return is_date(kind) || kind == Kind::UniqueIdentifier || is_number(kind); };
  if (text_b && strict(a.kind)) {
    right.sql = cast(right.sql, a);
  } else if (text_a && strict(b.kind)) {
    left.sql = cast(left.sql, b);
  } else if (is_date(a.kind) && is_date(b.kind) && (a.kind != b.kind || a.scale != b.scale)) {
    Type type = common_type(a, b);
    if (type.kind == Kind::DateTime || type.kind == Kind::SmallDateTime)
      type = make_type(Kind::DateTime2, 0, 0, 7);
    left.sql = cast(left.sql, type);
    right.sql = cast(right.sql, type);
  } else if (text_a && text_b && left.node != Node::Name && right.node != Node::Name) {
    left.sql += " COLLATE CI";
  }
  return typed("(" + left.sql + " " + op + " " + right.sql + ")", make_type(Kind::Bit),
               left.nullable || right.nullable);
}

Typed Emitter::between(const Expr& one) {
  Typed value = expr(*one.args[0]);
  std::string low = comparison(">=", value, expr(*one.args[1])).sql,
              high = comparison("<=", value, expr(*one.args[2])).sql;
  return typed(std::string(one.negated ? "(NOT " : "(") + "(" + low + " AND " + high + "))",
               make_type(Kind::Bit));
}

Typed Emitter::like(const Expr& one) {
  std::vector<std::string> parts = list(one.args);
  std::string sql = "t_like(" + parts[0] + "," + parts[1] + (parts.size() > 2 ? "," + parts[2] : "") + ")";
  return typed(one.negated ? "(NOT " + sql + ")" : sql, make_type(Kind::Bit));
}

Typed Emitter::in_list(const Expr& one) {
  Typed value = expr(*one.args[0]);
  std::string sql = "(" + value.sql + (one.negated ? " NOT IN (" : " IN (");
  if (one.node == Node::InQuery) {
    std::vector<Column> columns;
    sql += query(*one.query, columns);
  } else {
    for (std::size_t i = 1; i < one.args.size(); ++i) {
      Typed element = expr(*one.args[i]);
      bool strict =
          is_date(value.type.kind) || value.type.kind == Kind::UniqueIdentifier || is_number(value.type.kind);
      if (is_text(element.type.kind) && strict) element.sql = cast(element.sql, value.type);
      sql += (i > 1 ? "," : "") + element.sql;
    }
  }
  return typed(sql + "))", make_type(Kind::Bit));
}

Typed Emitter::subquery(const Expr& one) {
  std::vector<Column> columns;
  std::string sql = query(*one.query, columns);
  if (one.node == Node::Exists) return typed("EXISTS(" + sql + ")", make_type(Kind::Bit), false);
  if (one.node == Node::Subquery) {
    return typed("(" + sql + ")", columns.empty() ? make_type(Kind::Int) : columns[0].type);
  }
  std::string value = expr_sql(*one.args[0]), op = one.text;
  static constexpr const char* kOpposite[][2] = {{"=", "<>"}, {"<>", "="}, {"<", ">="},
                                                 {">", "<="}, {"<=", ">"}, {">=", "<"}};
  if (one.negated) {
    for (const auto& pair : kOpposite) {
      if (one.text == pair[0]) op = pair[1];
    }
  }
  std::string exists = "EXISTS(SELECT 1 FROM (" + sql + ") AS q(v) WHERE " + value + " " + op + " q.v)";
  exists = "EXISTS(WITH q(v) AS (" + sql + ") SELECT 1 FROM q WHERE " + value + " " + op + " q.v)";
  return typed(one.negated ? "(NOT " + exists + ")" : exists, make_type(Kind::Bit), false);
}

Typed Emitter::case_of(const Expr& one) {
  std::string sql = "(CASE";
  std::size_t i = 0;
  Typed subject;
  bool simple = one.text == "simple", any = false;
  if (simple) subject = expr(*one.args[i++]);
  Type type = make_type(Kind::Int);
  auto meet = [&](const Typed& value) {
    if (value.node == Node::Null) return;
    type = any ? common_type(type, value.type) : value.type;
    any = true;
  };
  for (; i + 1 < one.args.size(); i += 2) {
    Typed when = expr(*one.args[i]), then = expr(*one.args[i + 1]);
    meet(then);
    sql += " WHEN " + (simple ? comparison("=", subject, when).sql : when.sql) + " THEN " + then.sql;
  }
  if (one.negated) {
    Typed otherwise = expr(*one.args.back());
    meet(otherwise);
    sql += " ELSE " + otherwise.sql;
  }
  return typed(sql + " END)", type);
}

}  // namespace holdfast::sqlnode
