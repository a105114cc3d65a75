#include "tds/text_memory.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tds/lexer.h"
#include "tds/little.h"
#include "tds/stream_hash.h"
#include "tds/text_shape.h"

namespace holdfast::tds {

namespace {

bool is_rollback(const TextShape& shape) {
  return shape.is({"ROLLBACK", "TRANSACTION?"}) || shape.is({"ROLLBACK", "TRAN?"}) ||
         shape.is({"ROLLBACK", "WORK?"}) ||
         shape.is({"IF", "@@TRANCOUNT", ">", "0", "ROLLBACK", "TRANSACTION?"}) ||
         shape.is({"IF", "@@TRANCOUNT", ">", "0", "ROLLBACK", "TRAN?"}) ||
         shape.is({"IF", "@@TRANCOUNT", ">", "0", "ROLLBACK", "WORK?"});
}

bool is_begin(const TextShape& shape) {
  return shape.is({"BEGIN", "TRAN"}) || shape.is({"BEGIN", "TRANSACTION"}) ||
         shape.is({"IF", "@@TRANCOUNT", "=", "0", "BEGIN", "TRAN"}) ||
         shape.is({"IF", "@@TRANCOUNT", "=", "0", "BEGIN", "TRANSACTION"});
}

// Nothing but SET, each with one option: then its words are the settings' words.
bool only_sets(const TextShape& shape, const StatementFacts& facts) {
  if (facts.settings.empty() || facts.leaves != 0 || shape.size() == 0 || shape.has(',')) return false;
  std::size_t words = 0;
  for (const Setting& setting : facts.settings) words += TextShape(to_utf16(setting.text)).size();
  return words == shape.size();
}

bool is_single(Bytes text) {
  static constexpr std::array<std::string_view, 6> verbs = {"SELECT", "INSERT", "UPDATE",
                                                            "DELETE", "MERGE",  "TRUNCATE"};
  Lexer lexer(text);
  std::size_t found = 0;
  for (LexToken token = lexer.next(); token.kind != Lexeme::End && found < 2; token = lexer.next())
    found += token.kind == Lexeme::Word &&
             std::any_of(verbs.begin(), verbs.end(), [&](std::string_view v) { return lexer.is(token, v); });
  return found == 1;
}

// INSERT BULK, wherever it stands.
bool announces_rows(Bytes text) {
  Lexer lexer(text);
  bool insert = false;
  for (LexToken token = lexer.next(); token.kind != Lexeme::End; token = lexer.next()) {
    if (insert && token.kind == Lexeme::Word && lexer.is(token, "BULK")) return true;
    insert = token.kind == Lexeme::Word && lexer.is(token, "INSERT");
  }
  return false;
}

// @@IDENTITY and @@ROWCOUNT where nothing in the text itself can have set them.
bool asks_previous(Bytes text) {
  static constexpr std::array<std::string_view, 6> setters = {"INSERT", "UPDATE", "DELETE",
                                                              "MERGE",  "EXEC",   "EXECUTE"};
  Lexer lexer(text);
  bool asks = false;
  for (LexToken token = lexer.next(); token.kind != Lexeme::End; token = lexer.next()) {
    if (token.kind == Lexeme::Word &&
        std::any_of(setters.begin(), setters.end(), [&](std::string_view v) { return lexer.is(token, v); }))
      return false;
    if (token.kind != Lexeme::Global) continue;
    const std::string name = upper_case(lexer.text(token));
    asks |= name == "@@IDENTITY" || name == "@@ROWCOUNT";
  }
  return asks;
}

}  // namespace

StatementDigest TextMemory::digest(Bytes text) const {
  if (digest_text_ == 0 || text.empty()) return {};
  return digest_of(text.substr(0, digest_source_max), digest_text_);
}

std::string TextMemory::own(Bytes text) const { return to_utf8(text.substr(0, 2 * own_text_)); }

TextFacts TextMemory::judge(Bytes text, bool nested) const {
  TextFacts facts;
  facts.statement = facts_of(text, nested);
  facts.asks_previous = facts.statement.uses_identity && asks_previous(text);
  facts.single = facts.statement.plain && is_single(text);
  facts.announces_rows = !facts.statement.plain && announces_rows(text);
  const TextShape shape(text);
  facts.rolls_back = is_rollback(shape);
  facts.begins = is_begin(shape);
  const bool uses = facts.statement.changes_database && shape.size() == 2;
  facts.repeatable = facts.statement.read_only || facts.rolls_back || facts.begins || uses ||
                     only_sets(shape, facts.statement);
  facts.digest = digest(text);
  facts.own_text = own(text);
  return facts;
}

const TextFacts& TextMemory::read(Bytes text, bool nested) {
  if (text.size() > text_max || text.empty()) return scratch_ = judge(text, nested);
  if (!slots_) slots_ = std::make_unique<std::array<Slot, slots_max>>();
  StreamHash hash;
  hash.add(text);
  const std::uint64_t value = hash.value() + nested;
  Slot& slot = (*slots_)[value % slots_max];
  if (slot.known && slot.known->nested == nested && slot.known->text == text) {
    slot.last = value;
    return slot.known->facts;
  }
  if (std::exchange(slot.last, value) != value) return scratch_ = judge(text, nested);
  slot.known = std::make_unique<Known>(Known{std::string(text), nested, judge(text, nested)});
  return slot.known->facts;
}

}  // namespace holdfast::tds
