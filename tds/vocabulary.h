// The words of T-SQL that a proof about a batch leans on: which are reserved (never a name), which may stand
// in a batch that only reads or only changes data, and which built-in functions are pure. What is not in the
// table is a name. tds/statement*.cpp read it; a word is added here only if Microsoft's documentation says
// that it has no side effect.
#pragma once

#include <cstdint>
#include <string_view>

#include "tds/lexer.h"

namespace holdfast::tds {

enum class Key : std::uint8_t {
  None,
  Alter,
  As,
  Begin,
  Case,
  Commit,
  Create,
  Cursor,
  Current,
  Dbcc,
  Deallocate,
  Declare,
  Deny,
  Drop,
  Else,
  End,
  Exec,
  Fetch,
  For,
  From,
  Function,
  Goto,
  Grant,
  If,
  Insert,
  Into,
  Join,
  Merge,
  Of,
  On,
  Open,
  Option,
  Or,
  Output,
  Proc,
  Return,
  Revoke,
  Rollback,
  Select,
  Set,
  Setuser,
  Table,
  Throw,
  Top,
  Trigger,
  Update,
  Use,
  View,
  While,
  With,
};

enum WordFlag : std::uint16_t {
  kReserved = 1 << 0,  ///< a keyword: never a name unless it is quoted
  kReads = 1 << 1,  ///< reserved, and harmless in a batch that only reads
  kWrites = 1 << 2,  ///< reserved, and may stand in a batch that is plain
  kStarts = 1 << 3,  ///< may be the first word of a statement of such a batch
  kCall = 1 << 4,  ///< a pure function or a type: a parenthesis may follow
  kVaries = 1 << 5,  ///< a call of it differs from run to run
  kPrevious = 1 << 6,  ///< leans on the statement before it
  kBreaks = 1 << 7,  ///< not reserved, but stands between operands: OFFSET, APPLY
  kDenied = 1 << 8,  ///< not reserved, but may begin a statement that does something: THROW, RECEIVE
  kLocks = 1 << 9,  ///< a hint that takes or keeps locks
  kHint = 1 << 10,  ///< a hint that may stand alone in parentheses behind a table
  kAmbiguous = 1 << 11,  ///< spells a word of the table if dotless and dotted i are taken for i
};

struct WordInfo {
  Key key = Key::None;
  std::uint16_t flags = 0;
  bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
};

/// `word` is ASCII, upper case.
WordInfo word_info(std::string_view word);
/// Of a Word token's UTF-16 text, whatever its case; nothing for what is not ASCII.
WordInfo word_info_of(Bytes utf16);

/// What the globals (@@X) that a batch names mean for it.
enum class GlobalUse : std::uint8_t { Unknown, Constant, Varies, Previous };
GlobalUse global_use(Bytes utf16);

/// A lexer with one token of lookahead and the one before, each with what the table says of it.
struct Item {
  LexToken token;
  WordInfo word;
  bool symbol(char16_t c) const { return token.kind == Lexeme::Symbol && token.symbol == c; }
  bool name() const {
    return token.kind == Lexeme::Quoted || token.kind == Lexeme::DoubleQuoted ||
           token.kind == Lexeme::Temporary || (token.kind == Lexeme::Word && !word.has(kReserved));
  }
};

class Items {
 public:
  explicit Items(Bytes utf16) : lexer_(utf16), now_(lex()), ahead_(lex()) {}
  const Item& before() const { return before_; }
  const Item& now() const { return now_; }
  const Item& ahead() const { return ahead_; }
  bool end() const { return now_.token.kind == Lexeme::End; }
  void advance() { before_ = now_, now_ = ahead_, ahead_ = lex(); }
  Bytes text(const Item& item) const { return lexer_.text(item.token); }
  bool is(const Item& item, std::string_view keyword) const { return lexer_.is(item.token, keyword); }

 private:
  Item lex() {
    Item item{lexer_.next(), {}};
    if (item.token.kind == Lexeme::Word) item.word = word_info_of(lexer_.text(item.token));
    if (item.word.has(kAmbiguous)) item.token.kind = Lexeme::Odd;
    return item;
  }
  Lexer lexer_;
  Item before_, now_, ahead_;
};

/// A name's text without its quotes and with doubled closing ones made one: UTF-8, ASCII letters in upper
/// case.
std::string plain_name(Bytes utf16);
/// Whether the name, quoted or not, is one of a temporary object: its first character is #.
bool is_temporary(Bytes utf16);

}  // namespace holdfast::tds
