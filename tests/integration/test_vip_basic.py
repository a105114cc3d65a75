"""Two Holdfast nodes and their virtual IP: who holds it, and what moves it. Limits are generous; bench/vip measures."""
import contextlib
import http.client
import signal
import subprocess
import time

from lib import wait
from vip import Holdfast, Site, send, tree
from vip_watch import INSTANCE, LINK_LOCAL6, VIP4, VIP6, WEB, Asker, Watcher

SOON_MS = 100  # a loaded machine may be slow; a time-out of the pair's (200 ms at least) must not be what moved it
SANITIZED = 5  # times that, under a sanitizer


@contextlib.contextmanager
def pair(t, vips=(VIP4,), start="ab", **settings):
    with Site(t.dir, {"a": Holdfast, "b": Holdfast}, t.binary, vips, **settings) as s:
        s.ask, s.watch = Asker(s, vips[-1]), Watcher(s, vips[-1])
        s.patience = SANITIZED if t.binary.split("/")[-2] in ("asan", "tsan") else 1
        if start:
            s.start(*start)
        if start == "ab":
            s.ask.steady("a")
            s.paired()
        yield s
        s.watch.calm()


def moved(s, at, limit=SOON_MS, old="a", new="b"):
    """The address went from one to the other once, in time, and never were there two."""
    s.ask.answered_by(new, after=at)
    blackout, late = s.ask.blackout_ms(old, at)
    print(f"blackout {blackout:.1f} ms")
    s.ask.steady(new)
    assert blackout < limit * s.patience, f"nobody answered for {blackout:.1f} ms"
    assert late == 0, f"{late} answers of the old holder after the first of the new one"
    assert s.ask.moves(at - 50_000_000) == 1
    assert s.watch.doubles() == 0, f"{s.watch.doubles()} questions were answered by both"


def page(s, target="/", **fields):
    """One request from the client through the address; (status, answering instance)."""
    with s.net.entered("c"):
        connection = http.client.HTTPConnection(VIP4, WEB, timeout=5)
        connection.connect()
    connection.request("GET", target, headers=fields)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("X-Origin")


def test_boot_of_both(t):
    with pair(t) as s:
        assert s.ask.moves() == 0 and s.watch.doubles() == 0
        assert s["a"].vip()["role"] == "holder" and s["b"].vip()["role"] == "standby"
        assert s["a"].vip()["because"] and s["b"].vip()["because"], "status says why"
        assert page(s)[0] == 200
        for role, word in (("a", "holder"), ("b", "standby")):
            text = s[role].ask("status")
            assert f"portal  {word}" in text and s[role].vip()["because"][:20] in text, text


def test_boot_of_one(t):
    with pair(t, start="b") as s:
        s.ask.steady("b")  # not the preferred one, but the only one
        s["a"].start().ready()
        s.paired()
        time.sleep(1)
        assert s.ask.moves() == 0, "it took the address from a healthy holder without being told to preempt"
        assert s["a"].vip()["role"] == "standby"


def test_preempt(t):
    with pair(t, start="b", vip="preempt = true", cluster='heartbeat = "20ms"') as s:
        s.ask.steady("b")
        s["a"].start()
        s.ask.steady("a")
        assert s.ask.moves() == 1 and s.watch.doubles() == 0


def test_killed_process(t):
    with pair(t) as s:
        moved(s, s["a"].kill())
        since = time.monotonic_ns()
        time.sleep(0.3)
        assert not any("a" in names for names in s.watch.questions(since)), "a dead node answered"
        s["a"].start().ready()
        s.paired()
        time.sleep(0.5)
        assert s.ask.moves(since) == 0 and s["a"].vip()["role"] == "standby"
        moved(s, s["b"].kill(), old="b", new="a")


def test_virtual_mac(t):
    """RFC 9568 7.3: the client's entry is the same before and after, whoever holds the address."""
    def entry():
        return subprocess.run(["ip", "-n", s.net.ns("c"), "neigh", "show", VIP4], capture_output=True, text=True).stdout
    with pair(t, vip="virtual-mac = true\n") as s:
        assert "00:00:5e:00:01:33" in entry(), entry()
        moved(s, s["a"].kill())
        assert "00:00:5e:00:01:33" in entry(), entry()
        s["b"].terminate()
        s["b"].process.wait()
        assert VIP4 not in s.net.addresses("b"), "it left its address behind"


def test_killed_worker(t):
    """Only the process that serves dies: its guardian cleans up and starts another, which comes back as standby."""
    with pair(t) as s:
        worker, at = s["a"].worker(), time.monotonic_ns()
        send([worker], 9)
        moved(s, at)
        wait(lambda: s["a"].worker() not in (None, worker), "the guardian to start another worker")
        s.paired()
        assert s["a"].vip()["role"] == "standby"


def test_killed_over_ipv6(t):
    with pair(t, (VIP6,)) as s:
        moved(s, s["a"].kill())


def test_ipv6_with_a_link_local_address(t):
    """As erratum 8300 wants it: the link-local one first."""
    with pair(t, (LINK_LOCAL6, VIP6)) as s:
        assert {LINK_LOCAL6, VIP6} <= set(s.net.addresses("a"))
        moved(s, s["a"].kill())


def test_terminated(t):
    with pair(t) as s:
        moved(s, s["a"].terminate())
        assert s["a"].process.wait(10) == 0
        assert VIP4 not in s.net.addresses("a"), "it left the address behind"


