#include "conf/read.h"

#include <algorithm>
#include <utility>

#include "conf/units.h"
#include "proxy/base/check.h"

namespace holdfast::conf {
namespace {

constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kLongestList = 64;

std::string plain(std::uint64_t number) { return std::to_string(number); }
std::string millis(std::uint64_t number) {
  return format_duration(Duration::millis(static_cast<std::int64_t>(number)));
}

/// The slot's member, if there is one.
template <class T, class V>
void store(const Slot& slot, V value) {
  if (std::holds_alternative<std::monostate>(slot)) return;
  T* const* target = std::get_if<T*>(&slot);
  CHECK(target);
  **target = static_cast<T>(std::move(value));
}

void store_number(const Slot& slot, std::uint64_t number) {
  const auto into = [number](auto* target) {
    CHECK(std::in_range<std::remove_pointer_t<decltype(target)>>(number));  // a row's range fits its member
    *target = static_cast<std::remove_pointer_t<decltype(target)>>(number);
  };
  if (auto* const* small = std::get_if<std::uint16_t*>(&slot)) return into(*small);
  if (auto* const* word = std::get_if<std::uint32_t*>(&slot)) return into(*word);
  if (auto* const* large = std::get_if<std::uint64_t*>(&slot)) return into(*large);
  if (auto* const* whole = std::get_if<int*>(&slot)) return into(*whole);
  CHECK(std::holds_alternative<std::monostate>(slot));
}

void read_boolean(Reading& r, const Value& value, const Slot& slot) {
  if (value.kind != Value::Kind::Boolean) return report_type(r, value, "true or false");
  store<bool>(slot, value.boolean);
}

void read_count(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  if (value.kind != Value::Kind::Integer) return report_type(r, value, "a whole number");
  if (value.integer < 0)
    return r.report.error(value.place, "expected a number of at least " + plain(row.range.min));
  const auto number = static_cast<std::uint64_t>(value.integer);
  if (within(r, value, number, row.range, plain)) store_number(slot, number);
}

void read_size(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  if (value.kind == Value::Kind::Integer)
    return r.report.error(value.place,
                          "expected a size with its unit, such as \"64KiB\"; got the bare number " +
                              std::to_string(value.integer));
  if (value.kind != Value::Kind::Text) return report_type(r, value, "a size such as \"64KiB\" or \"1MiB\"");
  const auto bytes = parse_size(value.text);
  if (!bytes)
    return r.report.error(value.place,
                          "expected a whole number and one of B, KiB, MiB, GiB, KB, MB, GB, such as "
                          "\"64KiB\"; got " +
                              quoted(value.text));
  if (within(r, value, *bytes, row.range, format_size)) store_number(slot, *bytes);
}

void read_duration(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  if (value.kind == Value::Kind::Integer)
    return r.report.error(value.place,
                          "expected a duration with its unit, such as \"500ms\"; got the bare number " +
                              std::to_string(value.integer));
  if (value.kind != Value::Kind::Text) return report_type(r, value, "a duration such as \"500ms\" or \"4s\"");
  const auto duration = parse_duration(value.text);
  if (!duration)
    return r.report.error(value.place,
                          "expected a whole number and one of us, ms, s, m, h, d, such as \"500ms\"; got " +
                              quoted(value.text));
  // Rounded up, so that "1us" is not below a least of 1 ms only by rounding, nor "0s" above it.
  const auto ms = static_cast<std::uint64_t>(duration->ns) / 1'000'000 + (duration->ns % 1'000'000 ? 1 : 0);
  if (within(r, value, ms, row.range, millis)) store<Duration>(slot, *duration);
}

void read_choice(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  const auto names = choices(row, slot);
  if (value.kind != Value::Kind::Text) return report_type(r, value, "a text" + suggestion("", names));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != value.text) continue;
    if (std::holds_alternative<LogFormat*>(slot)) return store<LogFormat>(slot, i);
    if (std::holds_alternative<Protocol*>(slot)) return store<Protocol>(slot, i);
    if (std::holds_alternative<Mode*>(slot)) return store<Mode>(slot, i);
    if (std::holds_alternative<VrrpChecksum*>(slot)) return store<VrrpChecksum>(slot, i);
    if (std::holds_alternative<VrrpHmac*>(slot)) return store<VrrpHmac>(slot, i);
    if (std::holds_alternative<TdsMode*>(slot)) return store<TdsMode>(slot, i);
    if (std::holds_alternative<TdsEncrypt*>(slot)) return store<TdsEncrypt>(slot, i);
    if (std::holds_alternative<SessionRecovery*>(slot)) return store<SessionRecovery>(slot, i);
    if (std::holds_alternative<SqlPool*>(slot)) return store<SqlPool>(slot, i);
    return store<Replay>(slot, i);
  }
  r.report.error(value.place, quoted(value.text) + " is not a choice here" + suggestion(value.text, names));
}

void read_texts(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  std::vector<std::string> texts;
  for (const Value& item : read_list(r, row, value))
    if (const std::string* text = read_text(r, row, item)) texts.push_back(*text);
  store<std::vector<std::string>>(slot, std::move(texts));
}

