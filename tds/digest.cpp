#include "tds/digest.h"

#include "tds/vocabulary.h"

namespace holdfast::tds {
namespace {

/// FNV-1a with a last mixing: fast enough for every statement, and the same in every process, since rules
/// name digests.
class Hash {
 public:
  void put(char c) { h_ = (h_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u; }
  std::uint64_t get() const {
    std::uint64_t h = h_;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return h == 0 ? 1 : h;
  }

 private:
  std::uint64_t h_ = 0xcbf29ce484222325u;
};

/// The hash of all, and the beginning of it.
class Text {
 public:
  explicit Text(std::size_t longest) : longest_(longest) {}
  void put(char c) {
    hash_.put(c);
    if (full_) return;
    if (text_.size() == longest_) {
      full_ = true;
      // Not in the midst of a character: c would go on with one, so what was begun goes.
      if ((c & 0xc0) != 0x80) return;
      while (!text_.empty() && (text_.back() & 0xc0) == 0x80) text_.pop_back();
      if (!text_.empty()) text_.pop_back();
      return;
    }
    text_ += c;
  }
  StatementDigest take() { return {hash_.get(), std::move(text_)}; }

 private:
  const std::size_t longest_;
  bool full_ = false;
  Hash hash_;
  std::string text_;
};

template <class Sink>
class Normaliser {
 public:
  Normaliser(Bytes utf16, Sink& sink) : items_(utf16), sink_(sink) {}

  void run() {
    for (; !items_.end() && !odd_; items_.advance()) step();
    flush();
  }

 private:
  /// What was put out last; Row is the `)` of a list of nothing but literals.
  enum class Last : std::uint8_t { None, Name, Keyword, Value, Dot, Open, Row, Close, Operator, Comma };
  /// What is held back since it may only make a list longer: `, ` behind a value or a row, `, (`, `, (?` and
  /// `, (?,` behind a row.
  enum class Held : std::uint8_t { None, Comma, Open, Value, More };

  void step();
  void on_symbol(char16_t c);
  void value();
  void word();
  void flush();
  void before(Last kind, char16_t symbol = 0);
  bool stands_for_value() const;
  bool is_sign() const;
  void put_unit(Bytes utf16, std::size_t& i);
  void put_all(Bytes utf16, bool upper);

