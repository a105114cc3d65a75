"""Three virtual routers on one pair, each with several addresses, IPv4 and IPv6 mixed; two of them move together.

    portal   vrid 51   10.9.0.10  10.9.0.110  fd09::10      alone; preferred on a
    voice    vrid 52   10.9.0.20  fd09::20                  both of group "phones"; preferred on b
    fax      vrid 53   10.9.0.21  10.9.0.22
"""
import contextlib
import time

from lib import wait
from test_vip_basic import SOON_MS, pair
from vip_watch import SQL, VIP4, VIP6, WEB, Asker, Hold, Watcher

PORTAL, PHONES = [VIP4, "10.9.0.110", VIP6], ["10.9.0.20", "fd09::20", "10.9.0.21", "10.9.0.22"]
GROUPS = {"portal": PORTAL, "phones": PHONES}
MORE = f"""
[vip.voice]
addresses = ["10.9.0.20/16", "fd09::20/64"]
vrid = 52
prefer = "b"
group = "phones"
[vip.fax]
addresses = ["10.9.0.21/16", "10.9.0.22/16"]
vrid = 53
prefer = "b"
group = "phones"
[listen.phones]
bind = ["vip.voice:{WEB}", "vip.fax:{WEB}"]
[listen.lines]
bind = ["vip.voice:{SQL}"]
protocol = "tds"
mode = "opaque"
service = "sql"
[[route]]
listen = ["phones"]
path = "/*"
service = "app"
"""


@contextlib.contextmanager
def groups(t, **settings):
    """portal on a and phones on b; asked at one address of each virtual router, and one more for the other family."""
    with pair(t, tuple(PORTAL), start="", more=MORE, **settings) as s:
        s.probed = (*PORTAL, *PHONES)
        s.vips, ours = s.probed, s.holdfast_config
        s.holdfast_config = lambda: with_vips(s, PORTAL, ours)
        s.phones = [Asker(s, address) for address in ("10.9.0.20", "10.9.0.22", "fd09::20")]
        s.phones_watch = Watcher(s, "10.9.0.21")
        s.start()
        s.paired()
        s["a"].ask("handover", "phones")  # it was there first, and had taken all
        on(s, portal="a", phones="b")
        s.ask.steady("a")
        for ask in s.phones:
            ask.steady("b")
        yield s
        s.phones_watch.calm()
        assert s.phones_watch.doubles() == 0 and s.watch.doubles() == 0


def with_vips(s, vips, config):
    """The file names the first group's addresses alone; the service beside the program answers at all."""
    s.vips = vips
    try:
        return config()
    finally:
        s.vips = s.probed


def on(s, **holders):
    """Every address of a group is on its holder, and none of it on the other node unless connections live on there."""
    def so():
        for group, holder in holders.items():
            for role in (r for r in "ab" if s[r].process.poll() is None):
                state, there = s[role].vip(group)["role"], set(GROUPS[group]) & set(s.net.addresses(role))
                if (state == "holder") != (role == holder) or there != (set() if state == "standby" else set(GROUPS[group])):
                    return False
        return True
    wait(so, f"{holders}; a has {s.net.addresses('a')}, b has {s.net.addresses('b')}")


def test_groups_are_handed_over_alone(t):
    with groups(t) as s:
        held = Hold(s, 20)
        phones = Hold(s, 20, "10.9.0.20")
        at = time.monotonic_ns()
        s["b"].ask("handover", "phones")
        for ask in s.phones:
            ask.steady("a")
            assert ask.moves(at) == 1
        on(s, portal="a", phones="a")
        assert s.ask.moves(at) == 0
        assert "phones" in s["b"].ask("events") and not phones.broken(), phones.broken()[:3]
        assert s["a"].ask("handover", "nosuch", code=None)
        at = time.monotonic_ns()
        s["a"].ask("handover", "portal")
        s.ask.steady("b")
        on(s, portal="b", phones="a")
        assert not any(ask.moves(at) for ask in s.phones) and not held.broken(), held.broken()[:3]
        at = time.monotonic_ns()
        s["a"].ask("handover")  # without a name: all that it holds
        on(s, portal="b", phones="b")
        assert not held.broken() and not phones.broken()
        told = s["b"].ask("handover")
        assert "portal: the other node holds it now" in told and "phones: the other node holds it now" in told, told
        on(s, portal="a", phones="a")
        assert not held.broken() and not phones.broken()


def test_kill_moves_every_group(t):
    with groups(t) as s:
        s["b"].ask("handover", "phones")
        on(s, portal="a", phones="a")
        for ask in s.phones:
            ask.steady("a")
        at = s["a"].kill()
        for ask in [s.ask, *s.phones]:
            ask.answered_by("b", after=at)
            assert ask.blackout_ms("a", at)[0] < SOON_MS * s.patience
        on(s, portal="b", phones="b")
        s["a"].start().ready()
        s.paired()
        time.sleep(0.5)
        on(s, portal="b", phones="b")


def test_a_link_that_fails_moves_what_was_behind_it(t):
    """All or none of a group: b loses its link and a, which holds the other group, has all; none comes back by itself."""
    with groups(t) as s:
        at = time.monotonic_ns()
        s.net.port("b", False)
        for ask in s.phones:
            ask.answered_by("a", after=at)
        on(s, portal="a", phones="a")
        assert s.ask.moves(at) == 0
        s.net.port("b", True)
        s.paired()
        time.sleep(0.5)
        on(s, portal="a", phones="a")
        assert all(ask.moves(at) == 1 for ask in s.phones) and s.ask.moves(at) == 0


def test_a_reload_adds_and_takes_addresses(t):
    with groups(t) as s:
        at = time.monotonic_ns()
        s.settings["more"] = MORE.replace('"10.9.0.22/16"', '"10.9.0.23/16"')
        for role in "ab":
            s[role].write(s.holdfast_config())
            s[role].ask("reload")
        wait(lambda: "10.9.0.23" in s.net.addresses("b") and "10.9.0.22" not in s.net.addresses("b"), "the new address on b")
        assert "10.9.0.23" not in s.net.addresses("a")
        assert s.ask.moves(at) == 0 and s.phones[0].moves(at) == 0 and s.phones[0].worst_gap_ms(at) < SOON_MS * s.patience
