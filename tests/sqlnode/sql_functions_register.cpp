// How SQLite reaches the functions: values in and out, and errors kept for the statement that runs.
#include <charconv>
#include <cmath>
#include <cstdint>

#include "tests/sqlnode/sql_functions.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

const Function* all_functions(std::size_t& count);

namespace {

struct Bound {
  Store* store;
  Host* host;
  const Function* function;
};

void answer(sqlite3_context* context, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    sqlite3_result_int64(context, *integer);
  else if (const auto* real = std::get_if<double>(&value))
    sqlite3_result_double(context, *real);
  else if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  else if (const auto* blob = std::get_if<Blob>(&value))
    sqlite3_result_blob64(context, blob->bytes.data(), blob->bytes.size(), SQLITE_TRANSIENT);
  else
    sqlite3_result_null(context);
}

/// Fifteen digits survive in a double.
bool plain_number(const std::string& text, double& number) {
  std::size_t digits = 0;
  for (char c : text) digits += c >= '0' && c <= '9';
  return digits <= 15 && parse_number(text, number);
}

Value as_sqlite(Value value, const Type& type) {
  double number = 0;
  if (type.kind != Kind::Decimal && type.kind != Kind::Money) return value;
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && plain_number(*text, number) ? Value(number) : value;
}

Value divide(const Value& a, const Value& b, bool modulo) {
  if (std::holds_alternative<std::monostate>(a) || std::holds_alternative<std::monostate>(b)) return {};
  const auto* x = std::get_if<std::int64_t>(&a);
  const auto* y = std::get_if<std::int64_t>(&b);
  if (x != nullptr && y != nullptr) {
    if (*y == 0) fail(8134, "Divide by zero error encountered.");
    if (*y == -1) return modulo ? 0 : -*x;
    return modulo ? *x % *y : *x / *y;
  }
  Type real = make_type(Kind::Float);
  double p = std::get<double>(convert(a, real)), q = std::get<double>(convert(b, real));
  if (q == 0) fail(8134, "Divide by zero error encountered.");
  return modulo ? std::fmod(p, q) : p / q;
}

Value add(const Value& a, const Value& b) {
  if (std::holds_alternative<std::monostate>(a) || std::holds_alternative<std::monostate>(b)) return {};
  bool text_a = std::holds_alternative<std::string>(a), text_b = std::holds_alternative<std::string>(b);
  if (text_a && text_b) return std::get<std::string>(a) + std::get<std::string>(b);
  const auto* x = std::get_if<Blob>(&a);
  const auto* y = std::get_if<Blob>(&b);
  if (x != nullptr && y != nullptr) return Blob{x->bytes + y->bytes};
  if (std::holds_alternative<double>(a) || std::holds_alternative<double>(b)) {
    Type real = make_type(Kind::Float);
    return std::get<double>(convert(a, real)) + std::get<double>(convert(b, real));
  }
  Type integer = make_type(Kind::BigInt);
  return std::get<std::int64_t>(convert(a, integer)) + std::get<std::int64_t>(convert(b, integer));
}

/// t_cast(value, type, style, try), t_store(value, type), t_add(a, b), t_div(a, b), t_mod(a, b),
/// t_like(text, pattern[, escape]).
Value special(const std::string& name, const std::vector<Value>& a) {
  if (name == "add") return add(a[0], a[1]);
  if (name == "div" || name == "mod") return divide(a[0], a[1], name == "mod");
  if (name == "like") {
    for (const Value& one : a) {
      if (std::holds_alternative<std::monostate>(one)) return {};
    }
    std::string escape = a.size() > 2 ? text_of(a[2]) : "";
    return static_cast<std::int64_t>(like(text_of(a[0]), text_of(a[1]), escape.empty() ? '\0' : escape[0]));
  }
  Type type = type_of_code(std::get<std::int64_t>(a[1]));
  if (name == "store") return as_sqlite(convert(a[0], type, 0, true), type);
  int style = std::holds_alternative<std::int64_t>(a[2]) ? static_cast<int>(std::get<std::int64_t>(a[2])) : 0;
  if (std::get<std::int64_t>(a[3]) == 0) return as_sqlite(convert(a[0], type, style), type);
  try {
    return as_sqlite(convert(a[0], type, style), type);
  } catch (const SqlError&) {
    return {};
  }
}

void guarded(sqlite3_context* context, Store* store, auto&& body) {
  try {
    answer(context, body());
  } catch (const SqlError& error) {
    store->raised = std::make_unique<SqlError>(error);
    sqlite3_result_error(context, error.message.text.c_str(), -1);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

void call(sqlite3_context* context, int count, sqlite3_value** values) {
  auto* bound = static_cast<Bound*>(sqlite3_user_data(context));
  std::vector<Value> arguments;
  for (int i = 0; i < count; ++i) {
    if (!bound->function->nulls && sqlite3_value_type(values[i]) == SQLITE_NULL)
      return sqlite3_result_null(context);
    arguments.push_back(value_of(values[i]));
  }
  guarded(context, bound->store, [&] {
    return bound->function->run != nullptr ? bound->function->run(arguments)
                                           : bound->host->host(bound->function->name, arguments);
  });
}

struct Special {
  Store* store;
  std::string name;
};
void call_special(sqlite3_context* context, int count, sqlite3_value** values) {
  auto* bound = static_cast<Special*>(sqlite3_user_data(context));
  std::vector<Value> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(value_of(values[i]));
  guarded(context, bound->store, [&] { return special(bound->name, arguments); });
}

/// The next identity value of a table; the session hands them out.
void call_host(sqlite3_context* context, int count, sqlite3_value** values) {
  auto* bound = static_cast<Bound*>(sqlite3_user_data(context));
  std::vector<Value> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(value_of(values[i]));
  guarded(context, bound->store, [&] { return bound->host->host("next_identity", arguments); });
}

bool like_from(const std::string& t, std::size_t i, const std::string& p, std::size_t j, char escape,
               int depth);

bool in_set(char c, const std::string& set) {
  bool negated = !set.empty() && set[0] == '^';
  bool found = false;
  for (std::size_t k = negated ? 1 : 0; k < set.size(); ++k) {
    if (k + 2 < set.size() && set[k + 1] == '-') {
      found = found || (c >= set[k] && c <= set[k + 2]);
      k += 2;
    } else {
      found = found || c == set[k];
    }
  }
  return found != negated;
}

std::size_t next_character(const std::string& t, std::size_t i) {
  for (++i; i < t.size() && (t[i] & 0xC0) == 0x80;) ++i;
  return i;
}

bool like_from(const std::string& t, std::size_t i, const std::string& p, std::size_t j, char escape,
               int depth) {
  if (depth > 100) return false;
  while (j < p.size()) {
    char c = p[j];
    if (escape != '\0' && c == escape && j + 1 < p.size()) {
      if (i >= t.size() || t[i] != p[j + 1]) return false;
      ++i, j += 2;
    } else if (c == '%') {
      while (j < p.size() && p[j] == '%') ++j;
      if (j == p.size()) return true;
      for (; i <= t.size(); ++i) {
        if (like_from(t, i, p, j, escape, depth + 1)) return true;
      }
      return false;
    } else if (i >= t.size()) {
      return false;
    } else if (c == '[' && p.find(']', j + 1) != std::string::npos) {
      std::size_t close = p.find(']', j + 1);
      if (!in_set(t[i], p.substr(j + 1, close - j - 1))) return false;
      i = next_character(t, i), j = close + 1;
    } else if (c == '_') {
      i = next_character(t, i), ++j;
    } else {
      if (t[i] != c) return false;
      ++i, ++j;
    }
  }
  return i == t.size();
}

}  // namespace

bool like(const std::string& text, const std::string& pattern, char escape) {
  return like_from(upper(text), 0, upper(pattern), 0, escape, 0);
}

Value value_of(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_value_int64(value));
    case SQLITE_FLOAT: return sqlite3_value_double(value);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      return std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
      auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
      return Blob{size == 0 ? std::string() : std::string(bytes, size)};
    }
    default: return {};
  }
}

