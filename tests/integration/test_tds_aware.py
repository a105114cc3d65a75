"""Aware SQL sessions before two SQL nodes over one file: logins in every mode of encryption, and servers lost."""
import contextlib
import fcntl
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

from lib import Skip, free_port, wait

CHECK = 'check = { tcp = true, every = "100ms", every-down = "50ms", timeout = "300ms", fall = 1, rise = 1 }'


class Node:
    """One SQL node, a process."""

    def __init__(self, t, name, *options):
        binary = os.environ.get("HOLDFAST_SQLNODE") or pathlib.Path(t.binary).parent / "tests" / "sqlnode"
        if not os.access(binary, os.X_OK):
            raise Skip("the SQL node is not built")
        self.t, self.name, self.port = t, name, free_port()
        self.argv = [binary, "--listen", f"127.0.0.1:{self.port}", "--data", t.dir / "sql.db", "--name", name,
                     "--login", "app:Secret1!", "--durable", "off", *options]
        self.start()

    def start(self):
        self.process = self.t.start(*self.argv)
        wait(self.accepts, f"{self.name} to accept")

    def accepts(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Sql:
    """A client: FreeTDS' tsql on two pipes."""

    def __init__(self, t, port, encryption="off", user="app", password="Secret1!", version="7.4"):
        t.needs("tsql", "stdbuf")
        config = t.dir / f"freetds-{len(t.processes)}.conf"
        config.write_text(f"[holdfast]\nhost = 127.0.0.1\nport = {port}\ntds version = {version}\nencryption = {encryption}\n"
                          "client charset = UTF-8\n")
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "-eL", "tsql", "-S", "holdfast", "-U", user, "-P", password, "-o", "fhq"],
            env={**os.environ, "FREETDSCONF": str(config)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=False)
        t.processes.append(self.process)
        out = self.process.stdout.fileno()
        fcntl.fcntl(out, fcntl.F_SETFL, fcntl.fcntl(out, fcntl.F_GETFL) | os.O_NONBLOCK)
        self.marks, self.text = 0, ""

    def send(self, batch):
        self.process.stdin.write(f"{batch}\ngo\n".encode())
        self.process.stdin.flush()

    def until(self, text, seconds=10):
        """What is printed up to and with `text`, or to the end of the process."""
        end = time.monotonic() + seconds
        while text not in self.text:
            left = end - time.monotonic()
            assert left > 0, f"no '{text}' within {seconds} s: {self.text}"
            if not select.select([self.process.stdout], [], [], left)[0]:
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            self.text += data.decode(errors="replace")
        cut = self.text.find(text) + len(text) if text in self.text else len(self.text)
        found, self.text = self.text[:cut], self.text[cut:]
        return found

    def ask(self, batch, seconds=10):
        """What a batch prints. A second, small one shows its end."""
        self.marks += 1
        self.send(batch)
        self.send(f"select 'm' + 'ark-{self.marks}.'")
        return self.until(f"mark-{self.marks}.", seconds)


def commanded(path, words):
    """What the node's control socket says to a command."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(5)
        wire.connect(str(path))
        wire.sendall(words.encode() + b"\n")
        return wire.recv(4096).decode()


def two_nodes(t, listen="", service="", options=()):
    a, b = Node(t, "SQL1", *options), Node(t, "SQL2", *options)
    run_before(t, a, b, listen, service)
    return a, b


def run_before(t, a, b, listen="", service=""):
    t.run(f"""
