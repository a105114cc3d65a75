// What a batch that could not be proved plain may do to its session. Reserved words cannot be names, so that
// COMMIT, EXEC or SET are found wherever they stand; where a word may belong to a statement or to another's
// clause, the worse reading is taken.
//
// Whether a statement is reached: `IF c x`, `WHILE c x` are over at x's semicolon or at the END of x's block;
// after GOTO, RETURN, TRY, THROW or a label nothing is certain to the end of the batch.
#include <algorithm>

#include "tds/statement_parts.h"

namespace holdfast::tds {
namespace {

class Reading {
 public:
  Reading(Bytes utf16, bool nested) : items_(utf16), nested_(nested) {}
  StatementFacts run();

 private:
  void leave(Unrecoverable what) { facts_.leaves |= static_cast<UnrecoverableSet>(what); }
  bool conditional() const { return uncertain_ || if_; }
  bool defines();
  bool step();
  void on_symbol(char16_t c);
  void on_keyword(Key key);
  void on_plain_word();
  void on_flow(Key key);
  void on_begin();
  void on_end();
  void on_exec();
  void on_set();
  void on_into();
  void on_create();
  void on_drop();
  void on_declare_cursor();
  void on_deallocate();
  void call(Bytes name);
  Bytes take_chain(Item& last);
  void make_temporary(const Item& name);
  void drop_temporary(const Item& name);
  void finish();

