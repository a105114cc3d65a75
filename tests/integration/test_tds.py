"""The opaque TDS relay: bytes both ways to the live instance, and what happens when it is lost."""
import socket
import threading
import time

from lib import CHECK, Client, Origin, wait

TCP = 'tcp = true\nevery = "100ms"\nevery-down = "50ms"\ntimeout = "300ms"\nfall = 2\nrise = 1'


class Server(Origin):
    """Greets each connection that says something with its name, then echoes. A check only connects."""

    def __init__(self, name):
        super().__init__(name, raw=self.echo)
        self.live = 0

    def echo(self, wire):
        first = wire.sock.recv(65536)
        if not first:
            return
        self.live += 1
        try:
            wire.send(self.name.encode() + first)
            while data := wire.sock.recv(65536):
                wire.send(data)
            wire.send(b"bye")
        finally:
            self.live -= 1


def relay(t, *servers, listen="", service="", check=TCP):
    instances = ", ".join(f'{s.name} = "127.0.0.1:{s.port}"' for s in servers)
    t.origins += servers
    return t.run(f"""
[listen.sql]
bind = ["127.0.0.1:{t.port}"]
protocol = "tds"
mode = "opaque"
service = "sql"
{listen}
[service.sql]
instances = {{ {instances} }}
{service}
[service.sql.check]
{check}
""")


def opened(t):
    """A relayed connection and the name of the instance at its end."""
    client = Client(t.port)
    client.send(b"!")
    return client, client.exactly(2)[:1].decode()


def lost(client, seconds=3):
    """Seconds until the connection ended, after whatever was still to read; None: it goes on."""
    start = time.monotonic()
    try:
        client.sock.settimeout(seconds)
        while client.sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return None
    return time.monotonic() - start


def test_bytes_both_ways(t):
    relay(t, Server("a"))
    client, name = opened(t)
    assert name == "a"
    data = bytes(range(256)) * 20000

    def send():
        client.send(data)
    thread = threading.Thread(target=send)
    thread.start()
    assert client.exactly(len(data)) == data
    thread.join()


def test_half_close(t):
    relay(t, Server("a"))
    client, _ = opened(t)
    client.send(b"last words")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.to_end() == b"last wordsbye"


def test_server_speaks_first(t):
    a = Origin("a", raw=lambda wire: (wire.send(b"hello"), wire.to_end()))
    relay(t, a)
    assert Client(t.port).exactly(5) == b"hello"


def test_back_pressure(t):
    """A client that reads nothing stops the server, not the proxy's memory."""
    sent = [0]

    def raw(wire):
        if wire.sock.recv(1):
            wire.sock.settimeout(1.5)
            try:
                while sent[0] < 200_000_000:
                    sent[0] += wire.sock.send(b"x" * 65536)
            except TimeoutError:
                time.sleep(5)
    relay(t, Origin("a", raw=raw))
    client = Client(t.port)
    client.send(b"!")
    time.sleep(3)
    assert 0 < sent[0] < 60_000_000, f"{sent[0]} bytes were taken for a client that reads none"


def test_loss_ends_connections_at_once(t):
    a, b = Server("a"), Server("b")
    relay(t, a, b)
    clients = [opened(t) for _ in range(20)]
    assert {name for _, name in clients} == {"a"}
    a.kill()
    assert all(lost(client) is not None for client, _ in clients)
    assert opened(t)[1] == "b", "new connections go to the survivor"


def test_frozen_instance_ends_connections_at_the_election(t):
    """Nothing is reset and the kernel still accepts: only a check that speaks finds out; here, one over HTTP."""
    a, b = t.origin("a"), t.origin("b")
    relay(t, a, b, check=CHECK)
    wait(lambda: a.checks > 2 and b.checks > 2, "health checks")
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.message().get("x-origin") == "a"
    a.freeze()
    seconds = lost(client, 5)
    assert seconds is not None and seconds < 2, seconds


def test_drain_lets_connections_be(t):
    a, b = Server("a"), Server("b")
    proxy = relay(t, a, b)
    client, name = opened(t)
    proxy.command("drain", "sql/a")
    wait(lambda: opened(t)[1] == "b", "new connections at b")
    client.send(b"still here")
    assert client.exactly(10) == b"still here"


def test_new_connection_is_parked(t):
    a = Server("a")
    relay(t, a, listen='timeouts = { tds-connect = "5s" }')
    opened(t)
    a.kill()
    time.sleep(0.3)
    client = Client(t.port)
    client.send(b"!")
    time.sleep(0.5)
    a.open()
    start = time.monotonic()
    assert client.exactly(2) == b"a!" and time.monotonic() - start < 2


def test_parked_to_its_deadline(t):
    a = Server("a")
    relay(t, a, listen='timeouts = { tds-connect = "700ms" }')
    opened(t)
    a.kill()
    time.sleep(0.3)
    client = Client(t.port)
    seconds = lost(client, 5)
    assert seconds is not None and 0.5 < seconds < 1.5, seconds


def test_limits(t):
    relay(t, Server("a"), listen="limits = { connections = 3 }")
    held = [opened(t)[0] for _ in range(3)]
    waiting = Client(t.port)  # over the listener's limit: it waits its turn
    waiting.send(b"!")
    assert lost(waiting, 0.5) is None
    held[0].close()
    assert waiting.exactly(2) == b"a!"


def test_limit_of_an_instance(t):
    a = Server("a")
    relay(t, a, service="limits = { connections = 2 }", listen='timeouts = { tds-connect = "500ms" }')
    held = [opened(t)[0] for _ in range(2)]
    third = Client(t.port)
    third.send(b"!")
    assert lost(third, 4) is not None and a.live == 2
    held[0].close()
    wait(lambda: a.live == 1, "the first to end")
    assert opened(t)[1] == "a"


def test_idle_timeout(t):
    relay(t, Server("a"), listen='timeouts = { tds-idle = "500ms" }')
    client, _ = opened(t)
    seconds = lost(client)
    assert seconds is not None and 0.3 < seconds < 2


def test_access_log(t):
    proxy = relay(t, Server("a"))
    client, _ = opened(t)
    client.send(b"12345")
    client.exactly(5)
    client.close()
    record = wait(lambda: [r for r in proxy.access(1) if r["bytes_in"] == 6], "the relayed connection in the log")[0]
    assert record["instance"] == "a" and record["listen"] == "sql" and record["bytes_out"] >= 7 and "method" not in record
