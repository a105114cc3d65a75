// What may be repeated and what may not: the table that the continuity of a session leans on.
#include "tds/statement.h"

#include <catch2/catch.hpp>
#include <string>

#include "tds/little.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

StatementFacts facts(const std::string& utf8, bool nested = false) {
  return facts_of(to_utf16(utf8), nested);
}

}  // namespace

TEST_CASE("statement: only reads, the same on every run") {
  const char* rows[] = {
      "",
      ";;",
      "SELECT 1",
      "select 1 as x;",
      "SELECT a, b AS c, d e FROM t",
      "SELECT * FROM dbo.t x WHERE x.a = @p1 AND b IN (1,2,3) OR c LIKE N'%a' ESCAPE '\\'",
      "SELECT TOP 10 a b FROM t ORDER BY a DESC",
      "SELECT TOP (10) a b FROM t",
      "SELECT TOP 5 PERCENT WITH TIES a b FROM t ORDER BY a",
      "SELECT DISTINCT a FROM db..t",
      "SELECT a FROM t ORDER BY a OFFSET 10 ROWS FETCH NEXT 10 ROWS ONLY",
      "SELECT a FROM t ORDER BY a OFFSET @p ROWS FETCH FIRST (@q) ROWS ONLY",
      "SELECT a FROM t WHERE d >= {ts '2026-01-01 00:00:00'} AND e = {d '2026-01-01'} x",
      "SELECT [t].[a] FROM [t] AS [t] WHERE [t].[b] IN (SELECT [v].[value] FROM OPENJSON(@p) WITH ([value] "
      "int '$') AS [v])",
      "SELECT a FROM OPENJSON(@p) WITH (a nvarchar(max) '$.a', b int '$.b') x",
      "SELECT t.*, u.* FROM t, u x, v AS y WITH (NOLOCK), w WITH (NOLOCK) WHERE t.a IS NOT NULL",
      "SELECT STUFF((SELECT ',' + a FROM t FOR XML PATH('')), 1, 1, '') list",
      "SELECT [x], [y] FROM t PIVOT (SUM(a) FOR b IN ([x], [y])) p",
      "SELECT TOP(@n) a, NULL b FROM t WHERE a LIKE '%' + @p + '%'",
      "SELECT COUNT(*), COUNT_BIG(*), SUM(a), MAX(LEN(b)) FROM t GROUP BY c HAVING COUNT(*) > 1",
      "SELECT CASE WHEN a = 1 THEN 'x' WHEN b = 2 THEN 'y' ELSE 'z' END AS c FROM t",
      "SELECT CASE a WHEN 1 THEN 2 END x FROM t",
      "SELECT a FROM t UNION ALL SELECT b FROM u EXCEPT SELECT c FROM v",
      "(SELECT 1) UNION (SELECT 2)",
      "WITH c AS (SELECT a FROM t) SELECT * FROM c",
      ";WITH c AS (SELECT a FROM t), d AS (SELECT b FROM u) SELECT * FROM c JOIN d ON c.a = d.b",
      "SELECT 1 SELECT 2; SELECT 3",
      "DECLARE @x int = 5, @y nvarchar(max) = N'a'; SELECT @x, @y",
      "DECLARE @x decimal(10,2) SET @x = 1.5 SELECT @x",
      "SELECT @x = a FROM t",
      "IF EXISTS (SELECT 1 FROM t) SELECT 1 ELSE SELECT 2",
      "IF @a = 1 BEGIN SELECT 1; SELECT 2 END ELSE BEGIN SELECT 3 END",
      "PRINT 'x' SELECT 1",
      "SELECT a FROM t WITH (NOLOCK) WHERE b = 1",
      "SELECT a FROM t (NOLOCK) x",
      "SELECT a FROM dbo.t x (NOLOCK), u (READPAST) WHERE x.a = 1",
      "SELECT a FROM t x WITH (NOLOCK, INDEX(ix)) INNER JOIN u y (nolock) ON x.a = y.a",
      "SELECT a FROM t LEFT OUTER HASH JOIN u ON t.a = u.a OPTION (MAXDOP 1, RECOMPILE)",
      "SELECT CAST(a AS varchar(10)), CONVERT(nvarchar(20), b, 120), TRY_CAST(c AS decimal(5, 2)) FROM t",
      "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) "
      "r FROM t",
      "SELECT a FROM t CROSS APPLY (SELECT b FROM u WHERE u.a = t.a) x",
      "SELECT value FROM STRING_SPLIT('a,b', ',')",
      "SELECT a FROM (VALUES (1), (2)) AS v (a)",
      "SELECT a AT TIME ZONE 'UTC' b FROM t",
      "SELECT a FROM t FOR SYSTEM_TIME AS OF @p x",
      "SELECT a FROM t FOR XML PATH('x'), ROOT('y')",
      "SELECT a FROM t FOR JSON PATH, ROOT('y')",
      "SELECT a FROM t GROUP BY GROUPING SETS ((a), (b))",
      "SELECT a COLLATE Latin1_General_CI_AS b FROM t",
      "SELECT [into], [exec], \"update\" FROM [delete].[set] -- INTO x\n/* EXEC y /* nested */ DROP */",
      "SELECT 'INTO x', N'it''s; DROP TABLE t', '--', '/*'",
      "SELECT 1 -- ; DELETE FROM t",
      "SELECT t.send, t.receive, x.throw FROM t",
      "SELECT müşteri FROM çağrı WHERE ad = N'İstanbul'",
      "SELECT a FROM t WHERE b = {"  // replaced below
  };
  for (std::string row : rows) {
    if (row.ends_with("{"))
      row = "SELECT -1, +2, ~3, a & b | c ^ d % e FROM t WHERE a <> b AND c !< d AND e >= f";
    INFO(row);
    const StatementFacts f = facts(row);
    CHECK(f.read_only);
    CHECK(f.plain);
    CHECK(f.deterministic);
    CHECK_FALSE(f.uses_identity);
    CHECK_FALSE(f.may_end_transaction);
    CHECK_FALSE(f.may_begin_transaction);
    CHECK_FALSE(f.commits);
    CHECK(f.leaves == 0);
  }
}

