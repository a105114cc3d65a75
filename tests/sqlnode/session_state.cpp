#include "tests/sqlnode/session_state.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/sqlnode/scalars.h"

namespace holdfast::sqlnode {
namespace {

using Values = std::vector<tds::SessionStateValue>;

struct UserOption {
  const char* name;
  std::uint32_t bit;  // of @@OPTIONS
  bool on;            // unless set otherwise
};
constexpr std::array<UserOption, 12> user_options = {{{"IMPLICIT_TRANSACTIONS", 2, false},
                                                      {"CURSOR_CLOSE_ON_COMMIT", 4, false},
                                                      {"ANSI_WARNINGS", 8, true},
                                                      {"ANSI_PADDING", 16, true},
                                                      {"ANSI_NULLS", 32, true},
                                                      {"ARITHABORT", 64, true},
                                                      {"QUOTED_IDENTIFIER", 256, true},
                                                      {"NOCOUNT", 512, false},
                                                      {"ANSI_NULL_DFLT_ON", 1024, true},
                                                      {"CONCAT_NULL_YIELDS_NULL", 4096, true},
                                                      {"NUMERIC_ROUNDABORT", 8192, false},
                                                      {"XACT_ABORT", 16384, false}}};
constexpr std::array<const char*, 6> date_formats = {"", "mdy", "dmy", "ymd", "ydm", "myd"};
constexpr std::array<const char*, 6> isolations = {
    "", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"};

std::string option(const SessionSettings& settings, const char* name, const char* otherwise) {
  const auto found = settings.options.find(name);
  return found == settings.options.end() ? otherwise : found->second;
}

std::uint32_t number(const SessionSettings& settings, const char* name, const char* otherwise) {
  return static_cast<std::uint32_t>(std::strtol(option(settings, name, otherwise).c_str(), nullptr, 10));
}

template <std::size_t N>
std::uint8_t place(const std::array<const char*, N>& names, const std::string& name, std::uint8_t otherwise) {
  for (std::size_t i = 1; i < N; ++i)
    if (name == names[i]) return static_cast<std::uint8_t>(i);
  return otherwise;
}

std::string flags_of(const SessionSettings& settings) {
  std::uint32_t flags = 0, mask = 0;
  for (const UserOption& each : user_options) {
    mask |= each.bit;
    if (option(settings, each.name, each.on ? "ON" : "OFF") == "ON") flags |= each.bit;
  }
  return to_little(flags, 4) + to_little(mask, 4);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

std::string set_options(Bytes value) {
  std::string sql;
  const auto flags = static_cast<std::uint32_t>(little(value.substr(0, 4)));
  const auto mask = static_cast<std::uint32_t>(little(value.substr(4, 4)));
  for (const UserOption& each : user_options)
    if ((mask & each.bit) != 0)
      sql += std::string("SET ") + each.name + ((flags & each.bit) != 0 ? " ON;\n" : " OFF;\n");
  return sql;
}

std::string signed_text(Bytes value) {
  const auto raw = static_cast<std::int32_t>(little(value));
  return std::to_string(value.size() == 1 ? static_cast<std::int8_t>(raw) : raw);
}

std::string context_sql(Bytes value) {
  std::string sql = "SET CONTEXT_INFO 0x";
  for (const char c : value) {
    char two[4];
    std::snprintf(two, sizeof two, "%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    sql += two;
  }
  return sql + ";\n";
}

Result<std::string> one_sql(std::uint8_t id, Bytes value) {
  const std::size_t size = value.size();
  if (id == 0 && size >= 8) return set_options(value);
  if (id == 2 && size == 2 && value[1] > 0 && value[1] < 6)
    return "SET DATEFIRST " + std::to_string(value[0]) + ";\nSET DATEFORMAT " +
           date_formats[static_cast<std::size_t>(value[1])] + ";\n";
  if (id == 4 && size == 1) return "SET DEADLOCK_PRIORITY " + signed_text(value) + ";\n";
  if (id == 5 && size == 4) return "SET LOCK_TIMEOUT " + signed_text(value) + ";\n";
  if (id == 7 && size == 1 && value[0] > 0 && value[0] < 6)
    return std::string("SET TRANSACTION ISOLATION LEVEL ") + isolations[static_cast<std::size_t>(value[0])] +
           ";\n";
  if (id == 9 && size == 4) return "SET TEXTSIZE " + signed_text(value) + ";\n";
  if (id == 11) return size == 0 ? std::string() : context_sql(value);
  return fail(Blame::Client, "session state that this node does not know");
}

}  // namespace

Values state_values(const SessionSettings& settings) {
  const std::string isolation = option(settings, "ISOLATION", "READ COMMITTED");
  const std::string priority = option(settings, "DEADLOCK_PRIORITY", "0");
  const long level = priority == "LOW"    ? -5
                     : priority == "HIGH" ? 5
                                          : std::strtol(priority.c_str(), nullptr, 10);
  return {
      {0, flags_of(settings)},
      {2, to_little(number(settings, "DATEFIRST", "7"), 1) +
              to_little(place(date_formats, lower(option(settings, "DATEFORMAT", "mdy")), 1), 1)},
      {4, to_little(static_cast<std::uint64_t>(level), 1)},
      {5, to_little(number(settings, "LOCK_TIMEOUT", "-1"), 4)},
      {7, to_little(place(isolations, isolation, 2), 1)},
      {9, to_little(number(settings, "TEXTSIZE", "2147483647"), 4)},
      {11, settings.context_info},
  };
}

Values changed_values(const Values& before, const Values& now) {
  Values changed;
  for (const auto& value : now) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& old) {
      return old.id == value.id && old.value == value.value;
    });
    if (same == before.end()) changed.push_back(value);
  }
  return changed;
}

Result<std::string> restoring_sql(const Values& states) {
  std::string sql;
  for (const auto& state : states) {
    const auto one = one_sql(state.id, state.value);
    if (!one) return std::unexpected(one.error());
    sql += *one;
  }
  return sql;
}

}  // namespace holdfast::sqlnode
