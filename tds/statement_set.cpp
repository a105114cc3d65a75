// One SET: to what it sets the session, if it says so by constants. Options are those of Microsoft's "SET
// statements (Transact-SQL)"; an option that is not listed here is unknown.
#include <algorithm>

#include "tds/little.h"
#include "tds/statement_parts.h"

namespace holdfast::tds {
namespace {

constexpr std::size_t value_max = 512;  // bytes of a setting's value, quotes included

using Words = std::string_view;
constexpr Words on_off[] = {"ANSI_DEFAULTS",
                            "ANSI_NULLS",
                            "ANSI_NULL_DFLT_OFF",
                            "ANSI_NULL_DFLT_ON",
                            "ANSI_PADDING",
                            "ANSI_WARNINGS",
                            "ARITHABORT",
                            "ARITHIGNORE",
                            "CONCAT_NULL_YIELDS_NULL",
                            "CURSOR_CLOSE_ON_COMMIT",
                            "FMTONLY",
                            "FORCEPLAN",
                            "IMPLICIT_TRANSACTIONS",
                            "NOCOUNT",
                            "NOEXEC",
                            "NO_BROWSETABLE",
                            "NUMERIC_ROUNDABORT",
                            "PARSEONLY",
                            "QUOTED_IDENTIFIER",
                            "REMOTE_PROC_TRANSACTIONS",
                            "SHOWPLAN_ALL",
                            "SHOWPLAN_TEXT",
                            "SHOWPLAN_XML",
                            "XACT_ABORT"};
constexpr Words silencing[] = {"FMTONLY",      "NOEXEC",        "PARSEONLY",
                               "SHOWPLAN_ALL", "SHOWPLAN_TEXT", "SHOWPLAN_XML"};
/// What SET ANSI_DEFAULTS stands for.
constexpr Words ansi_defaults[] = {"ANSI_NULLS",       "ANSI_NULL_DFLT_ON",      "ANSI_PADDING",
                                   "ANSI_WARNINGS",    "CURSOR_CLOSE_ON_COMMIT", "IMPLICIT_TRANSACTIONS",
                                   "QUOTED_IDENTIFIER"};
constexpr Words numeric[] = {"DATEFIRST", "LOCK_TIMEOUT", "QUERY_GOVERNOR_COST_LIMIT", "ROWCOUNT",
                             "TEXTSIZE"};
constexpr Words levels[] = {"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SNAPSHOT",
                            "SERIALIZABLE"};

template <std::size_t n>
bool among(const Words (&list)[n], std::string_view word) {
  return std::find(list, list + n, word) != list + n;
}

class SetReader {
 public:
  explicit SetReader(Items& items) : items_(items) {}

  SetClause read() {
    if (items_.now().token.kind == Lexeme::Variable) {
      clause_.kind = SetClause::Kind::Variable;
      return clause_;
    }
    const std::string option = take_word();
    const bool known = !option.empty() && take_option(option);
    // A value with more behind it (`SET ROWCOUNT 1 + @x`) was not understood.
    if (known && !dangling()) {
      clause_.kind = SetClause::Kind::Known;
    } else {
      clause_.settings.clear();
      clause_.kind = SetClause::Kind::Unknown;
    }
    return std::move(clause_);
  }

 private:
  /// The word at hand in upper case, gone past; empty: there is none.
  std::string take_word() {
    if (items_.now().token.kind != Lexeme::Word) return {};
    std::string word = plain_name(items_.text(items_.now()));
    items_.advance();
    return word;
  }
  bool dangling() const {
    const LexToken& next = items_.now().token;
    if (next.kind == Lexeme::End || next.kind == Lexeme::Odd) return next.kind == Lexeme::Odd;
    return !(next.kind == Lexeme::Symbol && next.symbol == ';') && !items_.now().word.has(kReserved);
  }
  void add(std::string key, std::string_view value) {
    std::string text = "SET " + key + ' ';
    clause_.settings.push_back({std::move(key), text.append(value)});
  }

