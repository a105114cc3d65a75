"""Limits and timeouts: whoever sends too much or too slowly is cut off, with the right status, at the right time."""
import time

from lib import Client, ask, response

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


def timed(action):
    start = time.monotonic()
    value = action()
    return value, time.monotonic() - start


def test_body_too_large(t):
    origin = t.origin()
    t.holdfast(origin, route='body-max = "1000B"')
    client = Client(t.port)
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1001\r\n\r\n")
    assert client.message().status == 413
    assert ask(t.port, "POST", body=b"x" * 1000).status == 200
    client = Client(t.port)
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001)
    assert client.message().status == 413 and client.closed()
    assert len(origin.requests) == 1, "a body over the limit is never executed"


def test_request_line_and_head_limits(t):
    origin = t.origin()
    t.holdfast(origin, listen='limits = { request-line = "200B", header-bytes = "1000B", header-count = 20 }')
    cases = [(414, b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"),
             (431, GET + b"X: " + b"x" * 1000 + b"\r\n\r\n"),
             (431, GET + b"X: y\r\n" * 20 + b"\r\n"),
             (414, b"GET /" + b"x" * 5000),
             (431, GET + b"X: " + b"x" * 5000)]
    for status, data in cases:
        client = Client(t.port)
        client.send(data)
        assert client.message().status == status and client.closed(), (status, data[:40])
    assert not origin.requests


def test_slow_header(t):
    t.holdfast(t.origin(), listen='timeouts = { header = "500ms" }')
    client = Client(t.port)
    start = time.monotonic()
    client.send(GET)
    while time.monotonic() < start + 0.45:
        time.sleep(0.1)
        client.send(b"X")
    answer, seconds = timed(client.message)
    assert answer.status == 408 and client.closed() and time.monotonic() - start < 2


def test_two_hundred_slow_headers_cost_nothing_else(t):
    t.holdfast(t.origin(), listen='timeouts = { header = "1s" }')
    slow = [Client(t.port) for _ in range(200)]
    for client in slow:
        client.send(GET)
    answer, seconds = timed(lambda: ask(t.port))
    assert answer.status == 200 and seconds < 0.5
    assert all(client.message().status == 408 and client.closed() for client in slow)


def test_idle_connection_is_closed(t):
    t.holdfast(t.origin(), listen='timeouts = { idle = "500ms" }')
    client = Client(t.port)
    client.ask()
    closed, seconds = timed(lambda: client.closed())
    assert closed and 0.3 < seconds < 2, seconds


def test_stalled_and_slow_body(t):
    origin = t.origin()
    t.holdfast(origin, route='body-timeout = "500ms"\nbody-rate = "1000B"')
    client = Client(t.port)
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n12345")
    answer, seconds = timed(client.message)
    assert answer.status == 408 and seconds < 2
    client = Client(t.port)
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000\r\n\r\n")
    start = time.monotonic()
    try:
        while time.monotonic() < start + 5:
            client.send(b"x" * 10)
            time.sleep(0.1)  # never silent for body-timeout, and a tenth of body-rate
    except OSError:
        pass
    assert time.monotonic() < start + 4, "a trickling body was let go on"
    assert not origin.requests, "an incomplete body is never a request"


def test_client_that_takes_nothing(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(response(200, b"x" * 30_000_000))
    t.holdfast(origin, listen='timeouts = { write = "500ms" }')
    client = Client(t.port)
    client.send(GET + b"\r\n")
    time.sleep(2)
    try:
        got = len(client.to_end())
    except ConnectionResetError:
        got = 0
    assert got < 30_000_000, "the response should have been given up"


def test_client_that_asks_and_never_reads(t):
    """Responses that nobody reads do not pile up: the next request waits for them."""
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(response(200, b"x" * 100_000))
    t.holdfast(origin)
    client = Client(t.port)
    client.sock.settimeout(1)
    try:
        for _ in range(5):
            client.send((GET + b"\r\n") * 1000)
    except TimeoutError:
        pass
    time.sleep(1)
    asked = len(origin.requests)
    time.sleep(1)
    assert len(origin.requests) == asked < 200, f"{asked}, then {len(origin.requests)} responses for nobody"
    client.sock.settimeout(10)
    for _ in range(500):  # who reads after all is served
        assert len(client.message().body) == 100_000


def test_client_that_stalls_is_not_the_instances_fault(t):
    origin = t.origin()
    t.holdfast(origin, service='timeouts = { response = "500ms" }', route='retain-memory = "16KiB"')
    client = Client(t.port)
    client.send(b"PUT /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
    time.sleep(1.5)
    client.send(b"x" * 100_000)
    assert client.message().json()["body"] == 200_000
    assert t.proxy.record("/slow")["attempts"] == 1


def test_body_is_held_back_while_an_attempt_is_awaited(t):
    """Between two attempts too, no more than `retain` is taken in."""
    origin = t.origin()
    t.holdfast(origin, route='retain = "64KiB"\nretain-memory = "64KiB"\ndeadline = "20s"')
    origin.kill()
    client = Client(t.port)
    client.sock.settimeout(2)
    client.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60000000\r\n\r\n")
    sent = 0
    try:
        while sent < 60_000_000:
            client.send(b"x" * 100_000)
            sent += 100_000
    except TimeoutError:
        pass
    assert sent < 30_000_000, sent


def test_the_oldest_make_room(t):
    """Over the budget the oldest are refused with 503 and Retry-After: as many as it takes, and only they."""
    origin = t.origin()
    t.run('memory-budget = "1MiB"\n' + t.config(origin, route='retain-memory = "1MiB"\ndeadline = "20s"'), origin)
    origin.kill()
    old = [Client(t.port) for _ in range(20)]
    for client in old:
        client.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000)
    time.sleep(0.5)
    new = Client(t.port)
    new.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000)
    time.sleep(0.5)
    origin.open()
    assert new.message().status == 200, "the newest had to go"
    answers = [client.message() for client in old]
    refused = [a for a in answers if a.status == 503]
    assert refused and len(refused) < 20 and all(a.get("retry-after") for a in refused), [a.status for a in answers]
    assert all(a.status in (200, 503) for a in answers)


def test_response_timeout(t):
    origin = t.origin()

    def script(request, wire):
        time.sleep(3)
        wire.send(response(200, b"late"))
    origin.script = script
    t.holdfast(origin, service='timeouts = { response = "500ms" }', route='replay = "never"')
    answer, seconds = timed(lambda: ask(t.port))
    assert answer.status == 504 and 0.4 < seconds < 1.5, (answer, seconds)


def test_response_body_that_stalls_is_cut_visibly(t):
    origin = t.origin()

    def script(request, wire):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100000)
        time.sleep(5)
    origin.script = script
    t.holdfast(origin, service='timeouts = { idle = "500ms" }', route='resume = false')
    try:
        answer, seconds = timed(lambda: ask(t.port))
        raise AssertionError(f"a truncated response passed as whole: {answer}")
    except (EOFError, ConnectionResetError):
        pass