[listen.sql]
bind = ["127.0.0.1:{t.port}"]
protocol = "tds"
service = "sql"
{listen}
[service.sql]
instances = {{ a = "127.0.0.1:{a.port}", b = "127.0.0.1:{b.port}" }}
prefer = "a"
{CHECK}
{service}
""")
    wait(lambda: "a is active" in t.proxy.log(), "a to be active")


def certificate(t):
    path = t.dir / "sql.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", t.dir / "key.pem", "-out",
                    t.dir / "ca.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    path.write_text((t.dir / "ca.pem").read_text() + (t.dir / "key.pem").read_text())
    path.chmod(0o600)
    return path


def encrypted(t, listen, service, client):
    pem = certificate(t)
    two_nodes(t, f'tls = {{ certificate = "{pem}" }}\n{listen}', service, ("--tls", pem))
    sql = Sql(t, t.port, client)
    assert "42" in sql.ask("select 41 + 1")
    sql.process.stdin.close()
    return t.proxy.access()[-1]


def test_tds_aware_plain(t):
    two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    assert "hello" in sql.ask("select 'hel' + 'lo'")
    sql.process.stdin.close()
    record = wait(lambda: next((r for r in t.proxy.access() if r.get("user")), None), "the session's record")
    assert (record["user"], record["instance"], record["outcome"]) == ("app", "a", "ok"), record


def test_tds_aware_login_encrypted(t):
    encrypted(t, 'encrypt = "login"', 'sql = { encrypt = "login" }', "request")


def test_tds_aware_all_encrypted(t):
    encrypted(t, 'encrypt = "on"', f'sql = {{ encrypt = "on" }}\ntls = {{ ca = "{t.dir}/ca.pem" }}', "require")


def test_tds_aware_strict_towards_the_server(t):
    encrypted(t, 'encrypt = "on"', f'sql = {{ encrypt = "strict" }}\ntls = {{ ca = "{t.dir}/ca.pem" }}', "require")


def test_tds_aware_wrong_password(t):
    two_nodes(t, service='sql = { encrypt = "none" }')
    Sql(t, t.port, password="wrong").until("18456")


def test_tds_aware_idle_session_survives(t):
    a, b = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    sql.ask("set language us_english set lock_timeout 1234 insert into t values (7)")
    a.kill()
    assert "7" in sql.ask("select n from t")
    assert "SQL2" in sql.ask("select @@servername")
    a.start()
    b.kill()
    assert "7" in sql.ask("select n from t")


def test_tds_aware_many_idle_sessions_survive(t):
    """More on one of the two loops, at least, than log in again at once (tds/driver_line.h)."""
    a, _ = two_nodes(t, service='sql = { encrypt = "none" }')
    clients = [Sql(t, t.port) for _ in range(40)]
    for sql in clients:
        sql.ask("select 1")
    a.kill()
    for sql in clients:
        assert "SQL2" in sql.ask("select @@servername")


def test_tds_aware_transaction_is_rolled_back(t):
    a, _ = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    sql.ask("begin transaction insert into t values (1)")
    a.kill()
    assert "1205" in sql.ask("insert into t values (2)")
    assert "rows=0." in sql.ask("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")
    assert "SQL2" in sql.ask("select @@servername")


def test_tds_aware_old_protocol_after_commit(t):
    """TDS 7.1 tells of no transaction: the server is asked after a COMMIT. As jTDS says it, autocommit off."""
    t.loops = 1  # the sessions are listed in the order in which they came
    a, b = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port, version="7.1")
    sql.ask("create table t (n int)")
    nested = Sql(t, t.port, version="7.1")
    sql.ask("set implicit_transactions on")
    sql.send("insert into t values (7)")
    sql.send("if @@trancount > 0 commit tran")
    wait(lambda: "rows=1." in nested.ask(COUNT), "the COMMIT")
    wait(lambda: not open_transactions(t)[0], "the server's word that no transaction is left")
    said = nested.ask("begin tran begin tran insert into t values (8) commit")
    assert open_transactions(t) == [False, True], (said, t.proxy.command("sql", "sessions"))
    a.kill()
    sql.send("select @@servername")
    assert "SQL2" in sql.until("SQL2")
    wait(lambda: [r for r in t.proxy.access() if r["outcome"] == "session-lost"], "the other session to end")
    assert open_transactions(t) == [True]
    sql.send("if @@trancount > 0 commit tran")
    wait(lambda: open_transactions(t) == [False], "the server's word again")
    a.start()
    b.kill()
    sql.send(COUNT)
    assert "rows=1." in sql.until("rows=1.")


COUNT = "select 'rows=' + cast(count(*) as varchar(10)) + '.' from t"


def open_transactions(t):
    return [one["in_transaction"] for one in json.loads(t.proxy.command("sql", "sessions", "--json"))]


def test_tds_aware_reading_goes_on(t):
    control = t.dir / "a.sock"
    a, b = Node(t, "SQL1", "--control", control), Node(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    sql.ask("insert into t values (7)")
    assert "ok" in commanded(control, "slow 2000")
    sql.send("select 'read=' + cast(n as varchar(9)) + '.' from t")
    time.sleep(0.3)
    a.kill()
    sql.until("read=7.")


def reading_transaction(t, service):
    """A client in a transaction that has read one row, its server killed, and what its next read prints."""
    a, b = two_nodes(t, service=service)
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    sql.ask("insert into t values (7)")
    sql.ask("begin transaction")
    assert "read=7." in sql.ask("select 'read=' + cast(n as varchar(9)) + '.' from t")
    a.kill()
    return sql, sql.ask("select 'again=' + cast(n as varchar(9)) + '.' from t")


def test_tds_aware_reading_transaction_goes_on(t):
    sql, said = reading_transaction(t, 'sql = { encrypt = "none", replay-transactions = true }')
    assert "again=7." in said and "Msg" not in said, said
    assert "open=1." in sql.ask("select 'open=' + cast(@@trancount as varchar(9)) + '.'")
    assert "SQL2" in sql.ask("select @@servername")
    said = sql.ask("insert into t values (8) commit transaction")
    assert "Msg" not in said, said
    assert "rows=2." in Sql(t, t.port).ask("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")


def test_tds_aware_reading_transaction_is_rolled_back_unless_told(t):
    _, said = reading_transaction(t, 'sql = { encrypt = "none" }')
    assert "1205" in said, said


def test_tds_aware_write_in_flight_is_not_repeated(t):
    control = t.dir / "a.sock"
    a, b = Node(t, "SQL1", "--control", control), Node(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("create table t (n int)")
    assert "ok" in commanded(control, "slow 2000")
    sql.send("insert into t values (7)")
    time.sleep(0.3)
    a.kill()
    sql.until("50701")
    assert "rows=0." in Sql(t, t.port).ask("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")


def test_tds_aware_waits_for_a_primary(t):
    a, b = two_nodes(t, service='sql = { encrypt = "none" }')
    sql = Sql(t, t.port)
    sql.ask("select 1")
    a.kill()
    b.kill()
    sql.send("select 'her' + 'e'")
    time.sleep(0.7)
    late = Sql(t, t.port)
    late.send("select 'lat' + 'e'")
    time.sleep(0.3)
    b.start()
    sql.until("here")
    late.until("late")


def test_tds_aware_gives_up_in_time(t):
    a, b = two_nodes(t, 'timeouts = { tds-connect = "1s" }', 'sql = { encrypt = "none", hold = "1s" }')
    a.kill()
    b.kill()
    Sql(t, t.port).until("40613")
