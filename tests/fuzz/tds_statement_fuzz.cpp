// Any bytes as a batch's text. Input: one octet of flags (1: said inside sp_executesql, 2: the rest is
// Latin-1, not UTF-16), then the text. Facts keep to their own rules, and no literal is left in a digest.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "tds/digest.h"
#include "tds/lexer.h"
#include "tds/little.h"
#include "tds/statement.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

std::string widen(Bytes latin1) {
  std::string out;
  for (char c : latin1) out += c, out += '\0';
  return out;
}

void lex(Bytes text) {
  Lexer lexer(text);
  std::size_t at = 0;
  for (LexToken t = lexer.next(); t.kind != Lexeme::End; t = lexer.next()) {
    CHECK(t.begin >= at && t.end > t.begin && t.end <= text.size());
    CHECK(t.kind != Lexeme::Odd || t.end == text.size());
    at = t.end;
  }
}

void facts(Bytes text, bool nested) {
  const StatementFacts f = facts_of(text, nested);
  CHECK(!f.read_only || f.plain);
  CHECK(!f.deterministic || f.read_only);
  CHECK(!f.commits || f.may_end_transaction);
  CHECK(!f.plain || (!f.may_end_transaction && !f.may_begin_transaction && !f.changes_database));
  CHECK(!f.plain ||
        (f.settings.empty() && f.leaves == 0 && f.makes_temporary.empty() && f.drops_temporary.empty()));
  for (const Setting& s : f.settings) {
    // What is said again later is a SET of one setting, whatever stood around it.
    const StatementFacts again = facts_of(to_utf16(s.text), false);
    CHECK(again.settings.size() == 1 && again.settings[0].text == s.text && again.leaves == 0);
    CHECK(!again.may_end_transaction && !again.changes_database);
  }
  facts_of_procedure(text);
}

void digest(Bytes text) {
  const StatementDigest whole = digest_of(text, text.size() * 3 + 64);
  CHECK(whole.hash != 0 && whole.hash == digest_hash(text));
  const std::string out = to_utf16(whole.text);
  Lexer lexer(out);
  for (LexToken t = lexer.next(); t.kind != Lexeme::End; t = lexer.next()) {
    CHECK(t.kind != Lexeme::String && t.kind != Lexeme::DoubleQuoted && t.kind != Lexeme::Number);
    CHECK(t.kind != Lexeme::Binary && t.kind != Lexeme::Variable && t.kind != Lexeme::Odd);
  }
  const StatementDigest cut = digest_of(text, 16);
  CHECK(cut.hash == whole.hash && cut.text.size() <= 16 && whole.text.starts_with(cut.text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes rest(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string text = data[0] & 2 ? widen(rest) : std::string(rest);
  lex(text);
  facts(text, data[0] & 1);
  digest(text);
  return 0;
}