def test_connection_limits(t):
    t.holdfast(t.origin(), listen="limits = { connections = 5, connections-per-client = 3 }")
    held = [Client(t.port) for _ in range(3)]
    assert all(client.ask().status == 200 for client in held)
    try:
        assert Client(t.port).closed(3), "over the limit of one client"
    except ConnectionResetError:
        pass  # refused so early that connect() saw it
    others = [Client(t.port, source="127.0.0.2") for _ in range(2)]
    assert all(client.ask().status == 200 for client in others)
    waiting = Client(t.port, source="127.0.0.3")  # over the limit of all: it waits its turn
    waiting.send(GET + b"\r\n")
    waiting.sock.settimeout(0.5)
    try:
        raise AssertionError(f"served over the limit: {waiting.sock.recv(100)}")
    except TimeoutError:
        pass
    held[0].close()
    waiting.sock.settimeout(5)
    assert waiting.message().status == 200


def test_requests_per_connection(t):
    t.holdfast(t.origin(), listen="limits = { requests-per-connection = 3 }")
    client = Client(t.port)
    answers = [client.ask() for _ in range(3)]
    assert answers[-1].get("connection").lower() == "close" and client.closed()


def test_many_empty_lines_are_refused(t):
    t.holdfast(t.origin())
    client = Client(t.port)
    client.send(b"\r\n" + GET + b"\r\n")
    assert client.message().status == 200, "RFC 9112 section 2.2: at least one empty line is ignored"
    client = Client(t.port)
    client.send(b"\r\n" * 50 + GET + b"\r\n")
    assert client.message().status == 400 and client.closed()


def test_pipelining_is_bounded(t):
    """A client that sends on and never reads does not fill the proxy's memory."""
    origin = t.origin()
    origin.script = lambda request, wire: (time.sleep(0.05), wire.send(response(200, b"ok")))
    proxy = t.holdfast(origin, listen='limits = { pipelined = "16KiB" }')
    client = Client(t.port)
    client.sock.settimeout(2)
    sent = 0
    try:
        while sent < 50_000_000:
            client.send((GET + b"\r\n") * 1000)
            sent += 1000 * (len(GET) + 2)
    except TimeoutError:
        pass
    assert sent < 50_000_000, "there is no back-pressure on requests"
    assert proxy.process.poll() is None
