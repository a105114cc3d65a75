"""Sight of aware SQL sessions, and what an operator does with them: sessions, top, kill, pause, drain, rules, limits."""
import json
import subprocess
import time

from test_tds_aware import Node, Sql, commanded, run_before, two_nodes

from lib import wait

SECRET = "4929113355557777"


def sessions(t):
    return json.loads(t.proxy.command("sql", "sessions", "--json"))


def metric(t, name, **labels):
    inside = ",".join(f'{k}="{v}"' for k, v in {"service": "sql", **labels}.items())
    start = f"{name}{{{inside}}} "
    return next(int(line[len(start):]) for line in t.proxy.command("metrics").splitlines() if line.startswith(start))


def refused(t, *words):
    run = subprocess.run([t.binary, "sql", *words, "--socket", str(t.proxy.socket)], capture_output=True, text=True)
    assert run.returncode == 1, run.stdout
    return run.stderr


def test_tds_sight_sessions_and_top(t):
    a, _ = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    sql.ask("begin transaction insert into t values (1)")
    one, = sessions(t)
    assert one["login"] == "app" and one["in_transaction"] and one["instance"] == "a" and one["state"] == "idle"
    assert one["client"].startswith("127.0.0.1:") and one["requests"] >= 4 and one["survived"] == 0
    sql.ask("commit")
    sql.ask("create table #mine (n int)")
    assert sessions(t)[0]["unrecoverable"] == "temporary table"
    sql.ask("drop table #mine")
    for n in range(5):
        sql.ask(f"select n from t where n = {n}")
    top = json.loads(t.proxy.command("sql", "top", "--json"))
    row, = [r for r in top if "FROM t WHERE n =" in r["statement"].replace("from", "FROM").replace("where", "WHERE")]
    assert row["count"] == 5 and row["errors"] == 0
    text = t.proxy.command("sql", "top", "sql")
    assert row["digest"] in text
    assert "app" in t.proxy.command("sql", "sessions")
    a.kill()
    sql.ask("select 1")
    assert sessions(t)[0]["survived"] == 1 and sessions(t)[0]["instance"] == "b"
    assert metric(t, "holdfast_sql_survived_total") == 1
    assert metric(t, "holdfast_sql_sessions") == 1
    assert metric(t, "holdfast_sql_requests_total", outcome="ok") > 5
    sql.process.stdin.close()
    wait(lambda: sessions(t) == [], "the session to leave the list")
    assert metric(t, "holdfast_sql_sessions") == 0


def test_tds_sight_shows_no_literal(t):
    """Neither a literal nor a password is in a log, a metric or a command's output; the statement is there."""
    control = t.dir / "a.sock"
    a, b = Node(t, "SQL1", "--control", control), Node(t, "SQL2")
    run_before(t, a, b, service='[service.sql.sql]\nencrypt = "none"\nslow = "5ms"\n[[service.sql.sql.rule]]\nname = "all"')
    assert "ok" in commanded(control, "slow 20")
    sql = Sql(t, t.port)
    sql.ask("create table cards (number varchar(40))")
    sql.ask(f"insert into cards values ('{SECRET}')")
    sql.ask(f"select * from cards where number = '{SECRET}' -- {SECRET}")
    sql.ask(f"select * from cards where number = '{SECRET}")  # never closed
    sql.ask(f"select {SECRET}")
    sql.ask(f"select cast('x{SECRET}' as int)")  # an error that repeats it
    Sql(t, t.port, password="WrongSecret2!").until("18456")
    t.proxy.logged("slow SQL statement")
    t.proxy.logged("SQL statement under a rule")
    seen = "".join([t.proxy.log(), t.proxy.access_path.read_text(), t.proxy.command("metrics"),
                    *(t.proxy.command("sql", what, *how) for what in ("sessions", "top") for how in ((), ("--json",))),
                    t.proxy.command("events"), t.proxy.command("status")])
    assert "cards" in seen
    for secret in (SECRET, "Secret1!", "WrongSecret2!"):
        assert secret not in seen, [line for line in seen.splitlines() if secret in line]


