"""A small site in network namespaces: two nodes, a switch, a client and a router.

    a ──┐               10.9.0.11  fd09::11  fe80::11  02:00:00:00:00:0a
    b ──┤ switch        10.9.0.12  fd09::12  fe80::12  02:00:00:00:00:0b
    c ──┤               10.9.0.50  fd09::50            the client
    r ──┘               10.9.0.1   fd09::1             the router: an address that answers
    a ── b              10.10.0.11, 10.10.0.12         a second path, on demand

A test owns its Net and leaves it by `with`. What a killed run has left is found by the process id in its names and
removed by the next Net. Without root, or where namespaces or veth are not permitted, making one raises Skip.
There is no netem here: packets are dropped by the switch's ports and by nft rules in it.
"""
import contextlib
import ctypes
import itertools
import os
import re
import signal
import subprocess

from wire import Skip

ROLES = {"a": 11, "b": 12, "c": 50, "r": 1}
MAC = {"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b", "c": "02:00:00:00:00:0c", "r": "02:00:00:00:00:01"}
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_count = itertools.count()


def _ip(*argv, **kwargs):
    return subprocess.run(["ip", *argv], capture_output=True, text=True, **kwargs)


def remove(name):
    """A namespace and the processes in it, which only its maker can have started."""
    for pid in _ip("netns", "pids", name).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "del", name)


def sweep():
    """Removes what runs that are dead have left."""
    for name in _ip("netns", "list").stdout.split():
        owner = re.fullmatch(r"hfv(\d+)-\d+-\w+", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            remove(name)


class Net:
    def __init__(self, second_path=False):
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        sweep()
        self.prefix = f"hfv{os.getpid()}-{next(_count)}-"
        self.fds = {}
        try:
            self._make(second_path)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ns(self, role):
        return self.prefix + role

    def _make(self, second_path):
        for role in ["s", *ROLES]:
            made = _ip("netns", "add", self.ns(role))
            if made.returncode:
                raise Skip(f"no network namespaces here: {made.stderr.strip()}")
            self.fds[role] = os.open(f"/run/netns/{self.ns(role)}", os.O_RDONLY | os.O_CLOEXEC)
            for family in ("all", "default"):
                self.sysctl(role, f"ipv6/conf/{family}/accept_dad", 0)
            self.batch(role, "link set lo up")
        self.batch("s", "link add name switch type bridge mcast_snooping 0 forward_delay 0", "link set dev switch up")
        for role, host in ROLES.items():
            added = _ip("-n", self.ns("s"), "link", "add", "name", role, "type", "veth", "peer", "name", "eth0", "netns", self.ns(role))
            if added.returncode:
                raise Skip(f"no veth here: {added.stderr.strip()}")
            self.batch("s", f"link set dev {role} master switch addrgenmode none up")
            self.batch(role, f"link set dev eth0 address {MAC[role]} addrgenmode none up", f"addr add 10.9.0.{host}/16 dev eth0",
                       f"addr add fd09::{host}/64 dev eth0 nodad", f"addr add fe80::{host}/64 dev eth0 nodad")
        if second_path:
            self.batch("a", f"link add name eth1 type veth peer name eth1 netns {self.ns('b')}")
            for role in "ab":
                self.batch(role, "link set dev eth1 addrgenmode none up", f"addr add 10.10.0.{ROLES[role]}/24 dev eth1")

    def batch(self, role, *lines):
        """`ip` commands in one go; all must succeed."""
        run = subprocess.run(["ip", "-n", self.ns(role), "-batch", "-"], input="\n".join(lines), capture_output=True, text=True)
        assert run.returncode == 0, f"{role}: {lines}: {run.stderr}"

    @contextlib.contextmanager
    def entered(self, role):
        """What this thread opens within is in that namespace."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._set(self.fds[role])
            yield
        finally:
            self._set(here)
            os.close(here)

    @staticmethod
    def _set(fd):
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def sysctl(self, role, name, value):
        with self.entered(role), open(f"/proc/sys/net/{name}", "w") as f:
            f.write(str(value))

    def run(self, role, *argv, **kwargs):
        return subprocess.run(["ip", "netns", "exec", self.ns(role), *map(str, argv)], capture_output=True, text=True, **kwargs)

    def popen(self, role, *argv, **kwargs):
        """The process has the namespace's network and mounts of its own; its pid is the command's."""
        return subprocess.Popen(["ip", "netns", "exec", self.ns(role), *map(str, argv)], stdin=subprocess.DEVNULL, **kwargs)

    # ---- what fails ----

    def port(self, role, up):
        """The switch's port: its node sees the carrier go, too."""
        self.batch("s", f"link set dev {role} {'up' if up else 'down'}")

    def nft(self, text):
        run = subprocess.run(["ip", "netns", "exec", self.ns("s"), "nft", "-f", "-"], input=text, capture_output=True, text=True)
        if run.returncode:
            raise Skip(f"no nft in the switch: {run.stderr.strip()}")

    def block(self, *pairs):
        """Frames from x to y are dropped for each pair "xy"; "*" is everyone. The carrier stays. Replaces earlier blocks."""
        rules = ""
        for x, y in pairs:
            match = (f'iifname "{x}" ' if x != "*" else "") + (f'oifname "{y}" ' if y != "*" else "")
            rules += f"    {match}drop\n"
        self.unblock()
        self.nft("table bridge hf {\n  chain forward {\n    type filter hook forward priority 0;\n" + rules + "  }\n}\n")

    def unblock(self):
        self.nft("table bridge hf {}\ndelete table bridge hf\n")

    def addresses(self, role):
        """Every address on the node, without its length."""
        return [line.split()[3].split("/")[0] for line in _ip("-n", self.ns(role), "-o", "addr").stdout.splitlines()]

    def close(self):
        for role, fd in self.fds.items():
            os.close(fd)
            remove(self.ns(role))
        self.fds = {}
