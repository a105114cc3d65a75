"""What the pair's own channel is for: hand-over, one configuration on both nodes, and no harm from strangers."""
import contextlib
import os
import signal
import socket
import time

from lib import wait
from test_tls import certificate
from test_vip_basic import SOON_MS, moved, page, pair
from test_vip_interop import Forger
from vip_watch import VIP4, WEB, Hold


def test_handover(t):
    with pair(t) as s:
        held, at = Hold(s, 60), time.monotonic_ns()
        s["a"].ask("handover")
        moved(s, at)
        time.sleep(1.5)
        assert not held.broken(), f"connections that did not survive: {held.broken()[:5]}"
        assert page(s)[0] == 200
        at = time.monotonic_ns()
        s["b"].ask("handover")
        moved(s, at, old="b", new="a")
        time.sleep(1)
        assert not held.broken(), f"connections that did not survive the way back: {held.broken()[:5]}"


def from_port(s, port):
    """A connection from that port of the client."""
    with s.net.entered("c"):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(2)
        sock.bind(("0.0.0.0", port))
        sock.connect((VIP4, WEB))
    return sock


def test_handover_of_a_port_used_before(t):
    """The node that takes over has the same four numbers in TIME_WAIT: the living connection is the other node's."""
    with pair(t) as s:
        first = from_port(s, 40000)
        first.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        while first.recv(1000):
            pass  # it closes first, so TIME_WAIT is its own
        first.close()
        s["a"].ask("handover")
        s.ask.steady("b")
        second = from_port(s, 40000)
        other = Hold(s, 2)  # so that the hand-over back has something to wait for
        s["b"].ask("handover")
        s.ask.steady("a")
        second.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert second.recv(1000).startswith(b"HTTP/1.1 200"), "the connection did not live on"
        assert not other.broken()


def test_handover_without_a_peer(t):
    with pair(t, start="a") as s:
        s.ask.steady("a")
        at = time.monotonic_ns()
        assert s["a"].ask("handover", code=None)
        time.sleep(0.3)
        assert s.ask.moves(at) == 0 and s.ask.worst_gap_ms(at) < s.patience * SOON_MS


def test_wrong_secret(t):
    with pair(t, start="a") as s:
        s.ask.steady("a")
        s["b"].folder().mkdir()
        (s["b"].folder() / "secret").write_text("not the secret of this pair at all\n")
        (s["b"].folder() / "secret").chmod(0o600)
        s["b"].start().ready()
        s["a"].event("secret")
        time.sleep(1)
        assert s.ask.moves() == 0 and s.watch.doubles() == 0 and s["a"].vip()["role"] == "holder"
        assert not s["a"].paired()


def test_garbage_at_the_peer_port(t):
    with pair(t) as s:
        at = time.monotonic_ns()
        with s.net.entered("c"):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for size in (0, 1, 20, 64, 200, 1400):
                for role in ("10.9.0.11", "10.9.0.12"):
                    udp.sendto(os.urandom(size), (role, 8702))
                    with contextlib.suppress(OSError):
                        tcp = socket.create_connection((role, 8702), 1)
                        tcp.sendall(os.urandom(size))
                        tcp.close()
        time.sleep(0.5)
        assert s.ask.moves(at) == 0 and s["a"].paired() and s["b"].paired()


def test_forged_advertisement(t):
    """A stranger's advertisement of greater priority, once: the pair knows better."""
    with pair(t) as s:
        forger, at = Forger(s), time.monotonic_ns()
        for kind in ({}, {"sum_": "plain"}, {"priority": 255}, {"priority": 0}, {"interval": 0}, {"tail": bytes(28)}):
            forger.send(**kind)
            time.sleep(0.8)  # longer than Skew_Time, which priority 0 leaves
        assert s.ask.moves(at) == 0 and s.ask.worst_gap_ms(at) < s.patience * SOON_MS
        assert s["a"].vip()["role"] == "holder"


def test_drift_is_seen(t):
    with pair(t, start="") as s:
        s["a"].start()
        s.settings["more"] = 'deadline = "3s"'
        s["b"].start()
        s.ask.steady("a")
        s.paired()
        wait(lambda: s["a"].peer()["drift"] and s["b"].peer()["drift"], "the drift to be seen")
        s["a"].event("differ")
        at = time.monotonic_ns()
        assert "configuration" in s["a"].ask("handover", code=None)
        assert s.ask.moves(at) == 0


