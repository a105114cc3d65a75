#include "proxy/base/list.h"

#undef CHECK  // Catch's own from here on
#include <catch2/catch.hpp>

#include <memory>
#include <string>

using holdfast::List;
using holdfast::ListNode;

namespace {

struct Other;
struct Item : ListNode<Item>, ListNode<Item, Other> {
  explicit Item(char n) : name(n) {}
  char name;
};
using Main = ListNode<Item>;

std::string names(const List<Item>& list) {
  std::string all;
  for (Item* i = list.front(); i; i = List<Item>::next(*i)) all += i->name;
  return all;
}

}  // namespace

TEST_CASE("a list keeps order, and a node leaves from anywhere") {
  Item a('a'), b('b'), c('c');
  List<Item> list;
  CHECK(list.empty());
  CHECK(list.pop_front() == nullptr);
  CHECK(list.pop_back() == nullptr);
  list.push_back(a), list.push_back(b), list.push_back(c);
  CHECK(names(list) == "abc");
  static_cast<Main&>(b).unlink();
  static_cast<Main&>(b).unlink();
  CHECK(names(list) == "ac");
  CHECK(list.size() == 2);
  CHECK_FALSE(static_cast<Main&>(b).linked());
  list.push_back(b);
  CHECK(list.pop_front() == &a);
  CHECK(list.back() == &b);
  CHECK(list.pop_back() == &b);
  CHECK(list.pop_back() == &c);
  CHECK(list.empty());
}

TEST_CASE("a node that dies takes itself out, and a list that dies frees its nodes") {
  List<Item> list;
  Item a('a');
  auto b = std::make_unique<Item>('b');
  list.push_back(a), list.push_back(*b);
  b.reset();
  CHECK(names(list) == "a");
  {
    List<Item> shorter;
    list.pop_front();
    shorter.push_back(a);
  }
  CHECK_FALSE(static_cast<Main&>(a).linked());
  list.push_back(a);
  CHECK(list.size() == 1);
}

TEST_CASE("one object may be in lists of different tags") {
  Item a('a');
  List<Item> list;
  List<Item, Other> other;
  list.push_back(a), other.push_back(a);
  CHECK(list.front() == &a);
  CHECK(other.pop_front() == &a);
  CHECK(list.size() == 1);
}
