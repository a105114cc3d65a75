#include "tds/digest.h"

#include <catch2/catch.hpp>
#include <string>

#include "tds/little.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

std::string text(const std::string& utf8) {
  const std::string utf16 = to_utf16(utf8);
  const StatementDigest d = digest_of(utf16);
  CHECK(d.hash == digest_hash(utf16));
  CHECK(d.hash != 0);
  return d.text;
}

}  // namespace

TEST_CASE("digest: normalised texts") {
  struct Row {
    std::string text, digest;
  };
  const Row rows[] = {
      {"", ""},
      {";", ""},
      {"select  a,b\r\n\tFrom dbo . t -- x\nWHERE c='it''s' /* 5 */", "SELECT a, b FROM dbo.t WHERE c = ?"},
      {"SELECT 1;", "SELECT ?"},
      {"SELECT 1; SELECT 2 ;;", "SELECT ?; SELECT ?"},
      {"SELECT 0xAF, 1.5e3, $5, N'x'", "SELECT ?"},
      {"SELECT 1, a, 2", "SELECT ?, a, ?"},
      {"SELECT \"a\"", "SELECT ?"},
      {"a IN (1, 2, 3)", "a IN (?)"},
      {"a IN (-1, +2, @p3, NULL)", "a IN (?)"},
      {"a = -1 AND b - 1 > 2 AND c IS NULL", "a = ? AND b - ? > ? AND c IS NULL"},
      {"a - -1", "a - ?"},
      {"INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT INTO t(a, b) VALUES (?)"},
      {"INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL), (@a, DEFAULT)", "INSERT INTO t(a, b) VALUES (?)"},
      {"INSERT t VALUES (1, 2), (3, a)", "INSERT t VALUES (?), (?, a)"},
      {"VALUES (1), (f(2))", "VALUES (?), (f(?))"},
      {"VALUES (1), (2), a", "VALUES (?), a"},
      {"VALUES (1), a", "VALUES (?), a"},
      {"VALUES ((1), (2))", "VALUES ((?))"},
      {"VALUES (1),", "VALUES (?),"},
      {"VALUES (1), (", "VALUES (?), ("},
      {"VALUES (1), (2", "VALUES (?), (?"},
      {"f (1) f(1)", "f(?) f(?)"},
      {"COUNT( * ) <= 5 and a!=b or c< >d", "COUNT(*) <= ? AND a != b OR c <> d"},
      {"SELECT @a = t.Path, len(x), Name FROM [T a] x", "SELECT ? = t.Path, LEN(x), Name FROM [T a] x"},
      {"SELECT @@identity FROM #t", "SELECT @@IDENTITY FROM #t"},
      {"exec p @a = 5, @b = 'x'", "EXEC p ? = ?, ? = ?"},
      {"SELECT müşteri FROM 顧客", "SELECT müşteri FROM 顧客"},
      {"SELECT [\xf0\x9f\x98\x80]", "SELECT [\xf0\x9f\x98\x80]"},
      {"DECLARE @a int = 1, @b int = 2", "DECLARE ? int = ?, ? int = ?"},
      {"VALUES (1), (2, 3, a)", "VALUES (?), (?, a)"},
      {"VALUES (1), (2, 3 + 4)", "VALUES (?), (?, ? + ?)"},
      {"SELECT 1, 2 + 3", "SELECT ?, ? + ?"},
      {"SELECT a, 'secret", "SELECT a, ?"},
      {"SELECT 1, 'secret", "SELECT ?"},
      {"SELECT a /* secret", "SELECT a ?"},
      {"SELECT\xc2\xa0secret", "SELECT ?"},
      {"VALUES (1), (2, 'secret", "VALUES (?), (?"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(text(row.text) == row.digest);
  }
}

TEST_CASE("digest: the same question has the same digest, another has not") {
  auto hash = [](const std::string& s) { return digest_hash(to_utf16(s)); };
  const auto base = hash("SELECT a FROM t WHERE b = 1");
  for (const char* same : {"select a from t where b=2", "SELECT a FROM t WHERE b = @p;",
                           "SELECT/**/a FROM t--x\nWHERE b = N'long one'", "SELECT a FROM t WHERE b = -1"})
    CHECK(hash(same) == base);
  for (const char* other : {"SELECT a FROM t WHERE b > 1", "SELECT a FROM t WHERE c = 1",
                            "SELECT a FROM u WHERE b = 1", "SELECT a FROM t", ""})
    CHECK(hash(other) != base);
  CHECK(hash("a IN (1)") == hash("a IN (1, 2, 3, 4)"));
  CHECK(hash("INSERT t VALUES (1, 2)") == hash("INSERT t VALUES (1, 2), (3, 4), (5, 6)"));
}

TEST_CASE("digest: is the same in every version of this program, since rules name it") {
  CHECK(digest_hash(to_utf16("SELECT a FROM t WHERE b = 1")) ==
        digest_of(to_utf16("SELECT a FROM t WHERE b = 'x'")).hash);
  CHECK(digest_hash({}) == 0xefd01f60ba992926u);
}

TEST_CASE("digest: the text is cut at a character, the hash is of all") {
  const std::string question = to_utf16("SELECT [ab\xc3\xa9\xf0\x9f\x98\x80z]");
  for (std::size_t longest = 0; longest < 24; ++longest) {
    const StatementDigest d = digest_of(question, longest);
    CHECK(d.text.size() <= longest);
    CHECK(to_utf8(to_utf16(d.text)) == d.text);
    CHECK(d.hash == digest_hash(question));
  }
  CHECK(digest_of(question, 11).text == "SELECT [ab");
  CHECK(digest_of(question, 12).text == "SELECT [ab\xc3\xa9");
  CHECK(digest_of(question, 15).text == "SELECT [ab\xc3\xa9");
  CHECK(digest_of(question, 16).text == "SELECT [ab\xc3\xa9\xf0\x9f\x98\x80");
}