  Items items_;
  Sink& sink_;
  Last last_ = Last::None;
  Held held_ = Held::None;
  char16_t symbol_ = 0;  ///< the last operator
  bool semicolon_ = false;  ///< held back: none stands at the end
  bool list_ = false;  ///< since the last parenthesis opened only one value was put out
  bool odd_ = false;
};

template <class Sink>
void Normaliser<Sink>::put_unit(Bytes utf16, std::size_t& i) {
  auto at = [&](std::size_t j) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(utf16[j]) |
                                      static_cast<unsigned char>(utf16[j + 1]) << 8);
  };
  std::uint32_t c = at(i);
  if (c >= 0xD800 && c < 0xE000) {
    const bool pair = c < 0xDC00 && i + 3 < utf16.size() && at(i + 2) >= 0xDC00 && at(i + 2) < 0xE000;
    if (pair) {
      c = 0x10000 + ((c - 0xD800) << 10) + (at(i + 2) - 0xDC00);
      i += 2;
    } else {
      c = 0xFFFD;
    }
  }
  auto put = [&](std::uint32_t byte) { sink_.put(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
}

template <class Sink>
void Normaliser<Sink>::put_all(Bytes utf16, bool upper) {
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const char c = utf16[i];
    if (utf16[i + 1] == 0 && !(c & 0x80))
      sink_.put(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c);
    else
      put_unit(utf16, i);
  }
}

/// The blank, if one belongs there, between what was put out last and what comes.
template <class Sink>
void Normaliser<Sink>::before(Last kind, char16_t symbol) {
  flush();
  if (kind != Last::Value) list_ = false;
  bool blank = last_ != Last::None && last_ != Last::Dot && last_ != Last::Open;
  if (kind == Last::Comma || kind == Last::Close || kind == Last::Dot) blank = false;
  if (kind == Last::Open && last_ == Last::Name) blank = false;
  if (kind == Last::Operator && last_ == Last::Operator &&
      (symbol == '=' || symbol == '>' || symbol == '<' || symbol == symbol_) && symbol != '-' &&
      symbol != '/')
    blank = false;
  if (blank) sink_.put(' ');
  last_ = kind;
}

template <class Sink>
void Normaliser<Sink>::flush() {
  if (held_ != Held::None) {
    sink_.put(',');
    last_ = Last::Comma;
  }
  if (held_ > Held::Comma) {
    sink_.put(' ');
    sink_.put('(');
    last_ = Last::Open;
  }
  if (held_ > Held::Open) {
    sink_.put('?');
    last_ = Last::Value;
  }
  if (held_ == Held::More) {
    sink_.put(',');
    last_ = Last::Comma;
  }
  held_ = Held::None;
  if (semicolon_ && !items_.end()) sink_.put(';');
  semicolon_ = false;
}

template <class Sink>
void Normaliser<Sink>::value() {
  // One of a list ends with it: `@a = 1, @b = 2` is none.
  const Item& next = items_.ahead();
  if (odd_ || next.symbol(',') || next.symbol(')') || next.symbol(';') || next.word.has(kReserved) ||
      next.token.kind == Lexeme::End) {
    if (held_ == Held::Comma && last_ == Last::Value) {
      held_ = Held::None;
      return;
    }
    if (held_ == Held::Open || held_ == Held::More) {
      held_ = Held::Value;
      return;
    }
  }
  const bool opens = last_ == Last::Open && held_ == Held::None && !semicolon_;
  before(Last::Value);
  sink_.put('?');
  list_ = opens;
}

/// NULL and DEFAULT in a list of values.
template <class Sink>
bool Normaliser<Sink>::stands_for_value() const {
  if (!items_.is(items_.now(), "NULL") && !items_.is(items_.now(), "DEFAULT")) return false;
  const Item& back = items_.before();
  const Item& next = items_.ahead();
  return (back.symbol('(') || back.symbol(',')) && (next.symbol(')') || next.symbol(','));
}

template <class Sink>
void Normaliser<Sink>::word() {
  if (stands_for_value()) return value();
  const Item& now = items_.now();
  const bool known = (now.word.flags != 0 || now.word.key != Key::None) && last_ != Last::Dot;
  before(known && now.word.has(kReserved) ? Last::Keyword : Last::Name);
  put_all(items_.text(now), known);
}

template <class Sink>
void Normaliser<Sink>::step() {
  const Item& now = items_.now();
  switch (now.token.kind) {
    case Lexeme::Word: return word();
    case Lexeme::Quoted:
    case Lexeme::Temporary:
    case Lexeme::Global:
      before(Last::Name);
      return put_all(items_.text(now), now.token.kind == Lexeme::Global);
    case Lexeme::String:
    case Lexeme::DoubleQuoted:  // a name, or a literal while QUOTED_IDENTIFIER is off
    case Lexeme::Number:
    case Lexeme::Binary:
    case Lexeme::Variable: return value();
    case Lexeme::Symbol: return on_symbol(now.token.symbol);
    case Lexeme::Odd: odd_ = true; return value();
    case Lexeme::End: return;
  }
}

/// The minus of `= -1`, as against that of `a -1`.
template <class Sink>
bool Normaliser<Sink>::is_sign() const {
  if (!items_.now().symbol('-') && !items_.now().symbol('+')) return false;
  if (items_.ahead().token.kind != Lexeme::Number) return false;
  if (held_ == Held::Comma || held_ == Held::Open || held_ == Held::More || semicolon_) return true;
  return last_ == Last::None || last_ == Last::Keyword || last_ == Last::Open || last_ == Last::Operator ||
         last_ == Last::Comma;
}

template <class Sink>
void Normaliser<Sink>::on_symbol(char16_t c) {
  if (is_sign()) return;
  switch (c) {
    case ';':
      if (semicolon_) return;
      flush();
      semicolon_ = last_ != Last::None;
      return;
    case ',':
      if (held_ == Held::Value) {
        held_ = Held::More;
        return;
      }
      if ((last_ == Last::Value || last_ == Last::Row) && held_ == Held::None && !semicolon_) {
        held_ = Held::Comma;
        return;
      }
      before(Last::Comma);
      return sink_.put(',');
    case '(':
      if (held_ == Held::Comma && last_ == Last::Row) {
        held_ = Held::Open;
        return;
      }
      before(Last::Open);
      return sink_.put('(');
    case ')': {
      if (held_ == Held::Value) {
        held_ = Held::None;
        return;
      }
      const bool row = list_ && last_ == Last::Value && held_ == Held::None;
      before(Last::Close);
      if (row) last_ = Last::Row;
      return sink_.put(')');
    }
    case '.': before(Last::Dot); return sink_.put('.');
    default:
      before(Last::Operator, c);
      symbol_ = c;
      sink_.put(static_cast<char>(c));
  }
}

}  // namespace

StatementDigest digest_of(Bytes utf16, std::size_t longest) {
  Text text(longest);
  Normaliser<Text>(utf16, text).run();
  return text.take();
}

std::uint64_t digest_hash(Bytes utf16) {
  Hash hash;
  Normaliser<Hash>(utf16, hash).run();
  return hash.get();
}

}  // namespace holdfast::tds
