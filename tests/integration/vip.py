"""Nodes of a pair in namespaces (netns.py), keepalived's and ours.

A Node is the programs of one node: the one under test and, beside it, a tiny service bound to the virtual addresses that
says over UDP which node it is on. What kills or freezes a node does it to both. The configuration of a Holdfast node lies in a /run of
its own (a tmpfs in the process's mount namespace), so both nodes have the very same file at the same path.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from netns import ROLES, Net
from vip_watch import ECHO, INSTANCE, LINK_LOCAL6, LOAD, PORT, PROBE, SQL, VIP4, WEB
from wire import SECONDS, Skip, wait

OTHER = {"a": "b", "b": "a"}
_libc = ctypes.CDLL(None, use_errno=True)


def tree(pid):
    """A process and its living descendants, children before their parent."""
    found = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                found += tree(int(child))
    return found + [pid]


def threads(pid, prefix):
    """Threads of a process whose name begins so."""
    found = []
    with contextlib.suppress(OSError):
        for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir(), key=lambda t: int(t.name)):
            with contextlib.suppress(OSError):
                if (task / "comm").read_text().startswith(prefix):
                    found.append(int(task.name))
    return found


def send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Stalled:
    """One thread stops turning, the rest of its process goes on: ptrace's SEIZE and INTERRUPT. The calling thread must end it."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, tid):
        self.tid = tid
        self._ptrace(self.SEIZE)
        self._ptrace(self.INTERRUPT)

    def _ptrace(self, request):
        if _libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {self.tid}")

    def end(self):
        with contextlib.suppress(OSError):
            os.waitpid(self.tid, 0x40000000)  # __WALL
            self._ptrace(self.DETACH)


class Node:
    """One node's programs. `role` is a or b; `name` is what it answers."""

    def __init__(self, site, role):
        self.site, self.net, self.role, self.name = site, site.net, role, role
        self.process = self.service = self.instance = None
        self.log_path = site.dir / f"{role}.log"

    def start(self):
        if not self.service or self.service.poll() is not None:
            routable = [vip for vip in self.site.vips if vip != LINK_LOCAL6]
            self.service = self.net.popen(self.role, sys.executable, "-S", PROBE, "answer", self.name, PORT, *routable,
                                          stdout=subprocess.PIPE)
            assert self.service.stdout.readline(), "the service beside the program did not start"
        self.process = self.net.popen(self.role, "sh", "-c", self.command(), stdout=open(self.log_path, "ab"),
                                      stderr=subprocess.STDOUT)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def logged(self, text, seconds=SECONDS):
        wait(lambda: text in self.log(), f"'{text}' in the log of {self.role}:\n{self.log()[-3000:]}", seconds)

    def holds(self, vip=VIP4):
        """The address is on the node."""
        return vip in self.net.addresses(self.role)

    def wins(self, other):
        """Priorities as they are by default: 150 on a, 100 on b."""
        return self.role < other.role

    def everything(self):
        return tree(self.process.pid) + [self.service.pid]

    def kill(self):
        """The program with all its processes, and its service, at once. The instance lives on."""
        at = time.monotonic_ns()
        send(self.everything(), signal.SIGKILL)
        self.process.wait()
        self.service.wait()
        return at

    def host(self):
        return self.everything() + ([self.instance.pid] if self.instance else [])

    def freeze(self):
        """The whole host stands still."""
        at = time.monotonic_ns()
        send(self.host(), signal.SIGSTOP)
        return at

    def thaw(self):
        send(reversed(self.host()), signal.SIGCONT)

    def terminate(self):
        """SIGTERM to the program; its service answers on for as long as the address is there."""
        at = time.monotonic_ns()
        self.process.terminate()
        return at

    def stop(self):
        """Ends it in order and returns its exit code."""
        code = 0
        if self.process and self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            try:
                code = self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                code = -signal.SIGKILL
        self.end()
        return code

    def end(self):
        for process in (self.process, self.service, self.instance):
            if process and process.poll() is None:
                send(tree(process.pid), signal.SIGKILL)
                process.wait()


