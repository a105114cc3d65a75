// What one directive cannot know: references between sections, duplicates, unreachable routes, and
// which node this is. Works on a Snapshot that was read, and reports at the places of the file.
#pragma once

#include "conf/load.h"
#include "conf/report.h"

namespace holdfast::conf {

void validate(Snapshot& snapshot, Report& report);
void validate_cluster(const Snapshot& snapshot, Report& report);
void validate_routes(Snapshot& snapshot, Report& report);
/// Defaults that hang on other directives: a monitor takes the place of the check, a certificate allows TLS.
void settle_tds(Snapshot& snapshot, Report& report);
void check_tds_listen(const Snapshot& snapshot, const Listen& listen, Report& report);

/// Sets snapshot.node: by --node, else by this host's name, else by its addresses.
void find_node(Snapshot& snapshot, const LoadOptions& options, Report& report);

/// "; did you mean ...?" over the names of a vector of nodes, listeners, services.
template <class T>
std::string name_suggestion(std::string_view name, const std::vector<T>& all) {
  std::vector<std::string_view> names;
  for (const T& item : all) names.push_back(item.name);
  return suggestion(name, names);
}

template <class T>
bool contains_name(const std::vector<T>& all, std::string_view name) {
  for (const T& item : all)
    if (item.name == name) return true;
  return false;
}

}  // namespace holdfast::conf