  Items items_;
  const bool nested_;
  StatementFacts facts_;
  std::vector<std::string> cursors_;  ///< global ones that were declared and not certainly let go
  bool stay_ = false;  ///< this token is already the next one to look at
  bool start_ = true, first_ = true;  ///< of a statement, of the batch
  bool uncertain_ = false, if_ = false, local_cursors_ = false;
  std::string silenced_;  ///< the setting under which nothing runs, until it is said to be OFF
  bool alter_ = false;  ///< in an ALTER: SET may be its clause
  bool update_ = false;  ///< SET may come: of UPDATE
  bool into_ = false;  ///< INTO may come that makes nothing: of INSERT, MERGE, OUTPUT or FETCH
  std::size_t depth_ = 0, blocks_ = 0, if_blocks_ = 0, cases_ = 0;
};

StatementFacts Reading::run() {
  if (!defines()) {
    while (!items_.end()) {
      stay_ = false;
      if (!step()) return facts_of_unreadable(nested_);
      if (!stay_) items_.advance();
    }
  }
  finish();
  return std::move(facts_);
}

/// CREATE PROCEDURE and its like are the whole batch: their body is kept, not run.
bool Reading::defines() {
  if (items_.now().word.key == Key::Create && items_.ahead().word.key == Key::Or) {
    items_.advance();
    items_.advance();  // to ALTER
  }
  const Key verb = items_.now().word.key;
  if (verb != Key::Create && verb != Key::Alter) return false;
  const Key what = items_.ahead().word.key;
  if (what != Key::Proc && what != Key::Function && what != Key::Trigger && what != Key::View) return false;
  items_.advance();
  items_.advance();
  if (what == Key::Proc && items_.now().name()) make_temporary(items_.now());
  return true;
}

bool Reading::step() {
  const Item& now = items_.now();
  const bool starts = start_, first = first_;
  switch (now.token.kind) {
    case Lexeme::Odd: return false;
    case Lexeme::Symbol: on_symbol(now.token.symbol); return true;
    case Lexeme::Global:
      if (global_use(items_.text(now)) == GlobalUse::Previous) facts_.uses_identity = true;
      break;
    case Lexeme::Word:
      start_ = first_ = false;
      if (now.word.has(kReserved)) {
        on_keyword(now.word.key);
        return true;
      }
      on_plain_word();
      break;
    default: break;
  }
  start_ = first_ = false;
  // A name that begins a batch is a procedure's. One that begins another statement is not expected: take it
  // for one too.
  if (starts && items_.now().name() && !items_.ahead().symbol(':')) {
    Item last;
    const Bytes name = take_chain(last);
    call(first ? name : Bytes());
    stay_ = true;
  }
  return true;
}

void Reading::on_symbol(char16_t c) {
  if (c == '(') {
    ++depth_;
  } else if (c == ')') {
    if (depth_ != 0) --depth_;
  } else if (c == ':') {
    uncertain_ = true;  // a label
  } else if (c == ';') {
    start_ = true;
    alter_ = update_ = into_ = false;
    if (if_ && blocks_ == if_blocks_ && items_.ahead().word.key != Key::Else) if_ = false;
  }
}

void Reading::on_plain_word() {
  const Item& now = items_.now();
  if (now.word.has(kPrevious)) facts_.uses_identity = true;
  if (now.word.key == Key::Output) into_ = true;
  if (now.word.key == Key::Throw) uncertain_ = true;
}

void Reading::on_keyword(Key key) {
  switch (key) {
    case Key::Commit: facts_.commits = facts_.may_end_transaction = true; break;
    case Key::Rollback: facts_.may_end_transaction = true; break;
    case Key::Exec: return on_exec();
    case Key::Set: return on_set();
    case Key::Into: return on_into();
    case Key::Create: return on_create();
    case Key::Drop: return on_drop();
    case Key::Cursor: return on_declare_cursor();
    case Key::Deallocate: return on_deallocate();
    case Key::Alter: alter_ = true; return on_create();
    case Key::Use:
      if (depth_ == 0) facts_.changes_database = true;
      break;
    case Key::Setuser: leave(Unrecoverable::ExecuteAs); break;
    case Key::Dbcc:
      if (items_.is(items_.ahead(), "TRACEON")) leave(Unrecoverable::TraceFlag);
      break;
    case Key::Open:  // a key stays open as long as the session
      if (items_.is(items_.ahead(), "SYMMETRIC") || items_.is(items_.ahead(), "MASTER"))
        leave(Unrecoverable::UnknownSetting);
      break;
    case Key::Update: {
      const Key before = items_.before().word.key;
      update_ = before != Key::For && before != Key::On && before != Key::Grant && before != Key::Deny &&
                before != Key::Revoke && !items_.before().symbol(',');
      return;
    }
    case Key::Insert:
    case Key::Merge:
    case Key::Fetch: into_ = true; break;
    case Key::Select: into_ = false; break;
    default: break;
  }
  if (key != Key::Top && key != Key::With && depth_ == 0) update_ = false;
  on_flow(key);
}

void Reading::on_flow(Key key) {
  switch (key) {
    case Key::If:
    case Key::While:
      if (!if_) if_blocks_ = blocks_;
      if_ = true;
      break;
    case Key::Goto:
    case Key::Return: uncertain_ = true; break;
    case Key::Case: ++cases_; break;
    case Key::Begin: return on_begin();
    case Key::End: return on_end();
    default: break;
  }
}

void Reading::on_begin() {
  const Item& next = items_.ahead();
  if (items_.is(next, "TRAN") || items_.is(next, "TRANSACTION") || items_.is(next, "DISTRIBUTED")) {
    facts_.may_begin_transaction = true;
    if (items_.is(next, "DISTRIBUTED")) leave(Unrecoverable::Transaction);
    return;
  }
  if (items_.is(next, "DIALOG") || items_.is(next, "CONVERSATION")) return;
  if (items_.is(next, "TRY") || items_.is(next, "CATCH") || items_.is(next, "ATOMIC")) uncertain_ = true;
  ++blocks_;
}

void Reading::on_end() {
  if (cases_ != 0) {
    --cases_;
    return;
  }
  if (items_.is(items_.ahead(), "CONVERSATION")) return;
  if (blocks_ != 0) --blocks_;
  if (if_ && blocks_ <= if_blocks_ && items_.ahead().word.key != Key::Else && !items_.ahead().symbol(';'))
    if_ = false;
}

/// `utf16` empty: it is not known which.
void Reading::call(Bytes utf16) {
  merge(facts_, facts_of_procedure(utf16));
  // Handles made by text are not among those that are kept.
  const std::string name = plain_name(utf16);
  for (std::string_view p : {"SP_PREPARE", "SP_PREPEXEC"})
    if (name.ends_with(p) || name.ends_with(std::string(p) + "]")) leave(Unrecoverable::TooManyHandles);
}

void Reading::on_exec() {
  items_.advance();
  stay_ = true;
  if (items_.now().word.key == Key::As) {
    // WITH EXECUTE AS belongs to a definition, but that is no batch that comes here.
    leave(Unrecoverable::ExecuteAs);
    return;
  }
  if (items_.now().token.kind == Lexeme::Variable && items_.ahead().symbol('=')) {
    items_.advance();
    items_.advance();
  }
  Item last;
  call(items_.now().name() ? take_chain(last) : Bytes());
}

void Reading::on_set() {
  if (update_ || depth_ != 0) {
    update_ = false;
    return;
  }
  items_.advance();
  stay_ = true;
  const bool reached = !conditional() && !alter_;
  SetClause clause = read_set(items_);
  if (clause.kind == SetClause::Kind::Variable) return;
  if (clause.begins) facts_.may_begin_transaction = true;
  if (nested_ && !clause.outlives_batch) return;
  if (clause.kind == SetClause::Kind::Unknown || !reached) return leave(Unrecoverable::UnknownSetting);
  if (clause.silencer) {
    const std::string& key = clause.settings.back().key;
    if (clause.silences)
      silenced_ = silenced_.empty() && clause.settings.size() == 1 ? key : "several";
    else if (silenced_ == key && clause.settings.size() == 1)
      silenced_.clear();
  } else if (!silenced_.empty()) {
    return leave(Unrecoverable::UnknownSetting);
  }
  for (Setting& setting : clause.settings) facts_.settings.push_back(std::move(setting));
}

/// The name at hand, of any number of parts; left behind it. `last` is its last part.
Bytes Reading::take_chain(Item& last) {
  const Bytes first = items_.text(items_.now());
  Bytes end = first;
  last = items_.now();
  items_.advance();
  while (items_.now().symbol('.')) {
    items_.advance();
    if (!items_.now().name()) continue;
    last = items_.now();
    end = items_.text(last);
    items_.advance();
  }
  return {first.data(), static_cast<std::size_t>(end.data() + end.size() - first.data())};
}

void Reading::make_temporary(const Item& name) {
  const Bytes text = items_.text(name);
  if (!is_temporary(text)) return;
  std::string plain = plain_name(text);
  if (nested_ && !plain.starts_with("##")) return;
  facts_.makes_temporary.push_back(std::move(plain));
}

void Reading::drop_temporary(const Item& name) {
  const Bytes text = items_.text(name);
  if (conditional() || !silenced_.empty() || !is_temporary(text)) return;
  const std::string plain = plain_name(text);
  std::erase(facts_.makes_temporary, plain);
  facts_.drops_temporary.push_back(plain);
}

void Reading::on_into() {
  const bool makes = !into_;
  into_ = false;
  items_.advance();
  stay_ = true;
  Item last;
  if (!items_.now().name()) return;
  take_chain(last);
  if (makes) make_temporary(last);
}

/// CREATE or ALTER at the front of a definition that is not the whole batch: what it would mean is not known.
void Reading::on_create() {
  const Key what = items_.ahead().word.key;
  if (what == Key::Proc || what == Key::Function || what == Key::Trigger)
    leave(Unrecoverable::UnknownSetting);
  if (items_.now().word.key != Key::Create) return;
  if (what != Key::Table && what != Key::Proc) return;
  items_.advance();
  items_.advance();
  stay_ = true;
  Item last;
  if (!items_.now().name()) return;
  take_chain(last);
  make_temporary(last);
}

/// DROP TABLE [IF EXISTS] a, b
void Reading::on_drop() {
  const Key what = items_.ahead().word.key;
  if (what != Key::Table && what != Key::Proc) return;
  items_.advance();
  items_.advance();
  stay_ = true;
  if (items_.now().word.key == Key::If) {
    items_.advance();
    items_.advance();
  }
  while (items_.now().name()) {
    Item last;
    take_chain(last);
    drop_temporary(last);
    if (!items_.now().symbol(',')) return;
    items_.advance();
  }
}

/// DECLARE c [SCROLL] CURSOR [LOCAL]; those in variables end with the batch.
void Reading::on_declare_cursor() {
  const Item& before = items_.before();
  if (items_.is(items_.ahead(), "LOCAL")) local_cursors_ = true;
  if (before.token.kind == Lexeme::Variable || before.symbol('=') || items_.is(items_.ahead(), "LOCAL"))
    return;
  const bool word = items_.is(before, "SCROLL") || items_.is(before, "INSENSITIVE") || !before.name();
  cursors_.push_back(word ? std::string() : plain_name(items_.text(before)));
}

void Reading::on_deallocate() {
  const bool global = items_.is(items_.ahead(), "GLOBAL");
  if (global) items_.advance();
  // A local cursor of the same name would be meant first.
  if (conditional() || !items_.ahead().name() || (local_cursors_ && !global)) return;
  std::erase(cursors_, plain_name(items_.text(items_.ahead())));
}

void Reading::finish() {
  if (!cursors_.empty()) leave(Unrecoverable::Cursor);
  if (!facts_.makes_temporary.empty()) leave(Unrecoverable::TemporaryTable);
}

}  // namespace

StatementFacts effects_of(Bytes utf16, bool nested) { return Reading(utf16, nested).run(); }

}  // namespace holdfast::tds
