// The proof that a batch only reads, or is plain. One pass over the tokens, with the rule that everything
// must be on a list:
//  - a reserved word is allowed by name; any other reserved word ends the proof;
//  - a statement begins with one of a few words; a name there would be a procedure call or a label;
//  - a name before a parenthesis must be a built-in function or a type; user functions (two parts) end the
//    proof;
//  - three operands in a row (`t RECEIVE x`) are no expression, so that a statement whose first word is not
//    reserved cannot hide.
#include "tds/statement_parts.h"

namespace holdfast::tds {
namespace {

class Prover {
 public:
  Prover(Bytes utf16, bool nested) : items_(utf16), nested_(nested) {}

  Proof run() {
    while (plain_ && !items_.end()) {
      stay_ = false;
      step();
      if (plain_ && !stay_) items_.advance();
    }
    if (depth_ != 0 || cases_ != 0 || blocks_ != 0) fail();
    return {plain_ && reads_, plain_, plain_ && reads_ && deterministic_, previous_};
  }

 private:
  void fail() { plain_ = reads_ = false; }
  void step();
  void on_word();
  void on_keyword();
  void on_select_part(Key key);
  void on_data_part(Key key);
  void on_block(Key key);
  void on_end();
  void on_set();
  void on_fetch();
  void on_name();
  void on_call();
  void on_global();
  void on_symbol(char16_t c);
  void on_open();
  void on_escape();
  void on_close();
  void on_separator();
  void operand();
  bool hint_ended();
  bool opens() const;

