"""The load of bench/sql-failover by drivers of Python: pool.py DRIVER PORT, with 50 connections to 127.0.0.1:PORT.

Ten workers hold a connection that idles for two and a half seconds between two reads; twenty read, ten write in autocommit
and ten run transactions, each once a second (a transaction: every other second) on a connection taken from a pool and given
back. Nothing is tried again: each failure is one line, as an application would see it. pool.js, jdbc/Pool.java and
go/pool/main.go do the same. When all connections are open it prints "ready", then for each operation
    BEGIN END KIND ID NUMBER TEXT
with times in microseconds since 1970; KIND is i (idle), r (read), w (write) or t (transaction); ID is of the row written,
or -; NUMBER is 0 (success), a server's error number, or -1 (no number: the driver says so by TEXT). A failed COMMIT's TEXT
begins with "commit". It runs until it is killed.
"""
import contextlib
import itertools
import os
import queue
import random
import re
import sys
import threading
import time

READ = "SELECT n FROM bench_counter WHERE k = {0}"
WRITE = "INSERT INTO bench_write (id, k) VALUES ({0}, {0})"
COUNT = "UPDATE bench_counter SET n = n + 1 WHERE k = {0}"
WORKERS = {"idle": 10, "read": 20, "write": 10, "transaction": 10}
PERIOD = {"idle": 2.5, "read": 1.0, "write": 1.0, "transaction": 2.0}  # seconds
TIMEOUT = 5  # seconds, of a login and of a statement
ENDING = (-1, 596, 983, 40613, 50701, 50702)  # an error without a number, or of a class that ends the connection
THINK = 0.1  # seconds, in a transaction between its read and its writes


class PythonTds:
    mark = "%s"

    def __init__(self):
        import pytds
        self.open = lambda port: pytds.connect("127.0.0.1", port=port, user="sa", password="sqlnode", database="master",
                                               autocommit=True, login_timeout=TIMEOUT, timeout=TIMEOUT)

    def autocommit(self, connection, on):
        connection.autocommit = on

    def number(self, error):
        return getattr(error, "number", 0) or -1


class PyMssql:
    """FreeTDS, as Python's users have it."""
    mark = "%s"

    def __init__(self):
        import pymssql
        self.open = lambda port: pymssql.connect("127.0.0.1", "sa", "sqlnode", "master", port=str(port), autocommit=True,
                                                 login_timeout=TIMEOUT, timeout=TIMEOUT, tds_version="7.4")

    def autocommit(self, connection, on):
        connection.autocommit(on)

    def number(self, error):
        found = re.search(r"\((\d+), b", str(error))  # of a failed COMMIT it is in the text alone
        number = int(found[1]) if found else -1
        return -1 if 20000 <= number < 20300 else number  # FreeTDS' own


class Odbc:
    """Microsoft's driver. The package drops an error's number, so the ones of a failover are known by their texts."""
    mark = "?"
    TEXTS = {"Rerun the transaction": 1205, "in flight": 50701, "nothing was run": 40613}

    def __init__(self):
        import mssql_python
        mssql_python.pooling(enabled=False)  # one pool, the same for all drivers of Python
        self.open = lambda port: mssql_python.connect(
            f"SERVER=tcp:127.0.0.1,{port};DATABASE=master;UID=sa;PWD=sqlnode;Encrypt=no;TrustServerCertificate=yes;",
            autocommit=True, timeout=TIMEOUT)

    def autocommit(self, connection, on):
        connection.setautocommit(on)

    def number(self, error):
        return next((number for part, number in self.TEXTS.items() if part in str(error)), -1)


DRIVERS = {"python-tds": PythonTds, "pymssql": PyMssql, "mssql-python": Odbc}


class Pool:
    """Connections that wait in a queue. One that said what ends it is replaced when it is next asked for."""

    def __init__(self, driver, port, size):
        self.driver, self.port, self.free = driver, port, queue.Queue()
        for _ in range(size):
            self.free.put(driver.open(port))

    def take(self):
        connection = self.free.get()
        if connection:
            return connection
        try:
            return self.driver.open(self.port)
        except Exception:
            self.free.put(None)
            raise

    def keep(self, connection, number, held):
        """Gives it back, unless it is held and well; returns it then."""
        if number in ENDING:
            with contextlib.suppress(Exception):
                connection.close()
            connection = None
        elif held:
            return connection
        self.free.put(connection)
        return None


class Load:
    def __init__(self, name, port):
        self.name, self.driver, self.numbers = name, DRIVERS[name](), itertools.count()
        self.pool = Pool(self.driver, port, sum(WORKERS.values()))

    def ask(self, connection, text, *values):
        with connection.cursor() as cursor:
            cursor.execute(text.replace("{0}", self.driver.mark), values)
            if cursor.description and not cursor.fetchall():
                raise AssertionError("an empty answer")

    def read(self, connection, key, _):
        self.ask(connection, READ, key)

    idle = read

    def write(self, connection, key, row):
        self.ask(connection, WRITE, row, key)

    def transaction(self, connection, key, row):
        committing = False
        self.driver.autocommit(connection, False)
        try:
            self.ask(connection, READ, key)
            time.sleep(THINK)
            self.ask(connection, WRITE, row, key)
            self.ask(connection, COUNT, key)
            committing = True
            connection.commit()
        except Exception as error:
            error.add_note("commit" if committing else "")
            with contextlib.suppress(Exception):
                connection.rollback()
            raise
        finally:
            with contextlib.suppress(Exception):
                self.driver.autocommit(connection, True)

    def once(self, kind, key, held):
        """One operation, on this connection or on one of the pool's; the connection to hold on to."""
        row = f"{kind[0]}-{self.name}-{next(self.numbers)}" if kind in ("write", "transaction") else "-"
        begin, number, text, kept = time.time_ns(), 0, "", None
        try:
            connection = held or self.pool.take()
            try:
                getattr(self, kind)(connection, key, row)
            except Exception as error:
                number = self.driver.number(error)
                raise
            finally:
                kept = self.pool.keep(connection, number, kind == "idle")
        except Exception as error:
            number = self.driver.number(error)
            text = " ".join([*getattr(error, "__notes__", []), type(error).__name__, str(error)]).split()
        line = f"{begin // 1000} {time.time_ns() // 1000} {kind[0]} {row} {number} {' '.join(text)[:200]}\n"
        os.write(1, line.encode())
        return kept

    def work(self, kind, worker):
        held = None
        time.sleep(PERIOD[kind] * random.random())
        while True:
            held = self.once(kind, f"{self.name}-{worker % 10}", held)
            time.sleep(PERIOD[kind] * random.uniform(0.9, 1.1))


def main():
    load = Load(sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    for kind, many in WORKERS.items():
        for worker in range(many):
            threading.Thread(target=load.work, args=(kind, worker)).start()


if __name__ == "__main__":
    main()
