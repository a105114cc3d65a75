// The rules of this tree as functions from a file's path and text to complaints. They read no disk, so
// that the rules themselves can be tested on made-up files. tidy_test.cpp applies them to the tree.
// They link nothing but the standard library: a broken program cannot keep them from running.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tidy {

using Complaints = std::vector<std::string>;

/// Paths are relative to the root, with '/'.
bool is_source(std::string_view path);                     ///< .h or .cpp
bool starts_with_any(std::string_view path, const std::vector<std::string_view>& prefixes);

/// The dependency rules: layers, libraries, POSIX headers in machines, heavy headers in headers.
Complaints check_includes(std::string_view path, std::string_view text);

/// Length of file and lines, words, machine paths, throw, shared_ptr, length of functions.
Complaints check_text(std::string_view path, std::string_view text);

/// An entry of the root folder that nobody agreed to.
Complaints check_top_level(const std::vector<std::string>& names);

/// Code with comments and the insides of literals blanked; line breaks stay where they were.
std::string strip(std::string_view text);

struct Function {
  std::string name;
  unsigned line = 0;   ///< of its first line, from 1
  unsigned lines = 0;
};
/// Bodies found by their braces. It knows nothing of macros and templates; it does not need to.
std::vector<Function> functions(std::string_view text);

}  // namespace holdfast::tidy