class Keepalived(Node):
    """`settings` of the site: interval (seconds), version, unicast, instance (lines of it), globals."""

    def program(self):
        return "keepalived"

    def command(self):
        path = self.site.dir / f"keepalived-{self.role}.conf"
        path.write_text(self.config())
        own = f"-f {path} -p /run/k.pid -r /run/v.pid"
        return f"mount -t tmpfs tmpfs /run && exec {self.program()} --dont-fork --vrrp --log-console --log-detail {own}"

    def config(self):
        s, instances = self.site.settings, ""
        version, interval = s.get("version", 3), s.get("interval", 1)
        for address in self.site.vips:
            if address == LINK_LOCAL6:
                continue  # listed with its sibling
            six = ":" in address
            source = f"fe80::{ROLES[self.role]}" if six else f"10.9.0.{ROLES[self.role]}"
            peer = f"fe80::{ROLES[OTHER[self.role]]}" if six else f"10.9.0.{ROLES[OTHER[self.role]]}"
            # Without unicast_ttl, keepalived's IPv6 unicast has hop limit 64, which RFC 9568 5.1.2.3 has us refuse.
            unicast = f"unicast_src_ip {source}\n  unicast_ttl 255\n  unicast_peer {{ {peer} }}" if s.get("unicast") else ""
            lines = (f"{LINK_LOCAL6}/64 dev eth0\n    " if six else "") + address + ("/64" if six else "/16") + " dev eth0"
            instances += f"""
vrrp_instance v{6 if six else 4} {{
  state {'MASTER' if s.get('master') == self.role else 'BACKUP'}
  interface eth0
  virtual_router_id 51
  version {3 if six else version}
  priority {s.get('priority', {}).get(self.role, {'a': 150, 'b': 100}[self.role])}
  advert_int {interval:g}
  {s.get('instance', '')}
  {unicast}
  virtual_ipaddress {{
    {lines}
  }}
}}
"""
        return f"global_defs {{\n  router_id {self.role}\n  {s.get('globals', '')}\n}}\n{instances}"


class Holdfast(Node):
    """`settings` of the site: interval (seconds), version, unicast, cluster, vip, more: lines of the file."""

    def folder(self):
        return self.site.dir / f"node-{self.role}"

    def start(self):
        self.folder().mkdir(exist_ok=True)
        (self.folder() / "holdfast.toml").write_text(self.site.holdfast_config())
        secret = self.folder() / "secret"
        if not secret.exists():
            secret.write_text("a secret of this test, not shorter than is wanted of one\n")
            secret.chmod(0o600)
        self.serve()
        return super().start()

    def serve(self):
        """The instance on this node, if it does not run."""
        if not self.instance or self.instance.poll() is not None:
            self.instance = self.net.popen(self.role, sys.executable, "-S", LOAD, "serve", self.role, f"10.9.0.{ROLES[self.role]}",
                                           INSTANCE, ECHO, stdout=subprocess.PIPE)
            self.instance.stdout.readline()  # ready

    def command(self):
        return (f"mount -t tmpfs tmpfs /run && cp -p {self.folder()}/* /run/ && "
                f"exec {self.site.binary} run -c /run/holdfast.toml --node {self.role}")

    def run_dir(self):
        """Its own /run, seen from outside."""
        return pathlib.Path("/proc", str(self.process.pid), "root", "run")

    def ask(self, *words, code=0):
        argv = [self.site.binary, *words, "-c", str(self.run_dir() / "holdfast.toml"), "--socket", str(self.run_dir() / "holdfast.sock")]
        run = subprocess.run(argv, capture_output=True, text=True, timeout=3 * SECONDS)
        assert code is None or run.returncode == code, f"{words}: exit {run.returncode}, not {code}: {run.stdout}{run.stderr}"
        return run.stdout + run.stderr

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def peer(self):
        """What it says of the other node: link, drift, hash."""
        return self.status().get("vip", {}).get("peer", {"link": "none", "drift": False})

    def vip(self, group="portal"):
        """What it says of one group: role, epoch, because."""
        return next(g for g in self.status()["vip"]["groups"] if g["name"] == group)

    def paired(self):
        return self.peer()["link"] == "alive"

    def config_hash(self):
        return self.status()["config"]["hash"]

    def event(self, text, seconds=SECONDS):
        wait(lambda: text in self.ask("events"), f"an event with '{text}' on {self.role}:\n{self.ask('events')}", seconds)

    def write(self, text):
        """Replaces the file of the running process."""
        new = self.run_dir() / "holdfast.new"
        new.write_text(text)
        new.rename(self.run_dir() / "holdfast.toml")

    def ready(self):
        # Both: before it has a /run of its own, the socket of a Holdfast on this host would be seen.
        here = [self.run_dir() / name for name in ("holdfast.toml", "holdfast.sock")]
        wait(lambda: self.process.poll() is not None or all(path.exists() for path in here), f"{self.role} to start")
        assert self.process.poll() is None, f"{self.role} ended at once: {self.log()}"

    def worker(self):
        """The process that has the data loops."""
        return next((pid for pid in tree(self.process.pid) if threads(pid, "hf-loop")), None)

    def stall(self):
        """Stops one of its data loops; the returned Stalled ends it."""
        return Stalled(threads(self.worker(), "hf-loop")[0])


