// A configuration file as a small tree of values that know their place in it. This is all that the
// rest of conf sees of TOML; only parse.cpp knows the library. Values are plain and owned by the tree.
// A tree says nothing about what the names mean: that is the schema's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::conf {

struct Place {
  unsigned line = 0;    ///< from 1; 0: the file as a whole
  unsigned column = 0;  ///< from 1, in characters
};

struct Value {
  enum class Kind : std::uint8_t { Boolean, Integer, Float, Text, Time, List, Table };

  Kind kind = Kind::Table;
  Place place;
  std::string name;          ///< as a member of a table
  Place name_place;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;
  std::vector<Value> items;  ///< of a list, or a table's members in the file's order

  const Value* member(std::string_view wanted) const;
};

/// What a value is, for a message: "a number", "a table".
const char* describe(Value::Kind kind);

struct Parsed {
  Value root;
  std::string error;  ///< empty: none. The TOML library stops at the first
  Place place;        ///< of the error
};

Parsed parse(std::string_view text);

}  // namespace holdfast::conf