def test_tds_sight_logs_literals_if_asked(t):
    """The slow-statement log alone has them, on one line whatever they hold."""
    control = t.dir / "a.sock"
    a, b = Node(t, "SQL1", "--control", control), Node(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none", slow = "5ms", log-literals = true }')
    assert "ok" in commanded(control, "slow 20")
    sql = Sql(t, t.port)
    sql.ask(f"select '{SECRET}',\n 'second'")
    slow, = [line for line in t.proxy.log().splitlines() if SECRET in line]
    assert "slow SQL statement" in slow and f"statement=\"select '{SECRET}',\\x0a 'second" in slow, slow
    assert SECRET not in t.proxy.command("sql", "top") + t.proxy.access_path.read_text()


def test_tds_sight_kill(t):
    two_nodes(t, service='sql = { encrypt = "none" }')
    sql, other = Sql(t, t.port), Sql(t, t.port)
    sql.ask("select 1")
    other.ask("select 1")
    assert "there is no SQL session 99999" in refused(t, "kill", "99999")
    number = sessions(t)[0]["id"]
    assert f"session {number} is killed" in t.proxy.command("sql", "kill", str(number))
    assert [s["id"] for s in sessions(t)] != [] and number not in [s["id"] for s in sessions(t)]


def test_tds_sight_pause_and_failover(t):
    """A pause waits for transactions, holds what is new, and the server may go meanwhile."""
    a, _ = two_nodes(t, service='sql = { encrypt = "none" }')
    busy, idle = Sql(t, t.port), Sql(t, t.port)
    busy.ask("create table t (n int)")
    idle.ask("select 1")
    busy.ask("begin transaction insert into t values (1)")
    why = refused(t, "pause", "sql", "--timeout", "300ms")
    assert "not paused: 1 in a transaction" in why and "the service goes on" in why, why
    busy.ask("commit")
    assert "sql is paused: 2 sessions" in t.proxy.command("sql", "pause", "sql")
    assert "is paused already" in refused(t, "pause", "sql")
    idle.send("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")
    wait(lambda: "held" in [s["state"] for s in sessions(t)], "the request to wait")
    assert metric(t, "holdfast_sql_held") == 1
    a.kill()
    time.sleep(0.5)
    assert "sql goes on" in t.proxy.command("sql", "resume", "sql")
    assert "rows=1." in idle.until("rows=1.")
    assert metric(t, "holdfast_sql_held") == 0
    assert "is not paused" in refused(t, "resume", "sql")
    assert "SQL2" in busy.ask("select @@servername")


def test_tds_sight_pause_ends_by_itself(t):
    two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("select 1")
    start = time.monotonic()
    t.proxy.command("sql", "pause", "sql", "--for", "1s")
    late = Sql(t, t.port)  # comes during the pause
    late.send("select 'late' + '.'")
    sql.send("select 'her' + 'e'")
    sql.until("here")
    late.until("late.")
    assert time.monotonic() - start >= 1
    t.proxy.logged("the pause has lasted as long as it may")


def test_tds_sight_drain(t):
    a, _ = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("select 1")
    assert "sql/a is drained" in t.proxy.command("sql", "drain", "sql", "a")
    assert "SQL2" in sql.ask("select @@servername")
    sql.ask("create table t (n int)")
    sql.ask("begin transaction insert into t values (1)")
    assert "sql still has 1 SQL session after 300ms" in refused(t, "drain", "sql", "--timeout", "300ms")
    sql.send("commit")
    wait(lambda: sessions(t) == [], "the session to end after its transaction")


def test_tds_sight_unknown_and_opaque(t):
    node = Node(t, "SQL1")
    run_before(t, node, Node(t, "SQL2"), listen='mode = "opaque"')
    assert "there is no service nope" in refused(t, "pause", "nope")
    assert "service sql is not aware tds" in refused(t, "pause", "sql")


def test_tds_sight_rules_deny(t):
    two_nodes(t, service='[service.sql.sql]\nencrypt = "none"\n[[service.sql.sql.rule]]\nname = "nightly"\n'
                         'deny = true\nlogin = "app"')
    sql = Sql(t, t.port)
    sql.send("select 1")
    text = sql.until("50703")
    assert "nightly" in text + sql.until("nightly")
    assert metric(t, "holdfast_sql_requests_total", outcome="denied") >= 1


def test_tds_sight_lifetime_and_idle(t):
    """A session ends at its next idle moment after `lifetime`; a transaction's end is waited for. And after tds-idle."""
    two_nodes(t, 'timeouts = { tds-idle = "4s" }', service='sql = { encrypt = "none", lifetime = "1s" }')
    sql, busy = Sql(t, t.port), Sql(t, t.port)
    sql.ask("create table t (n int)")
    busy.ask("begin transaction insert into t values (1)")
    wait(lambda: len(sessions(t)) == 1, "the idle one to end")
    assert sessions(t)[0]["in_transaction"]
    busy.send("commit")
    wait(lambda: sessions(t) == [], "the other to end after its transaction")
    Sql(t, t.port).ask("begin transaction insert into t values (1)")
    wait(lambda: any(r.get("outcome") == "idle" for r in t.proxy.access()), "a session to end that says nothing")


def test_tds_sight_limits(t):
    two_nodes(t, 'timeouts = { tds-connect = "2s" }',
              service='sql = { encrypt = "none", limits = { per-login = 1, queue = 1 } }')
    first = Sql(t, t.port)
    first.ask("select 1")
    second = Sql(t, t.port)
    wait(lambda: metric(t, "holdfast_sql_waiting") == 1, "the second login to wait")
    Sql(t, t.port).until("50704")
    first.process.stdin.close()
    assert "2" in second.ask("select 1 + 1")
    assert metric(t, "holdfast_sql_waiting") == 0
    Sql(t, t.port).until("50704")  # after its time in the queue
    assert metric(t, "holdfast_sql_limited_total") == 2
