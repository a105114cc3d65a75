#include <catch2/catch.hpp>

#include "tests/unit/sqlnode/recorder.h"

namespace holdfast::sqlnode {
namespace {

Parameter parameter(const std::string& name, Type type, Value value, bool output = false) {
  Parameter out;
  out.name = name;
  out.type = type;
  out.value = std::move(value);
  out.output = output;
  return out;
}

}  // namespace

TEST_CASE("the SQL node's expressions have SQL Server's types") {
  File file;
  TestSession run(file);
  CHECK(run("SELECT 1 AS a, 'x' + N'yz' AS b, 1.50 * 2 AS c, 7 / 2 AS d, NULL AS e") ==
        "columns a:INT b:NVARCHAR(3) c:DECIMAL(5,2) d:INT e:INT\nrow 1 xyz 3.00 3 NULL\ndone 1\n");
  CHECK(run("SELECT CAST('2026-11-22T10:11:12' AS DATETIME2(3)), CONVERT(VARBINARY(4), 1), CAST(1 AS BIT)") ==
        "columns :DATETIME2(3) :VARBINARY(4) :BIT\nrow 2026-11-22 10:11:12.000 0x00000001 1\ndone 1\n");
  CHECK(run("SELECT @a + 1, @b", {parameter("@a", make_type(Kind::Int), std::int64_t{4}),
                                  parameter("@b", make_type(Kind::NVarChar, 10), std::string("é"))}) ==
        "columns :INT :NVARCHAR(10)\nrow 5 é\ndone 1\n");
}

TEST_CASE("the SQL node keeps tables, identities and their types") {
  File file;
  {
    TestSession run(file);
    CHECK(run("CREATE TABLE dbo.[t] (id INT IDENTITY(10,5) PRIMARY KEY, name NVARCHAR(5) NOT NULL, amount "
              "DECIMAL(38,4))")
              .empty());
    CHECK(run("INSERT INTO t (name, amount) OUTPUT inserted.id VALUES ('a', 12345678901234567890.1234), "
              "(N'b', NULL);"
              "SELECT SCOPE_IDENTITY()") ==
          "columns id:INT\nrow 10\nrow 15\ndone 2\ncolumns :DECIMAL(38,0)\nrow 15\ndone 1\n");
    CHECK(run("UPDATE t SET name += 'c' OUTPUT deleted.name, inserted.name WHERE id = 10") ==
          "columns name:NVARCHAR(5) name:NVARCHAR(5)\nrow a ac\ndone 1\n");
    CHECK(run.sink.last_command == 0xC5);
    CHECK(run("DECLARE @n INT; UPDATE t SET @n = id, amount = 1 OUTPUT inserted.id + 1, deleted.name WHERE "
              "id = 15;"
              "DELETE FROM t OUTPUT deleted.* WHERE id = 15; SELECT @n, DB_ID(), IDENT_CURRENT('t')") ==
          "columns :INT name:NVARCHAR(5)\nrow 16 b\ndone 1\ncolumns id:INT name:NVARCHAR(5) "
          "amount:DECIMAL(38,4)\n"
          "row 15 b 1.0000\ndone 1\ncolumns :INT :INT :DECIMAL(38,0)\nrow 15 1 15\ndone 1\n");
  }
  TestSession again(file);
  CHECK(
      again("SELECT * FROM t WHERE name = 'AC'") ==
      "columns id:INT name:NVARCHAR(5) amount:DECIMAL(38,4)\nrow 10 ac 12345678901234567890.1234\ndone 1\n");
}

TEST_CASE("the SQL node says SQL Server's error numbers and goes on") {
  File file;
  TestSession run(file);
  run("CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b INT CHECK (b > 0), c INT UNIQUE, d VARCHAR(3)); CREATE "
      "UNIQUE INDEX ix ON t(d)");
  run("INSERT t VALUES (1, 1, 1, 'x')");
  CHECK(run("INSERT t VALUES (1,1,2,'y'); INSERT t VALUES (2,0,2,'y'); INSERT t VALUES (2,1,1,'y'); INSERT t "
            "VALUES (2,1,2,'x');"
            "INSERT t VALUES (NULL,1,2,'y'); INSERT t VALUES (2,1,2,'long'); SELECT 1/0; EXEC nothing; "
            "COMMIT; ROLLBACK; SELECT 5") ==
        "error 2627\nerror 547\nerror 2627\nerror 2601\nerror 515\nerror 2628\nerror 8134\nerror 2812\nerror "
        "3902\nerror 3903\n"
        "columns :INT\nrow 5\ndone 1\n");
  CHECK(run("SELECT * FROM nothing; SELECT 1") == "error 208\n");
  CHECK(run("SELECT nothing FROM t") == "error 207\n");
  CHECK(run("SELECT 1 FROM") == "error 102\n");
  CHECK(run("SELECT CAST('x' AS INT); SELECT 1") == "error 245\n");
  CHECK(run("SELECT @x") == "error 137\n");
  CHECK(run("SELECT CAST(300 AS TINYINT)") == "error 220\n");
}

TEST_CASE("transactions of the SQL node nest, roll back to savepoints and survive a failed statement") {
  File file;
  TestSession run(file);
  run("CREATE TABLE t (a INT PRIMARY KEY)");
  CHECK(run("BEGIN TRAN; INSERT t VALUES (1); BEGIN TRAN; SELECT @@TRANCOUNT; COMMIT; SAVE TRAN s; INSERT t "
            "VALUES (2);"
            "ROLLBACK TRAN s; INSERT t VALUES (1); COMMIT; SELECT a FROM t") ==
        "began\ndone 1\ncolumns :INT\nrow 2\ndone 1\ndone 1\nerror 2627\ncommitted\ncolumns a:INT\nrow "
        "1\ndone 1\n");
  CHECK(run.engine->descriptor() == 0);
  CHECK(run("SET XACT_ABORT ON; BEGIN TRAN; INSERT t VALUES (3); INSERT t VALUES (3); SELECT 1") ==
        "began\ndone 1\nrolled back\nerror 2627\n");
  CHECK(run("SET XACT_ABORT OFF; SET IMPLICIT_TRANSACTIONS ON; DELETE FROM t; ROLLBACK; SET "
            "IMPLICIT_TRANSACTIONS OFF;"
            "SELECT COUNT(*) FROM t") == "began\ndone 1\nrolled back\ncolumns :INT\nrow 1\ndone 1\n");
}

TEST_CASE("two sessions of the SQL node wait for each other's writes and see only what is committed") {
  File file;
  TestSession one(file, 51), two(file, 52);
  one("CREATE TABLE t (a INT)");
  one("BEGIN TRAN; INSERT t VALUES (1)");
  CHECK(two("SELECT COUNT(*) FROM t") == "columns :INT\nrow 0\ndone 1\n");
  CHECK(two("SET LOCK_TIMEOUT 0; INSERT t VALUES (2)") == "error 1222\n");
  one("COMMIT");
  CHECK(two("INSERT t VALUES (2); SELECT COUNT(*) FROM t") == "done 1\ncolumns :INT\nrow 2\ndone 1\n");
  one("ALTER TABLE t ADD b NVARCHAR(4) NOT NULL DEFAULT 'z'");
  CHECK(two("SELECT TOP 1 * FROM t") == "columns a:INT b:NVARCHAR(4)\nrow 1 z\ndone 1\n");
}

TEST_CASE("a node that is not primary refuses writes, and takes temporary tables") {
  File file;
  TestSession run(file);
  run("CREATE TABLE t (a INT)");
  run.primary = false;
  CHECK(run("INSERT t VALUES (1)") == "error 3906\n");
  CHECK(run("CREATE TABLE #x (a INT); INSERT #x VALUES (4); SELECT a FROM #x; SELECT "
            "DATABASEPROPERTYEX(DB_NAME(), 'Updateability')") ==
        "done 1\ncolumns a:INT\nrow 4\ndone 1\ncolumns :NVARCHAR(128)\nrow READ_ONLY\ndone 1\n");
  CHECK_FALSE(run.engine->settings().recoverable);
  run.engine->reset(false);
  CHECK(run.engine->settings().recoverable);
  CHECK(run("SELECT role_desc FROM sys.dm_hadr_availability_replica_states") ==
        "columns role_desc:NVARCHAR(60)\nrow SECONDARY\ndone 1\n");
}

TEST_CASE("procedures, control of flow and TRY of the SQL node") {
  File file;
  TestSession run(file);
  run("CREATE PROCEDURE p @a INT, @b INT = 5, @c INT OUTPUT AS SET NOCOUNT ON; SET @c = @a + @b; RETURN 7");
  CHECK(run("DECLARE @r INT, @o INT; EXEC @r = p 1, @c = @o OUTPUT; SELECT @r, @o") ==
        "columns :INT :INT\nrow 7 6\ndone 1\n");
  std::vector<Parameter> both{parameter("@a", make_type(Kind::Int), std::int64_t{2}),
                              parameter("@c", make_type(Kind::Int), {}, true)};
  run.engine->procedure("dbo.p", both, run.sink, run.cancelled);
  CHECK(run.sink.take() == "status 7\noutput @c=7\n");
  CHECK(
      run("DECLARE @i INT = 0; WHILE 1 = 1 BEGIN SET @i += 1; IF @i = 3 BREAK ELSE CONTINUE END; PRINT @i") ==
      "info 3\n");
  CHECK(run("BEGIN TRY SELECT 1/0 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH") ==
        "columns :INT\nrow 8134\ndone 1\n");
  CHECK(run("EXEC sp_executesql N'SELECT @x', N'@x INT', @x = 5") == "columns :INT\nrow 5\ndone 1\n");
}

TEST_CASE("an attention stops the SQL node's statement") {
  File file;
  TestSession run(file);
  run.sink.stop_after = 3;
  CHECK(run("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; SELECT 'never'") ==
        "columns i:INT\nrow 1\nrow 2\nrow 3\n");
  run.sink.stop_after = SIZE_MAX;
  run.cancelled = true;
  CHECK(run("SELECT 1").empty());
  run.cancelled = false;
  CHECK(run("SELECT 1") == "columns :INT\nrow 1\ndone 1\n");
}

TEST_CASE("bulk rows of the SQL node are converted and counted") {
  File file;
  TestSession run(file);
  run("CREATE TABLE t (id INT IDENTITY PRIMARY KEY, at DATETIME2(0), v NVARCHAR(3)); INSERT BULK t (at "
      "DATETIME2(0), v NVARCHAR(3))");
  run.engine->bulk({Column{}, Column{}},
                   {{Value(std::string("2026-01-02 03:04:05")), Value(std::string("a"))}, {Value(), Value()}},
                   run.sink);
  run.sink.take();
  CHECK(
      run("SELECT * FROM t") ==
      "columns id:INT at:DATETIME2(0) v:NVARCHAR(3)\nrow 1 2026-01-02 03:04:05 a\nrow 2 NULL NULL\ndone 2\n");
}

TEST_CASE("databases of the SQL node are apart") {
  File file;
  TestSession run(file);
  CHECK(run("CREATE DATABASE demo; USE demo; CREATE TABLE t (a INT); INSERT t VALUES (1)") ==
        "database master demo\ninfo Changed database context to 'demo'.\ndone 1\n");
  CHECK(run("USE master; SELECT OBJECT_ID('t'), COUNT(*) FROM demo.dbo.t") ==
        "database demo master\ninfo Changed database context to 'master'.\ncolumns :INT :INT\nrow NULL "
        "1\ndone 1\n");
  CHECK(run("USE nothing") == "error 911\n");
}

}  // namespace holdfast::sqlnode
