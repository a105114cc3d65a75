"""A reload touches nothing that did not change."""
import json
import re
import signal
import threading
import time

import soak_reload
from lib import Client, ask, free_port, wait


def test_reload_once_a_second_under_load(t):
    result = soak_reload.soak(t, 10)
    assert result["requests"] > 1000 and not result["failed"] and not result["reconnects"], result
    assert result["reloads"] >= 5  # a loaded machine, or a sanitizer, makes them fewer


def test_sighup_reloads(t):
    a, b = t.origin("a"), t.origin("b")
    proxy = t.holdfast(a)
    client = Client(t.port)
    assert client.ask().get("x-origin") == "a"
    proxy.write(t.config(b))
    proxy.signal(signal.SIGHUP)
    wait(lambda: ask(t.port).get("x-origin") == "b", "the new instance")
    assert client.ask().get("x-origin") == "b", "the same client connection, the new file"


def test_bad_file_changes_nothing(t):
    a = t.origin()
    proxy = t.holdfast(a)
    client = Client(t.port)
    client.ask()
    proxy.write(t.config(a, route="deadlin = 5"))
    assert proxy.command("reload", code=1) is not None
    assert client.ask().status == 200
    report = json.loads(proxy.command("status", "--json"))["config"]
    assert report["reload_failures"] == 1 and "deadlin" in report["last_reload_result"], report
    proxy.logged("deadlin")
    proxy.write(t.config(a))
    proxy.command("reload")
    assert json.loads(proxy.command("status", "--json"))["config"]["last_reload_result"] == "ok"


def test_listener_added_and_removed(t):
    a = t.origin()
    proxy = t.holdfast(a)
    other = free_port()
    first = Client(t.port)
    first.ask()
    extra = f'[listen.other]\nbind = ["127.0.0.1:{other}"]\n[[route]]\nlisten = ["other"]\nservice = "app"\n'
    proxy.reload(t.config(a, more=extra))
    second = Client(other)
    assert second.ask().status == 200 and first.ask().status == 200
    proxy.reload(t.config(a))
    wait(lambda: not accepts(other), "the removed listener to close")
    assert first.ask().status == 200
    assert second.closed(), "an idle connection of a removed listener drains"


def accepts(port):
    try:
        Client(port).close()
        return True
    except OSError:
        return False


def test_tunnels_and_health_survive(t):
    a, b = t.origin("a"), t.origin("b")

    def script(request, wire):
        if not request.get("upgrade"):
            return wire.send(a.describe(request))
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while wire.fill():
            wire.send(wire.buffer)
            wire.buffer = b""
        return False
    a.script = script
    proxy = t.holdfast(a, b)
    tunnel = Client(t.port)
    assert tunnel.ask(fields=[("Connection", "Upgrade"), ("Upgrade", "echo")]).status == 101
    before = json.loads(proxy.command("status", "--json"))["services"][0]["instances"]
    for n in range(5):
        proxy.reload(t.config(a, b, route=f'deadline = "{n + 5}s"'))
        tunnel.send(b"ping")
        assert tunnel.exactly(4) == b"ping"
    after = json.loads(proxy.command("status", "--json"))["services"][0]["instances"]
    assert [i["active"] for i in after] == [i["active"] for i in before]
    assert all(i["state"] == "up" and i["since_seconds"] >= j["since_seconds"] for i, j in zip(after, before))


def test_request_in_flight_ends_with_the_file_it_began_with(t):
    a, b = t.origin("a"), t.origin("b")
    gate = threading.Event()

    def script(request, wire):
        gate.wait(5)
        wire.send(a.describe(request))
    a.script = script
    proxy = t.holdfast(a, route='response-headers = { set = { X-File = "old" } }')
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait(lambda: a.requests, "the request in flight")
    proxy.reload(t.config(b, route='response-headers = { set = { X-File = "new" } }'))
    time.sleep(0.2)
    gate.set()
    answer = client.message()
    assert answer.get("x-origin") == "a" and answer.get("x-file") == "old"
    assert client.ask().get("x-file") == "new"


def test_drained_by_hand_stays_drained(t):
    a, b = t.origin("a"), t.origin("b")
    proxy = t.holdfast(a, b)
    proxy.command("drain", "app/a")
    wait(lambda: ask(t.port).get("x-origin") == "b", "b to take over")
    proxy.reload(t.config(a, b, route='deadline = "9s"'))
    b.healthy = False
    time.sleep(0.7)
    states = {i["name"]: i for i in json.loads(proxy.command("status", "--json"))["services"][0]["instances"]}
    assert states["a"]["drained"] and not states["a"]["active"]


def test_generation_counts(t):
    a = t.origin()
    proxy = t.holdfast(a)
    for n in range(3):
        proxy.reload(t.config(a, route=f'deadline = "{n + 2}s"'))
    report = json.loads(proxy.command("status", "--json"))["config"]
    assert report["generation"] == 4 and report["reload_successes"] == 3
    assert re.fullmatch(r"[0-9a-f]+", report["hash"])
