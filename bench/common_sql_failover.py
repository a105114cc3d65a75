"""What bench/sql-failover fails over: a failover cluster of two SQL nodes, and the ways from a driver to it.

The cluster is two places at which one instance runs in turn, on one disk, as SQL Server's failover cluster instances do:
the service stops here and starts there, where nothing listened before. The instance is tests/sqlnode, a stand-in.
"""
import ctypes
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import time

from common import find_holdfast, free_port, version_line, wait_port

EVERY_MS, EVERY_DOWN_MS, CHECK_TIMEOUT_MS, FALL = 250, 50, 250, 2  # Holdfast's monitor asks once and waits as long as two
PRELOGIN = "1201001A00000100" "00000B0006" "0100110001" "FF" "0F0000000000" "02"  # VERSION, ENCRYPTION (MS-TDS 2.2.6.5)
OUTAGE = 1.0  # seconds from the loss of the instance until the cluster starts it at the other place


def stopped(pid):
    """Every thread of it is."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return all(task.read_text().rsplit(")", 1)[1].split()[0] in "Tt" for task in tasks)


def take_address(process, port):
    """What a cluster does to a node that it has lost: new connections to this address no longer reach it, while its
    established ones stay silent. Its listening socket is closed from outside, through a copy of the descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(434, process.pid, 0)  # pidfd_open
    for entry in os.listdir(f"/proc/{process.pid}/fd"):
        copy = libc.syscall(438, handle, int(entry), 0)  # pidfd_getfd
        if copy < 0:
            continue
        if stat.S_ISSOCK(os.fstat(copy).st_mode):
            with socket.socket(fileno=os.dup(copy)) as one:
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and one.getsockname()[1] == port:
                    one.shutdown(socket.SHUT_RDWR)
        os.close(copy)
    os.close(handle)


class Cluster:
    def __init__(self, work, sqlnode, one_address):
        self.work, self.sqlnode, self.disk, self.disks = work, sqlnode, work.dir / "disk-0.db", 0
        self.ports = dict.fromkeys("ab", free_port()) if one_address else {name: free_port() for name in "ab"}
        self.active, self.process, self.lost = "b", None, None
        self.move()

    def move(self):
        """Starts the instance at the other place; the time, in microseconds, at which it accepted logins."""
        self.active = "b" if self.active == "a" else "a"
        control = self.work.dir / f"{self.active}.sock"
        argv = [self.sqlnode, "--listen", f"127.0.0.1:{self.ports[self.active]}", "--data", self.disk, "--name", self.active,
                "--hadr", "off", "--cluster", "on", "--encrypt", "none", "--control", control]
        with open(self.work.dir / "sqlnode.log", "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self.work.processes.append(process)
        self.process = process
        if not select.select([process.stdout], [], [], 10)[0] or not re.match(rb"ready \d", process.stdout.readline()):
            raise RuntimeError("sqlnode did not start: " + (self.work.dir / "sqlnode.log").read_text())
        process.stdout.close()
        return time.time_ns() // 1000

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        """The frozen node keeps its file locks, and what it does when it wakes must count for nothing: the other place gets
        the disk as it is at this moment, as a cluster takes it from a node that has lost it."""
        self.process.send_signal(signal.SIGSTOP)
        while not stopped(self.process.pid):
            time.sleep(0.001)
        self.lost, self.disks = self.process, self.disks + 1
        new = self.work.dir / f"disk-{self.disks}.db"
        for end in ("", "-wal"):
            if pathlib.Path(f"{self.disk}{end}").exists():
                shutil.copyfile(f"{self.disk}{end}", f"{new}{end}")
        self.disk = new
        if self.ports["a"] == self.ports["b"]:
            take_address(self.process, self.ports["a"])

    def stop(self):
        """An orderly end of the service: sessions end, what they had not committed is undone."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(10)
            wire.connect(str(self.work.dir / f"{self.active}.sock"))
            wire.sendall(b"role resolving\n")
            wire.recv(100)
        self.kill()

    def heal(self):
        if self.lost:
            self.lost.kill()
            self.lost.wait()
            self.lost = None


class Direct:
    """The drivers dial the cluster's own address, which moves with the instance."""
    name, one_address = "direct", True
    binary = None

    def __init__(self, work, cluster):
        self.work, self.cluster, self.port = work, cluster, cluster.ports["a"]

    def version(self):
        return ""

    def start(self):
        pass

    def before_move(self):
        pass

    def after_move(self):
        pass


class Haproxy(Direct):
    """TCP, with a check that a frozen SQL Server does not pass: it must answer PRELOGIN."""
    name, one_address = "HAProxy TCP", False

    def version(self):
        return version_line(["haproxy", "-v"])

    def start(self):
        self.port = free_port()
        server = (f"check inter {EVERY_MS}ms fastinter {EVERY_DOWN_MS}ms downinter {EVERY_DOWN_MS}ms fall {FALL} rise 1 "
                  "on-marked-down shutdown-sessions observe layer4 error-limit 1 on-error mark-down")
        path = self.work.write("haproxy.cfg", f"""
global
  maxconn 4000
  stats socket {self.work.dir}/haproxy.sock mode 600 level admin
defaults
  mode tcp
  retries 3
  option redispatch 1
  option clitcpka
  option srvtcpka
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout check {CHECK_TIMEOUT_MS}ms
  timeout queue 10s
listen sql
  bind 127.0.0.1:{self.port} backlog 4096
  option tcp-check
  tcp-check connect
  tcp-check send-binary {PRELOGIN}
  tcp-check expect binary 0401
  server a 127.0.0.1:{self.cluster.ports["a"]} {server}
  server b 127.0.0.1:{self.cluster.ports["b"]} {server}
""")
        self.process = self.work.start("haproxy", "-db", "-f", path, log="haproxy.log")
        wait_port(self.port)
        time.sleep(0.5)

    def command(self, text):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(self.work.dir / "haproxy.sock"))
            wire.sendall(text.encode() + b"\n")
            wire.recv(4096)

    def before_move(self):
        """Its operator takes the node out first: new connections wait for the other."""
        self.left = self.cluster.active
        self.command(f"set server sql/{self.left} state maint")

    def after_move(self):
        self.command(f"set server sql/{self.left} state ready")