  bool take_option(const std::string& option) {
    if (option == "TRANSACTION") return take_isolation();
    if (option == "STATISTICS") return take_switches("STATISTICS ", take_word());
    if (option == "IDENTITY_INSERT") return take_identity_insert();
    if (option == "CONTEXT_INFO") return take_context_info();
    if (option == "LANGUAGE" || option == "DATEFORMAT") return take_name(option);
    if (option == "FIPS_FLAGGER") return take_name(option);
    if (option == "DEADLOCK_PRIORITY") return take_priority();
    if (among(numeric, option)) return take_number(option);
    return take_switches("", option);
  }

  /// ARITHABORT, NOCOUNT ON
  bool take_switches(std::string_view prefix, std::string option) {
    std::vector<std::string> options;
    for (;;) {
      const bool known = prefix.empty()
                             ? among(on_off, option)
                             : option == "IO" || option == "TIME" || option == "XML" || option == "PROFILE";
      if (!known) return false;
      options.push_back(std::move(option));
      if (!items_.now().symbol(',')) break;
      items_.advance();
      option = take_word();
    }
    const std::string value = take_word();
    if (value != "ON" && value != "OFF") return false;
    clause_.silencer =
        std::all_of(options.begin(), options.end(), [](const auto& o) { return among(silencing, o); });
    for (const std::string& name : options) add_switch(std::string(prefix) + name, value);
    return true;
  }

  void add_switch(std::string key, const std::string& value) {
    if (value == "ON") {
      clause_.silences |= among(silencing, key);
      clause_.begins |=
          key == "IMPLICIT_TRANSACTIONS" || key == "ANSI_DEFAULTS" || key == "REMOTE_PROC_TRANSACTIONS";
    }
    if (key == "ANSI_DEFAULTS")
      for (Words name : ansi_defaults) add(std::string(name), value);
    else
      add(std::move(key), value);
  }

  bool take_isolation() {
    if (take_word() != "ISOLATION" || take_word() != "LEVEL") return false;
    std::string level = take_word();
    if (level == "READ" || level == "REPEATABLE") level += ' ' + take_word();
    if (!among(levels, level)) return false;
    add("TRANSACTION ISOLATION LEVEL", level);
    return true;
  }

  /// The table's name as it was written: it may need its quotes.
  bool take_identity_insert() {
    std::string table;
    bool named = false;
    while (items_.now().name() || items_.now().symbol('.')) {
      const bool dot = items_.now().symbol('.');
      if (!dot && named) return false;
      named = !dot;
      table += to_utf8(items_.text(items_.now()));
      if (table.size() > value_max) return false;
      items_.advance();
    }
    const std::string value = take_word();
    if (!named || (value != "ON" && value != "OFF")) return false;
    add("IDENTITY_INSERT " + table, value);
    return true;
  }

  bool take_context_info() {
    clause_.outlives_batch = true;
    if (items_.now().token.kind != Lexeme::Binary) return false;
    return take_value("CONTEXT_INFO", "");
  }

  bool take_name(const std::string& option) {
    const Lexeme kind = items_.now().token.kind;
    if (kind != Lexeme::Word && kind != Lexeme::String && kind != Lexeme::Quoted &&
        kind != Lexeme::DoubleQuoted)
      return false;
    return take_value(option, "");
  }

  bool take_number(const std::string& option) {
    const bool minus = items_.now().symbol('-');
    if (minus) items_.advance();
    return items_.now().token.kind == Lexeme::Number && take_value(option, minus ? "-" : "");
  }

  bool take_priority() {
    if (items_.now().token.kind != Lexeme::Word) return take_number("DEADLOCK_PRIORITY");
    const std::string value = take_word();
    if (value != "LOW" && value != "NORMAL" && value != "HIGH") return false;
    add("DEADLOCK_PRIORITY", value);
    return true;
  }

  bool take_value(const std::string& option, std::string_view sign) {
    const std::string value = to_utf8(items_.text(items_.now()));
    if (value.size() > value_max) return false;
    items_.advance();
    add(option, std::string(sign) + value);
    return true;
  }

  Items& items_;
  SetClause clause_;
};

}  // namespace

SetClause read_set(Items& items) { return SetReader(items).read(); }

}  // namespace holdfast::tds
