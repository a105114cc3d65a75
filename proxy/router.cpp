#include "proxy/router.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"
#include "proxy/router_path.h"

namespace holdfast {

namespace {

// RFC 1035 section 2.3.4 caps a name at 255 octets: a longer one equals no configured host.
constexpr std::size_t host_max = 255;
using HostBuffer = std::array<char, host_max>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Lower case, without port and trailing dot. Empty if it is too long to be anybody's.
std::string_view canonical_host(std::string_view host, HostBuffer& buffer) {
  std::size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > host_max) return {};
  std::transform(host.begin(), host.end(), buffer.begin(), lower);
  return {buffer.data(), host.size()};
}

bool listens_on(const conf::Route& route, const conf::Listen& listen) {
  if (listen.protocol != conf::Protocol::Http) return false;
  return route.listen.empty() ||
         std::find(route.listen.begin(), route.listen.end(), listen.name) != route.listen.end();
}

}  // namespace

Router::Router(const conf::Snapshot& snapshot) : listens_(snapshot.listens.size()) {
  for (std::size_t i = 0; i < listens_.size(); ++i) {
    for (const conf::Route& route : snapshot.routes) {
      if (!listens_on(route, snapshot.listens[i])) continue;
      if (route.hosts.empty()) add(listens_[i], {}, route);
      for (const std::string& host : route.hosts) add(listens_[i], host, route);
    }
  }
}

void Router::add(ListenRoutes& routes, std::string_view host, const conf::Route& route) {
  PathTrie::Node* root = &routes.any_;
  if (!host.empty()) {
    bool wild = host.starts_with("*.");
    HostBuffer buffer;
    std::string_view name = canonical_host(wild ? host.substr(2) : host, buffer);
    ListenRoutes::Hosts& hosts = wild ? routes.below_ : routes.exact_;
    root = &hosts.try_emplace(std::string(name), PathTrie::none).first->second;
  }
  if (*root == PathTrie::none) *root = trie_.add_root();
  trie_.insert(*root, route.path, route);
}

const ListenRoutes* Router::routes_of(std::size_t listen) const {
  CHECK(listen < listens_.size());
  return &listens_[listen];
}

const conf::Route* Router::find_by_host(const ListenRoutes& routes, std::string_view host,
                                        std::string_view path, std::string_view method,
                                        bool& wrong_method) const {
  if (!routes.exact_.empty())
    if (auto it = routes.exact_.find(host); it != routes.exact_.end())
      if (const conf::Route* r = trie_.find(it->second, path, method, wrong_method)) return r;
  if (!routes.below_.empty()) {
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
      auto it = routes.below_.find(host.substr(dot + 1));
      if (it == routes.below_.end()) continue;
      if (const conf::Route* r = trie_.find(it->second, path, method, wrong_method)) return r;
    }
  }
  if (routes.any_ == PathTrie::none) return nullptr;
  return trie_.find(routes.any_, path, method, wrong_method);
}

Router::Match Router::match(const ListenRoutes& routes, std::string_view host, std::string_view path,
                            std::string_view method) const {
  std::string clean;
  if (needs_normalising(path)) {
    std::optional<std::string> normal = normalise(path);
    if (!normal) return {nullptr, Miss::Path};
    clean = std::move(*normal);
    path = clean;
  }
  HostBuffer buffer;
  bool wrong_method = false;
  if (!routes.exact_.empty() || !routes.below_.empty()) host = canonical_host(host, buffer);
  const conf::Route* route = find_by_host(routes, host, path, method, wrong_method);
  if (route) return {route, Miss::None};
  return {nullptr, wrong_method ? Miss::Method : Miss::NotFound};
}

}  // namespace holdfast
