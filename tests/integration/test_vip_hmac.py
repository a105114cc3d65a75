"""The HMAC trailer against keepalived 2.4, which Debian 12 does not have: HOLDFAST_KEEPALIVED24 names its program.

In both directions: each node yields to the other's signed advertisements and believes its signed farewell, and with another key
neither hears the other.
"""
import os
import time

from lib import Skip, wait
from test_vip_interop import mixed
from vip import Keepalived
from vip_watch import LINK_LOCAL6, VIP4, VIP6, Asker

KEY, OTHER_KEY = "a-key-of-thirty-two-bytes-or-more", "another-key-of-thirty-two-bytes-or"


class Keepalived24(Keepalived):
    def program(self):
        return os.environ["HOLDFAST_KEEPALIVED24"]


def signed(t, their_key=KEY, mode="enforce", ours="enforce", vips=(VIP4,), **settings):
    """a is Holdfast with KEY and the mode `ours`, b keepalived 2.4."""
    if not os.access(os.environ.get("HOLDFAST_KEEPALIVED24", ""), os.X_OK):
        raise Skip("HOLDFAST_KEEPALIVED24 does not name a keepalived 2.4")
    hmac = f'auth_hmac {{\n    key 1 {their_key}\n    active_key 1\n    mode {mode}\n  }}'
    vip = f'hmac = "{ours}"\nhmac-key-file = "/run/hmac"' if ours != "off" else ""
    s = mixed(t, vips=vips, theirs=Keepalived24, instance=hmac, vip=vip, **settings)
    s["a"].folder().mkdir()
    (s["a"].folder() / "hmac").write_text(KEY + "\n")
    (s["a"].folder() / "hmac").chmod(0o600)
    return s


def hear_each_other(t, **settings):
    with signed(t, **settings) as s:
        interval = s.settings["interval"]
        ask = Asker(s, s.vips[-1])
        s["a"].start()
        ask.steady("a")
        s.settings["priority"] = {"b": 200}
        s["b"].start()
        ask.steady("b")  # we hear it
        s["b"].terminate()
        ask.steady("a")
        s["b"].end()
        s.settings["priority"] = {"b": 50}
        before = time.monotonic_ns()
        s["b"].start()
        time.sleep(max(8 * interval, 4 * interval + 0.5))
        assert ask.moves(before) == 0 and not s["b"].holds(s.vips[-1]), f"it does not hear us:\n{s['b'].log()[-2000:]}"
        at = s["a"].terminate()
        ask.answered_by("b", after=at)
        # Its Skew_Time at priority 50 is 0.8 of the interval; without our farewell it would be 3.8.
        assert ask.blackout_ms("a", at)[0] < 2000 * interval, "it did not believe our farewell"


def deaf(t, **settings):
    """Both hold, since whoever should yield does not believe the other."""
    with signed(t, **settings) as s:
        s["a"].start()
        wait(s["a"].holds, "us to hold")
        s["b"].start()
        wait(s["b"].holds, "keepalived to hold, too")
        time.sleep(0.5)
        assert s["a"].holds(), "we believed it"


def test_hmac_multicast(t):
    hear_each_other(t)


def test_hmac_unicast(t):
    hear_each_other(t, unicast=True)


def test_hmac_ipv6(t):
    hear_each_other(t, vips=(LINK_LOCAL6, VIP6))


def test_hmac_ipv6_unicast(t):
    hear_each_other(t, vips=(LINK_LOCAL6, VIP6), unicast=True)


def test_hmac_version_2(t):
    hear_each_other(t, version=2, interval=1)


def test_hmac_while_it_is_introduced(t):
    """They sign and accept what is not signed; we do not know of it yet."""
    hear_each_other(t, mode="permissive", ours="off")


def test_hmac_that_only_we_send(t):
    hear_each_other(t, mode="receive-only", ours="permissive")


def test_hmac_wrong_key(t):
    deaf(t, their_key=OTHER_KEY, priority={"b": 50})


def test_hmac_that_is_missing(t):
    deaf(t, mode="receive-only", priority={"b": 200})  # they send none, and we want one
