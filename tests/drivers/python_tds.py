"""python-tds: TDS 7.x in Python alone, without strict encryption."""
import contextlib

import pytds
from scenario import LARGE, NULLS, TYPES, Cannot, rows, run


def opened(place, **more):
    tls = {} if place.encryption == "off" else {
        "cafile": place.ca, "validate_host": False, "enc_login_only": place.encryption == "login"}
    return pytds.connect(place.host, port=place.port, user="sa", password="sqlnode", database="master",
                         appname="drivers", login_timeout=10, **{"autocommit": True, "timeout": 20, **tls, **more})


def asked(cursor, sql, values=()):
    cursor.execute(sql, values)
    return rows(cursor.fetchall()) if cursor.description else []


@contextlib.contextmanager
def cursor_of(place, **more):
    with opened(place, **more) as connection, connection.cursor() as cursor:
        yield cursor


def table(cursor, name, columns):
    cursor.execute(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})")
    return name


def connect(place):
    with cursor_of(place) as cursor:
        return asked(cursor, "SELECT DB_NAME(), SUSER_SNAME(), APP_NAME()")


def types(place):
    with cursor_of(place) as cursor:
        return asked(cursor, TYPES)


def nulls(place):
    with cursor_of(place) as cursor:
        return asked(cursor, NULLS)


def results(place):
    with cursor_of(place) as cursor:
        found = [asked(cursor, "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 4 AS d WHERE 1 = 0")]
        while cursor.nextset():
            found.append(rows(cursor.fetchall()))
        return found


def parameters(place):
    with cursor_of(place) as cursor:
        return asked(cursor, "SELECT %s + 1, %s, %s, %s", (41, "Grüße", pytds.Binary(b"\x00\xff\x10"), None))


def prepared(place):
    raise Cannot("python-tds has no prepared statements")


def commit(place):
    with cursor_of(place) as cursor:
        name = table(cursor, "driver_commit", "id INT NOT NULL PRIMARY KEY")
    with opened(place, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {name} (id) VALUES (1)")
        inside = asked(cursor, f"SELECT COUNT(*) FROM {name}")
        connection.commit()
        return inside + asked(cursor, f"SELECT COUNT(*) FROM {name}")


def rollback(place):
    with cursor_of(place) as cursor:
        name = table(cursor, "driver_rollback", "id INT NOT NULL PRIMARY KEY")
    with opened(place, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {name} (id) VALUES (1)")
        inside = asked(cursor, f"SELECT COUNT(*) FROM {name}")
        connection.rollback()
        return inside + asked(cursor, f"SELECT COUNT(*) FROM {name}")


def cancel(place):
    raise Cannot("python-tds cannot cancel from another thread; its time-out cancels")


def timeout(place):
    with cursor_of(place, timeout=0.3) as cursor:
        try:
            cursor.execute("WAITFOR DELAY '00:00:10'")
        except TimeoutError:
            return ["timed out", asked(cursor, "SELECT 1")]


def bulk(place):
    with cursor_of(place) as cursor:
        name = table(cursor, "driver_bulk", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL")
        lines = (f"{i}\t{'row ' + str(i) if i % 3 else ''}\n" for i in range(2000))
        cursor.copy_to(lines, name, columns=("id", "s"), null_string="")
        return asked(cursor, f"SELECT COUNT(*), SUM(CAST(id AS BIGINT)), COUNT(s) FROM {name}")


def large(place):
    with cursor_of(place) as cursor:
        name = table(cursor, "driver_large",
                     "id INT NOT NULL PRIMARY KEY, s NVARCHAR(MAX) NULL, y VARBINARY(MAX) NULL")
        values = (1, "0123456789abcdef" * (LARGE // 16), pytds.Binary(bytes(range(256)) * (LARGE // 256)))
        cursor.execute(f"INSERT INTO {name} (id, s, y) VALUES (%s, %s, %s)", values)
        return asked(cursor, f"SELECT id, s, y, LEN(s), DATALENGTH(y) FROM {name}")


def errors(place):
    with cursor_of(place) as cursor:
        name = table(cursor, "driver_errors", "id INT NOT NULL PRIMARY KEY")
        found = []
        for sql in (f"INSERT INTO {name} (id) VALUES (1)", "SELECT FROM WHERE", "SELECT 1 / 0",
                    f"INSERT INTO {name} (id) VALUES (1)", f"INSERT INTO {name} (id) VALUES (NULL)",
                    "SELECT * FROM no_such_table", "RAISERROR('mine', 16, 1)", "THROW 50001, 'mine', 1"):
            try:
                cursor.execute(sql)
                found.append(0)
            except pytds.DatabaseError as error:
                found.append(error.number)
        return [found, asked(cursor, f"SELECT COUNT(*) FROM {name}")]


def reset(place):
    """A connection given back to the driver's pool is the next one taken from it, with nothing left of its last use."""
    with opened(place, pooling=True) as connection, connection.cursor() as cursor:
        before = asked(cursor, "SELECT @@SPID")
        cursor.execute("CREATE TABLE #left (id INT); USE tempdb")
    with opened(place, pooling=True) as connection, connection.cursor() as cursor:
        return [asked(cursor, "SELECT @@SPID") == before, asked(cursor, "SELECT OBJECT_ID('tempdb..#left'), DB_NAME()")]


if __name__ == "__main__":
    run(connect, types, nulls, results, parameters, prepared, commit, rollback, cancel, timeout, bulk, large, errors, reset)
