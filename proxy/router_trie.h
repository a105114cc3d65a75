// The paths of all routes as one trie of segments with many roots, one per listener and host pattern.
// Children sit in a single open-addressed table keyed by (parent, segment), so that a step costs one
// hash whether a node has two children or ten thousand. Filled once by the router, then only read; a
// lookup allocates nothing and never goes deeper than the longest configured pattern.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"

namespace holdfast {

class PathTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node none = UINT32_MAX;

  Node add_root();
  /// `pattern` is a route's path and must outlive the trie, as must the route.
  void insert(Node root, std::string_view pattern, const conf::Route& route);
  /// The most specific route, or null. `wrong_method` becomes true when a route matched the path and
  /// its methods did not include this one; it is never set to false.
  const conf::Route* find(Node root, std::string_view path, std::string_view method,
                          bool& wrong_method) const;

 private:
  using Routes = std::vector<const conf::Route*>;  // those that name methods first
  struct Point {
    Node star = none;
    Routes exact;
    Routes below;   // "/*" at the end: this node and everything under it
  };
  struct Edge {
    Node parent = none;
    Node child = none;
    std::string_view segment;
  };
  struct Query {
    std::string_view method;
    bool wrong_method = false;
  };

  Node child(Node parent, std::string_view segment) const;
  Node make_child(Node parent, std::string_view segment);
  void grow();
  Edge& slot(std::vector<Edge>& edges, Node parent, std::string_view segment) const;
  const conf::Route* walk(Node node, std::string_view rest, Query& query) const;
  static const conf::Route* pick(const Routes& routes, Query& query);
  static void file_in(Routes& routes, const conf::Route& route);

  std::vector<Point> points_;
  std::vector<Edge> edges_;   // a power of two, at most half full
  std::size_t used_ = 0;
};

}  // namespace holdfast