void register_functions(Store& store, Host* host) {
  std::size_t count = 0;
  const Function* all = all_functions(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto* bound = new Bound{&store, host, all + i};
    std::string name = std::string("t_") + all[i].name;
    bool fixed = all[i].run != nullptr && all[i].least > 0 && name != "t_RAND";
    int flags = SQLITE_UTF8 | (fixed ? SQLITE_DETERMINISTIC : 0);
    sqlite3_create_function_v2(store.handle(), name.c_str(), -1, flags, bound, call, nullptr, nullptr,
                               [](void* gone) { delete static_cast<Bound*>(gone); });
  }
  sqlite3_create_function_v2(store.handle(), "t_next_identity", -1, SQLITE_UTF8,
                             new Bound{&store, host, nullptr}, call_host, nullptr, nullptr,
                             [](void* gone) { delete static_cast<Bound*>(gone); });
  for (const char* name : {"add", "div", "mod", "like", "store", "cast"}) {
    std::string full = std::string("t_") + name;
    sqlite3_create_function_v2(store.handle(), full.c_str(), -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                               new Special{&store, name}, call_special, nullptr, nullptr,
                               [](void* gone) { delete static_cast<Special*>(gone); });
  }
}

void bind_value(sqlite3_stmt* statement, int index, const Value& given, const Type& type) {
  Value value = as_sqlite(given, type);
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    sqlite3_bind_int64(statement, index, *integer);
  else if (const auto* real = std::get_if<double>(&value))
    sqlite3_bind_double(statement, index, *real);
  else if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  else if (const auto* blob = std::get_if<Blob>(&value))
    sqlite3_bind_blob64(statement, index, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size(),
                        SQLITE_TRANSIENT);
  else
    sqlite3_bind_null(statement, index);
}

Value column_value(sqlite3_stmt* statement, int index, const Type& type) {
  sqlite3_value* raw = sqlite3_column_value(statement, index);
  if (is_integer(type.kind) && sqlite3_value_type(raw) == SQLITE_INTEGER) {
    return type.kind == Kind::BigInt ? value_of(raw) : convert(value_of(raw), type);
  }
  return convert(value_of(raw), type);
}

}  // namespace holdfast::sqlnode
