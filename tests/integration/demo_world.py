"""The demo's processes: two SQL nodes, two portals that keep their data there, Holdfast before both, a steady caller.

Each is started in a session of its own and told to die with this script, and is ended by its pid. All
files live in one temporary directory, removed at the end. Everything listens on 127.0.0.1 only.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import demo_sql

PR_SET_PDEATHSIG = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # that end the demo

CONFIG = """# Made by the demo. This is a simplex file: one server, two instances.
[process]
loops = 2
drain-timeout = "3s"
control-socket = "{dir}/control"
spill-dir = "{dir}"
access-log = "{dir}/access.log"

[listen.portal]
bind = ["127.0.0.1:{port}"]

[service.supervisor]
mode = "active-standby"
instances = {{ ef-a = "127.0.0.1:{ef-a}", ef-b = "127.0.0.1:{ef-b}" }}
timeouts = {{ connect = "500ms", response = "10s" }}

[service.supervisor.check]
get = "/health"
expect = "200"
every = "250ms"
every-down = "100ms"
timeout = "500ms"
fall = 2
rise = 2

# Where both instances keep their data: two SQL nodes, of which the monitor finds the primary.
[listen.sql]
bind = ["127.0.0.1:{sql}"]
protocol = "tds"
service = "sql"

[service.sql]
instances = {{ sql-1 = "127.0.0.1:{sql-1}", sql-2 = "127.0.0.1:{sql-2}" }}
timeouts = {{ connect = "500ms" }}
sql = {{ encrypt = "none" }}

[service.sql.monitor]
user = "monitor"
password-file = "{dir}/monitor.password"
every = "250ms"
timeout = "500ms"

# A caller is on the line: the answer comes within 4 s, or a clear 503 does.
[[route]]
name = "ivr"
path = "/api/ivr/*"
service = "supervisor"
deadline = "4s"
replay = "keyed"

[[route]]
name = "portal"
path = "/*"
service = "supervisor"
deadline = "10s"
"""


@contextlib.contextmanager
def signals_wait():
    """A signal comes after the block: what it makes is always known to World.end()."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def begin_child():
    """In the child, before its program: it dies with the demo, and gets signals as any program does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def wait_port(port, process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}")


class World:
    def __init__(self, build, rate):
        self.build, self.rate = pathlib.Path(build), rate
        self.sqlnode = os.environ.get("HOLDFAST_SQLNODE") or self.build / "tests/sqlnode"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
        self.port, self.sql_port, *ports = free_ports(6)
        self.ports = dict(zip(("ef-a", "ef-b"), ports))
        self.sql_ports = dict(zip(("sql-1", "sql-2"), ports[2:]))
        self.processes = {}
        self.lines = queue.Queue()      # ("call", dict) and ("event", str)
        self.log = open(self.dir / "log", "ab")
        self.cluster = demo_sql.Cluster(self)
        self.ledger = demo_sql.Ledger(self.dir / "acknowledged", self.dir / "sql.db")
        self.page = None

    def start(self):
        self.cluster.start()
        self.page = demo_sql.Page(self.cluster, self.ledger)
        for name in self.ports:
            self.start_instance(name)
        config, password = self.dir / "holdfast.toml", self.dir / "monitor.password"
        password.touch(0o600)
        password.write_text("monitor\n", encoding="ascii")
        text = CONFIG.format_map({"dir": self.dir, "port": self.port, "sql": self.sql_port, **self.ports, **self.sql_ports})
        config.write_text(text, encoding="utf-8")
        holdfast = self.run("holdfast", [self.build / "holdfast", "run", "-c", config])
        wait_port(self.port, holdfast)
        wait_port(self.sql_port, holdfast)
        self.follow(self.events(), "event")

    def run(self, name, command, **how):
        with signals_wait():
            self.processes[name] = subprocess.Popen(
                [str(c) for c in command], stdin=subprocess.DEVNULL, stderr=self.log, start_new_session=True,
                preexec_fn=begin_child, **{"stdout": self.log, **how})
        return self.processes[name]

    def start_instance(self, name):
        command = [self.build / "tests/portal", "--port", self.ports[name], "--name", name,
                   "--sql", self.sql_port, "--cluster", self.page.port]
        for peer, port in self.ports.items():
            command += ["--peer", f"{peer}={port}"]
        wait_port(self.ports[name], self.run(name, command))

    def start_caller(self):
        url = f"http://127.0.0.1:{self.port}"
        caller = self.run("caller", [self.build / "tests/portal", "--call", url, "--rate", self.rate,
                                     "--acknowledged", self.dir / "acknowledged"], stdout=subprocess.PIPE)
        self.follow((json.loads(line) for line in caller.stdout), "call")

    def stop_caller(self):
        """It waits for the answers that are still to come."""
        caller = self.processes["caller"]
        caller.send_signal(signal.SIGTERM)
        caller.wait(15)

    def follow(self, source, kind):
        def pump():
            try:
                for item in source:
                    self.lines.put((kind, item))
            except (OSError, ValueError):
                pass
        threading.Thread(target=pump, daemon=True).start()

    def command(self, line, seconds=2):
        """One command on Holdfast's control socket, as `holdfast status` and the others send it."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(seconds)
            s.connect(str(self.dir / "control"))
            s.sendall(line.encode() + b"\n")
            answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        verdict, _, text = answer.partition("\n")
        if verdict != "ok":
            raise OSError(text.strip())
        return text

    def events(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.dir / "control"))
            s.sendall(b"events --follow\n")
            with s.makefile(encoding="utf-8", errors="replace") as lines:
                next(lines)
                for line in lines:
                    yield line.rstrip()

    def service(self, name="supervisor"):
        """The service in `status --json`; empty while Holdfast does not answer."""
        try:
            services = json.loads(self.command("status --json"))["services"]
            return next((service for service in services if service["name"] == name), {})
        except (OSError, ValueError, LookupError):
            return {}

    def active(self, name="supervisor"):
        return next((i["name"] for i in self.service(name).get("instances", []) if i["active"]), "none")

    def instance_state(self, name):
        """What the instance says of itself, on its own port."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/admin/state", timeout=5) as answer:
            return json.load(answer)

    def signal(self, name, number):
        os.kill(self.processes[name].pid, number)
        if number == signal.SIGKILL:
            self.processes[name].wait()

    def stop_instance(self, name):
        self.signal(name, signal.SIGTERM)
        self.processes[name].wait(10)

    def end(self):
        self.cluster.end()
        for name in ("caller", "ef-a", "ef-b", "holdfast", *self.sql_ports):
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGCONT)
            # The caller would wait for the answers to come; nobody does any more. A SQL node knows no other end.
            process.send_signal(signal.SIGKILL if name == "caller" or name in self.sql_ports else signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()
        if os.environ.get("KEEP"):
            print(f"kept {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
