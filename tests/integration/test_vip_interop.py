"""keepalived on the other node: it yields to us and we to it, in each dialect, and forged advertisements move nothing."""
import socket
import struct
import time

from lib import wait
from vip import Holdfast, Keepalived, Site
from vip_probe import checksum
from vip_watch import LINK_LOCAL6, VIP4, VIP6, Asker, Watcher

GROUP = "224.0.0.18"


def mixed(t, ours="a", vips=(VIP4,), theirs=Keepalived, **settings):
    """Holdfast on one node and keepalived on the other, without the pair's own channel."""
    kinds = {role: Holdfast if role == ours else theirs for role in "ab"}
    settings = {"secret": False, "interval": 0.1, "prefer": ours, **settings}
    return Site(t.dir, kinds, t.binary, vips, **settings)


def story(t, vip=VIP4, **settings):
    """a is Holdfast (priority 150, does not preempt), b keepalived (preempts): all that can happen between them in one go."""
    vips = (LINK_LOCAL6, VIP6) if vip == VIP6 else (vip,)
    with mixed(t, vips=vips, **settings) as s:
        ask, watch = Asker(s, vip), Watcher(s, vip)
        a, b = s["a"].start(), s["b"]
        ask.steady("a")
        s.settings["priority"] = {"b": 200}
        b.start()
        ask.steady("b")  # it preempts, we yield
        assert not a.holds(vip), "the address is still on the node that yielded"
        b.terminate()
        ask.steady("a")  # it said goodbye (priority 0)
        b.end()
        s.settings["priority"] = {"b": 50}
        before = time.monotonic_ns()
        b.start()
        time.sleep(8 * s.settings["interval"])
        assert ask.moves(before) == 0 and not b.holds(vip), "keepalived did not stay its backup"
        a.terminate()
        ask.steady("b")  # our goodbye
        a.process.wait()
        before = time.monotonic_ns()
        a.start().ready()
        time.sleep(8 * s.settings["interval"])
        assert ask.moves(before) == 0, "it took the address from a holder of less priority, without being told to preempt"
        at = b.kill()
        ask.answered_by("a", after=at)
        # kill -9 leaves keepalived's address on its node, whose kernel goes on to answer: that is not ours to mend.
        assert watch.heard("announce", at)[-1][1] == "a"


def test_version_3_multicast(t):
    story(t)


def test_version_3_unicast(t):
    story(t, unicast=True)


def test_ipv6_multicast(t):
    story(t, VIP6)


def test_ipv6_unicast(t):
    story(t, VIP6, unicast=True)


def short_story(t, unicast):
    """Version 2 counts in seconds, so it is told in fewer of them."""
    with mixed(t, version=2, unicast=unicast, interval=1, priority={"b": 200}) as s:
        ask = Asker(s)
        s["a"].start()
        ask.steady("a")
        s["b"].start()
        ask.steady("b")
        s["b"].terminate()
        ask.steady("a")


def test_version_2_multicast(t):
    short_story(t, unicast=False)


def test_version_2_unicast(t):
    short_story(t, unicast=True)


def test_keepalived_boots_first(t):
    with mixed(t, priority={"b": 50}) as s:
        ask = Asker(s)
        s["b"].start()
        ask.steady("b")
        s["a"].start().ready()
        time.sleep(1)
        assert ask.moves() == 0
        s["b"].terminate()
        ask.steady("a")


def test_preempts_when_told(t):
    with mixed(t, priority={"b": 50}, vip="preempt = true") as s:
        ask = Asker(s)
        s["b"].start()
        ask.steady("b")
        s["a"].start()
        ask.steady("a")
        wait(lambda: not s["b"].holds(), "keepalived to yield")


