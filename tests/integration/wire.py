"""Sockets and HTTP messages, raw: what a test sends is what is on the wire, and what came back is all there."""
import contextlib
import json
import random
import socket
import struct
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
