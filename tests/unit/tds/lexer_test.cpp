#include "tds/lexer.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tds/little.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

char letter_of(Lexeme kind) { return "Ewq'\"nb@G#s!"[static_cast<std::size_t>(kind)]; }

/// One letter a token, `!` for Odd.
std::string kinds(const std::string& utf8) {
  const std::string text = to_utf16(utf8);
  Lexer lexer(text);
  std::string out;
  for (LexToken t = lexer.next(); t.kind != Lexeme::End; t = lexer.next()) out += letter_of(t.kind);
  return out;
}

std::vector<std::string> texts(const std::string& utf8) {
  const std::string text = to_utf16(utf8);
  Lexer lexer(text);
  std::vector<std::string> out;
  for (LexToken t = lexer.next(); t.kind != Lexeme::End; t = lexer.next())
    out.push_back(to_utf8(lexer.text(t)));
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lexer: what a token is") {
  struct Row {
    std::string text, kinds;
  };
  const Row rows[] = {
      {"", ""},
      {" \t\r\n", ""},
      {"SELECT a,b FROM t;", "wwswwws"},
      {"[a]]b] \"c\"\"d\" 'e''f' N'g' n'h'", "q\"'''"},
      {"xN'a'", "w'"},
      {"1 1.5 .5 1. 1e5 1.5E-3 0xAF 0x $5.00", "nnnnnnbbn"},
      {"@a @@b #c ##d $action", "@G##w"},
      {"a--c\nb", "ww"},
      {"a--c\r\nb", "ww"},
      {"a--c", "w"},
      {"a/*c*/b", "ww"},
      {"a/* /*c*/ */b", "ww"},
      {"a/* -- */b", "ww"},
      {"a--/*\nb", "ww"},
      {"'--' '/*' b", "''w"},
      {"[--] [/*] b", "qqw"},
      {"SEL/**/ECT", "ww"},
      {"a<>b!=c>=d", "wsswsswssw"},
      {"-1", "sn"},
      {"a-- x", "w"},
      {"a- -1", "wssn"},
      {"{fn f()}", "swwsss"},
      {"müşteri Ünvan 顧客", "www"},
      {"''", "'"},
      {"[]", "q"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(kinds(row.text) == row.kinds);
  }
}

TEST_CASE("lexer: what is not certain is odd, to the end") {
  const std::string rows[] = {"'a",
                              "N'a",
                              "[a",
                              "\"a",
                              "/*a",
                              "/* /* */",
                              "'a''",
                              "[a]]",
                              "/*/ b",
                              "/*/**/",
                              "/*/ */ b",
                              "1FROM",
                              "1e",
                              "1eX",
                              "0x1G",
                              "1_",
                              "$",
                              "#",
                              "@",
                              "@@",
                              "##",
                              "\\",
                              "`",
                              "]",
                              "\xc2\xa0"
                              "a",
                              "\xe3\x80\x80"
                              "a",
                              "a\x01"
                              "b",
                              "\x0b",
                              "--a\rb",
                              "--a\xe2\x80\xa8"
                              "b",
                              "--a\xc2\x85"
                              "b",
                              "\xef\xbc\xb3"
                              "ELECT",
                              "\xc5\xbf"
                              "ET",
                              "\xe2\x84\xaa"
                              "ILL",
                              "\xe2\x80\x8b",
                              "\xc2\xad",
                              "\xef\xbb\xbf",
                              "\xf0\x9f\x98\x80",
                              "1\\",
                              "0x1\\",
                              "\xc3\x97",
                              "\xe2\x80\x99"
                              "a\xe2\x80\x99"};
  for (const std::string& row : rows) {
    INFO(row);
    const std::string out = kinds(row + " SELECT");
    CHECK(out.find('!') == out.size() - 1);
  }
}

TEST_CASE("lexer: odd characters are at home in strings, names and comments") {
  const std::string odd = "\xc2\xa0\xe3\x80\x80\x01\\`\xef\xbc\xb3\xc5\xbf\xf0\x9f\x98\x80";
  CHECK(kinds("'" + odd + "' [" + odd + "] /*" + odd + "*/ a --" + odd) == "'qw");
}

TEST_CASE("lexer: texts") {
  CHECK(texts("SELECT [a]]b].\"x\"\"y\" , N'it''s' /*x*/ FROM @t--y") ==
        Texts{"SELECT", "[a]]b]", ".", "\"x\"\"y\"", ",", "N'it''s'", "FROM", "@t"});
  CHECK(texts("a.b..c") == Texts{"a", ".", "b", ".", ".", "c"});
}

TEST_CASE("lexer: half a character is odd, and none of it is lost") {
  Lexer lexer(Bytes("a\0b", 3));
  CHECK(lexer.next().kind == Lexeme::Word);
  const LexToken t = lexer.next();
  CHECK(t.kind == Lexeme::Odd);
  CHECK(t.begin == 2);
  CHECK(t.end == 3);
  CHECK(lexer.next().kind == Lexeme::End);
}

TEST_CASE("lexer: a NUL between tokens is odd") {
  CHECK(kinds(std::string("a\0b", 3)) == "w!");
  CHECK(kinds(std::string("'\0'", 3)) == "'");
}

TEST_CASE("lexer: words are compared whatever their case") {
  const std::string text = to_utf16("SeLeCt x");
  Lexer lexer(text);
  const LexToken t = lexer.next();
  CHECK(lexer.is(t, "SELECT"));
  CHECK_FALSE(lexer.is(t, "SELEC"));
  CHECK_FALSE(lexer.is(t, "SELECTS"));
  const std::string quoted = to_utf16("[SELECT]");
  Lexer other(quoted);
  CHECK_FALSE(other.is(other.next(), "SELECT"));
}