class Holdfast(Direct):
    name, one_address = "Holdfast", False

    def version(self):
        return version_line([self.binary, "version"])

    def start(self):
        self.port = free_port()
        self.work.write("password", "sqlnode\n").chmod(0o600)
        self.path = self.work.write("holdfast.toml", f"""
[process]
control-socket = "{self.work.dir}/holdfast.sock"
access-log = "{self.work.dir}/access.log"
spill-dir = "{self.work.dir}"
[listen.sql]
bind = ["127.0.0.1:{self.port}"]
protocol = "tds"
service = "sql"
[service.sql]
instances = {{ a = "127.0.0.1:{self.cluster.ports["a"]}", b = "127.0.0.1:{self.cluster.ports["b"]}" }}
sql = {{ encrypt = "none" }}
[service.sql.monitor]
user = "sa"
password-file = "{self.work.dir}/password"
every = "{EVERY_MS}ms"
every-down = "{EVERY_DOWN_MS}ms"
timeout = "{FALL * CHECK_TIMEOUT_MS}ms"
""")
        self.process = self.work.start(self.binary, "run", "-c", self.path, log="holdfast.log")
        wait_port(self.port)

    def command(self, *words):
        argv = [self.binary, "sql", *words, "-c", str(self.path)]
        run = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        if run.returncode:
            sessions = subprocess.run([self.binary, "sql", "sessions", "-c", str(self.path)], capture_output=True, text=True, timeout=20)
            raise RuntimeError(f"{' '.join(words)}: {run.stdout}{run.stderr}\n{sessions.stdout}")

    def before_move(self):
        self.command("pause", "sql", "--timeout", "5s")

    def after_move(self):
        self.command("resume", "sql")


CONTENDERS = {"direct": Direct, "haproxy": Haproxy, "holdfast": Holdfast}


def available(only, binary=None):
    Direct.binary = find_holdfast(binary)
    chosen = [CONTENDERS[name] for name in only.split(",")] if only else list(CONTENDERS.values())
    if Holdfast in chosen and not Direct.binary:
        raise SystemExit("no holdfast binary: build the release or dev preset, or give --holdfast PATH")
    if Haproxy in chosen and not shutil.which("haproxy"):
        raise SystemExit("haproxy is not installed; --contender direct,holdfast leaves it out")
    return chosen