def test_frozen_host(t):
    with pair(t) as s:
        at = s["a"].freeze()
        s.ask.answered_by("b", after=at)
        time.sleep(max(0.0, 2 - (time.monotonic_ns() - at) / 1e9))
        s["a"].thaw()
        moved(s, at, 1100)  # silence-max, at the very most
        time.sleep(1)
        assert s.ask.moves(at) == 1
        assert s["a"].vip()["role"] == "standby"


def test_short_freeze(t):
    with pair(t) as s:
        at = s["a"].freeze()
        time.sleep(0.15)
        s["a"].thaw()
        time.sleep(1)
        assert s.ask.moves(at) <= 1 and s.watch.doubles() == 0


def test_stalled_data_loop(t):
    with pair(t, cluster='stall = "300ms"') as s:
        stalled, at = s["a"].stall(), time.monotonic_ns()
        try:
            moved(s, at)
        finally:
            stalled.end()


def test_link_down(t):
    with pair(t) as s:
        at = time.monotonic_ns()
        s.net.port("a", False)
        moved(s, at, 1100)
        s.net.port("a", True)
        s.paired()
        time.sleep(0.5)
        assert s.ask.moves(at) == 1


def test_isolated_holder(t):
    """The carrier stays but nothing passes: the holder gives up by itself, and a heal finds one holder."""
    with pair(t) as s:
        at = time.monotonic_ns()
        s.net.block("a*", "*a")
        moved(s, at, 1100)
        wait(lambda: s["a"].vip()["role"] == "standby", "the isolated node to give up")
        s.net.unblock()
        s.paired()
        time.sleep(0.5)
        assert s.ask.moves(at) == 1


def test_second_path(t):
    """Nothing passes between the nodes but on the second path: that both live is known, and nothing moves."""
    with pair(t, second_path=True) as s:
        at = time.monotonic_ns()
        s.net.block("ab", "ba")
        time.sleep(3)
        assert s.ask.moves(at) == 0 and s.watch.doubles() == 0
        assert s["b"].vip()["role"] == "standby"
        s.net.unblock()


def test_partition_and_heal(t):
    """The nodes do not hear each other and the client hears both: two holders, until they can; then the last to announce holds."""
    with pair(t) as s:
        s.net.block("ab", "ba")
        wait(lambda: s["b"].vip()["role"] == "holder", "both to hold")
        heal = time.monotonic_ns()
        s.net.unblock()
        wait(lambda: sorted(s[r].vip()["role"] for r in "ab") == ["holder", "standby"], "one to yield")
        holder = next(r for r in "ab" if s[r].vip()["role"] == "holder")
        s.ask.steady(holder)
        assert s.watch.heard("announce", heal)[-1][1] == holder
        assert s.ask.worst_gap_ms(heal) < s.patience * SOON_MS, f"a black hole of {s.ask.worst_gap_ms(heal):.0f} ms"
        settled = time.monotonic_ns()
        time.sleep(0.5)
        assert s.watch.doubles(settled) == 0 and s.ask.moves(settled) == 0


def test_both_die(t):
    with pair(t) as s:
        for role in "ab":
            s[role].kill()
        s["b"].start()
        s.ask.steady("b")
        assert VIP4 in s.net.addresses("b")


def test_addresses_of_a_group_move_together(t):
    more = """
[vip.second]
addresses = ["10.9.0.20/16"]
vrid = 52
prefer = "a"
group = "site"
"""
    with pair(t, vip='group = "site"', more=more, start="") as s:
        s.start()
        s.ask.steady("a")
        s.paired()
        both = {VIP4, "10.9.0.20"}
        assert both <= set(s.net.addresses("a")) and not both & set(s.net.addresses("b"))
        at = s["a"].kill()
        moved(s, at)
        wait(lambda: both <= set(s.net.addresses("b")), "both addresses to be on b")


def test_dead_instances(t):
    """The address follows what it serves: it goes where an instance can be reached."""
    with pair(t) as s:
        at = time.monotonic_ns()
        s.net.run("a", "nft", "add table inet cut; add chain inet cut out { type filter hook output priority 0; }; "
                  f"add rule inet cut out tcp dport {INSTANCE} reject with tcp reset")
        s.ask.answered_by("b", after=at)
        s.ask.steady("b")
        assert s.ask.moves(at) == 1
        assert page(s)[0] == 200, f"answered with {page(s)}"


def settings(s, role):
    return [s.net.run(role, "sysctl", "-n", f"net.ipv4.conf.eth0.{name}").stdout.strip() for name in ("arp_ignore", "arp_announce")]


def test_kernel_settings_are_put_back(t):
    """By the last process of the node, also after an upgrade and a death, whose processes put nothing back."""
    with pair(t, start="") as s:
        before = settings(s, "a")
        s.start("a")
        s.ask.steady("a")
        assert settings(s, "a") == ["1", "2"] != before
        for end in (lambda worker: s["a"].process.send_signal(signal.SIGUSR2), lambda worker: send([worker], signal.SIGKILL)):
            worker = s["a"].worker()
            end(worker)
            wait(lambda: s["a"].worker() not in (None, worker), "another worker")
            wait(lambda: s["a"].ask("status", code=None).count("holder") > 0, "it to hold")
        assert s["a"].stop() == 0
        assert settings(s, "a") == before, f"{settings(s, 'a')}, not {before}"


def test_tree_is_gone(t):
    """The guardian ends with its worker, and nothing stays behind."""
    with pair(t) as s:
        pids = tree(s["b"].process.pid)
        assert s["b"].stop() == 0
        for pid in pids:
            with contextlib.suppress(FileNotFoundError):
                assert open(f"/proc/{pid}/stat").read().split()[2] == "Z"
