#include "proxy/router_trie.h"

#include <algorithm>
#include <functional>

namespace holdfast {

namespace {

std::size_t hash_of(PathTrie::Node parent, std::string_view segment) {
  return std::hash<std::string_view>{}(segment) ^ (std::size_t{parent} * 0x9e3779b97f4a7c15u);
}

// Takes the segment after the leading '/' off the path; what is left is empty or begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

PathTrie::Node PathTrie::add_root() {
  points_.emplace_back();
  return static_cast<Node>(points_.size() - 1);
}

PathTrie::Edge& PathTrie::slot(std::vector<Edge>& edges, Node parent, std::string_view segment) const {
  std::size_t mask = edges.size() - 1;
  std::size_t i = hash_of(parent, segment) & mask;
  while (edges[i].child != none && (edges[i].parent != parent || edges[i].segment != segment))
    i = (i + 1) & mask;
  return edges[i];
}

void PathTrie::grow() {
  std::vector<Edge> larger(edges_.empty() ? 16 : edges_.size() * 2);
  for (const Edge& e : edges_)
    if (e.child != none) slot(larger, e.parent, e.segment) = e;
  edges_ = std::move(larger);
}

PathTrie::Node PathTrie::child(Node parent, std::string_view segment) const {
  if (edges_.empty()) return none;
  std::size_t mask = edges_.size() - 1;
  for (std::size_t i = hash_of(parent, segment) & mask; edges_[i].child != none; i = (i + 1) & mask)
    if (edges_[i].parent == parent && edges_[i].segment == segment) return edges_[i].child;
  return none;
}

PathTrie::Node PathTrie::make_child(Node parent, std::string_view segment) {
  if (Node known = child(parent, segment); known != none) return known;
  if (used_ * 2 >= edges_.size()) grow();
  Node made = add_root();
  slot(edges_, parent, segment) = {parent, made, segment};
  ++used_;
  return made;
}

void PathTrie::file_in(Routes& routes, const conf::Route& route) {
  // In the file's order within each kind: the earlier of two equal routes wins.
  auto at = routes.end();
  if (!route.methods.empty())
    at = std::find_if(routes.begin(), routes.end(), [](const conf::Route* r) { return r->methods.empty(); });
  routes.insert(at, &route);
}

void PathTrie::insert(Node root, std::string_view pattern, const conf::Route& route) {
  Node node = root;
  std::string_view rest = pattern;
  while (!rest.empty()) {
    std::string_view segment = take_segment(rest);
    if (segment == "*" && rest.empty()) return file_in(points_[node].below, route);
    if (segment != "*") {
      node = make_child(node, segment);
      continue;
    }
    if (points_[node].star == none) {
      Node made = add_root();
      points_[node].star = made;
    }
    node = points_[node].star;
  }
  file_in(points_[node].exact, route);
}

const conf::Route* PathTrie::pick(const Routes& routes, Query& query) {
  for (const conf::Route* r : routes) {
    if (r->methods.empty()) return r;
    if (std::find(r->methods.begin(), r->methods.end(), query.method) != r->methods.end()) return r;
  }
  if (!routes.empty()) query.wrong_method = true;
  return nullptr;
}

// Depth first, the more specific branch first: what is found first is what wins. Nodes form a tree, so
// each is visited at most once however the path was made.
const conf::Route* PathTrie::walk(Node node, std::string_view rest, Query& query) const {
  const Point& point = points_[node];
  if (rest.empty()) {
    if (const conf::Route* r = pick(point.exact, query)) return r;
    return pick(point.below, query);
  }
  std::string_view after = rest;
  std::string_view segment = take_segment(after);
  if (Node literal = child(node, segment); literal != none)
    if (const conf::Route* r = walk(literal, after, query)) return r;
  if (point.star != none && !segment.empty())
    if (const conf::Route* r = walk(point.star, after, query)) return r;
  return pick(point.below, query);
}

const conf::Route* PathTrie::find(Node root, std::string_view path, std::string_view method,
                                  bool& wrong_method) const {
  Query query{method};
  const conf::Route* found = nullptr;
  if (!path.empty() && path.front() == '/')
    found = walk(root, path, query);
  else
    found = pick(points_[root].below, query);  // "OPTIONS *": only a route for everything speaks for it
  wrong_method = wrong_method || query.wrong_method;
  return found;
}

}  // namespace holdfast