def test_push(t):
    with pair(t) as s:
        before = s["a"].config_hash()
        assert s["b"].config_hash() == before
        s["a"].write(s.holdfast_config() + 'deadline = "3s"\n')
        s["a"].ask("push")
        hashes = {s[role].config_hash() for role in "ab"}
        assert len(hashes) == 1 and before not in hashes
        good = (s["b"].run_dir() / "holdfast.toml").read_text()
        s["a"].write(s.holdfast_config() + 'nonsense = "3s"\n')
        s["a"].ask("push", code=None)
        assert {s[role].config_hash() for role in "ab"} == hashes
        assert (s["b"].run_dir() / "holdfast.toml").read_text() == good
        assert s.ask.moves() == 0


def test_reload_keeps_the_address(t):
    with pair(t) as s:
        held = Hold(s, 20)
        for number in range(3):
            s.settings["more"] = f'deadline = "{number + 3}s"'
            for role in "ab":
                s[role].write(s.holdfast_config())
                s[role].ask("reload")
            time.sleep(0.2)
        time.sleep(0.5)
        assert s.ask.moves() == 0 and s.ask.worst_gap_ms() < s.patience * SOON_MS and not held.broken()


def test_upgrade_keeps_the_address(t):
    with pair(t) as s:
        held, old, epoch = Hold(s, 20), s["a"].worker(), s["a"].vip()["epoch"]
        at = time.monotonic_ns()
        s["a"].process.send_signal(signal.SIGUSR2)  # the guardian passes it on
        wait(lambda: s["a"].worker() not in (None, old), "the new process")
        wait(lambda: s["a"].status().get("vip", {}).get("groups"), "its part in the virtual IP")
        time.sleep(0.5)
        assert (s["a"].vip()["role"], s["a"].vip()["epoch"]) == ("holder", epoch)
        assert s.ask.moves(at) == 0 and s.ask.worst_gap_ms(at) < s.patience * SOON_MS and not held.broken()
        s["a"].ask("handover")  # the new process knows its part
        s.ask.steady("b")


def test_the_new_holder_keeps_the_active_instance(t):
    with pair(t) as s:
        s["a"].ask("drain", "app/a")  # so that the holder's choice is not what the other would have chosen
        wait(lambda: page(s) == (200, "b"), "b's instance to be active")
        s["a"].ask("ready", "app/a")
        time.sleep(0.5)
        assert page(s) == (200, "b")
        moved(s, s["a"].kill())
        for _ in range(10):
            assert page(s) == (200, "b")


def test_hooks(t):
    hook = 'on-holder = { command = ["/bin/sh", "-c", "echo {vip} {node} {role} >> /run/hook"] }\n'
    with pair(t, vip=hook + hook.replace("holder", "standby")) as s:
        wait(lambda: (s["a"].run_dir() / "hook").exists(), "the hook")
        s["a"].ask("handover")
        def told(role, text):
            path = s[role].run_dir() / "hook"
            return path.exists() and text in path.read_text()
        wait(lambda: told("a", "portal a standby"), "the hook of the old holder")
        wait(lambda: told("b", "portal b holder"), "the hook of the new holder")


def test_tls_tickets_of_one_node_work_on_the_other(t):
    listen = f'''
[listen.tls]
bind = ["vip.portal:8443"]
tls = {{ certificate = "{certificate(t, "a.test")}" }}
[[route]]
listen = ["tls"]
path = "/*"
service = "app"
'''
    with pair(t, more=listen) as s:
        for version in ("-tls1_3", "-tls1_2"):
            holder, other = ("a", "b") if s.ask.last()[1] == "a" else ("b", "a")
            session, request = str(t.dir / "session"), "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
            argv = ["openssl", "s_client", "-connect", f"{VIP4}:8443", version, "-ign_eof"]
            assert "New, TLSv1" in s.net.run("c", *argv, "-sess_out", session, input=request, timeout=10).stdout
            s[holder].ask("handover")
            s.ask.steady(other)
            out = s.net.run("c", *argv, "-sess_in", session, input=request, timeout=10).stdout
            assert "Reused, TLSv1" in out and "200 OK" in out, out[-1500:]
