// Collects what is wrong with a file, and finds where a directive stands in its tree, so that a check made
// late (a reference between sections) still points at the right line. One Report serves one load.
// It never sees a secret: callers put no header value and no file content into a message.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/load.h"
#include "conf/tree.h"

namespace holdfast::conf {

class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  void error(Place place, std::string text) { add(true, place, std::move(text)); }
  void warning(Place place, std::string text) { add(false, place, std::move(text)); }

  /// The file's tree, in which places are looked up; it must outlive the report. Before, nothing has a place.
  void look_in(const Value& root) { root_ = &root; }
  /// Where `path`, such as "listen.portal.timeouts.idle" or "route.0.listen.1", stands; what was left to its
  /// default stands where its section does.
  Place place(std::string_view path) const { return find(path).place; }
  bool given(std::string_view path) const { return find(path).whole; }

  bool failed() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  /// Marks a section that has a mistake of its own: what would follow from it is not reported too.
  void spoil(const std::string& path) { spoiled_.insert(path); }
  bool spoiled(const std::string& path) const { return spoiled_.contains(path); }
  std::vector<Diagnostic> take();  ///< in the file's order

 private:
  struct Found {
    Place place;
    bool whole = false;  ///< the path's end was found, not only a table above it
  };

  void add(bool error, Place place, std::string text);
  Found find(std::string_view path) const;

  std::string file_;
  const Value* root_ = nullptr;
  std::vector<Diagnostic> diagnostics_;  ///< in the file's order; of one place, in that of their report
  std::set<std::string> spoiled_;
  std::size_t errors_ = 0;
};

/// "\"name\"", with control bytes made visible and a long text cut.
std::string quoted(std::string_view text);
/// "; did you mean \"path\"?" if a valid name is near, or what is valid if that is short, or nothing.
std::string suggestion(std::string_view name, std::span<const std::string_view> valid);

}  // namespace holdfast::conf
