"""Roles, and what leads elsewhere: the monitor's primary, read intent, routing, mirroring, planned moves."""
import time

from tds_wire import Tds, env_changes, error_of, eventually
from test_tds_aware import Node, Sql, commanded, run_before

from lib import wait

ROUTING, MIRROR = 20, 13


def controlled(t, name, *options):
    node = Node(t, name, "--login", "monitor:monitor", "--encrypt", "none", "--control", t.dir / f"{name}.sock", *options)
    node.control = lambda words: commanded(t.dir / f"{name}.sock", words)
    return node


def monitored(t, b_role, every="100ms", database=True):
    """Two nodes of which the monitor finds the primary; a is it."""
    a, b = controlled(t, "SQL1"), controlled(t, "SQL2", "--role", b_role)
    password = t.dir / "password"
    password.write_text("monitor\n")
    password.chmod(0o600)
    if database:
        Sql(t, a.port).ask("create database shop")
    t.run(f"""
[listen.sql]
bind = ["127.0.0.1:{t.port}"]
protocol = "tds"
service = "sql"
timeouts = {{ tds-connect = "2s" }}
[service.sql]
instances = {{ a = "127.0.0.1:{a.port}", b = "127.0.0.1:{b.port}" }}
sql = {{ encrypt = "none" }}
[service.sql.monitor]
user = "monitor"
password-file = "{password}"
every = "{every}"
timeout = "1s"
{'database = "shop"' if database else ""}
""")
    return a, b


def logged_in(t, **more):
    """(client, tokens of the answer)"""
    client = Tds(t.port)
    return client, client.login(**more)


def elected(t, name):
    wait(lambda: f"{name} is active" in t.proxy.log(), f"{name} to be active: {t.proxy.log()}")


def test_tds_roles_routing_is_followed_for_the_client(t):
    a, b = controlled(t, "SQL1"), controlled(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none" }')
    a.control(f"route 127.0.0.1:{b.port}")
    client, found = logged_in(t)
    assert ROUTING not in env_changes(found) and error_of(found) == 0
    assert client.name() == "SQL2"


def test_tds_roles_routing_elsewhere_is_refused(t):
    a, b = controlled(t, "SQL1"), controlled(t, "SQL2")
    run_before(t, a, b, listen='timeouts = { tds-connect = "1s" }', service='sql = { encrypt = "none" }')
    a.control("route 192.0.2.9:1433")
    _, found = logged_in(t)
    assert error_of(found) == 40613 and ROUTING not in env_changes(found)
    t.proxy.logged("routes a login to where the service has no instance")
    assert "to=192.0.2.9:1433" in t.proxy.log()


def test_tds_roles_failover_partner_is_not_told(t):
    a, b = controlled(t, "SQL1"), controlled(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none" }')
    a.control("mirror SQL9")
    direct = Tds(a.port)
    assert MIRROR in env_changes(direct.login()), "the node should say it"
    client, found = logged_in(t)
    assert MIRROR not in env_changes(found) and client.name() == "SQL1"


def test_tds_roles_read_intent(t):
    """To a readable secondary while there is one, else to the primary."""
    _, b = monitored(t, "readable")
    elected(t, "a")

    def intent(read_only, name):
        client, found = logged_in(t, read_only=read_only, database="shop")
        assert error_of(found) == 0 and client.name() == name
        return client

    reader = eventually(lambda: intent(True, "SQL2"))
    intent(False, "SQL1")
    b.control("role secondary")
    eventually(lambda: intent(True, "SQL1"))
    intent(False, "SQL1")
    del reader


def test_tds_roles_two_primaries_are_none(t):
    _, b = monitored(t, "secondary")
    elected(t, "a")
    b.control("role primary")
    t.proxy.logged("it claims to be primary, as b does: neither is used until one yields")
    _, found = logged_in(t)
    assert error_of(found) == 40613
    b.control("role secondary")
    client, found = logged_in(t)
    assert error_of(found) == 0 and client.name() == "SQL1"


def test_tds_roles_planned_failover_is_invisible(t):
    """Pause waits for the transaction, the roles change meanwhile; nobody sees an error."""
    a, b = monitored(t, "secondary", database=False)
    elected(t, "a")
    busy, idle = Sql(t, t.port), Sql(t, t.port)
    busy.ask("create table t (n int)")
    idle.ask("select 1")
    busy.ask("begin transaction insert into t values (1)")
    busy.ask("commit")
    t.proxy.command("sql", "pause", "sql", "--timeout", "5s")
    idle.send("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")
    a.control("role secondary")
    b.control("role primary")
    t.proxy.command("sql", "resume", "sql")
    text = idle.until("rows=1.") + idle.ask("select @@servername") + busy.ask("select @@servername")
    assert text.count("SQL2") == 2 and "Msg" not in text, text


def test_tds_roles_drained_instance_is_left(t):
    """Idle sessions move at once, a transaction ends first where it began."""
    a, b = controlled(t, "SQL1"), controlled(t, "SQL2")
    run_before(t, a, b, service='sql = { encrypt = "none" }')
    busy, idle = Sql(t, t.port), Sql(t, t.port)
    busy.ask("create table t (n int)")
    idle.ask("select 1")
    busy.ask("begin transaction insert into t values (1)")
    t.proxy.command("drain", "sql/a")
    text = idle.ask("select @@servername")
    assert "SQL2" in text and "Msg" not in text, text
    text = busy.ask("insert into t values (2) select @@servername") + busy.ask("commit")
    assert "SQL1" in text and "Msg" not in text, text
    assert "SQL2" in busy.ask("select @@servername")
    assert "rows=2." in idle.ask("select 'rows=' + cast(count(*) as varchar(10)) + '.' from t")


def test_tds_roles_an_error_in_traffic_asks_at_once(t):
    """The monitor would ask in half a minute; 983 to a session, 976 to its next login make it ask now."""
    a, b = monitored(t, "secondary", every="30s")
    elected(t, "a")
    client, _ = logged_in(t, database="shop")
    start = time.monotonic()
    a.control("role secondary")
    b.control("role primary")
    assert client.name() == "SQL2"
    assert time.monotonic() - start < 8
