"""Clients of python-tds that are all connected at once and share their proxy's connections: each has its own session
settings, and writes its steps in transactions. Arguments: port, clients, steps. Prints how many rows are there."""
import sys
import threading

import pytds

PORT, CLIENTS, STEPS = (int(word) for word in sys.argv[1:])
failures, ready = [], threading.Barrier(CLIENTS)


def opened():
    return pytds.connect("127.0.0.1", port=PORT, user="app", password="Secret1!", appname="many", timeout=30,
                         login_timeout=30, autocommit=True)


def ask(cursor, sql, values=()):
    cursor.execute(sql, values)
    return cursor.fetchall()[0][0]


def client(number):
    day = 1 + number % 7
    with opened() as connection, connection.cursor() as cursor:
        ready.wait(30)
        cursor.execute(f"SET DATEFIRST {day}")
        for step in range(STEPS):
            found = ask(cursor, "SELECT @@DATEFIRST")
            if found != day:
                raise ValueError(f"client {number}: DATEFIRST {found} instead of {day}")
            cursor.execute("BEGIN TRANSACTION")
            cursor.execute("INSERT INTO many VALUES (%s, %s)", (number, step))
            mine = ask(cursor, "SELECT COUNT(*) FROM many WHERE client = %s", (number,))
            if mine != step + 1:
                raise ValueError(f"client {number}: {mine} rows at step {step}")
            cursor.execute("COMMIT")


def guarded(number):
    try:
        client(number)
    except Exception as failure:  # noqa: BLE001: shown at the end
        failures.append(f"client {number}: {failure!r}")


threads = [threading.Thread(target=guarded, args=(n,)) for n in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if failures:
    sys.exit("\n".join(failures))
with opened() as connection, connection.cursor() as cursor:
    print(ask(cursor, "SELECT COUNT(*) FROM many"))