def healed(t, ours, other, unicast=False):
    """Both hold while they cannot hear each other; once they can, one does, and it has announced last."""
    with mixed(t, ours, unicast=unicast, prefer="a", priority={"a": 150, "b": 100}) as s:
        ask, watch = Asker(s), Watcher(s, every_ms=2)
        s["a"].start()
        ask.steady("a")
        s["b"].start()
        time.sleep(1)
        s.net.block("ab", "ba")
        wait(lambda: s["a"].holds() and s["b"].holds(), "both to hold")
        time.sleep(0.3)
        heal = time.monotonic_ns()
        s.net.unblock()
        winner = ours if s[ours].wins(s[other]) else other
        wait(lambda: [s[r].holds() for r in "ab"].count(True) == 1, "one to yield")
        ask.steady(winner)
        time.sleep(0.5)
        announced = [who for _, who, _ in watch.heard("announce", heal)]
        if winner == ours:
            assert announced and announced[-1] == ours, f"last to announce: {announced[-5:]}"
        assert ask.worst_gap_ms(heal) < 500, f"a black hole of {ask.worst_gap_ms(heal):.0f} ms after the heal"


def test_partition_and_heal_we_win(t):
    healed(t, "a", "b")


def test_partition_and_heal_we_yield(t):
    healed(t, "b", "a")


def test_partition_and_heal_unicast(t):
    healed(t, "a", "b", unicast=True)


class Forger:
    """Sends advertisements from the router's address to the group."""

    def __init__(self, site, source="10.9.0.1"):
        self.source = source
        with site.net.entered("r"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
            self.sock.bind((source, 0))
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))

    def send(self, version=3, vrid=51, priority=200, interval=10, addresses=(VIP4,), sum_="pseudo", ttl=255, count=None, tail=b"",
             kind=1):
        """`interval`: centiseconds, or seconds for version 2."""
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        body = b"".join(map(socket.inet_aton, addresses)) + (bytes(8) if version == 2 else b"")
        count = len(addresses) if count is None else count
        head = struct.pack("!BBBB", version << 4 | kind, vrid, priority, count)
        head += struct.pack("!BB", 0, interval) if version == 2 else struct.pack("!H", interval)
        data = head + b"\0\0" + body
        pseudo = socket.inet_aton(self.source) + socket.inet_aton(GROUP) + struct.pack("!BBH", 0, 112, len(data))
        value = {"pseudo": checksum(pseudo + data), "plain": checksum(data), "bad": 0x1234}[sum_]
        self.sock.sendto(head + struct.pack("!H", value) + body + tail, (GROUP, 0))


def forgeries(forger):
    """Each breaks a rule of RFC 9568 sections 5 and 7.1."""
    yield "time to live 64", lambda: forger.send(ttl=64)
    yield "time to live 1", lambda: forger.send(ttl=1)
    yield "a wrong checksum", lambda: forger.send(sum_="bad")
    yield "interval 0 (erratum 8301)", lambda: forger.send(interval=0)
    yield "no address (erratum 8299)", lambda: forger.send(addresses=())
    yield "a count beyond its length", lambda: forger.send(count=9)
    yield "a byte too many", lambda: forger.send(tail=b"x")
    yield "another type", lambda: forger.send(kind=2)
    yield "version 1", lambda: forger.send(version=1)
    yield "another virtual router", lambda: forger.send(vrid=52)


def test_malformed_advertisements_move_nothing(t):
    """The pair's channel is off: VRRP alone decides, and each of these would win by its priority, sent again and again."""
    with mixed(t) as s:
        ask = Asker(s)
        s["a"].start()
        ask.steady("a")  # alone: keepalived itself flaps under an interval of 0
        forger, since = Forger(s), time.monotonic_ns()
        for what, forge in forgeries(forger):
            for _ in range(10):
                forge()
                time.sleep(0.02)
            assert ask.moves(since) == 0 and s["a"].holds(), f"moved by {what}"
        ask.steady("a")
        assert ask.worst_gap_ms(since) < 200


def accepted(t, **advert):
    """We stand back for this one, with keepalived absent, and take over again when it ends."""
    with mixed(t) as s:
        ask = Asker(s)
        s["a"].start()
        ask.steady("a")
        forger = Forger(s)
        end = time.monotonic() + 5
        while s["a"].holds():
            forger.send(**advert)
            time.sleep(0.1)
            assert time.monotonic() < end, "it did not yield"
        ask.steady("a")


def test_yields_to_a_checksum_without_pseudo_header(t):
    accepted(t, sum_="plain")


def test_yields_to_other_addresses(t):
    """RFC 9568 section 7.1: a list that differs is logged, and never a reason for two holders."""
    accepted(t, addresses=("10.9.0.10", "10.9.0.99"))


def test_learns_a_longer_interval(t):
    accepted(t, interval=30)