TEST_CASE("statement: only reads, but says something else each time") {
  const char* rows[] = {"SELECT GETDATE()",
                        "SELECT NEWID() FROM t",
                        "SELECT rand()",
                        "SELECT CURRENT_TIMESTAMP",
                        "SELECT @@SPID",
                        "SELECT @@SERVERNAME",
                        "SELECT @@VERSION",
                        "SELECT a FROM t WHERE b < SYSDATETIME()",
                        "SELECT DATEADD(day, -1, GETUTCDATE())"};
  for (const char* row : rows) {
    INFO(row);
    CHECK(facts(row).read_only);
    CHECK_FALSE(facts(row).deterministic);
  }
  CHECK(facts("SELECT @@TRANCOUNT").deterministic);
}

TEST_CASE("statement: changes data and nothing else") {
  const char* rows[] = {
      "INSERT INTO t (a, b) VALUES (1, 2)",
      "INSERT t(a) VALUES (1)",
      "INSERT INTO dbo.t (a) OUTPUT inserted.id VALUES (@p)",
      "INSERT INTO t (a) OUTPUT inserted.id INTO @x (id) SELECT a FROM u",
      "INSERT INTO t DEFAULT VALUES",
      "INSERT INTO t (a) VALUES (1); SELECT SCOPE_IDENTITY()",
      "INSERT INTO t (a) VALUES (NEXT VALUE FOR s)",
      "UPDATE t SET a = 1, b = b + 1 WHERE c = 2",
      "UPDATE TOP (5) t WITH (ROWLOCK) SET a = 1",
      "UPDATE x SET a = 1 FROM t x INNER JOIN u ON x.a = u.a",
      "DELETE FROM t WHERE a = 1",
      "DELETE t OUTPUT deleted.* WHERE a = 1",
      "TRUNCATE TABLE t",
      "MERGE INTO t AS x USING (SELECT 1 AS a) AS s ON x.a = s.a WHEN MATCHED THEN UPDATE SET b = 1 "
      "WHEN NOT MATCHED BY TARGET THEN INSERT (a, b) VALUES (1, 2) WHEN NOT MATCHED BY SOURCE THEN DELETE "
      "OUTPUT $action;",
      "WITH c AS (SELECT a FROM t) DELETE FROM c",
      "DECLARE @t TABLE (id int IDENTITY(1,1) PRIMARY KEY, a nvarchar(10) NOT NULL) INSERT INTO @t (a) "
      "VALUES ('x') SELECT * FROM @t",
      "INSERT INTO #t (a) VALUES (1)",
      "UPDATE t WITH (UPDLOCK, HOLDLOCK) SET a = 1",
      "SELECT a FROM t WITH (UPDLOCK)",
      "SELECT a FROM t WITH (HOLDLOCK)",
      "SELECT a FROM t WITH (TABLOCKX)",
      "SELECT a FROM t WITH (XLOCK, ROWLOCK)",
      "SELECT a FROM t WITH (SERIALIZABLE)",
      "SELECT a FROM t WITH ([XLOCK])",
      "SELECT a FROM t WITH (\"HOLDLOCK\")",
      "SELECT * FROM #t",
      "SELECT * FROM [#t]",
      "SELECT * FROM \"##t\"",
      "SELECT * FROM tempdb..#t",
      "SELECT * FROM tempdb.dbo.[#t]",
      "SELECT NEXT VALUE FOR dbo.s",
      "SELECT NEXT VALUE/**/FOR s",
      "SELECT @@IDENTITY",
      "SELECT @@ROWCOUNT",
      "SELECT @@UNKNOWN_THING",
      "SELECT SCOPE_IDENTITY()",
      "SELECT ROWCOUNT_BIG()",
      "IF @@ROWCOUNT = 0 INSERT INTO t VALUES (1)",
  };
  for (const char* row : rows) {
    INFO(row);
    const StatementFacts f = facts(row);
    CHECK(f.plain);
    CHECK_FALSE(f.read_only);
    CHECK_FALSE(f.deterministic);
    CHECK_FALSE(f.may_end_transaction);
    CHECK_FALSE(f.may_begin_transaction);
    CHECK_FALSE(f.commits);
    CHECK(f.leaves == 0);
  }
}

