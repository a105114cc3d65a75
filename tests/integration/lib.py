"""What integration tests stand on: the real program, scripted origins, and a client of raw sockets.

A test is a function test_NAME(t) in a test_*.py file; `t` (Test) starts things and ends them. Origins are threads
of the test, so that it can script each answer and see each request; the program under test is a process.
Everything is on loopback. A failed assertion fails the test; raising Skip skips it, counted.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

SECONDS = 10  # how long anything may take that should happen soon


class Skip(Exception):
    """This machine lacks a peer that the test needs."""


def free_port():
    """Below the ephemeral range, so that no outgoing connection takes it between here and its use."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def wait(condition, what, seconds=SECONDS):
    """Polls until `condition` gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)


def reset(sock):
    """Closes with a TCP reset."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Message:
    """A request or response as received: its first line, fields in order, body."""

    def __init__(self, head, body=b""):
        lines = head.decode("latin-1").split("\r\n")
        self.line, self.body = lines[0], body
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def get(self, name, default=None):
        return next((v for n, v in self.fields if n.lower() == name.lower()), default)

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    @property
    def status(self):
        return int(self.line.split()[1])

    @property
    def method(self):
        return self.line.split()[0]

    @property
    def target(self):
        return self.line.split()[1]

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.line!r} {self.fields} {self.body[:80]!r}>"


class Wire:
    """A socket that reads whole HTTP messages."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""
        sock.settimeout(SECONDS)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def fill(self):
        block = self.sock.recv(262144)
        self.buffer += block
        return bool(block)

    def exactly(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise EOFError(f"closed after {len(self.buffer)} of {size} bytes")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"closed before {mark!r}: {self.buffer[-200:]!r}")
        data, self.buffer = self.buffer.split(mark, 1)
        return data

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"
        self.trailers = []
        while line := self.until(b"\r\n"):
            self.trailers.append(line)
        return body

    def to_end(self):
        while self.fill():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def message(self, head_only=False, continued=None):
        message = Message(self.until(b"\r\n\r\n"))
        response = message.line.startswith("HTTP/")
        none = head_only or response and (message.status < 200 or message.status in (204, 304))
        if continued and message.get("expect"):
            continued(message)
        if none:
            return message
        if "chunked" in (message.get("transfer-encoding") or "").lower():
            message.body = self.chunks()
        elif message.get("content-length") is not None:
            message.body = self.exactly(int(message.get("content-length")))
        elif response:
            message.body = self.to_end()
        return message

    def closed(self, seconds=SECONDS):
        """True when the other side has closed and nothing was left to read."""
        self.sock.settimeout(seconds)
        try:
            return not self.buffer and not self.sock.recv(1)
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(SECONDS)

    def close(self):
        self.sock.close()


class Client(Wire):
    """One client connection, raw."""

    def __init__(self, port, host="127.0.0.1", source=None, wrap=None):
        sock = socket.create_connection((host, port), SECONDS, source_address=(source, 0) if source else None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(wrap(sock) if wrap else sock)

    def ask(self, method="GET", target="/", fields=(), body=None, host="a.test"):
        """Sends a request and returns the final response."""
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        self.send(head.encode("latin-1") + b"\r\n" + (body or b""))
        return self.answer(method == "HEAD")

    def answer(self, head_only=False):
        while True:
            message = self.message(head_only)
            if message.status >= 200 or message.status == 101:
                return message


def ask(port, *args, **kwargs):
    """One request on a connection of its own."""
    client = Client(port)
    try:
        return client.ask(*args, **kwargs)
    finally:
        client.close()


def response(status=200, body=b"", fields=(), reason="Text"):
    head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
    return head.encode("latin-1") + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Origin:
    """A scripted instance. `script(request, wire)` answers whatever it likes and returns False to have the connection
    closed; by default each request is answered with a description of itself. Health checks (/health) are answered
    apart, by `healthy`, and counted in `checks`; `requests` holds all the others, in order."""

    def __init__(self, name, raw=None):
        self.name, self.raw, self.port = name, raw, free_port()
        self.requests, self.checks, self.healthy, self.script = [], 0, True, None
        self.connections, self.accepted, self.listener = set(), 0, None
        self.thawed = threading.Event()
        self.thawed.set()
        self.open()

    def open(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(256)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                self.accepted += 1
                self.connections.add(sock)
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def kill(self):
        """As by kill -9: nobody listens any more and every connection is reset."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.connections):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD)
                sock.close()
        self.connections.clear()

    def freeze(self):
        """As by SIGSTOP: the kernel still accepts, nobody answers."""
        self.thawed.clear()

    def thaw(self):
        self.thawed.set()

    def serve(self, sock):
        wire = Wire(sock)
        sock.settimeout(120)
        try:
            if self.raw:
                self.raw(wire)
                return
            while self.one(wire) is not False:
                pass
        except (OSError, EOFError, ValueError, AssertionError):
            pass
        finally:
            self.connections.discard(sock)
            sock.close()

    def one(self, wire):
        request = wire.message(continued=lambda _: wire.send("HTTP/1.1 100 Continue\r\n\r\n"))
        self.thawed.wait(120)
        if request.target == "/health":
            self.checks += 1
            wire.send(response(200 if self.healthy else 500, b"well"))
            return True
        self.requests.append(request)
        request.number = len(self.requests)
        if self.script:
            return self.script(request, wire)
        wire.send(self.describe(request))
        return (request.get("connection") or "").lower() != "close"

    def describe(self, request, fields=()):
        text = {"origin": self.name, "method": request.method, "target": request.target,
                "fields": request.fields, "body": len(request.body)}
        body = b"" if request.method == "HEAD" else json.dumps(text).encode()
        return response(200, body, [("X-Origin", self.name), *fields])


