#include "proxy/balancer.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace holdfast;

namespace {

ServiceView view_of(std::vector<InstanceView> instances, int active = -1) {
  ServiceView v;
  v.active = active;
  v.instances = std::move(instances);
  for (const InstanceView& i : v.instances) v.any = v.any || i.usable;
  return v;
}

constexpr InstanceView up(std::uint32_t weight = 1) { return {true, false, weight}; }
constexpr InstanceView down(std::uint32_t weight = 1) { return {false, true, weight}; }

BalanceInput balance(const std::vector<std::uint32_t>& outstanding, std::uint32_t turn = 0) {
  return {conf::Mode::Balance, outstanding, 0, -1, turn};
}

}  // namespace

TEST_CASE("active-standby takes the active instance and nothing else") {
  BalanceInput in;
  in.sticky = 1;
  in.avoid = 1;
  CHECK(choose(view_of({up(), up()}, 0), in) == 0);
  CHECK(choose(view_of({up(), up()}, 1), in) == 1);
  CHECK(choose(view_of({up(), up()}, -1), in) == -1);
  CHECK(choose(view_of({down(), up()}, 0), in) == -1);
  CHECK(choose(view_of({up()}, 5), in) == -1);
  CHECK(choose(view_of({}), in) == -1);
}

TEST_CASE("balance takes the least outstanding per weight") {
  auto v = view_of({up(1), up(2), down(9), up(0)});
  CHECK(choose(v, balance({0, 0, 0, 0})) == 1);
  CHECK(choose(v, balance({0, 1, 0, 0}, 0)) == 0);
  CHECK(choose(v, balance({5, 20, 0, 0})) == 0);
  CHECK(choose(v, balance({20, 20, 0, 0})) == 1);
  CHECK(choose(view_of({down(), up(0)}), balance({})) == -1);
}

TEST_CASE("loads follow the weights, and equals take turns") {
  auto v = view_of({up(1), up(3), up(2)});
  std::vector<std::uint32_t> load(3, 0);
  for (std::uint32_t turn = 0; turn < 600; ++turn) {
    int i = choose(v, balance(load, turn));
    REQUIRE(i >= 0);
    ++load[static_cast<std::size_t>(i)];
  }
  CHECK(load == std::vector<std::uint32_t>{100, 300, 200});
  auto equal = view_of({up(), up(), up()});
  for (std::uint32_t turn = 0; turn < 9; ++turn)
    CHECK(choose(equal, balance({}, turn)) == static_cast<int>(turn % 3));
}

TEST_CASE("an instance that failed this request is taken again only when no other is left") {
  std::vector<std::uint32_t> load{0, 50};
  BalanceInput in = balance(load);
  in.avoid = 1;
  CHECK(choose(view_of({up(), up()}), in) == 1);
  CHECK(choose(view_of({up(), down()}), in) == 0);
  in.sticky = 0;
  CHECK(choose(view_of({up(), up()}), in) == 1);
}

TEST_CASE("a cookie pins to a usable instance, even of weight 0") {
  std::vector<std::uint32_t> load{90, 0};
  BalanceInput in = balance(load);
  in.sticky = 0;
  CHECK(choose(view_of({up(), up()}), in) == 0);
  CHECK(choose(view_of({up(0), up()}), in) == 0);
  CHECK(choose(view_of({down(), up()}), in) == 1);
  in.sticky = 7;
  CHECK(choose(view_of({up(), up()}), in) == 1);
}

TEST_CASE("cookie values are stable, opaque and found in any Cookie field") {
  conf::Service s;
  s.name = "supervisor";
  s.cookie = "HF";
  s.instances.resize(2);
  s.instances[0].name = "ef-a";
  s.instances[1].name = "ef-b";
  std::string a = cookie_value(s, 0), b = cookie_value(s, 1);
  // Fixed for ever: clients hold these across upgrades.
  CHECK(a == "b07dd676c81e3377");
  CHECK(b != a);
  CHECK(sticky_instance(s, "HF=" + a) == 0);
  CHECK(sticky_instance(s, "x=1; HF=" + b + "; y=2") == 1);
  CHECK(sticky_instance(s, "XHF=" + b) == -1);
  CHECK(sticky_instance(s, "hf=" + b) == -1);
  CHECK(sticky_instance(s, "HF=ef-a") == -1);
  CHECK(sticky_instance(s, "HF; ;=;") == -1);
  CHECK(sticky_instance(s, "HF=zzz; HF=" + b) == 1);
  conf::Service other = s;
  other.name = "reports";
  CHECK(cookie_value(other, 0) != a);
  other.cookie.clear();
  CHECK(sticky_instance(other, "=" + cookie_value(other, 0)) == -1);
}
