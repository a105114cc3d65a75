// Procedures known by name. Names of system procedures are looked up by their last part: sp_ names mean the
// system's own wherever they are called from, unless a schema other than sys and dbo stands before them.
#include <algorithm>

#include "tds/statement_parts.h"

namespace holdfast::tds {
namespace {

struct Leaving {
  std::string_view name;
  Unrecoverable what;
};
constexpr Leaving leaving[] = {
    {"SP_GETAPPLOCK", Unrecoverable::AppLock},
    {"SP_SETAPPROLE", Unrecoverable::AppRole},
    {"SP_XML_PREPAREDOCUMENT", Unrecoverable::XmlHandle},
    {"SP_SET_SESSION_CONTEXT", Unrecoverable::SessionContext},
    {"SP_OACREATE", Unrecoverable::Automation},
    {"SP_CURSOR", Unrecoverable::Cursor},
    {"SP_CURSOROPEN", Unrecoverable::Cursor},
    {"SP_CURSORPREPARE", Unrecoverable::Cursor},
    {"SP_CURSORPREPEXEC", Unrecoverable::Cursor},
    {"SP_CURSOREXECUTE", Unrecoverable::Cursor},
    {"SP_BINDSESSION", Unrecoverable::Transaction},
};

/// They answer from the catalogue, and do nothing else.
constexpr std::string_view catalogue[] = {"SP_COLUMNS",
                                          "SP_COLUMNS_100",
                                          "SP_COLUMNS_90",
                                          "SP_DATABASES",
                                          "SP_DATATYPE_INFO",
                                          "SP_DATATYPE_INFO_100",
                                          "SP_DATATYPE_INFO_90",
                                          "SP_DESCRIBE_FIRST_RESULT_SET",
                                          "SP_DESCRIBE_UNDECLARED_PARAMETERS",
                                          "SP_FKEYS",
                                          "SP_PKEYS",
                                          "SP_SERVER_INFO",
                                          "SP_SPECIAL_COLUMNS",
                                          "SP_SPECIAL_COLUMNS_100",
                                          "SP_SPROC_COLUMNS",
                                          "SP_SPROC_COLUMNS_100",
                                          "SP_STATISTICS",
                                          "SP_STATISTICS_100",
                                          "SP_STORED_PROCEDURES",
                                          "SP_TABLES"};

/// They touch handles or locks, never a transaction.
constexpr std::string_view harmless[] = {
    "SP_PREPARE",        "SP_UNPREPARE",           "SP_CURSORCLOSE",         "SP_CURSORFETCH",
    "SP_CURSOROPTION",   "SP_CURSORPREPARE",       "SP_CURSORUNPREPARE",     "SP_GETAPPLOCK",
    "SP_RELEASEAPPLOCK", "SP_SET_SESSION_CONTEXT", "SP_XML_PREPAREDOCUMENT", "SP_XML_REMOVEDOCUMENT"};

template <std::size_t n>
bool among(const std::string_view (&list)[n], std::string_view word) {
  return std::find(list, list + n, word) != list + n;
}

/// The last part of a name, upper case; empty: it stands under a schema or on a server that may hold any
/// procedure.
std::string system_name(Bytes utf16) {
  Items items(utf16);
  std::vector<std::string> parts{""};
  for (; !items.end(); items.advance()) {
    if (items.now().symbol('.')) {
      parts.emplace_back();
    } else if (items.now().symbol(';') && items.ahead().token.kind == Lexeme::Number) {
      break;  // a numbered procedure, name;1
    } else if (items.now().token.kind == Lexeme::Word || items.now().name()) {
      if (!parts.back().empty()) return {};
      parts.back() = plain_name(items.text(items.now()));
    } else {
      return {};
    }
  }
  if (parts.size() > 3) return {};
  if (parts.size() >= 2) {
    const std::string& schema = parts[parts.size() - 2];
    if (!schema.empty() && schema != "SYS" && schema != "DBO") return {};
  }
  return parts.back();
}

}  // namespace

StatementFacts facts_of_procedure(Bytes utf16_name) {
  StatementFacts facts;
  const std::string name = system_name(utf16_name);
  if (among(catalogue, name)) {
    facts.read_only = facts.plain = facts.deterministic = true;
    return facts;
  }
  for (const Leaving& l : leaving)
    if (l.name == name) facts.leaves |= static_cast<UnrecoverableSet>(l.what);
  if (!among(harmless, name))
    facts.may_end_transaction = facts.may_begin_transaction = facts.commits = facts.calls = true;
  return facts;
}

}  // namespace holdfast::tds