TEST_CASE("statement: nothing is proved") {
  const char* rows[] = {
      // procedures, said and unsaid
      "EXEC p",
      "EXECUTE p",
      "exec sp_executesql N'SELECT 1'",
      "EXEC ('SELECT 1')",
      "EXEC(@s)",
      "p",
      "sp_who",
      "dbo.p 1",
      "[p]",
      "\"p\" 1",
      "[SELECT] 1",
      "\"SELECT\" 1",
      "sp_columns 't'",
      "; p",
      "SELECT 1; p",
      "SELECT 1; p 2",
      "BEGIN p END",
      "/* x */ p",
      "-- x\np",
      "INSERT INTO t EXEC p",
      "INSERT t EXECUTE p",
      "INSERT INTO t (a) EXEC ('SELECT 1')",
      "{call p}",
      "{?=call p}",
      "DECLARE @r int EXEC @r = p",
      "WITH c AS (SELECT 1) EXEC p",
      "IF 1 = 1 EXEC p ELSE SELECT 1",
      // tables that are made
      "SELECT * INTO u FROM t",
      "SELECT a INTO #t FROM t",
      "SELECT a IN/**/TO u FROM t INTO x",
      "SELECT 1 a INTO[u]",
      "INSERT INTO t SELECT a INTO u FROM v",
      "WITH c AS (SELECT 1 a) SELECT a INTO u FROM c",
      // other servers
      "SELECT * FROM OPENQUERY(s, 'DELETE FROM t')",
      "SELECT * FROM OPENROWSET('a', 'b', 'EXEC p')",
      "SELECT * FROM OPENDATASOURCE('a','b').c.d.e",
      "SELECT * FROM openxml(@h, '/a')",
      "SELECT * FROM s.d.dbo.t",
      "SELECT * FROM s...t",
      "SELECT * FROM [s].[d].[o].[t]",
      // functions that are not known
      "SELECT dbo.f(1)",
      "SELECT [dbo].[f](1)",
      "SELECT f(1)",
      "SELECT * FROM dbo.f(1)",
      "SELECT * FROM f(@x)",
      "SELECT a.value('x', 'int') FROM t",
      "SELECT LEN (dbo.f(1))",
      "SELECT [LEN]('a')",
      "SELECT dbo.LEN('a')",
      "SELECT NEWSEQUENTIALID()",
      "SELECT ENCRYPTBYKEY(@k, 'a')",
      "SELECT geography::Point(1, 2, 3)",
      "SELECT $PARTITION.f(1)",
      "SELECT dbo.f(NOLOCK) FROM t",
      "SELECT a FROM t ORDER BY a, dbo.f(NOLOCK)",
      "SELECT a FROM t WHERE dbo.f(nolock) = 1",
      "SELECT * FROM t (UPDLOCK)",
      "SELECT * FROM t (NOLOCK, x)",
      "SELECT * FROM t (NOLOCK",
      "SELECT OBJECT_IDX('a')",
      "SELECT * FROM CHANGETABLE(CHANGES t, 1) c",
      "SELECT TOP (dbo.f(1)) a FROM t",
      "INSERT TOP (dbo.f(1)) INTO t VALUES (1)",
      "SELECT \xef\xbc\xac\xef\xbc\xa5\xef\xbc\xae('a')",
      "SELECT {fn NOW()}",
      "SELECT CURSOR_STATUS('local', 'c')",
      "SELECT * FROM RANGE(1)",
      // transactions
      "BEGIN TRAN SELECT 1 COMMIT",
      "SELECT 1 COMMIT",
      "COMMIT",
      "ROLLBACK",
      "SAVE TRAN a",
      "BEGIN TRANSACTION",
      "BEGIN DISTRIBUTED TRAN",
      "SELECT 1 BEGIN TRAN",
      "BEGIN TRY SELECT 1 END TRY BEGIN CATCH END CATCH",
      "SELECT 1 x COMMIT",
      "SELECT 1;COMMIT WORK",
      "BEGIN/**/TRAN",
      "SELECT CASE WHEN 1=1 THEN 1 END COMMIT TRAN",
      // the session
      "SET NOCOUNT ON",
      "SET NOCOUNT ON SELECT 1",
      "USE db",
      "SELECT 1 USE db",
      "SELECT 1 SET NOCOUNT ON",
      "UPDATE t SET a = 1 SET NOCOUNT ON",
      "DELETE t SET NOCOUNT ON",
      "SETUSER 'a'",
      "REVERT",
      "EXECUTE AS USER = 'a'",
      "DBCC TRACEON (1)",
      "SELECT 1 SET ROWCOUNT 5",
      "DECLARE c CURSOR FOR SELECT 1",
      "OPEN c",
      "FETCH NEXT FROM c",
      "SELECT a FROM t ORDER BY a OFFSET 1 ROWS FETCH NEXT FROM c",
      "SELECT 1 FETCH NEXT FROM c INTO @x",
      "SELECT 1 FETCH c",
      "CLOSE c",
      "DELETE FROM t WHERE CURRENT OF c",
      // objects and administration
      "CREATE TABLE t (a int)",
      "DROP TABLE t",
      "ALTER TABLE t ADD a int",
      "GRANT SELECT ON t TO u",
      "CREATE PROC p AS SELECT 1",
      "SELECT 1 DROP TABLE t",
      "UPDATE STATISTICS t",
      "BULK INSERT t FROM 'x'",
      "INSERT BULK t (a int)",
      "KILL 55",
      "SHUTDOWN",
      "CHECKPOINT",
      "RECONFIGURE",
      "BACKUP DATABASE d TO DISK = 'x'",
      "SELECT 1 KILL 55",
      "WRITETEXT t.a @p 'x'",
      "READTEXT t.a @p 1 2",
      "DENY SELECT ON t TO u",
      "ENABLE TRIGGER x ON t",
      "SELECT 1 FROM t ENABLE TRIGGER x ON t",
      // waiting, jumping, messages
      "WAITFOR DELAY '00:00:01'",
      "SELECT 1 WAITFOR DELAY '1'",
      "GOTO x",
      "x: SELECT 1",
      "RETURN",
      "RAISERROR('a', 16, 1)",
      "WHILE 1=1 SELECT 1",
      "THROW",
      "SELECT 1; THROW 50000, 'a', 1",
      "IF 1=1 THROW 50000, 'a', 1",
      "RECEIVE * FROM q",
      "SELECT 1 FROM t RECEIVE TOP (1) * FROM q",
      "SEND ON CONVERSATION @h ('x')",
      "SELECT 1 FROM t SEND ON CONVERSATION @h",
      "BEGIN DIALOG @h FROM SERVICE a TO SERVICE 'b'",
      "END CONVERSATION @h",
      "SELECT CASE WHEN 1=1 THEN 1 END CONVERSATION @h",
      "GET CONVERSATION GROUP @g FROM q",
      "MOVE CONVERSATION @h TO @g",
      "SELECT 1 a b c",
      "SELECT a FROM t x y z",
      "SELECT a FROM t x MOVE y TO z",
      // not the text it seems to be
      "SELECT 'a",
      "SELECT [a",
      "SELECT /* a",
      "SELECT 1 /* /* */ FROM t",
      "SELECT\xc2\xa0"
      "1",
      "SELECT\xe3\x80\x80"
      "1",
      "SELECT 1\x01",
      "\xef\xbb\xbfSELECT 1",
      "\xef\xbc\xb3\xef\xbc\xa5LECT 1",
      "SELECT 1\xe2\x80\x8b",
      "SELECT a\xc2\xad"
      "b",
      "SELECT 1FROM t",
      "SELECT 1EXEC p",
      "SELECT 0xAGO",
      "SELECT 1 --\rDELETE t",
      "SELECT 1 --\xe2\x80\xa8"
      "DELETE t",
      "SELECT (1",
      "SELECT 1)",
      "SELECT CASE 1",
      "BEGIN SELECT 1",
      "END",
      "SELECT 1 END",
      "1",
      "'a'",
      "@x",
      "SELECT ?",
      "SELECT {x 'a'}",
      "FROM t",
      "VALUES (1)",
      "SELECT 1; NULL",
      "SELECT {d a}",
      "SELECT {d 'a' EXEC p}",
      "{d 'a'}",
      "SELECT {d 'a'} {d 'b'} {d 'c'}",
      "SELECT a FROM t WITH ('a') b c d",
      "SELECT a FOR UPDATE",
      "SELECT a FROM t FOR BROWSE",
      "SELECT \\ FROM t",
      "SELECT ` FROM t",
      "SELECT a FROM t OPTION (TABLE HINT (t, XLOCK))",
      "SELECT * \xc4\xb0NTO u FROM t",
      "SELECT * \xc4\xb1nto u FROM t",
      "SELECT 1 \xc5\xbf"
      "et NOCOUNT ON",
  };
  for (const char* row : rows) {
    INFO(row);
    const StatementFacts f = facts(row);
    CHECK_FALSE(f.read_only);
    CHECK_FALSE(f.plain);
    CHECK_FALSE(f.deterministic);
    CHECK_FALSE(facts(row).read_only);
  }
}

TEST_CASE("statement: a NUL outside a string proves nothing") {
  CHECK_FALSE(facts(std::string("SELECT 1\0 DELETE t", 18)).plain);
  CHECK_FALSE(facts_of(Bytes("S", 1)).plain);
  CHECK_FALSE(facts_of(to_utf16("SELECT 1") + "x").plain);
}

TEST_CASE("statement: what leans on the statement before") {
  for (const char* row : {"SELECT @@identity", "SELECT @@ROWCOUNT", "SELECT @@ERROR",
                          "SELECT scope_identity()", "EXEC p SELECT ROWCOUNT_BIG()", "COMMIT SELECT @@ERROR",
                          "INSERT t VALUES (1); SELECT SCOPE_IDENTITY()", "IF @@ROWCOUNT = 0 ROLLBACK"})
    CHECK(facts(row).uses_identity);
  for (const char* row :
       {"SELECT '@@identity'", "SELECT [@@ROWCOUNT]", "SELECT 1 -- @@ERROR", "SELECT @@TRANCOUNT"})
    CHECK_FALSE(facts(row).uses_identity);
}
