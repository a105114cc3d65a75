#include "proxy/commands_push.h"

#include <deque>

#include <catch2/catch.hpp>

namespace holdfast {
namespace {

struct FakeTarget final : PushTarget {
  std::string text = "old", refuses_check, refuses_take;
  const std::string& current_text() const override { return text; }
  Status check_text(const std::string& t) override {
    return t == refuses_check ? fail(Blame::Operator, "line 3 is wrong") : Status();
  }
  Status take_text(const std::string& t) override {
    if (t == refuses_take) return fail(Blame::Self, "port in use");
    text = t;
    return {};
  }
};

/// Two nodes whose messages wait until they are carried.
struct Pair {
  Events events;
  FakeTarget target[2];
  std::deque<std::pair<int, vrrp::Message>> sent;
  PushSide a{events, target[0], [this](vrrp::Message m) { sent.push_back({1, std::move(m)}); }};
  PushSide b{events, target[1], [this](vrrp::Message m) { sent.push_back({0, std::move(m)}); }};
  Result<std::string> result = fail(Blame::Self, "nothing yet");
  Instant now;

  void push(const std::string& text) {
    a.begin(now, 7, text, [this](Result<std::string> r) { result = std::move(r); });
  }
  void carry(std::size_t most = 100) {
    while (!sent.empty() && most-- > 0) {
      auto [to, message] = std::move(sent.front());
      sent.pop_front();
      (to == 0 ? a : b).on_message(now, message);
    }
  }
};

TEST_CASE("a push switches both nodes") {
  Pair pair;
  pair.push("new");
  pair.carry();
  CHECK(pair.result.has_value());
  CHECK(pair.target[0].text == "new");
  CHECK(pair.target[1].text == "new");
}

TEST_CASE("whoever refuses, neither switches") {
  Pair pair;
  std::string why;
  SECTION("this node's check") { pair.target[0].refuses_check = "new", why = "this node refuses"; }
  SECTION("the other's check") { pair.target[1].refuses_check = "new", why = "line 3 is wrong"; }
  SECTION("the other's switch") { pair.target[1].refuses_take = "new", why = "port in use"; }
  SECTION("this node's switch, after the other's") {
    pair.target[0].refuses_take = "new", why = "port in use";
  }
  pair.push("new");
  pair.carry();
  REQUIRE_FALSE(pair.result.has_value());
  CHECK(pair.result.error().text.find(why) != std::string::npos);
  CHECK(pair.target[0].text == "old");
  CHECK(pair.target[1].text == "old");
}

TEST_CASE("an answer that does not come is a cancelled push") {
  Pair pair;
  pair.push("new");
  const std::size_t carried = GENERATE(0u, 1u, 2u, 3u);
  pair.carry(carried);
  pair.sent.clear();  // the rest is lost
  pair.now = pair.now + PushSide::patience;
  pair.a.on_timer(pair.now);
  pair.carry();
  CHECK_FALSE(pair.result.has_value());
  CHECK(pair.target[0].text == "old");
  CHECK(pair.target[1].text == "old");
}

TEST_CASE("a commit that was not offered changes nothing, nor does a second one") {
  Pair pair;
  pair.b.on_message(pair.now, vrrp::PushCommit{7});
  CHECK(pair.target[1].text == "old");
  pair.push("new");
  pair.carry();
  pair.b.on_message(pair.now, vrrp::PushCommit{7});
  pair.b.on_message(pair.now, vrrp::PushCancel{8});
  CHECK(pair.target[1].text == "new");
}

}  // namespace
}  // namespace holdfast