class Holdfast:
    """The program under test, running."""

    def __init__(self, test, config, arguments=()):
        self.test, self.binary = test, test.binary
        self.path, self.log_path = test.dir / "holdfast.toml", test.dir / "holdfast.log"
        self.socket, self.access_path = test.dir / "control.sock", test.dir / "access.log"
        self.write(config)
        self.process = subprocess.Popen([self.binary, "run", "-c", str(self.path), *arguments],
                                        stdout=open(self.log_path, "ab"), stderr=subprocess.STDOUT)
        wait(lambda: self.process.poll() is not None or self.socket.exists() and self.accepts(), "the program to start")
        assert self.process.poll() is None, f"it ended at once: {self.log()}"

    def accepts(self):
        """Every listener of the file accepts."""
        for port in set(re.findall(r'bind = \["127.0.0.1:(\d+)"', self.path.read_text())):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                continue
            return False
        return True

    def write(self, config):
        """Replaces the file at once, as an editor or a deployment does."""
        new = self.path.with_suffix(".new")
        new.write_text(f'[process]\nloops = 2\ncontrol-socket = "{self.socket}"\naccess-log = "{self.access_path}"\n'
                       f'spill-dir = "{self.test.dir}"\ndrain-timeout = "5s"\n{config}')
        new.rename(self.path)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def logged(self, text, seconds=SECONDS):
        wait(lambda: text in self.log(), f"'{text}' in the log:\n{self.log()}", seconds)

    def access(self, count=1, seconds=SECONDS):
        """At least `count` records of the access log."""
        def read():
            lines = self.access_path.read_text().splitlines() if self.access_path.exists() else []
            return len(lines) >= count and [json.loads(line) for line in lines]
        return wait(read, f"{count} lines in the access log", seconds)

    def command(self, *words, code=0):
        run = subprocess.run([self.binary, *words, "-c", str(self.path)], capture_output=True, text=True, timeout=SECONDS)
        assert run.returncode == code, f"{words}: exit {run.returncode}, not {code}: {run.stdout}{run.stderr}"
        return run.stdout

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config):
        self.write(config)
        return self.command("reload")

    def stop(self, seconds=SECONDS):
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


class Test:
    """Starts what a test needs, in a directory of its own, and ends it."""

    def __init__(self, build):
        self.binary = str(pathlib.Path(build).resolve() / "holdfast")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hf-it-"))
        self.dir.chmod(0o755)
        self.origins, self.processes, self.port, self.proxy = [], [], free_port(), None

    def origin(self, name="a", **kwargs):
        self.origins.append(Origin(name, **kwargs))
        return self.origins[-1]

    def start(self, *argv, **kwargs):
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **kwargs)
        self.processes.append(process)
        return process

    def config(self, *origins, listen="", service="", check="", route="", more=""):
        """One listener, one service, one route. Each part may be given more directives."""
        instances = ", ".join(f'{o.name} = "127.0.0.1:{o.port}"' for o in origins)
        return f"""
[listen.web]
bind = ["127.0.0.1:{self.port}"]
{listen}
[service.app]
instances = {{ {instances} }}
{service}
[service.app.check]
{check or CHECK}
[[route]]
listen = ["web"]
service = "app"
path = "/*"
{route}
{more}
"""

    def holdfast(self, *origins, arguments=(), **parts):
        """Runs the program before these origins and waits until it has seen them all healthy."""
        return self.run(self.config(*origins, **parts), *origins, arguments=arguments)

    def run(self, config, *origins, arguments=()):
        self.proxy = Holdfast(self, config, arguments)
        self.processes.append(self.proxy.process)
        if "/health" in config:
            for o in origins:
                wait(lambda: o.checks >= 2, f"health checks at {o.name}; log:\n{self.proxy.log()}")
        return self.proxy

    def needs(self, *programs):
        for program in programs:
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")

    def end_proxy(self):
        """Ends a program that still runs; it must not have died, nor a sanitizer have spoken."""
        if not self.proxy:
            return
        process = self.proxy.process
        assert process.poll() in (None, 0), f"the program ended with {process.returncode}"
        for _ in range(2):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
        process.wait(SECONDS)
        for sign in ("Sanitizer", "runtime error:"):
            assert sign not in self.proxy.log(), f"{sign} in the log"

    def finish(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        for o in self.origins:
            o.kill()
        if os.environ.get("KEEP"):
            print(f"kept {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


CHECK = 'get = "/health"\nevery = "100ms"\nevery-down = "50ms"\ntimeout = "300ms"\nfall = 2\nrise = 2'
DETECTION = 2 * (0.1 + 0.3)  # seconds in which CHECK finds a frozen instance, at the latest
