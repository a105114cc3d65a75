#include <algorithm>
#include <cctype>

#include "tests/tidy_check.h"

namespace holdfast::tidy {
namespace {

constexpr unsigned file_lines_max = 500, line_columns_max = 120, function_lines_max = 70;

using List = std::vector<std::string_view>;

// Libraries and the command line speak in exceptions at their borders; nothing else does. The one in
// message.cpp stands in a consteval function: it can only ever be a compiler's error.
const List may_throw = {"conf/parse.cpp", "proxy/main.cpp", "proxy/http/message.cpp", "tests/", "bench/"};
const List program = {"proxy/", "tds/", "vrrp/", "conf/"};
// A Plan is a Snapshot with what is derived from it; it is const once it is made.
const List shared = {"const Snapshot>", "const conf::Snapshot>", "const Plan>",
                     "Plan> plan(new",  "const TlsContext>",     "const io::TlsContext>"};

// Tables of one row a line read better than wrapped ones; functions that only hold one are no code.
const List wide_tables = {"conf/schema"};
const List table_functions = {"rows", "table"};

// Written in halves, so that this file does not find itself.
const List machine_paths = {
    "/wo"
    "rk/",
    "/ro"
    "ot/",
    "/ho"
    "me/"};
const List foreign_words = {
    "up"
    "stream",
    "down"
    "stream"};

const List top_level = {"CMakeLists.txt", "CMakePresets.json",
                        "README.md",      "LICENSE",
                        "bench",          "conf",
                        "proxy",          "tds",
                        "tests",          "vrrp"};

std::size_t columns(std::string_view line) {
  return static_cast<std::size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::size_t find_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != line.npos; at = line.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word(line[at - 1]);
    const bool ends = at + word.size() == line.size() || !is_word(line[at + word.size()]);
    if (begins && ends) return at;
  }
  return line.npos;
}

bool contains_any(std::string_view line, const List& needles) {
  return std::any_of(needles.begin(), needles.end(),
                     [&](std::string_view n) { return line.find(n) != line.npos; });
}

/// Calls f(line, number) for each line.
template <class F>
unsigned for_each_line(std::string_view text, F&& f) {
  unsigned number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    f(line, ++number);
  }
  return number;
}

void check_code_line(std::string_view path, std::string_view line, const std::string& where,
                     Complaints& out) {
  if (!starts_with_any(path, may_throw) && find_word(line, "throw") != line.npos)
    out.push_back(where + "throw: errors are values here");
  if (!starts_with_any(path, program)) return;
  const std::size_t at = line.find("shared_ptr<");
  if (at != line.npos && !starts_with_any(line.substr(at + 11), shared))
    out.push_back(where + "shared_ptr of something else than a const Snapshot, Plan or TlsContext");
  if (line.find("weak_ptr<") != line.npos) out.push_back(where + "weak_ptr: ownership is a tree");
}

void check_plain_line(std::string_view path, std::string_view line, const std::string& where,
                      Complaints& out) {
  if (is_source(path) && !starts_with_any(path, wide_tables) && columns(line) > line_columns_max)
    out.push_back(where + "longer than " + std::to_string(line_columns_max) + " columns");
  if (contains_any(line, machine_paths)) out.push_back(where + "a path of somebody's machine");
  if (!starts_with_any(path, program)) return;
  std::string lower(line);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (contains_any(lower, foreign_words)) out.push_back(where + "say `client` and `server`");
}

}  // namespace

bool is_source(std::string_view path) { return path.ends_with(".h") || path.ends_with(".cpp"); }

bool starts_with_any(std::string_view path, const List& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view p) { return path.starts_with(p); });
}

Complaints check_text(std::string_view path, std::string_view text) {
  Complaints out;
  const std::string file(path);
  auto where = [&](unsigned line) { return file + ":" + std::to_string(line) + ": "; };
  const unsigned lines = for_each_line(
      text, [&](std::string_view line, unsigned n) { check_plain_line(path, line, where(n), out); });
  if (is_source(path) || path.ends_with(".py")) {
    if (lines > file_lines_max) out.push_back(file + " has " + std::to_string(lines) + " lines");
  }
  if (!is_source(path)) return out;
  if (path.ends_with(".h") && text.find("\n#pragma once\n") == text.npos)
    out.push_back(file + " has no #pragma once");
  for_each_line(strip(text),
                [&](std::string_view line, unsigned n) { check_code_line(path, line, where(n), out); });
  for (const Function& f : functions(text)) {
    const bool table = path.starts_with("tests/") && std::find(table_functions.begin(), table_functions.end(),
                                                               f.name) != table_functions.end();
    if (f.lines > function_lines_max && !table && !f.name.starts_with("TEST_CASE"))
      out.push_back(where(f.line) + "function " + f.name + " has " + std::to_string(f.lines) + " lines");
  }
  return out;
}

Complaints check_top_level(const std::vector<std::string>& names) {
  Complaints out;
  for (const std::string& name : names) {
    if (name.starts_with(".")) continue;  // tools keep their own there
    if (std::find(top_level.begin(), top_level.end(), name) == top_level.end())
      out.push_back(name + " is not an agreed entry of the root folder");
  }
  return out;
}

}  // namespace holdfast::tidy
