#include "tds/text_memory.h"

#include <catch2/catch.hpp>

#include "tds/little.h"

using namespace holdfast::tds;

namespace {

void same(const TextFacts& a, const TextFacts& b) {
  CHECK(a.statement.read_only == b.statement.read_only);
  CHECK(a.statement.plain == b.statement.plain);
  CHECK(a.statement.commits == b.statement.commits);
  CHECK(a.single == b.single);
  CHECK(a.rolls_back == b.rolls_back);
  CHECK(a.begins == b.begins);
  CHECK(a.repeatable == b.repeatable);
  CHECK(a.digest.hash == b.digest.hash);
  CHECK(a.digest.text == b.digest.text);
}

}  // namespace

TEST_CASE("TextMemory says of a remembered text what it said the first time") {
  for (const char* said : {"SELECT a FROM t WHERE b = 1", "UPDATE t SET a = 2", "COMMIT", "BEGIN TRAN",
                           "IF @@TRANCOUNT > 0 ROLLBACK TRAN", "SET LOCK_TIMEOUT 5", "USE app", "'", ""}) {
    INFO(said);
    TextMemory memory(256), fresh(256);
    const std::string text = to_utf16(said);
    memory.read(text, false);
    memory.read(text, false);
    same(*memory.read(text, false), *fresh.read(text, false));
  }
}

TEST_CASE("TextMemory remembers a text at its second coming, and then gives the same place") {
  TextMemory memory(256);
  const std::string text = to_utf16("SELECT 1"), other = to_utf16("DELETE FROM t");
  const TextRef one = memory.read(text, false), two = memory.read(text, false);
  const TextFacts *first = &*one, *second = &*two;
  CHECK(first != second);
  memory.read(other, false);
  CHECK(&*memory.read(text, false) == second);
  CHECK(second->repeatable);
}

TEST_CASE("TextMemory keeps nested texts and batches apart: SET in one of them ends with it") {
  TextMemory memory(0);
  const std::string text = to_utf16("SET LOCK_TIMEOUT 5");
  for (int i = 0; i < 3; ++i) {
    CHECK(memory.read(text, false)->statement.settings.size() == 1);
    CHECK(memory.read(text, true)->statement.settings.empty());
  }
  CHECK(memory.read(text, false)->digest.hash == 0);
}

TEST_CASE("TextMemory answers rightly for more texts than it has room for") {
  TextMemory memory(64);
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 3000; ++i) {
      const std::string n = std::to_string(i);
      const bool reads = i % 2 == 0;
      const TextRef facts =
          memory.read(to_utf16((reads ? "SELECT a" : "DELETE FROM a") + n + (reads ? " FROM t" : "")), false);
      REQUIRE(facts->statement.read_only == reads);
      REQUIRE(facts->digest.text.find(n) != std::string::npos);
    }
}

TEST_CASE("a single statement is one that ends or begins nothing else") {
  TextMemory memory(0);
  CHECK(memory.read(to_utf16("UPDATE t SET a = 1"), true)->single);
  CHECK_FALSE(memory.read(to_utf16("EXEC p; UPDATE t SET a = 1"), true)->single);
  CHECK_FALSE(memory.read(to_utf16("UPDATE t SET a = 1; UPDATE t SET a = 2"), true)->single);
}
