"""A hostile afternoon: each malformed request is refused by its rule, the connection closed, nothing forwarded."""
from lib import Client, response

H = b"Host: a.test\r\n"
TE = b"Transfer-Encoding: chunked\r\n"


def get(fields=b"", line=b"GET / HTTP/1.1\r\n", host=H):
    return line + host + fields + b"\r\n"


def post(fields=b"", body=b""):
    return b"POST / HTTP/1.1\r\n" + H + fields + b"\r\n" + body


# (rule in the access log, RFC section, status, bytes)
REQUESTS = [
    ("bare-lf", "9112 2.2", 400, b"GET / HTTP/1.1\nHost: a.test\n\n"),
    ("bare-lf", "9112 2.2", 400, get(b"X: a\nY: b\r\n")),
    ("bare-lf", "9112 2.2", 400, b"GET / HTTP/1.1\r\n" + H + b"\n"),
    ("bare-cr", "9112 2.2", 400, get(b"X:\rTransfer-Encoding: chunked\r\n")),
    ("bare-cr", "9112 2.2", 400, get(b"X: a\rb\r\n")),
    ("bare-cr", "9112 2.2", 400, b"GET / HTTP/1.1\r" + H + b"\r\n"),
    ("obs-fold", "9112 5.2", 400, get(b"X: a\r\n b\r\n")),
    ("obs-fold", "9112 5.2", 400, get(b"Content-Length:\r\n 5\r\n")),
    ("obs-fold", "9112 5.2", 400, get(host=b" X: a\r\n" + H)),
    ("empty-name", "9110 5.1", 400, get(b": a\r\n")),
    ("space-in-name", "9112 5.1", 400, get(b"X : a\r\n")),
    ("space-in-name", "9112 5.1", 400, get(b"Content-Length : 0\r\n")),
    ("space-in-name", "9112 5.1", 400, get(b"Transfer-Encoding\t: chunked\r\n")),
    ("bad-name", "9110 5.1", 400, get(b"X(y): a\r\n")),
    ("bad-name", "9110 5.1", 400, get(b"X\xe9: a\r\n")),
    ("missing-colon", "9112 5", 400, get(b"X\r\n")),
    ("control-byte", "9110 5.5", 400, get(b"X: a\0b\r\n")),
    ("control-byte", "9110 5.5", 400, get(b"X: a\x01b\r\n")),
    ("control-byte", "9110 5.5", 400, get(b"X: a\x7fb\r\n")),
    ("repeated-length", "9112 6.3", 400, post(b"Content-Length: 1\r\nContent-Length: 1\r\n", b"a")),
    ("repeated-length", "9112 6.3", 400, post(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"a")),
    (None, "9110 8.6", 400, post(b"Content-Length: 1, 1\r\n", b"a")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: -1\r\n", b"a")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: +1\r\n", b"a")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: 0x1\r\n", b"a")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: 1a\r\n", b"a")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: \r\n")),
    ("bad-length", "9110 8.6", 400, post(b"Content-Length: 99999999999999999999\r\n")),
    ("length-with-transfer-encoding", "9112 6.3", 400, post(b"Content-Length: 5\r\n" + TE, b"0\r\n\r\n")),
    ("length-with-transfer-encoding", "9112 6.3", 400, post(TE + b"Content-Length: 5\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding: identity\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(b"Transfer-Encoding:\r\n", b"0\r\n\r\n")),
    ("bad-transfer-encoding", "9112 6.1", 400, post(TE + TE, b"0\r\n\r\n")),
    ("transfer-encoding-on-1.0", "9112 6.1", 400, b"POST / HTTP/1.0\r\n" + H + TE + b"\r\n0\r\n\r\n"),
    ("missing-host", "9112 3.2", 400, get(host=b"")),
    ("repeated-host", "9112 3.2", 400, get(H)),
    ("bad-host", "9110 7.2", 400, get(host=b"Host: a.test:x\r\n")),
    ("bad-host", "9110 7.2", 400, get(host=b"Host: a b\r\n")),
    ("bad-host", "9110 7.2", 400, get(host=b"Host: user@a.test\r\n")),
    ("bad-host", "9110 7.2", 400, get(host=b"Host: a.test/x\r\n")),
    ("bad-host", "9110 7.2", 400, get(host=b"Host: a, b\r\n")),
    (None, "9112 3.2.2", 400, get(line=b"GET http://b.test/ HTTP/1.1\r\n")),
    ("bad-target", "9112 3.2", 400, get(line=b"GET a HTTP/1.1\r\n")),
    ("bad-target", "9112 3.2", 400, get(line=b"GET * HTTP/1.1\r\n")),
    (None, "9112 3.2", 400, get(line=b"GET /\x80 HTTP/1.1\r\n")),
    (None, "9112 3.2", 400, get(line=b"GET /\t HTTP/1.1\r\n")),
    (None, "9112 3", 400, get(line=b"GET  / HTTP/1.1\r\n")),
    (None, "9112 3", 400, get(line=b"GET / a HTTP/1.1\r\n")),
    ("bad-method", "9110 9.1", 400, get(line=b"G(T / HTTP/1.1\r\n")),
    ("bad-version", "9112 2.3", 505, get(line=b"GET / HTTP/2.0\r\n")),
    ("bad-version", "9112 2.3", 505, get(line=b"GET / HTTP/0.9\r\n")),
    (None, "9112 2.3", (400, 505), get(line=b"GET / http/1.1\r\n")),
    (None, "9112 2.3", (400, 505), get(line=b"GET /\r\n")),
    ("connect", "9110 9.3.6", 501, b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
]

# The head is in order and the body is not: the origin may have been sent the head, never a whole request.
BODIES = [
    ("bad-chunk-size", "9112 7.1", b"g\r\n"),
    ("bad-chunk-size", "9112 7.1", b"-1\r\n"),
    ("bad-chunk-size", "9112 7.1", b"0x1\r\na\r\n0\r\n\r\n"),
    ("bad-chunk-size", "9112 7.1", b"\r\n\r\n"),
    ("bad-chunk-size", "9112 7.1", b"1 \r\na\r\n0\r\n\r\n"),
    ("bad-chunk-size", "9112 7.1", b"fffffffffffffffff\r\n"),
    (None, "9112 7.1", b"1\na\r\n0\r\n\r\n"),
    (None, "9112 7.1", b"1\rXa\r\n0\r\n\r\n"),
    ("bad-chunk-end", "9112 7.1", b"1\r\naXX0\r\n\r\n"),
    (None, "9112 7.1", b"1\r\na\n0\r\n\r\n"),
    ("chunk-extension-too-long", "9112 7.1.1", b"1;x=" + b"y" * 300 + b"\r\na\r\n0\r\n\r\n"),
    (None, "9112 7.1.1", b"1;x=\x01\r\na\r\n0\r\n\r\n"),
    ("bad-trailer", "9112 7.1.2", b"0\r\nbad trailer\r\n\r\n"),
    (None, "9112 7.1.2", b"0\r\nX: a\nY: b\r\n\r\n"),
    (None, "9112 7.1.2", b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n"),
]


def refused(t, origin, rows):
    bad = []
    for number, (rule, section, status, data) in enumerate(rows, 1):
        client = Client(t.port)
        client.send(data)
        try:
            answer = client.message()
            expected = status if isinstance(status, tuple) else (status,)
            if answer.status not in expected:
                bad.append(f"{answer.status} for {data!r} ({section})")
            if not client.closed(2):
                bad.append(f"left open after {data!r} ({section})")
        except (EOFError, OSError) as error:
            bad.append(f"{error!r} for {data!r} ({section})")
        client.close()
        record = t.proxy.access(number)[number - 1]
        said = record["outcome"]
        if not said.startswith("refused:") or rule and said != f"refused:{rule}":
            bad.append(f"the log says {said}, not {rule}, for {data!r} ({section})")
    assert not origin.requests, f"forwarded: {origin.requests}"
    assert not bad, "\n".join(bad)


def test_malformed_heads(t):
    origin = t.origin()
    t.holdfast(origin)
    refused(t, origin, REQUESTS)


def test_malformed_bodies(t):
    origin = t.origin()
    t.holdfast(origin)
    rows = [(rule, section, (400, 431), post(TE, body)) for rule, section, body in BODIES]
    refused(t, origin, rows)


def test_smuggled_second_request_is_not_executed(t):
    """What follows a refused request on the same connection is never read."""
    origin = t.origin()
    t.holdfast(origin)
    for first in (post(b"Content-Length: 4\r\n" + TE, b"0\r\n\r\n"), get(b"X : a\r\n"), get(H)):
        client = Client(t.port)
        client.send(first + b"GET /smuggled HTTP/1.1\r\n" + H + b"\r\n")
        assert client.message().status == 400
        assert client.closed()
    assert not origin.requests


# A response that breaks the rules becomes a 502 and none of its bytes reach the client.
RESPONSES = [
    b"HTTP/1.1 200 OK\nContent-Length: 4\n\nEVIL",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nEVIL",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nEVIL",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : EVIL\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/1.1 200 OK\r\nX: EVIL\r\n EVIL\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/1.1 200 OK\r\nX: EV\0IL\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/1.1 200 OK\r\nX: EV\rIL\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/1.1 abc OK\r\nContent-Length: 4\r\n\r\nEVIL",
    b"HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nEVIL",
    b"EVIL\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"EVIL" * 20000 + b"\r\n\r\n",
]


def test_malformed_responses(t):
    origin = t.origin()
    t.holdfast(origin, route='replay = "never"')
    bad = []
    for data in RESPONSES:
        def script(request, wire, data=data):
            wire.send(data)
            return False
        origin.script = script
        client = Client(t.port)
        client.send(get())
        answer = client.message()
        if answer.status != 502 or b"EVIL" in answer.body or "EVIL" in str(answer.fields):
            bad.append(f"{answer} for {data[:80]!r}")
        client.close()
    assert not bad, "\n".join(bad)


def test_excess_response_bytes_never_reach_the_next_request(t):
    """Response queue poisoning: bytes after a whole response are dropped with their connection."""
    origin = t.origin()

    def script(request, wire):
        poison = response(200, b"POISON") if request.target == "/first" else b""
        wire.send(response(200, request.target.encode()) + poison)
    origin.script = script
    t.holdfast(origin)
    for _ in range(5):
        client = Client(t.port)
        assert client.ask(target="/first").body == b"/first"
        assert client.ask(target="/second").body == b"/second"
        client.close()
