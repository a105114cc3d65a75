#include "tds/text_memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "tds/lexer.h"
#include "tds/little.h"
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

// A slot's number and a first look; that two texts are one is decided by their bytes.
std::uint64_t hash_of(Bytes text) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
  std::uint64_t hash = text.size();
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * odd;
    hash ^= hash >> 29;
  };
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) mix(load_little<std::uint64_t>(at));
  std::uint64_t last = 0;
  std::memcpy(&last, at, static_cast<std::size_t>(end - at));
  mix(last);
  return hash;
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

TextRef TextMemory::begin(Bytes text) const {
  TextFacts facts;
  facts.digest = digest(text);
  facts.own_text = own(text);
  return TextRef(new TextRef::Known{std::move(facts)});
}

TextRef TextMemory::read(Bytes text, bool nested) {
  if (text.size() > text_max || text.empty()) return TextRef(new TextRef::Known{judge(text, nested)});
  if (!slots_) slots_ = std::make_unique<std::array<Slot, slots_max>>();
  const std::uint64_t value = hash_of(text) + nested;
  Slot& slot = (*slots_)[value % slots_max];
  const TextRef::Known* const known = slot.known.known_;
  if (known != nullptr && known->nested == nested && known->text == text) {
    slot.last = value;
    return slot.known;
  }
  if (std::exchange(slot.last, value) != value) return TextRef(new TextRef::Known{judge(text, nested)});
  slot.known = TextRef(new TextRef::Known{judge(text, nested), std::string(text), nested});
  return slot.known;
}

}  // namespace holdfast::tds