  Items items_;
  const bool nested_;
  bool plain_ = true, reads_ = true, deterministic_ = true, previous_ = false;
  bool start_ = true;  ///< at the first word of a statement
  bool stay_ = false;  ///< this token is already the next one to look at
  bool part_ = false;  ///< a dot came before: the next name goes on with the last
  bool target_ = false;  ///< behind INSERT, INTO or MERGE: a parenthesis holds columns
  bool table_ = false;  ///< behind FROM or JOIN: a parenthesis may hold a hint
  bool from_ = false;  ///< in a list of tables
  bool into_ = false;  ///< INTO may come: of INSERT, MERGE or OUTPUT, not of SELECT
  bool update_ = false;  ///< SET may come: of UPDATE
  bool top_ = false;  ///< behind TOP: a number is no operand
  int hint_ = 0;  ///< a table's hint: -1 its parenthesis comes, 1 a word must come, 2 its end
  unsigned run_ = 0;  ///< operands in a row
  unsigned dots_ = 0;
  std::size_t depth_ = 0, from_depth_ = 0, top_depth_ = 0, with_depth_ = 0, cases_ = 0, blocks_ = 0;
};

void Prover::operand() {
  if (start_) return fail();
  if (top_) {
    top_ = false;
    return;
  }
  if (++run_ >= 3) fail();
}

void Prover::step() {
  if (hint_ > 0 && !hint_ended()) return;
  const Lexeme kind = items_.now().token.kind;
  switch (kind) {
    case Lexeme::Word: return on_word();
    case Lexeme::Temporary:
    case Lexeme::Quoted:
    case Lexeme::DoubleQuoted: return on_name();
    case Lexeme::Global: return on_global();
    case Lexeme::String:
      if (depth_ != 0 && depth_ == with_depth_) return;  // OPENJSON(@x) WITH (a int '$.a')
      [[fallthrough]];
    case Lexeme::Variable:
    case Lexeme::Number:
    case Lexeme::Binary:
      if (part_) return fail();
      table_ = target_ = false;
      return operand();
    case Lexeme::Symbol: return on_symbol(items_.now().token.symbol);
    case Lexeme::Odd:
    case Lexeme::End: return fail();
  }
}

/// Inside `t (NOLOCK, READPAST)`: true when this token is not the hint's.
bool Prover::hint_ended() {
  if (hint_ == 1) {
    if (!items_.now().word.has(kHint)) fail();
    hint_ = 2;
    return false;
  }
  if (items_.now().symbol(',')) {
    hint_ = 1;
    return false;
  }
  if (!items_.now().symbol(')')) fail();
  hint_ = 0;
  return true;
}

void Prover::on_global() {
  switch (global_use(items_.text(items_.now()))) {
    case GlobalUse::Previous:
      previous_ = true;
      reads_ = false;
      break;
    case GlobalUse::Varies: deterministic_ = false; break;
    case GlobalUse::Constant: break;
    case GlobalUse::Unknown: reads_ = false; break;
  }
  if (part_) fail();
  operand();
}

void Prover::on_word() {
  const WordInfo word = items_.now().word;
  if (word.has(kReserved)) return on_keyword();
  if (part_) return on_name();
  if (word.has(kDenied)) return fail();
  if (word.has(kLocks)) reads_ = false;
  if (!word.has(kBreaks) || items_.ahead().symbol('.') || (items_.ahead().symbol('(') && !opens()))
    return on_name();
  if (start_) return fail();
  if (word.key == Key::Output) {
    into_ = true;
    reads_ = false;
  }
  run_ = 0;
  table_ = target_ = update_ = false;
}

/// Of the words between operands these may stand before a parenthesis, if they are no table's name.
bool Prover::opens() const {
  if (table_) return false;
  const Item& now = items_.now();
  return items_.is(now, "APPLY") || items_.is(now, "USING") || items_.is(now, "OFFSET");
}

void Prover::on_name() {
  const Bytes text = items_.text(items_.now());
  if (is_temporary(text)) reads_ = false;
  // Whether a hint may be quoted is not written anywhere.
  if (items_.now().token.kind != Lexeme::Word && text.size() > 4)
    if (word_info_of(text.substr(2, text.size() - 4)).has(kLocks)) reads_ = false;
  if (!part_) {
    operand();
    dots_ = 0;
  }
  if (items_.ahead().symbol('(')) on_call();
  part_ = false;
}

/// A name with a parenthesis behind it.
void Prover::on_call() {
  const WordInfo word = items_.now().word;
  if (target_) return;
  if (items_.before().word.key == Key::As) return;  // a type, or the columns of a derived table
  if (!part_ && word.has(kCall)) {
    if (word.has(kVaries)) deterministic_ = false;
    if (word.has(kPrevious)) previous_ = true, reads_ = false;
    return;
  }
  if (!table_) return fail();
  hint_ = -1;  // the parenthesis itself comes first
}

void Prover::on_keyword() {
  const WordInfo word = items_.now().word;
  if (!word.has(kWrites) || part_) return fail();
  if (!word.has(kReads) || word.has(kLocks)) reads_ = false;
  if (word.has(kVaries)) deterministic_ = false;
  if (start_ && !word.has(kStarts)) return fail();
  start_ = top_ = false;
  run_ = 0;
  if (word.key != Key::As && word.key != Key::With && word.key != Key::Into && word.key != Key::Top)
    target_ = false;
  if (word.key != Key::As) table_ = false;
  if (word.key != Key::As && word.key != Key::With) from_ = false;
  on_select_part(word.key);
  on_data_part(word.key);
  on_block(word.key);
}

void Prover::on_select_part(Key key) {
  switch (key) {
    case Key::Select: into_ = false; break;
    case Key::From:
    case Key::Join:
      table_ = from_ = true;
      from_depth_ = depth_;
      break;
    case Key::Top: top_ = true; break;
    case Key::Of:
      if (items_.before().word.key == Key::Current) fail();
      break;
    case Key::For:  // NEXT VALUE FOR hands out a value
      if (items_.is(items_.before(), "VALUE")) reads_ = false;
      break;
    case Key::Fetch: on_fetch(); break;
    default: break;
  }
}

void Prover::on_data_part(Key key) {
  switch (key) {
    case Key::Insert:
    case Key::Merge: into_ = target_ = true; break;
    case Key::Into:
      if (!into_) return fail();
      into_ = false;
      target_ = true;
      break;
    case Key::Update:
      if (items_.before().word.key == Key::For || items_.before().word.key == Key::On) return fail();
      if (items_.ahead().symbol('(')) return fail();
      update_ = true;
      break;
    case Key::Set: on_set(); break;
    default: break;
  }
}

void Prover::on_block(Key key) {
  switch (key) {
    case Key::Case: ++cases_; break;
    case Key::End: on_end(); break;
    case Key::Else:
      if (cases_ == 0) start_ = true;
      break;
    case Key::Begin:  // a block only: BEGIN TRAN, TRY and DIALOG have words behind them that start nothing
      if (cases_ != 0 || depth_ != 0) return fail();
      ++blocks_;
      start_ = true;
      break;
    default: break;
  }
}

void Prover::on_end() {
  if (cases_ != 0) {
    --cases_;
    run_ = 1;
  } else if (blocks_ != 0 && depth_ == 0) {
    --blocks_;
    start_ = true;
  } else {
    fail();
  }
}

void Prover::on_set() {
  if (update_) {
    update_ = false;
    return;
  }
  if (depth_ != 0) return fail();
  if (items_.ahead().token.kind == Lexeme::Variable) return;
  if (!nested_) return fail();
  // Said inside sp_executesql it ends there.
  items_.advance();
  const SetClause clause = read_set(items_);
  if (clause.kind != SetClause::Kind::Known || clause.outlives_batch || clause.silences || clause.begins)
    return fail();
  start_ = true;
  stay_ = true;
}

/// FETCH NEXT 10 ROWS ONLY is part of a SELECT, FETCH NEXT FROM c moves a cursor.
void Prover::on_fetch() {
  if (!items_.is(items_.before(), "ROWS") && !items_.is(items_.before(), "ROW")) return fail();
  items_.advance();
  if (!items_.is(items_.now(), "NEXT") && !items_.is(items_.now(), "FIRST")) return fail();
  const Item& next = items_.ahead();
  const Lexeme kind = next.token.kind;
  if (kind != Lexeme::Number && kind != Lexeme::Variable && !next.symbol('(')) fail();
}

void Prover::on_symbol(char16_t c) {
  part_ = false;
  switch (c) {
    case '(': return on_open();
    case ')': return on_close();
    case ';': return on_separator();
    case '.':
      if (start_ || ++dots_ >= 3) return fail();  // four parts: another server
      part_ = true;
      return;
    case ',':
      run_ = 0;
      target_ = false;
      table_ = from_ && depth_ == from_depth_;
      if (start_) fail();
      return;
    case ':':
    case '?': return fail();
    case '{': return on_escape();
    case '}': return fail();
    default:
      if (start_) fail();
      run_ = 0;
      table_ = target_ = false;
  }
}

/// ODBC's {d '2026-01-01'}, {t ...}, {ts ...}, {guid ...}; {fn ...} and {call ...} prove nothing.
void Prover::on_escape() {
  items_.advance();
  const Item& word = items_.now();
  const bool literal =
      items_.is(word, "D") || items_.is(word, "T") || items_.is(word, "TS") || items_.is(word, "GUID");
  if (!literal || items_.ahead().token.kind != Lexeme::String) return fail();
  items_.advance();
  if (!items_.ahead().symbol('}')) return fail();
  items_.advance();
  table_ = target_ = false;
  operand();
}

void Prover::on_open() {
  if (hint_ == -1) hint_ = 1;
  ++depth_;
  if (top_) top_depth_ = depth_;
  if (items_.before().word.key == Key::With) with_depth_ = depth_;
  top_ = table_ = target_ = false;
  run_ = 0;
}

void Prover::on_close() {
  if (depth_ == 0 || start_) return fail();
  run_ = depth_ == top_depth_ ? 0 : 1;
  if (depth_ == top_depth_) top_depth_ = 0;
  if (depth_ == with_depth_) with_depth_ = 0;
  --depth_;
  table_ = false;
}

void Prover::on_separator() {
  if (depth_ != 0 || cases_ != 0) return fail();
  start_ = true;
  run_ = 0;
  into_ = target_ = table_ = from_ = update_ = top_ = false;
}

}  // namespace

Proof prove(Bytes utf16, bool nested) { return Prover(utf16, nested).run(); }

}  // namespace holdfast::tds
