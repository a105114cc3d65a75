#include <algorithm>
#include <tuple>

// The library asserts what hostile text can break ("[[[" does), and with NDEBUG even lets the compiler
// assume it. Here each assertion is on in every build, and is an error like any other.
#undef NDEBUG
namespace {
struct BrokenAssertion {};
[[noreturn]] void broken_assertion() { throw BrokenAssertion(); }
}  // namespace
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : broken_assertion())
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "conf/tree.h"

namespace holdfast::conf {
namespace {

Place place_of(const toml::source_region& region) {
  return {static_cast<unsigned>(region.begin.line), static_cast<unsigned>(region.begin.column)};
}

Value convert(const toml::node& node);

void convert_members(const toml::table& table, Value& value) {
  for (const auto& [key, member] : table) {
    Value item = convert(member);
    item.name = std::string(key.str());
    item.name_place = place_of(key.source());
    value.items.push_back(std::move(item));
  }
  // The library sorts by name; the order of instances and routes has a meaning.
  std::stable_sort(value.items.begin(), value.items.end(), [](const Value& a, const Value& b) {
    return std::tie(a.name_place.line, a.name_place.column) <
           std::tie(b.name_place.line, b.name_place.column);
  });
}

Value convert(const toml::node& node) {
  Value value;
  value.place = place_of(node.source());
  if (const auto* table = node.as_table()) {
    convert_members(*table, value);
  } else if (const auto* array = node.as_array()) {
    value.kind = Value::Kind::List;
    for (const toml::node& item : *array) value.items.push_back(convert(item));
  } else if (const auto* text = node.as_string()) {
    value.kind = Value::Kind::Text;
    value.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Value::Kind::Integer;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Value::Kind::Boolean;
    value.boolean = boolean->get();
  } else {
    value.kind = node.is_floating_point() ? Value::Kind::Float : Value::Kind::Time;
  }
  return value;
}

/// What the library makes of a text: a tree or an error. False: it broke its own assertion.
bool parse_into(Parsed& parsed, std::string_view text) {
  try {
    parsed.root = convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    parsed.error = std::string(error.description());
    parsed.place = place_of(error.source());
  } catch (const BrokenAssertion&) {
    return false;
  }
  return true;
}

/// The place of the first character that breaks an assertion: the parser reads from front to back, so
/// every text that has it breaks, and none that ends before it.
Place breaking_place(std::string_view text) {
  std::size_t good = 0, bad = text.size();
  while (bad - good > 1) {
    const std::size_t middle = good + (bad - good) / 2;
    Parsed ignored;
    (parse_into(ignored, text.substr(0, middle)) ? good : bad) = middle;
  }
  Place place{1, 0};
  for (char c : text.substr(0, bad)) {
    const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;  // of a UTF-8 character
    place.column += continues ? 0 : 1;
    if (c == '\n') place = {place.line + 1, 0};
  }
  return place;
}

}  // namespace

const Value* Value::member(std::string_view wanted) const {
  for (const Value& item : items)
    if (item.name == wanted) return &item;
  return nullptr;
}

const char* describe(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::Boolean: return "a boolean";
    case Value::Kind::Integer: return "a number";
    case Value::Kind::Float: return "a fraction";
    case Value::Kind::Text: return "a text";
    case Value::Kind::Time: return "a date or time";
    case Value::Kind::List: return "a list";
    case Value::Kind::Table: return "a table";
  }
  return "a value";
}

Parsed parse(std::string_view text) {
  Parsed parsed;
  if (!parse_into(parsed, text)) {
    parsed = Parsed();
    parsed.error = "this character cannot stand here: expected a name or a value";
    parsed.place = breaking_place(text);
  }
  return parsed;
}

}  // namespace holdfast::conf
