"""Warm spares: while there is no primary, connections that have only the login left to do."""
import json
import time

from tds_wire import Tds, error_of
from test_tds_aware import Node, certificate, commanded
from test_tds_sight import metric

from lib import wait


def pair(t, spares, encrypt="none"):
    """Two nodes, of which the monitor finds the primary: a is it, b the secondary."""
    pem = certificate(t)
    nodes = []
    for name, role in (("SQL1", "primary"), ("SQL2", "secondary")):
        socket = t.dir / f"{name}.sock"
        node = Node(t, name, "--login", "monitor:monitor", "--control", socket, "--role", role, "--tls", pem)
        node.control = lambda words, socket=socket: commanded(socket, words)
        nodes.append(node)
    password = t.dir / "password"
    password.write_text("monitor\n")
    password.chmod(0o600)
    a, b = nodes
    t.run(f"""
[listen.sql]
bind = ["127.0.0.1:{t.port}"]
protocol = "tds"
service = "sql"
[service.sql]
instances = {{ a = "127.0.0.1:{a.port}", b = "127.0.0.1:{b.port}" }}
[service.sql.sql]
encrypt = "{encrypt}"
spares = {spares}
[service.sql.monitor]
user = "monitor"
password-file = "{password}"
every = "100ms"
timeout = "1s"
""")
    wait(lambda: "a is active" in t.proxy.log(), "a to be active")
    return nodes


def clients(t, count):
    made = []
    for _ in range(count):
        client = Tds(t.port)
        assert error_of(client.login()) == 0
        made.append(client)
    return made


def stats(node):
    return json.loads(node.control("stats"))


def test_tds_spares(t):
    """As many as sessions wait, each used for one login; the rest connect for themselves."""
    t.loops = 1
    a, b = pair(t, 12, "on")
    sessions = clients(t, 20)
    assert metric(t, "holdfast_sql_spares") == 0
    a.kill()
    wait(lambda: metric(t, "holdfast_sql_spares") == 12, "the spares to stand")
    before = stats(b)["logins"]
    for client in sessions:
        client.begin("select @@servername")
    b.control("role primary")
    assert all("SQL2".encode("utf-16-le") in client.receive() for client in sessions)
    used = metric(t, "holdfast_sql_spares_used_total")
    assert used == 12, used
    assert metric(t, "holdfast_sql_spares") == 0
    assert metric(t, "holdfast_sql_spares_failed_total") == 0
    assert 20 <= stats(b)["logins"] - before <= 40  # the monitor's are among them


def test_tds_spares_are_left_alone(t):
    """None for sessions that have gone; none at a server that does not listen, until it does."""
    t.loops = 1
    a, b = pair(t, 4)
    sessions = clients(t, 3)
    b.kill()
    a.kill()
    wait(lambda: metric(t, "holdfast_sql_spares_failed_total") >= 2, "the spare to be refused")
    time.sleep(1)
    assert metric(t, "holdfast_sql_spares_failed_total") <= 8  # 100, 200, 400, 800 ms, then every second
    b.start()
    wait(lambda: metric(t, "holdfast_sql_spares") == 3, "the spares to stand")
    sessions.pop().close()
    wait(lambda: metric(t, "holdfast_sql_spares") == 2, "one of them to be closed")
    b.control("role primary")
    assert {client.name() for client in sessions} == {"SQL2"}


def test_tds_spares_of_a_server_that_ends_them(t):
    """It dies with them and comes back as the primary: the sessions log in all the same."""
    t.loops = 1
    a, b = pair(t, 4)
    sessions = clients(t, 4)
    a.kill()
    wait(lambda: metric(t, "holdfast_sql_spares") == 4, "the spares to stand")
    b.kill()
    wait(lambda: metric(t, "holdfast_sql_spares") <= 1, "them to be gone")
    b.start()
    b.control("role primary")
    assert {client.name() for client in sessions} == {"SQL2"}
