"""A scripted instance: a thread of the test that answers, hangs, lies or dies as it is told."""
import contextlib
import json
import socket
import struct
import threading

from wire import Wire, free_port, response


class Origin:
    """A scripted instance. `script(request, wire)` answers whatever it likes and returns False to have the connection
    closed; by default each request is answered with a description of itself. Health checks (/health) are answered
    apart, by `healthy`, and counted in `checks`; `requests` holds all the others, in order."""

    def __init__(self, name, raw=None):
        self.name, self.raw, self.port = name, raw, free_port()
        self.requests, self.checks, self.healthy, self.script = [], 0, True, None
        self.connections, self.accepted, self.listener, self.kept = set(), 0, None, None
        self.thawed = threading.Event()
        self.thawed.set()
        self.open()

    def open(self):
        if self.kept:
            self.kept.close()
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
        # Bound and not listening: connects are refused, and no other test is given this port meanwhile.
        self.kept = socket.socket()
        self.kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            self.kept.bind(("127.0.0.1", self.port))

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
