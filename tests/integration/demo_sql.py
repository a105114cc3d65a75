"""The demo's database: two SQL nodes over one file, and what a cluster does around them. Python 3, stdlib only.

The nodes are tests/sqlnode, a stand-in over SQLite: NOT SQL Server. Cluster plays the cluster service: a primary that
died, or does not answer for a second, is ended for good and the other node becomes primary. Ledger counts, past
everything, what callers were promised against what is in the file. Page answers the demo page's buttons.

Only the main thread starts processes: they are told to die with the thread that started them.
"""
import contextlib
import http.server
import json
import signal
import socket
import sqlite3
import threading
import time
import urllib.parse

LOOK_S, SILENT_S = 0.1, 0.5  # between two looks at the primary; an answer later than that is none
SILENT_MAX = 2               # such answers in a row


class Cluster:
    def __init__(self, world, names=("sql-1", "sql-2")):
        self.world, self.names = world, names
        self.roles = dict.fromkeys(names, "secondary")
        self.frozen, self.starting, self.wanted = set(), set(), set()  # wanted: to be started by the main thread
        self.lock, self.ended = threading.RLock(), threading.Event()
        self.moves = []      # (from, to)
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def start(self):
        for name in self.names:
            self.start_node(name, "primary" if name == self.names[0] else "secondary")
        self.thread.start()

    def start_node(self, name, role="secondary"):
        """In the main thread. A node that comes back is secondary: it must not claim what the other has."""
        world, path = self.world, self.socket(name)
        with self.lock:
            if self.alive(name):
                self.kill(name)
            self.roles[name] = role
            self.frozen.discard(name)
            self.wanted.discard(name)
            self.starting.add(name)
            path.unlink(missing_ok=True)
            world.run(name, [world.sqlnode, "--listen", f"127.0.0.1:{world.sql_ports[name]}", "--name", name, "--role", role,
                             "--data", world.dir / "sql.db", "--durable", "off", "--encrypt", "none", "--control", path,
                             "--login", "portal:portal", "--login", "monitor:monitor"])
        end = time.monotonic() + 10
        while time.monotonic() < end and self.alive(name):
            with contextlib.suppress(OSError, ValueError):
                self.ask(name, "stats")
                return self.starting.discard(name)
            time.sleep(0.02)
        raise RuntimeError(f"the SQL node {name} does not start")

    def socket(self, name):
        return self.world.dir / f"{name}.sock"

    def ask(self, name, words, seconds=5):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(seconds)
            wire.connect(str(self.socket(name)))
            wire.sendall(words.encode() + b"\n")
            answer = wire.recv(4096).decode()
        if answer.startswith("error") or not answer:
            raise OSError(answer or "it ended")
        return answer

    def alive(self, name):
        process = self.world.processes.get(name)
        return process is not None and process.poll() is None

    def ready(self, name):
        return self.alive(name) and name not in self.frozen and name not in self.starting

    def primary(self):
        return next((name for name in self.names if self.roles[name] == "primary"), None)

    def other(self, name):
        return next(one for one in self.names if one != name)

    def kill(self, name):
        with self.lock:
            if self.alive(name):
                self.world.signal(name, signal.SIGKILL)
            self.frozen.discard(name)

    def freeze(self, name):
        with self.lock:
            if self.alive(name):
                self.world.signal(name, signal.SIGSTOP)
                self.frozen.add(name)

    def set_role(self, name, role):
        self.ask(name, f"role {role}", 10)
        self.roles[name] = role

    def switch(self):
        """A planned failover as an operator does it: what is under way ends first, what comes then waits."""
        with self.lock:
            old = self.primary()
            if not old or not self.ready(self.other(old)):
                raise OSError("the other node is down")
            self.world.command("sql pause sql --timeout 5s --for 20s", 10)
            try:
                self.set_role(old, "secondary")
                self.set_role(self.other(old), "primary")
                self.moves.append((old, self.other(old)))
            finally:
                self.world.command("sql resume sql")

    def watch(self):
        silent = 0
        while not self.ended.wait(LOOK_S):
            name = self.primary()
            try:
                if name:
                    self.ask(name, "stats", SILENT_S)
                    silent = 0
                    continue
            except (OSError, ValueError):
                silent += 1
            with self.lock:
                if self.ended.is_set() or self.primary() != name:
                    continue
                if name is None or not self.alive(name) or silent >= SILENT_MAX:
                    silent = 0
                    self.fail_over(name)

    def fail_over(self, name):
        """The old primary is ended before there is a new one: a frozen one holds the file's locks, and could wake."""
        if name:
            self.kill(name)
        to = self.other(name) if name else next((one for one in self.names if self.ready(one)), None)
        if to is None or not self.ready(to):
            return
        with contextlib.suppress(OSError):
            self.set_role(to, "primary")
            if name:
                self.roles[name] = "secondary"
                self.moves.append((name, to))

    def states(self):
        return [{"name": name, "role": self.roles[name] if self.alive(name) else "",
                 "state": "gone" if not self.alive(name) else "frozen" if name in self.frozen
                 else "starting" if name in self.starting else "up"}
                for name in self.names]

    def end(self):
        self.ended.set()
        with self.lock:
            return


class Ledger:
    """What callers were told is done, and what is in the database's file; both are read on from where they were."""

    def __init__(self, acknowledged, database):
        self.acknowledged_path, self.database = acknowledged, database
        self.acknowledged, self.stored, self.posts = set(), set(), {}
        self.read, self.row, self.rows, self.partial = 0, 0, 0, ""
        self.last, self.lock = [], threading.Lock()

    def look(self):
        """Callers first: what they were told must be in the file by then."""
        with self.lock:
            if self.acknowledged_path.exists():
                with open(self.acknowledged_path, encoding="ascii") as file:
                    file.seek(self.read)
                    *lines, self.partial = (self.partial + file.read()).split("\n")
                    self.read = file.tell()
                self.acknowledged.update(lines)
            with contextlib.suppress(sqlite3.OperationalError):  # there is no table yet
                self.look_at_rows()
            twice = sum(n > 1 for n in self.posts.values())
            return {"acknowledged": len(self.acknowledged), "lost": len(self.acknowledged - self.stored),
                    "stored_twice": twice, "stored": self.rows, "last": self.last}

    def look_at_rows(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as database:
            for row, call, method in database.execute(
                    'SELECT rowid, id, method FROM "demo.dbo.executions" WHERE rowid > ? ORDER BY rowid', (self.row,)):
                self.row, self.rows = row, self.rows + 1
                self.stored.add(call)
                if method == "POST":
                    self.posts[call] = self.posts.get(call, 0) + 1
                self.last = [*self.last[-4:], f"{method} {call}"]


class Page:
    """What the buttons of the demo's page ask for, on a port of its own."""

    def __init__(self, cluster, ledger):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer({"nodes": cluster.states(), **ledger.look()})

            def do_POST(self):
                url = urllib.parse.urlsplit(self.path)
                node = urllib.parse.parse_qs(url.query).get("node", [""])[0]
                self.answer({"said": outer.act(cluster, url.path.strip("/"), node)})

            def answer(self, what):
                body = json.dumps(what).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Access-Control-Allow-Origin", "*")  # the page comes through Holdfast
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def act(self, cluster, verb, node):
        try:
            if verb == "switch":
                cluster.switch()
                return f"{cluster.primary()} is primary"
            if node not in cluster.names:
                return "there is no such node"
            if verb == "restart":
                cluster.wanted.add(node)
            elif verb in ("kill", "freeze"):
                getattr(cluster, verb)(node)
            return ""
        except OSError as error:
            return str(error)