class Site:
    """The network and a pair on it. `kinds` maps a and b to Node classes."""

    def __init__(self, directory, kinds, binary=None, vips=(VIP4,), second_path=False, **settings):
        for program in ("nft", "keepalived") if Keepalived in kinds.values() else ("nft",):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.dir, self.binary, self.vips, self.settings = pathlib.Path(directory), binary, tuple(vips), settings
        self.net = Net(second_path)
        self.instruments = []
        self.second_path = second_path
        self.nodes = {role: kind(self, role) for role, kind in kinds.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            for ending in [*self.instruments, *self.nodes.values()]:
                ending.end()
        finally:
            self.net.close()
        for node in self.nodes.values():
            for sign in ("Sanitizer", "runtime error:"):
                assert sign not in node.log(), f"{sign} in the log of {node.role}:\n{node.log()[-5000:]}"

    def __getitem__(self, role):
        return self.nodes[role]

    def start(self, *roles):
        """In this order: who knows its instances to be well before the other has come is the first holder."""
        for role in roles or self.nodes:
            node = self.nodes[role].start()
            if isinstance(node, Holdfast):
                node.ready()
                wait(lambda: node.ask("status").count(" up ") >= len(self.nodes), f"instances that are up; {node.log()[-2000:]}")
        return self

    def paired(self):
        """Waits until both know each other by their own channel."""
        for node in self.nodes.values():
            node.ready()
            wait(node.paired, f"{node.role} to hear the other; log:\n{node.log()[-2000:]}")

    def holdfast_config(self):
        s = self.settings
        lengths = ", ".join(f'"{v}/{64 if ":" in v else 16}"' for v in self.vips)
        return f"""[process]
loops = 2
control-socket = "/run/holdfast.sock"
spill-dir = "/run"
access-log = "/run/access.log"
[cluster]
name = "site"
{'' if s.get('secret') is False else 'secret-file = "/run/secret"'}
gateway = ["10.9.0.1"]
{s.get('cluster', '')}
[node.a]
address = "10.9.0.11"
interface = "eth0"
{'heartbeat = ["10.10.0.11"]' if self.second_path else ''}
[node.b]
address = "10.9.0.12"
interface = "eth0"
{'heartbeat = ["10.10.0.12"]' if self.second_path else ''}
[vip.portal]
addresses = [{lengths}]
vrid = 51
prefer = "{s.get('prefer', 'a')}"
advertise = "{round(s.get('interval', 1) * 1000)}ms"
version = {s.get('version', 3)}
unicast = {'true' if s.get('unicast') else 'false'}
{'unicast-peers = ["10.9.0.11", "10.9.0.12", "fe80::11", "fe80::12"]' if s.get('unicast') else ''}
{s.get('vip', '')}
[listen.web]
bind = ["vip.portal:{WEB}"]
[listen.sql]
bind = ["vip.portal:{SQL}"]
protocol = "tds"
mode = "opaque"
service = "sql"
[service.app]
instances = {{ a = "10.9.0.11:{INSTANCE}", b = "10.9.0.12:{INSTANCE}" }}
check = {{ get = "/health", every = "100ms", every-down = "50ms", timeout = "300ms", fall = 2, rise = 2 }}
[service.sql]
instances = {{ a = "10.9.0.11:{ECHO}", b = "10.9.0.12:{ECHO}" }}
check = {{ tcp = true, every = "100ms", every-down = "50ms", timeout = "300ms", fall = 2, rise = 1 }}
[[route]]
listen = ["web"]
path = "/*"
service = "app"
{s.get('more', '')}
"""
