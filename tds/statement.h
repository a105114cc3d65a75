// What a batch does to its session, as far as it can be proved from its text. Never a guess: what is not on a
// list of known harmless things counts as doing anything. The continuity of a session leans on these facts
// (DESIGN.md section 6).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

/// State that a lost connection takes with it and that no new login can give back.
enum class Unrecoverable : std::uint16_t {
  TemporaryTable = 1 << 0,     ///< #t or ##t made
  Cursor = 1 << 1,             ///< DECLARE CURSOR, sp_cursoropen
  AppLock = 1 << 2,            ///< sp_getapplock (its owner may be the session)
  ExecuteAs = 1 << 3,          ///< EXECUTE AS, SETUSER
  XmlHandle = 1 << 4,          ///< sp_xml_preparedocument
  TraceFlag = 1 << 5,          ///< DBCC TRACEON
  SessionContext = 1 << 6,     ///< sp_set_session_context
  UnknownSetting = 1 << 7,     ///< a SET whose effect is not known: conditional, or not by a constant
  Automation = 1 << 8,         ///< sp_OACreate
  AppRole = 1 << 9,            ///< sp_setapprole
  TooManyHandles = 1 << 10,    ///< prepared statements over the limit that is kept
  Transaction = 1 << 11,       ///< distributed or bound (sp_bindsession)
};
using UnrecoverableSet = std::uint16_t;
std::string_view name_of(Unrecoverable what);  ///< "temporary table"
/// "temporary table, cursor"
std::string names_of(UnrecoverableSet set);

/// A SET with a constant, to be said again after a new login: its text without a separator, in UTF-8,
/// normalised ("SET ARITHABORT ON"), under a key ("ARITHABORT"). A later one of the same key replaces it and
/// goes to the end of the list: LANGUAGE also sets DATEFORMAT and DATEFIRST, so that the order matters.
struct Setting {
  std::string key, text;
};

struct StatementFacts {
  /// Only SELECT without side effects (with DECLARE, SET @x, IF, PRINT around it), from the allow-list: no
  /// INTO, EXEC, NEXT VALUE FOR, OPENQUERY/OPENROWSET/OPENDATASOURCE, no #temp, no @@ or function that leans
  /// on the statement before, no WAITFOR, RECEIVE, no function but the listed built-in ones, no hint that
  /// locks, no other server. May be run twice: the same or a newer answer.
  bool read_only = false;
  /// Of what is read-only: it names nothing that differs from run to run or from server to server (GETDATE(),
  /// NEWID(), @@SPID). False: a repeated answer need not be compared with what was forwarded, it will differ.
  bool deterministic = false;
  /// Only SELECT, INSERT, UPDATE, DELETE, MERGE and TRUNCATE: cannot end, begin or name a transaction, change
  /// the session or leave anything but data behind. Under IMPLICIT_TRANSACTIONS it may still begin one.
  bool plain = false;
  bool may_end_transaction = false;     ///< COMMIT or ROLLBACK stands in it, or an EXEC
  bool may_begin_transaction = false;
  bool commits = false;                 ///< COMMIT stands in it, or may
  bool calls = false;                   ///< a procedure whose doings are not known, or it could not be read
  bool uses_identity = false;           ///< leans on the previous statement: @@ROWCOUNT, SCOPE_IDENTITY()
  bool changes_database = false;        ///< USE: ENVCHANGE 1 says to which
  UnrecoverableSet leaves = 0;          ///< what it may leave behind; set by the batch as a whole
  /// #names it certainly drops, upper case; to be applied before ...
  std::vector<std::string> drops_temporary;
  /// ... #names it may make and does not certainly drop itself, upper case.
  std::vector<std::string> makes_temporary;
  /// In order. If the batch ended with an error, any of them may not have been reached.
  std::vector<Setting> settings;
};

/// `text` is a batch's, or the statement of sp_executesql and sp_prepare (`nested`): there SET lasts only to
/// its end, and #tables too, so that they leave nothing behind (##tables, global cursors and CONTEXT_INFO do
/// stay). Linear in the text. Of a text over `statement_text_max` bytes, or with a token Odd, nothing is
/// proved and all else is possible: may_* and commits are true, and it leaves UnknownSetting unless nested.
/// Errors and triggers may end a transaction whatever the text says.
inline constexpr std::size_t statement_text_max = 1024 * 1024;
StatementFacts facts_of(Bytes utf16, bool nested = false);

/// A procedure called by RPC or EXEC by its name: what the well-known ones leave behind. A user's own may end
/// or begin a transaction (may_*), but settings, temporary tables and local cursors end with it.
StatementFacts facts_of_procedure(Bytes utf16_name);

}  // namespace holdfast::tds
