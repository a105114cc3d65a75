#include "proxy/balancer.h"

#include "proxy/base/check.h"

namespace holdfast {

namespace {

bool usable(const ServiceView& view, int i) {
  return i >= 0 && static_cast<std::size_t>(i) < view.instances.size() &&
         view.instances[static_cast<std::size_t>(i)].usable;
}

bool avoided(std::uint64_t avoid, std::size_t i) { return i < 64 && (avoid >> i & 1) != 0; }

int least_loaded(const ServiceView& view, const BalanceInput& input, std::uint64_t avoid) {
  std::size_t count = view.instances.size();
  int best = -1;
  std::uint64_t best_load = 0, best_weight = 0;
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t i = (input.turn + k) % count;
    std::uint64_t weight = view.instances[i].weight;
    if (!view.instances[i].usable || weight == 0 || avoided(avoid, i)) continue;
    std::uint64_t load = (i < input.outstanding.size() ? input.outstanding[i] : 0u) + std::uint64_t{1};
    // load / weight < best_load / best_weight, without dividing.
    if (best >= 0 && load * best_weight >= best_load * weight) continue;
    best = static_cast<int>(i);
    best_load = load;
    best_weight = weight;
  }
  return best;
}

// FNV-1a with a final mix: stable for ever, because clients keep it in cookies.
std::uint64_t stable_hash(std::string_view service, std::string_view instance) {
  std::uint64_t h = 0xcbf29ce484222325u;
  auto eat = [&h](std::string_view s) {
    for (char c : s) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  };
  eat(service);
  eat(std::string_view("\0", 1));
  eat(instance);
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 27) * 0x94d049bb133111ebu;
  return h ^ h >> 31;
}

std::string_view trim(std::string_view s) {
  while (s.starts_with(' ') || s.starts_with('\t')) s.remove_prefix(1);
  while (s.ends_with(' ') || s.ends_with('\t')) s.remove_suffix(1);
  return s;
}

}  // namespace

int choose(const ServiceView& view, const BalanceInput& input) {
  if (input.mode == conf::Mode::ActiveStandby) return usable(view, view.active) ? view.active : -1;
  if (usable(view, input.sticky) && !avoided(input.avoid, static_cast<std::size_t>(input.sticky)))
    return input.sticky;
  int best = least_loaded(view, input, input.avoid);
  return best >= 0 || input.avoid == 0 ? best : least_loaded(view, input, 0);
}

std::string cookie_value(const conf::Service& service, std::size_t instance) {
  CHECK(instance < service.instances.size());
  static constexpr char digits[] = "0123456789abcdef";
  std::uint64_t h = stable_hash(service.name, service.instances[instance].name);
  std::string text(16, '0');
  for (std::size_t i = 0; i < 16; ++i) text[i] = digits[h >> (60 - 4 * i) & 15];
  return text;
}

int sticky_instance(const conf::Service& service, std::string_view cookie_field) {
  if (service.cookie.empty()) return -1;
  while (!cookie_field.empty()) {
    std::string_view pair = trim(cookie_field.substr(0, cookie_field.find(';')));
    std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == service.cookie) {
      for (std::size_t i = 0; i < service.instances.size(); ++i)
        if (cookie_value(service, i) == pair.substr(equals + 1)) return static_cast<int>(i);
    }
    std::size_t next = cookie_field.find(';');
    if (next == std::string_view::npos) break;
    cookie_field.remove_prefix(next + 1);
  }
  return -1;
}

}  // namespace holdfast
