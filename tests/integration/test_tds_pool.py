"""Server connections that sessions share: by session, and between transactions."""
import json
import pathlib
import subprocess
import sys

from test_tds_aware import Node, Sql, commanded, run_before
from test_tds_sight import metric, sessions

from lib import Skip, wait

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "drivers"))
import parts  # noqa: E402


def pooled(t, settings, control=None):
    a = Node(t, "SQL1", *(["--control", control] if control else []))
    b = Node(t, "SQL2")
    run_before(t, a, b, service=f'[service.sql.sql]\nencrypt = "none"\n{settings}')
    return a, b


def leave(sql):
    sql.process.stdin.close()
    sql.process.wait()


def stats(path):
    return json.loads(commanded(path, "stats"))


def test_tds_pool_session(t):
    """A session's connection serves the next one of its login, which finds nothing of it."""
    t.loops = 1
    control = t.dir / "a.sock"
    pooled(t, 'pool = "session"', control)
    first = Sql(t, t.port)
    first.ask("create table kept (n int)")
    first.ask("set datefirst 3 set lock_timeout 4321 set transaction isolation level serializable")
    assert "|3|" in first.ask("select '|' + cast(@@datefirst as varchar) + '|'")
    leave(first)
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 1, "the connection to be free")
    before = stats(control)
    second = Sql(t, t.port)
    assert "|7|" in second.ask("select '|' + cast(@@datefirst as varchar) + '|'")
    assert "|-1|" in second.ask("select '|' + cast(@@lock_timeout as varchar) + '|'")
    assert "|2|" in second.ask(ISOLATION)
    after = stats(control)
    assert after["logins"] == before["logins"] and after["resets"] == before["resets"] + 1, (before, after)
    assert metric(t, "holdfast_sql_pool_logins_saved_total") == 1
    assert metric(t, "holdfast_sql_pool_free") == 0
    leave(second)
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 1, "the connection to be free again")
    assert "18456" in Sql(t, t.port, password="Wrong1!").until("18456")
    third = Sql(t, t.port)
    third.ask("create table #mine (n int)")  # nothing that a session leaves behind is kept waiting for the next
    leave(third)
    wait(lambda: sessions(t) == [], "the session to end")
    assert metric(t, "holdfast_sql_pool_free") == 0


ISOLATION = ("select '|' + cast(transaction_isolation_level as varchar) + '|' from sys.dm_exec_sessions "
             "where session_id = @@spid")


def test_tds_pool_shares(t):
    """Two sessions on one connection keep what each has set."""
    t.loops = 1
    control = t.dir / "a.sock"
    pooled(t, 'pool = "transaction"\npool-max = 1', control)
    one = Sql(t, t.port)
    one.ask("create table shared (n int)")
    logins = stats(control)["logins"]
    one.ask("set datefirst 3 set transaction isolation level serializable")
    other = Sql(t, t.port)
    assert "|7|" in other.ask("select '|' + cast(@@datefirst as varchar) + '|'")
    assert "|2|" in other.ask(ISOLATION)
    other.ask("set datefirst 5")
    for _ in range(3):
        assert "|3|" in one.ask("select '|' + cast(@@datefirst as varchar) + '|'")
        assert "|4|" in one.ask(ISOLATION)
        assert "|5|" in other.ask("select '|' + cast(@@datefirst as varchar) + '|'")
        assert "|2|" in other.ask(ISOLATION)
    one.ask("begin transaction insert into shared values (1)")
    assert next(s for s in sessions(t) if s["in_transaction"])["pool"] == "pinned: transaction"
    other.send("select 'wait' + 'ed'")
    wait(lambda: any(s["pool"] == "waits" for s in sessions(t)), "the other session to wait")
    one.ask("commit")
    assert "waited" in other.until("waited")
    assert stats(control)["logins"] == logins
    assert metric(t, "holdfast_sql_pool_stolen_total") > 6 and metric(t, "holdfast_sql_pool_waited_total") >= 1
    assert "POOL" in t.proxy.command("sql", "sessions")


def test_tds_pool_pins(t):
    """A temporary table keeps its connection; who waits for it in vain is told of pool-max."""
    t.loops = 1
    pooled(t, 'pool = "transaction"\npool-max = 1\nhold = "1s"')
    one = Sql(t, t.port)
    one.ask("create table #mine (n int) insert into #mine values (42)")
    assert [s["pool"] for s in sessions(t)] == ["pinned: temporary table"]
    two = Sql(t, t.port)
    two.send("select 1")
    assert "pool-max" in two.until("pool-max")
    assert "42" in one.ask("select n from #mine")
    one.ask("drop table #mine")
    assert "lent" in Sql(t, t.port).ask("select 'le' + 'nt'")


def test_tds_pool_primary_killed(t):
    """Sessions on shared connections live on at the other node."""
    t.loops = 1
    a, _ = pooled(t, 'pool = "transaction"\npool-max = 2')
    all_of_them = [Sql(t, t.port) for _ in range(5)]
    all_of_them[0].ask("create table after (n int)")
    for n, sql in enumerate(all_of_them):
        sql.ask(f"set datefirst {n + 1}")
    a.kill()
    for n, sql in enumerate(all_of_them):
        assert f"|{n + 1}|" in sql.ask("select '|' + cast(@@datefirst as varchar) + '|'")
    assert all(s["instance"] in ("b", "") for s in sessions(t))
    assert metric(t, "holdfast_sql_pool_lent") == 3


def test_tds_pool_idle_and_reload(t):
    """A free connection goes after pool-idle, and when the configuration wants none."""
    t.loops = 1
    control = t.dir / "a.sock"
    pooled(t, 'pool = "session"\npool-idle = "300ms"', control)
    leave(Sql(t, t.port))
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 1, "the connection to be free")
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 0, "it to be closed")
    text = t.proxy.path.read_text().split("[listen.sql]")[1].replace("300ms", "60s")
    t.proxy.reload("[listen.sql]" + text)
    leave(Sql(t, t.port))
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 1, "the connection to be free")
    t.proxy.reload("[listen.sql]" + text.replace('pool = "session"', 'pool = "off"'))
    wait(lambda: metric(t, "holdfast_sql_pool_free") == 0, "all to be closed")


def test_tds_pool_many(t):
    """Forty clients of python-tds on five connections; every transaction is there once."""
    driver = parts.DRIVERS["python-tds"]
    try:
        driver.get(25)
    except parts.Missing as reason:
        raise Skip(f"python-tds: {reason}") from None
    t.loops = 1
    control = t.dir / "a.sock"
    pooled(t, 'pool = "transaction"\npool-max = 5', control)
    Sql(t, t.port).ask("create table many (client int, step int)")
    before = stats(control)["logins"]
    program = pathlib.Path(__file__).resolve().parent.parent / "drivers" / "pool_clients.py"
    run = subprocess.run([str(driver.argv()[0]), "-B", str(program), str(t.port), "40", "5"], capture_output=True,
                         text=True, timeout=60)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split() == ["200"], run.stdout
    assert stats(control)["logins"] - before <= 5
