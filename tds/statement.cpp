#include "tds/statement.h"

#include "tds/statement_parts.h"

namespace holdfast::tds {
namespace {

struct Name {
  Unrecoverable what;
  std::string_view name;
};
constexpr Name names[] = {
    {Unrecoverable::TemporaryTable, "temporary table"},
    {Unrecoverable::Cursor, "cursor"},
    {Unrecoverable::AppLock, "application lock"},
    {Unrecoverable::ExecuteAs, "EXECUTE AS"},
    {Unrecoverable::XmlHandle, "prepared XML document"},
    {Unrecoverable::TraceFlag, "trace flag"},
    {Unrecoverable::SessionContext, "session context"},
    {Unrecoverable::UnknownSetting, "setting of unknown value"},
    {Unrecoverable::Automation, "OLE automation object"},
    {Unrecoverable::AppRole, "application role"},
    {Unrecoverable::TooManyHandles, "prepared statement that is not kept"},
    {Unrecoverable::Transaction, "distributed or bound transaction"},
};

}  // namespace

std::string_view name_of(Unrecoverable what) {
  for (const Name& n : names)
    if (n.what == what) return n.name;
  return "";
}

std::string names_of(UnrecoverableSet set) {
  std::string out;
  for (const Name& n : names) {
    if (!(set & static_cast<UnrecoverableSet>(n.what))) continue;
    if (!out.empty()) out += ", ";
    out += n.name;
  }
  return out;
}

void merge(StatementFacts& into, const StatementFacts& more) {
  into.may_end_transaction |= more.may_end_transaction;
  into.may_begin_transaction |= more.may_begin_transaction;
  into.commits |= more.commits;
  into.calls |= more.calls;
  into.uses_identity |= more.uses_identity;
  into.changes_database |= more.changes_database;
  into.leaves |= more.leaves;
}

StatementFacts facts_of_unreadable(bool nested) {
  StatementFacts facts;
  facts.may_end_transaction = facts.may_begin_transaction = facts.commits = facts.calls = true;
  facts.uses_identity = facts.changes_database = true;
  if (!nested) facts.leaves = static_cast<UnrecoverableSet>(Unrecoverable::UnknownSetting);
  return facts;
}

StatementFacts facts_of(Bytes utf16, bool nested) {
  if (utf16.size() > statement_text_max) return facts_of_unreadable(nested);
  const Proof proof = prove(utf16, nested);
  if (!proof.plain) return effects_of(utf16, nested);
  StatementFacts facts;
  facts.read_only = proof.reads;
  facts.plain = true;
  facts.deterministic = proof.deterministic;
  facts.uses_identity = proof.previous;
  return facts;
}

}  // namespace holdfast::tds
