// Which route a request takes: a pure function of one Snapshot, built when the snapshot is, read by
// every loop without a lock. It owns tables only; routes belong to the snapshot, which must outlive it.
//
// The most specific route that matches wins. Hosts first: an exact name, then the longest "*.suffix"
// (any depth below the suffix, not the suffix itself), then routes for any host. Within a host, paths are
// compared segment by segment from the left: a literal beats "*", and "*" beats the rest-of-path "/*" at
// the end. So "/a" beats "/a/*", "/a/b/*" beats "/a/*", "/a/x/*" beats "/a/*/b". "/a/*" matches "/a" and
// all below it; "/*" matches everything; "*" inside matches one segment that is not empty. A route that
// names the method beats one that takes any; a route that does not take the method does not match.
// Of two equal routes the first in the file wins.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/router_trie.h"

namespace holdfast {

/// The routes of one listener. Resolve it once per connection, not per request.
class ListenRoutes {
  friend class Router;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Hosts = std::unordered_map<std::string, PathTrie::Node, Hash, std::equal_to<>>;

  Hosts exact_;
  Hosts below_;                       // of "*.x", keyed by "x"
  PathTrie::Node any_ = PathTrie::none;
};

class Router {
 public:
  enum class Miss : std::uint8_t {
    None,
    NotFound,  ///< no route for this host and path: 404
    Method,    ///< routes for the path exist, none for the method: 405
    Path,      ///< the path cannot be read in one way only: 400
  };
  struct Match {
    const conf::Route* route = nullptr;
    Miss miss = Miss::None;
  };

  explicit Router(const conf::Snapshot& snapshot);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// `listen` is an index into Snapshot::listens. Never null for a valid index.
  const ListenRoutes* routes_of(std::size_t listen) const;
  /// `host` may carry a port, a trailing dot and any case; `path` is the target without its query. The
  /// path is normalised first if it needs to be (see proxy/router_path.h): the request itself is
  /// forwarded as it came. Allocates only in that case.
  Match match(const ListenRoutes& routes, std::string_view host, std::string_view path,
              std::string_view method) const;
  const conf::Route* find(const ListenRoutes& routes, std::string_view host, std::string_view path,
                          std::string_view method) const {
    return match(routes, host, path, method).route;
  }

 private:
  void add(ListenRoutes& routes, std::string_view host, const conf::Route& route);
  const conf::Route* find_by_host(const ListenRoutes& routes, std::string_view host, std::string_view path,
                                  std::string_view method, bool& wrong_method) const;

  PathTrie trie_;
  std::vector<ListenRoutes> listens_;
};

}  // namespace holdfast
