// The one table of every directive: its name, type, default, limits, one line of text, and the member
// of the Snapshot it sets. Reading, validation, defaults, `holdfast reference` and `check --diff` all
// walk this table, so that none of them can drift from another. Adding a directive is adding a row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "conf/snapshot.h"

namespace holdfast::conf {

/// How a directive is written; each has a reader (read.cpp, read_special.cpp) and a writer (show.cpp).
enum class Kind : std::uint8_t {
  Group,      ///< a table of its own; its defaults hold even when it is absent
  Option,     ///< a table of its own that means something by being there
  Boolean,
  Count,
  Size,
  Duration,
  Text,
  TextList,   ///< one text or a list of them; so are all lists
  Choice,     ///< one of the names of the slot's enumeration
  File,       ///< must be readable now
  SecretFile, ///< a File, with a warning if others than its owner may read it
  Secret,     ///< likewise, and its contents are what is kept: trimmed, their length checked, never shown
  FileList,
  Directory,  ///< must be writable now
  Output,     ///< a file that the program makes
  BindList,
  NetworkList,
  Instances,
  CheckPath,    ///< the directive's name is the method
  CheckFlag,    ///< the directive's name is the kind of check
  StatusRange,
  TlsVersion,
  HeaderMap,    ///< the directive's name is the operation
  HeaderNames,
  ErrorPage,
  SqlRules,
  TimeOfDay,    ///< "22:30", kept as minutes
};

/// Where a directive's value goes. monostate: it is checked, and kept nowhere.
using Slot = std::variant<std::monostate, bool*, int*, std::uint16_t*, std::uint32_t*, std::uint64_t*,
                          Duration*, std::string*, std::vector<std::string>*, std::vector<Address>*,
                          std::vector<Network>*, std::vector<Instance>*, LogFormat*, Protocol*, Mode*,
                          Replay*, VrrpChecksum*, VrrpHmac*, Check*, std::vector<HeaderOp>*, Route*,
                          holdfast::Secret*, TdsMode*, TdsEncrypt*, SessionRecovery*, SqlPool*,
                          std::vector<SqlRule>*>;

/// Lowest and highest: of a count, of a size in bytes, of a duration in milliseconds, of the number of
/// characters of a text, of bytes of a secret and of items of a list; of a choice how many of its names may
/// stand here.
struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = 0;  ///< 0: the kind's own
};

/// What a text has to be, if this one is not: "a path that starts with \"/\"". Null: it is right.
using Rule = const char* (*)(std::string_view text);

struct Directive {
  std::string_view name;
  Kind kind = Kind::Text;
  std::string_view fallback;        ///< as in the file, without quotes; empty: none
  Slot (*slot)(void*) = nullptr;    ///< from the section's object; not for Group and Option
  std::string_view text;            ///< one line for the reference
  Range range = {};
  Rule rule = nullptr;              ///< Text, TextList
  bool required = false;
  std::span<const Directive> rows = {};         ///< Group, Option
  void* (*open)(void*, bool make) = nullptr;    ///< Group, Option: the rows' object; null: it is not there
};

/// The row of a table of its own: Group or Option.
constexpr Directive table(std::string_view name, Kind kind, std::span<const Directive> rows,
                          void* (*open)(void*, bool), std::string_view text) {
  Directive row;
  row.name = name;
  row.kind = kind;
  row.text = text;
  row.rows = rows;
  row.open = open;
  return row;
}

enum class Shape : std::uint8_t { One, Named, List };  ///< [x], [x.NAME], [[x]]

struct Item {
  std::string_view name;  ///< empty for Shape::One
  void* object;
};

struct Section {
  std::string_view name;
  Shape shape;
  std::string_view text;
  std::span<const Directive> rows;
  void* (*add)(Snapshot&, const std::string& name);
  std::vector<Item> (*items)(Snapshot&);
  // Of Shape::List, for there may be thousands:
  void* (*copy)(Snapshot&, const void* object) = nullptr;           ///< adds one like this
  bool (*equal)(const void* object, const void* other) = nullptr;
};

/// In the order in which they are read: what others refer to comes first.
std::span<const Section> sections();

std::span<const Directive> cluster_rows();
std::span<const Directive> node_rows();
std::span<const Directive> vip_rows();
std::span<const Directive> process_rows();
std::span<const Directive> admin_rows();
std::span<const Directive> listen_rows();
std::span<const Directive> service_rows();
std::span<const Directive> instance_rows();  ///< an instance written as a table
std::span<const Directive> sql_rule_rows();  ///< one of a service's `sql.rule`
std::span<const Directive> route_rows();

/// The names of an enumeration that the row takes, in its order. Empty for a slot that is no enumeration.
std::span<const std::string_view> choices(const Directive& row, const Slot& slot);

// ---- slots: slot<&Listen::limits, &HttpLimits::header_bytes> ----

template <class>
struct OwnerOf;
template <class T, class M>
struct OwnerOf<M T::*> {
  using type = T;
};

template <auto First, auto... Rest>
Slot slot(void* object) {
  using Owner = typename OwnerOf<decltype(First)>::type;
  return &((static_cast<Owner*>(object)->*First).*....*Rest);
}

template <class T>
Slot whole(void* object) {
  return static_cast<T*>(object);
}

/// A group whose rows fill the section's own object.
inline void* same(void* object, bool) { return object; }

template <auto Member>
void* part(void* object, bool make) {
  using Owner = typename OwnerOf<decltype(Member)>::type;
  auto& member = static_cast<Owner*>(object)->*Member;
  if constexpr (requires {
                  member.emplace();
                  member.has_value();
                }) {
    if (make) member.emplace();
    return member ? &*member : nullptr;
  } else {
    return &member;
  }
}

}  // namespace holdfast::conf
