"""A row in the SQL cluster as tie-breaker: the nodes do not hear each other, and both reach the router, where the SQL node is.

Without a witness both would hold here (test_vip_basic's partition): the gateway, which is the router, answers both.
"""
import contextlib
import os
import pathlib
import subprocess
import time

from lib import Skip, wait
from test_tds_aware import commanded
from test_vip_basic import pair
from vip_watch import VIP4

LEASE = 1.0  # seconds: witness_lease
PORT = 1433  # on the router


class Witness:
    """The SQL node on the router."""

    def __init__(self, t):
        self.t, self.control = t, t.dir / "sqlnode.sock"
        self.binary = os.environ.get("HOLDFAST_SQLNODE") or pathlib.Path(t.binary).parent / "tests" / "sqlnode"
        if not os.access(self.binary, os.X_OK):
            raise Skip("the SQL node is not built")

    def start(self, net):
        self.process = net.popen("r", self.binary, "--listen", f"10.9.0.1:{PORT}", "--data", self.t.dir / "sql.db", "--name", "SQL1",
                                 "--login", "holdfast:Secret1!", "--control", self.control,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.t.processes.append(self.process)
        wait(self.control.exists, "the SQL node")

    def end(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def witnessed(t, preferred="a"):
    """A pair whose holder has the lease, and both know it."""
    witness = Witness(t)
    more = f"""
[service.db]
instances = {{ main = "10.9.0.1:{PORT}" }}
check = {{ tcp = true, every = "100ms", every-down = "50ms", timeout = "300ms", fall = 1, rise = 1 }}
monitor = {{ user = "holdfast", password-file = "/run/password", database = "master", every = "200ms", timeout = "500ms" }}
"""
    with pair(t, start="", cluster='witness = "db"', more=more, prefer=preferred) as s:
        for role in "ab":
            s[role].folder().mkdir(exist_ok=True)
            (s[role].folder() / "password").write_text("Secret1!")
            (s[role].folder() / "password").chmod(0o600)
        s.witness = witness
        witness.start(s.net)
        s.start()
        s.ask.steady("a")
        s.paired()
        for role in "ab":
            s[role].event("a has the lease")
        yield s


def holders(s):
    return "".join(role for role in "ab" if VIP4 in s.net.addresses(role))


def parted(s):
    s.net.block("ab", "ba")
    for role in "ab":
        wait(lambda: s[role].peer()["link"] == "silent", f"silence at {role}")


def test_the_holder_with_the_row_keeps_the_address(t):
    with witnessed(t) as s:
        at = time.monotonic_ns()
        parted(s)
        time.sleep(2 * LEASE)
        assert s.ask.moves(at) == 0 and s.watch.doubles() == 0 and holders(s) == "a"
        assert "the witness says that it is there" in s["b"].vip()["because"], s["b"].vip()
        s.net.unblock()
        s.paired()
        assert holders(s) == "a" and s.ask.moves(at) == 0 and s.watch.doubles() == 0


def test_a_dead_host_loses_the_row(t):
    """Its lease expires, and the other node takes the row and the address."""
    with witnessed(t) as s:
        at = s["a"].freeze()
        s.ask.answered_by("b", after=at)
        # It may act on the row that nobody has, and take it with its next question.
        wait(lambda: "b has the lease" in s["b"].ask("events"), "b to take the row")
        assert LEASE / 2 < s.ask.blackout_ms("a", at)[0] / 1000 < 2 * LEASE * s.patience
        s["a"].thaw()
        s.paired()
        time.sleep(0.3)
        assert holders(s) == "b" and s.ask.moves(at) == 1 and s.watch.doubles() == 0


def test_the_loser_gives_up(t):
    """The holder alone is kept from the SQL node for longer than the lease: the other takes both, and the first stands back as soon as it reads that."""
    with witnessed(t) as s:
        parted(s)
        s.net.run("a", "nft", f"add table inet cut; add chain inet cut out {{ type filter hook output priority 0; }}; "
                  f"add rule inet cut out tcp dport {PORT} drop")
        wait(lambda: s["b"].vip()["role"] == "holder", "b to take what expired")
        assert s["a"].vip()["role"] == "holder", "no answer is no information: a working address is not given up for it"
        s.net.run("a", "nft", "delete table inet cut")
        wait(lambda: s["a"].vip()["role"] == "standby", "a to read that it lost")
        assert "the witness says" in s["a"].vip()["because"], s["a"].vip()
        s.ask.steady("b")
        since = time.monotonic_ns()
        time.sleep(0.5)
        assert holders(s) == "b" and s.ask.moves(since) == 0 and s.watch.doubles(since) == 0


def test_without_the_sql_node_it_is_as_if_there_were_no_witness(t):
    """First the SQL node dies, and the pair goes on; then the nodes part, and silence decides as without a witness."""
    with witnessed(t) as s:
        s.witness.end()
        for role in "ab":
            s[role].event("it says nothing")
        at = time.monotonic_ns()
        time.sleep(LEASE)
        assert s.ask.moves(at) == 0 and holders(s) == "a"
        parted(s)
        wait(lambda: holders(s) == "ab", "both to hold: nobody can tell them who may")
        s.witness.start(s.net)
        wait(lambda: len(holders(s)) == 1, "the witness to decide, once it is back")
        settled = time.monotonic_ns() + int(2e8)
        time.sleep(0.7)
        assert len(holders(s)) == 1 and s.ask.moves(settled) == 0 and s.watch.doubles(settled) == 0


def test_a_frozen_sql_node_moves_nothing(t):
    """As in a fail-over of an availability group, which takes seconds."""
    with witnessed(t) as s:
        at = time.monotonic_ns()
        assert "ok" in commanded(s.witness.control, "slow 5000")
        s["a"].event("it says nothing")
        time.sleep(LEASE)
        assert s.ask.moves(at) == 0 and holders(s) == "a" and s.watch.doubles() == 0