/// A default is written in the schema as in a file, but without quotes.
Value default_value(const Directive& row, Place place) {
  Value value;
  value.place = place;
  value.kind = Value::Kind::Text;
  value.text = std::string(row.fallback);
  if (row.kind == Kind::Boolean) {
    value.kind = Value::Kind::Boolean;
    value.boolean = row.fallback == "true";
  } else if (row.kind == Kind::Count) {
    value.kind = Value::Kind::Integer;
    for (char c : row.fallback) value.integer = value.integer * 10 + (c - '0');
  }
  return value;
}

}  // namespace

void report_type(Reading& r, const Value& value, const std::string& expected) {
  r.report.error(value.place, "expected " + expected + "; got " + describe(value.kind));
}

bool within(Reading& r, const Value& value, std::uint64_t number, Range range,
            std::string (*format)(std::uint64_t)) {
  if (number >= range.min && number <= range.max) return true;
  r.report.error(value.place, "expected from " + format(range.min) + " to " + format(range.max) + "; got " +
                                  format(number));
  return false;
}

const std::string* read_text(Reading& r, const Directive& row, const Value& value) {
  if (value.kind != Value::Kind::Text) {
    report_type(r, value, "a text");
    return nullptr;
  }
  // A list's range is of its items; each of them is a text like any other.
  const bool list = row.kind == Kind::TextList;
  const std::size_t least = list ? 1 : std::max<std::size_t>(row.range.min, 1);
  const std::size_t most = list || !row.range.max ? kLongestText : row.range.max;
  if (value.text.size() < least || value.text.size() > most || value.text.find('\0') != std::string::npos) {
    r.report.error(value.place, "expected a text of " + plain(least) + " to " + plain(most) +
                                    " characters; got " + plain(value.text.size()));
    return nullptr;
  }
  if (const char* expected = row.rule ? row.rule(value.text) : nullptr) {
    r.report.error(value.place, std::string("expected ") + expected + "; got " + quoted(value.text));
    return nullptr;
  }
  return &value.text;
}

std::span<const Value> read_list(Reading& r, const Directive& row, const Value& value) {
  if (value.kind == Value::Kind::Text) return {&value, 1};
  if (value.kind != Value::Kind::List) {
    report_type(r, value, "a text or a list of texts");
    return {};
  }
  const std::size_t most = row.range.max ? row.range.max : kLongestList;
  if (value.items.size() < row.range.min || value.items.size() > most) {
    r.report.error(value.place, "expected " + plain(row.range.min) + " to " + plain(most) + " items; got " +
                                    plain(value.items.size()));
    return {};
  }
  return value.items;
}

void read_directive(Reading& r, const Directive& row, const Value& value, void* object,
                    const std::string& title) {
  if (row.kind == Kind::Group || row.kind == Kind::Option) {
    if (value.kind != Value::Kind::Table) return report_type(r, value, "a table { ... }");
    return read_table(r, value, row.rows, row.open(object, true), quoted(row.name) + " of " + title);
  }
  const Slot slot = row.slot(object);
  switch (row.kind) {
    case Kind::Boolean: return read_boolean(r, value, slot);
    case Kind::Count: return read_count(r, row, value, slot);
    case Kind::Size: return read_size(r, row, value, slot);
    case Kind::Duration: return read_duration(r, row, value, slot);
    case Kind::Choice: return read_choice(r, row, value, slot);
    case Kind::TextList: return read_texts(r, row, value, slot);
    case Kind::Text:
      if (const std::string* text = read_text(r, row, value)) store<std::string>(slot, *text);
      return;
    case Kind::File:
    case Kind::SecretFile:
    case Kind::Secret:
    case Kind::FileList:
    case Kind::Directory:
    case Kind::Output: return read_file_name(r, row, value, slot);
    default: return read_special(r, row, value, slot);
  }
}

void read_given(Reading& r, const Value& table, std::span<const Directive> rows, void* object,
                const std::string& title) {
  for (const Value& item : table.items) {
    const auto known = std::ranges::find(rows, std::string_view(item.name), &Directive::name);
    if (known == rows.end()) {
      std::vector<std::string_view> names;
      for (const Directive& row : rows) names.push_back(row.name);
      r.report.error(item.name_place,
                     title + " has no directive " + quoted(item.name) + suggestion(item.name, names));
      continue;
    }
    read_directive(r, *known, item, object, title);
  }
  for (const Directive& row : rows)
    if (row.required && !table.member(row.name))
      r.report.error(table.name.empty() ? table.place : table.name_place,
                     title + " needs " + quoted(row.name) + ": " + std::string(row.text));
}

void read_defaults(Reading& r, const Value& table, std::span<const Directive> rows, void* object,
                   const std::string& title) {
  for (const Directive& row : rows) {
    if (row.required || table.member(row.name)) continue;
    if (row.kind == Kind::Group) {
      Value empty;
      empty.place = table.place;
      read_table(r, empty, row.rows, row.open(object, true), title);
    } else if (!row.fallback.empty()) {
      read_directive(r, row, default_value(row, table.place), object, title);
    }
  }
}

void read_table(Reading& r, const Value& table, std::span<const Directive> rows, void* object,
                const std::string& title) {
  read_given(r, table, rows, object, title);
  read_defaults(r, table, rows, object, title);
}

}  // namespace holdfast::conf
