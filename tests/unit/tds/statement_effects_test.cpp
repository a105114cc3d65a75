// What a batch leaves behind: settings to be said again, temporary tables, cursors, and what no new login can
// give back.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tds/little.h"
#include "tds/statement.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

using Texts = std::vector<std::string>;
constexpr auto bit = [](Unrecoverable u) { return static_cast<UnrecoverableSet>(u); };

StatementFacts facts(const std::string& utf8, bool nested = false) {
  return facts_of(to_utf16(utf8), nested);
}

std::string settings(const std::string& utf8, bool nested = false) {
  const StatementFacts f = facts(utf8, nested);
  std::string out;
  for (const Setting& s : f.settings) {
    out += (out.empty() ? "" : "; ") + s.text;
    CHECK(s.text.starts_with("SET " + s.key + " "));
  }
  if (f.leaves & bit(Unrecoverable::UnknownSetting)) out += "?";
  return out;
}

struct Row {
  std::string text, expected;
};

}  // namespace

TEST_CASE("statement: settings by constants") {
  const Row rows[] = {
      {"SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"set nocount off;", "SET NOCOUNT OFF"},
      {"SET/**/ANSI_NULLS/*x*/ON", "SET ANSI_NULLS ON"},
      {"SET ANSI_NULLS, QUOTED_IDENTIFIER ON", "SET ANSI_NULLS ON; SET QUOTED_IDENTIFIER ON"},
      {"SET NOCOUNT ON SET XACT_ABORT ON", "SET NOCOUNT ON; SET XACT_ABORT ON"},
      {"SET NOCOUNT ON; SELECT 1; SET NOCOUNT OFF", "SET NOCOUNT ON; SET NOCOUNT OFF"},
      {"SELECT 1 SET ROWCOUNT 5", "SET ROWCOUNT 5"},
      {"SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
       "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"},
      {"set transaction isolation level repeatable read select 1",
       "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
      {"SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"},
      {"SET LANGUAGE us_english", "SET LANGUAGE us_english"},
      {"SET LANGUAGE N'Français'", "SET LANGUAGE N'Français'"},
      {"SET LANGUAGE 'a''; DROP'", "SET LANGUAGE 'a''; DROP'"},
      {"SET LANGUAGE [Türkçe]", "SET LANGUAGE [Türkçe]"},
      {"SET DATEFORMAT dmy", "SET DATEFORMAT dmy"},
      {"SET DATEFIRST 1", "SET DATEFIRST 1"},
      {"SET TEXTSIZE -1", "SET TEXTSIZE -1"},
      {"SET LOCK_TIMEOUT 3000", "SET LOCK_TIMEOUT 3000"},
      {"SET DEADLOCK_PRIORITY LOW", "SET DEADLOCK_PRIORITY LOW"},
      {"SET DEADLOCK_PRIORITY - 6", "SET DEADLOCK_PRIORITY -6"},
      {"SET QUERY_GOVERNOR_COST_LIMIT 5", "SET QUERY_GOVERNOR_COST_LIMIT 5"},
      {"SET CONTEXT_INFO 0x0102", "SET CONTEXT_INFO 0x0102"},
      {"SET IDENTITY_INSERT dbo.[my t] ON", "SET IDENTITY_INSERT dbo.[my t] ON"},
      {"SET STATISTICS IO, TIME ON", "SET STATISTICS IO ON; SET STATISTICS TIME ON"},
      {"SET FIPS_FLAGGER 'ENTRY'", "SET FIPS_FLAGGER 'ENTRY'"},
      {"SET IMPLICIT_TRANSACTIONS ON", "SET IMPLICIT_TRANSACTIONS ON"},
      {"SET IMPLICIT_TRANSACTIONS OFF IF @@TRANCOUNT > 0 COMMIT TRAN", "SET IMPLICIT_TRANSACTIONS OFF"},
      {"SET NOEXEC ON", "SET NOEXEC ON"},
      {"SET PARSEONLY ON", "SET PARSEONLY ON"},
      {"SET FMTONLY ON SELECT 1 SET FMTONLY OFF", "SET FMTONLY ON; SET FMTONLY OFF"},
      {"SET FMTONLY OFF; SET NO_BROWSETABLE OFF", "SET FMTONLY OFF; SET NO_BROWSETABLE OFF"},
      {"SET ANSI_DEFAULTS OFF",
       "SET ANSI_NULLS OFF; SET ANSI_NULL_DFLT_ON OFF; SET ANSI_PADDING OFF; SET ANSI_WARNINGS OFF; SET "
       "CURSOR_CLOSE_ON_COMMIT OFF; "
       "SET IMPLICIT_TRANSACTIONS OFF; SET QUOTED_IDENTIFIER OFF"},
      {"UPDATE t; SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"BEGIN SET NOCOUNT ON END", "SET NOCOUNT ON"},
      {"IF @@TRANCOUNT > 0 ROLLBACK; SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"IF 1=1 BEGIN SELECT 1; SELECT 2 END SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"UPDATE t SET nocount = 1; SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"UPDATE t SET a = 1 SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"DECLARE @x int SET @x = 1 SET NOCOUNT ON", "SET NOCOUNT ON"},
      {"CREATE TABLE t (a int REFERENCES u ON DELETE SET NULL ON UPDATE SET DEFAULT)", ""},
      {"SET @x = 1", ""},
      {"SELECT 'SET NOCOUNT ON' -- SET NOCOUNT ON", ""},
      {"CREATE PROCEDURE p AS SET NOCOUNT ON SELECT 1", ""},
      {"CREATE OR ALTER PROC p AS SET NOCOUNT ON", ""},
      {"ALTER TRIGGER x ON t FOR UPDATE AS SET NOCOUNT ON", ""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(settings(row.text) == row.expected);
    CHECK_FALSE((facts(row.text).plain && !facts(row.text).settings.empty()));
  }
}

TEST_CASE("statement: settings that are not known for certain") {
  const char* rows[] = {
      "IF @a = 1 SET NOCOUNT ON",
      "WHILE 1=1 SET NOCOUNT ON",
      "IF 1=1 BEGIN SELECT 1; SET NOCOUNT ON END",
      "IF 1=1 BEGIN BEGIN SELECT 1 END SET NOCOUNT ON END",
      "GOTO x SET NOCOUNT ON",
      "RETURN SET NOCOUNT ON",
      "BEGIN TRY SET NOCOUNT ON END TRY BEGIN CATCH END CATCH",
      "x: SET NOCOUNT ON",
      "IF 1=1 SELECT 1; ELSE SET NOCOUNT ON",
      "IF 1=1 SELECT 1 ELSE SET NOCOUNT ON",
      "IF 1=1 SELECT 1 SET NOCOUNT ON",
      "IF 1=1 BEGIN SELECT 1 END ELSE SET NOCOUNT ON",
      "IF 1=1 IF 2=2 SELECT 1; ELSE SELECT 2; ELSE SET NOCOUNT ON",
      "SELECT 1; THROW 50000, 'a', 1; SET NOCOUNT ON",
      "SET ROWCOUNT @n",
      "SET LOCK_TIMEOUT @n",
      "SET CONTEXT_INFO @b",
      "SET LANGUAGE @l",
      "SET ROWCOUNT 1 + @x",
      "SET NOTHING_KNOWN ON",
      "SET OFFSETS SELECT ON",
      "SET NOCOUNT",
      "SET NOCOUNT 1",
      "SET",
      "SET NOCOUNT, X ON",
      "SET TRANSACTION ISOLATION LEVEL ODD",
      "SET DEADLOCK_PRIORITY @p",
      "SET STATISTICS NOTHING ON",
      "SET NOEXEC ON SET NOCOUNT ON",
      "SET FMTONLY ON SET NOCOUNT ON SET FMTONLY OFF",
      "ALTER DATABASE d SET ANSI_NULLS ON",
      "ALTER TABLE t ADD b int SET NOCOUNT ON",
      "; CREATE PROC p AS SET NOCOUNT ON",
      "SET NOCOUNT ON 'a",
      "SET\xc2\xa0NOCOUNT ON",
      "SET [NOCOUNT] ON",
      "GRANT UPDATE ON t TO u SET NOTHING ON",
      "OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'a'",
  };
  for (const char* row : rows) {
    INFO(row);
    CHECK((facts(row).leaves & bit(Unrecoverable::UnknownSetting)) != 0);
  }
}

TEST_CASE("statement: inside sp_executesql settings end with it") {
  CHECK(settings("SET NOCOUNT ON; INSERT INTO t (a) VALUES (1)", true) == "");
  CHECK(facts("SET NOCOUNT ON; INSERT INTO t (a) VALUES (1)", true).plain);
  CHECK(facts("SET NOCOUNT ON SET XACT_ABORT ON SELECT 1", true).read_only);
  CHECK(facts("SET IMPLICIT_TRANSACTIONS OFF; SET NOCOUNT ON; UPDATE t SET a = 1", true).plain);
  CHECK_FALSE(facts("SET IMPLICIT_TRANSACTIONS ON SELECT 1", true).plain);
  CHECK(facts("SET IMPLICIT_TRANSACTIONS ON SELECT 1", true).may_begin_transaction);
  CHECK_FALSE(facts("SET NOCOUNT ON", false).plain);
  CHECK_FALSE(facts("SET NOEXEC ON SELECT 1", true).plain);
  CHECK_FALSE(facts("SET NOTHING ON SELECT 1", true).plain);
  CHECK(facts("IF @a = 1 SET ROWCOUNT @b", true).leaves == 0);
  CHECK(settings("SET CONTEXT_INFO 0x01", true) == "SET CONTEXT_INFO 0x01");
  CHECK(facts("SET CONTEXT_INFO @x", true).leaves == bit(Unrecoverable::UnknownSetting));
  CHECK(facts("CREATE TABLE #t (a int)", true).leaves == 0);
  CHECK(facts("CREATE TABLE ##t (a int)", true).makes_temporary == Texts{"##T"});
  CHECK(facts("DECLARE c CURSOR FOR SELECT 1", true).leaves == bit(Unrecoverable::Cursor));
  CHECK(facts("DROP TABLE #t", true).drops_temporary == Texts{"#T"});
  CHECK(facts("'a", true).leaves == 0);
}

TEST_CASE("statement: transactions") {
  // b begins, e ends, c commits: each may be
  const Row rows[] = {
      {"BEGIN TRAN", "b"},
      {"begin transaction x", "b"},
      {"BEGIN DISTRIBUTED TRAN", "b"},
      {"COMMIT", "ec"},
      {"ROLLBACK TRAN", "e"},
      {"IF @@TRANCOUNT > 0 COMMIT TRAN", "ec"},
      {"BEGIN TRAN UPDATE t SET a = 1 COMMIT", "bec"},
      {"SAVE TRAN x", ""},
      {"EXEC p", "bec"},
      {"p", "bec"},
      {"EXEC (@s)", "bec"},
      {"; p", "bec"},
      {"INSERT t EXEC p", "bec"},
      {"SET IMPLICIT_TRANSACTIONS ON", "b"},
      {"SET ANSI_DEFAULTS ON", "b"},
      {"SET IMPLICIT_TRANSACTIONS OFF", ""},
      {"SELECT 'COMMIT'", ""},
      {"SELECT 1 -- COMMIT", ""},
      {"SELECT [commit] FROM t; DROP TABLE u", ""},
      {"CREATE PROC p AS COMMIT", ""},
      {"EXEC sp_columns 't'", ""},
      {"sp_columns 't'", ""},
      {"EXEC sys.sp_getapplock 'a', 'Exclusive'", ""},
      {"EXEC x.sp_columns", "bec"},
      {"EXEC @r = p", "bec"},
      {"EXEC @p", "bec"},
      {"{call p}", "bec"},
      {"SELECT 'a", "bec"},
      {"USE d", ""},
      {"#p", "bec"},
      {"\"p\"", "bec"},
      {"SELECT 1; RECEIVE * FROM q", "bec"},
      {"BEGIN TRY SELECT 1 END TRY BEGIN CATCH ROLLBACK END CATCH", "e"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const StatementFacts f = facts(row.text);
    CHECK(std::string(f.may_begin_transaction ? "b" : "") + (f.may_end_transaction ? "e" : "") +
              (f.commits ? "c" : "") ==
          row.expected);
  }
}

TEST_CASE("statement: temporary tables") {
  struct Temporary {
    std::string text;
    Texts makes, drops;
  };
  const Temporary rows[] = {
      {"CREATE TABLE #t (a int)", {"#T"}, {}},
      {"CREATE TABLE [#my t] (a int)", {"#MY T"}, {}},
      {"CREATE TABLE tempdb..#t (a int)", {"#T"}, {}},
      {"create table ##g (a int)", {"##G"}, {}},
      {"SELECT a INTO #t FROM u", {"#T"}, {}},
      {"SELECT a INTO tempdb.dbo.[#t] FROM u", {"#T"}, {}},
      {"INSERT t VALUES (1) SELECT a INTO #t FROM u", {"#T"}, {}},
      {"IF 1=1 CREATE TABLE #t (a int)", {"#T"}, {}},
      {"CREATE TABLE #t (a int) INSERT INTO #t VALUES (1) SELECT * FROM #t DROP TABLE #t", {}, {"#T"}},
      {"DROP TABLE IF EXISTS #a, dbo.b, [#c]; CREATE TABLE #a (x int)", {"#A"}, {"#A", "#C"}},
      {"DROP TABLE #a CREATE TABLE #a (x int) DROP TABLE #a", {}, {"#A", "#A"}},
      {"CREATE TABLE #a (x int) IF 1=1 DROP TABLE #a", {"#A"}, {}},
      {"IF OBJECT_ID('tempdb..#a') IS NOT NULL DROP TABLE #a; CREATE TABLE #a (x int); DROP TABLE #a",
       {},
       {"#A"}},
      {"CREATE TABLE #a (x int) RETURN DROP TABLE #a", {"#A"}, {}},
      {"CREATE PROCEDURE #p AS SELECT 1", {"#P"}, {}},
      {"DROP PROC #p", {}, {"#P"}},
      {"INSERT INTO #t EXEC p", {}, {}},
      {"CREATE INDEX i ON #t (a)", {}, {}},
      {"CREATE TABLE t (a int)", {}, {}},
      {"SELECT 'CREATE TABLE #t' EXEC p", {}, {}},
      {"CREATE PROC p AS CREATE TABLE #t (a int)", {}, {}},
  };
  for (const Temporary& row : rows) {
    INFO(row.text);
    const StatementFacts f = facts(row.text);
    CHECK(f.makes_temporary == row.makes);
    CHECK(f.drops_temporary == row.drops);
    CHECK(((f.leaves & bit(Unrecoverable::TemporaryTable)) != 0) == !row.makes.empty());
  }
}

TEST_CASE("statement: what no new login gives back") {
  const Row rows[] = {
      {"DECLARE c CURSOR FOR SELECT 1", "cursor"},
      {"DECLARE c SCROLL CURSOR FOR SELECT 1", "cursor"},
      {"DECLARE c CURSOR LOCAL FOR SELECT 1", ""},
      {"DECLARE @c CURSOR", ""},
      {"DECLARE c CURSOR FOR SELECT 1 OPEN c FETCH NEXT FROM c WHILE @@FETCH_STATUS = 0 BEGIN FETCH NEXT "
       "FROM c END CLOSE c DEALLOCATE c",
       ""},
      {"DECLARE c CURSOR FOR SELECT 1 DECLARE d CURSOR FOR SELECT 1 DEALLOCATE c", "cursor"},
      {"DECLARE c CURSOR FOR SELECT 1 IF 1=1 DEALLOCATE c", "cursor"},
      {"DECLARE c CURSOR LOCAL FOR SELECT 1 DECLARE c CURSOR GLOBAL FOR SELECT 1 DEALLOCATE c", "cursor"},
      {"EXEC sp_getapplock 'a', 'Exclusive', 'Session'", "application lock"},
      {"sp_getapplock 'a'", "application lock"},
      {"EXEC @r = master..[sp_getapplock] 'a'", "application lock"},
      {"EXECUTE AS LOGIN = 'a'", "EXECUTE AS"},
      {"SETUSER 'a'", "EXECUTE AS"},
      {"EXEC sp_xml_preparedocument @h OUTPUT, '<a/>'", "prepared XML document"},
      {"DBCC TRACEON (1204, -1)", "trace flag"},
      {"DBCC CHECKDB", ""},
      {"EXEC sys.sp_set_session_context 'a', 1", "session context"},
      {"EXEC sp_OACreate 'a', @o OUTPUT", "OLE automation object"},
      {"EXEC sp_setapprole 'a', 'b'", "application role"},
      {"EXEC sp_prepare @h OUTPUT, N'', N'SELECT 1'", "prepared statement that is not kept"},
      {"EXEC sp_cursoropen @c OUTPUT, 'SELECT 1'", "cursor"},
      {"BEGIN DISTRIBUTED TRAN", "distributed or bound transaction"},
      {"EXEC sp_getapplock 'a' CREATE TABLE #t (a int)", "temporary table, application lock"},
      {"IF 1=1 EXEC sp_getapplock 'a'", "application lock"},
      {"SELECT 'sp_getapplock'", ""},
      {"EXEC p 'sp_getapplock'", ""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(names_of(facts(row.text).leaves) == row.expected);
  }
  CHECK(name_of(Unrecoverable::TemporaryTable) == "temporary table");
  CHECK(names_of(0) == "");
}

TEST_CASE("statement: USE changes the database, hints do not") {
  CHECK(facts("USE d").changes_database);
  CHECK(facts("SELECT 1 USE [d]").changes_database);
  CHECK_FALSE(facts("SELECT 1 OPTION (USE HINT ('x')) DROP TABLE t").changes_database);
}

TEST_CASE("statement: a text that is too long is not read") {
  const std::string text = to_utf16("SELECT " + std::string(statement_text_max / 2, '1'));
  CHECK_FALSE(facts_of(text).plain);
  CHECK(facts_of(text).may_end_transaction);
  CHECK(facts_of(text).leaves == bit(Unrecoverable::UnknownSetting));
  CHECK(facts_of(text, true).leaves == 0);
}

TEST_CASE("statement: a procedure by its name") {
  auto of = [](const char* name) { return facts_of_procedure(to_utf16(name)); };
  CHECK(of("sp_columns").read_only);
  CHECK(of("[sys].sp_columns_100").read_only);
  CHECK(of("master..sp_tables;1").read_only);
  CHECK_FALSE(of("x.sp_columns").read_only);
  CHECK_FALSE(of("s.d.sys.sp_columns").read_only);
  CHECK_FALSE(of("p").read_only);
  CHECK(of("p").may_end_transaction);
  CHECK(of("p").commits);
  CHECK(of("p").leaves == 0);
  CHECK_FALSE(of("sp_unprepare").may_end_transaction);
  CHECK(of("sp_executesql").may_end_transaction);
  CHECK(of("").may_end_transaction);
  CHECK(of("sp_\xc5\xbf"
           "columns")
            .may_end_transaction);
  CHECK(of("dbo.SP_GETAPPLOCK").leaves == bit(Unrecoverable::AppLock));
}
