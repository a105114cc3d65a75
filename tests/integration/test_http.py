"""HTTP/1.1 and 1.0 through the proxy: framing, persistence, interim responses, upgrades, fields."""
import base64
import hashlib
import os
import subprocess
import threading
import time

from lib import Client, Skip, ask, free_port, response, wait


def test_keepalive_both_sides(t):
    origin = t.origin()
    t.holdfast(origin, check="none = true")
    client = Client(t.port)
    for number in range(50):
        assert client.ask(target=f"/{number}").json()["target"] == f"/{number}"
    assert origin.accepted <= 2, f"{origin.accepted} connections to the instance for one client"


def test_pipelining_keeps_order(t):
    origin = t.origin()
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % n for n in range(40)))
    assert [client.message().json()["target"] for _ in range(40)] == [f"/{n}" for n in range(40)]


def test_pipelined_post_and_close(t):
    t.holdfast(t.origin())
    client = Client(t.port)
    client.send(b"POST /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"
                b"POST /2 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
                b"GET /3 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
                b"GET /4 HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert [client.message().json()["body"] for _ in range(3)] == [3, 2, 0]
    assert client.closed()


def test_bytes_one_by_one(t):
    t.holdfast(t.origin())
    client = Client(t.port)
    for byte in b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\n\r\n":
        client.send(bytes([byte]))
    assert client.message().json()["body"] == 3


def test_chunked_request_of_any_size(t):
    t.holdfast(t.origin())
    body = b"".join(b"%x\r\n" % n + b"x" * n + b"\r\n" for n in (1, 1000, 70000, 300000)) + b"0\r\n\r\n"
    client = Client(t.port)
    client.send(b"PUT /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert client.message().json()["body"] == 371001


def test_request_id_is_told_to_the_client(t):
    origin = t.origin()
    t.holdfast(origin)
    answer = ask(t.port, target="/id")
    assert answer.get("x-request-id") == origin.requests[-1].get("x-request-id")
    assert t.proxy.record("/id")["request_id"] == answer.get("x-request-id")


def test_endless_interim_responses(t):
    """An instance that never comes to its answer is given up long before its time-out."""
    origin = t.origin()

    def script(request, wire):
        while True:
            wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
            time.sleep(0.02)
    origin.script = script
    t.holdfast(origin, route='replay = "never"')
    start = time.monotonic()
    assert ask(t.port).status == 502 and time.monotonic() - start < 5


def test_chunked_response(t):
    origin = t.origin()
    data = os.urandom(500000)

    def script(request, wire):
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(data), 7001):
            part = data[at:at + 7001]
            wire.send(b"%x\r\n" % len(part) + part + b"\r\n")
        wire.send(b"0\r\nX-Trailer: dropped\r\n\r\n")
    origin.script = script
    t.holdfast(origin)
    client = Client(t.port)
    for _ in range(3):
        assert client.ask().body == data
        assert client.trailers == [], "trailers are dropped unless the route allows them"


def test_trailers_when_allowed(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")
    t.holdfast(origin, route="trailers = true")
    client = Client(t.port)
    assert client.ask(fields=[("TE", "trailers")]).body == b"a"
    assert client.trailers == [b"X-Sum: 1"]


def test_chunked_response_to_10_client(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
    answer = client.message()
    assert answer.body == b"hello" and answer.get("transfer-encoding") is None
    assert client.closed()


def test_10_client_keepalive(t):
    t.holdfast(t.origin())
    client = Client(t.port)
    for _ in range(3):
        client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n")
        assert client.message().get("connection").lower() == "keep-alive"


def test_response_until_close(t):
    origin = t.origin()

    def script(request, wire):
        wire.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 200000)
        return False
    origin.script = script
    t.holdfast(origin)
    assert len(ask(t.port).body) == 200000


def test_head_and_bodiless_statuses(t):
    origin = t.origin()

    def script(request, wire):
        if request.method == "HEAD":
            return wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")
        return wire.send(f"HTTP/1.1 {request.target[1:]} X\r\nETag: \"a\"\r\n\r\n")
    origin.script = script
    t.holdfast(origin)
    client = Client(t.port)
    assert client.ask("HEAD").get("content-length") == "12345"
    for status in (204, 304):
        assert client.ask(target=f"/{status}").status == status
    assert client.ask("HEAD").status == 200


def test_expect_continue(t):
    origin = t.origin()
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.message().status == 100
    client.send(b"hello")
    assert client.message().json()["body"] == 5
    # curl asks for it by itself above 1 MiB
    run = subprocess.run(["curl", "-sS", "-T", "-", "-H", "Expect: 100-continue", f"http://127.0.0.1:{t.port}/up"],
                         input=b"x" * 3000000, capture_output=True, timeout=20)
    assert b'"body": 3000000' in run.stdout, run


def test_interim_responses(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response(200, b"done"))
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    first = client.message()
    if first.status != 103:
        raise AssertionError("RFC 9110 section 15.2: a proxy must forward 1xx responses")
    assert first.get("link") and client.message().body == b"done"


def test_10_client_gets_no_interim_response(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(200, b"done"))
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
    assert client.message().status == 200


def test_large_bodies_both_ways(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(response(200, request.body))
    t.holdfast(origin)
    data = os.urandom(5_000_000)
    assert ask(t.port, "PUT", body=data).body == data
    assert ask(t.port, "POST", body=data).body == data


def test_absolute_form_and_options(t):
    origin = t.origin()
    t.holdfast(origin)
    client = Client(t.port)
    client.send(b"GET http://a.test/x?y=1 HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert client.message().json()["target"] == "/x?y=1"
    client.send(b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert client.message().status in (200, 204, 404)


def test_fields_towards_the_instance(t):
    origin = t.origin()
    t.holdfast(origin)
    client = Client(t.port)
    client.ask(fields=[("Connection", "X-Hop, keep-alive"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("TE", "gzip"),
                       ("Proxy-Connection", "x"), ("X-Stay", "1"), ("X-Forwarded-For", "6.6.6.6"),
                       ("Forwarded", "for=6.6.6.6"), ("X-Forwarded-Proto", "https")], host="a.test:99")
    seen = origin.requests[0]
    for name in ("x-hop", "keep-alive", "proxy-connection", "te"):
        assert seen.get(name) is None, f"{name} is for one hop only"
    assert seen.get("x-stay") == "1" and seen.get("host") == "a.test:99"
    assert seen.all("x-forwarded-for") == ["127.0.0.1"], "a stranger's claim is replaced"
    assert seen.all("x-forwarded-proto") == ["http"] and seen.all("x-forwarded-host") == ["a.test:99"]
    assert len(seen.all("forwarded")) == 1 and "6.6.6.6" not in seen.get("forwarded")
    assert "for=127.0.0.1" in seen.get("forwarded").replace('"', "") and "proto=http" in seen.get("forwarded")
    assert seen.get("via").startswith("1.1 ")
    assert len(seen.get("x-request-id")) >= 8


def test_trusted_forwarder_is_kept_and_added_to(t):
    origin = t.origin()
    t.holdfast(origin, listen='trusted-forwarders = ["127.0.0.0/8"]')
    ask(t.port, fields=[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "b.test")])
    seen = origin.requests[0]
    assert ", ".join(seen.all("x-forwarded-for")).replace(" ", "") == "192.0.2.1,127.0.0.1"
    assert seen.get("x-forwarded-proto") == "https" and seen.get("x-forwarded-host") == "b.test"


def test_request_id(t):
    """Made here for a stranger, kept from a trusted forwarder."""
    origin = t.origin()
    t.holdfast(origin)
    for _ in range(20):
        ask(t.port)
    made = [r.get("x-request-id") for r in origin.requests]
    assert len(set(made)) == 20 and {r["request_id"] for r in t.proxy.access(20)} == set(made)
    t.again()
    t.holdfast(origin, listen='trusted-forwarders = ["127.0.0.0/8"]')
    ask(t.port, fields=[("X-Request-Id", "abc-123")])
    assert origin.requests[-1].get("x-request-id") == "abc-123" == t.proxy.access(1)[0]["request_id"]


def test_fields_towards_the_client(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(response(200, b"x", [
        ("Connection", "X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("X-Stay", "1"), ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2")]))
    t.holdfast(origin)
    answer = ask(t.port)
    assert answer.get("x-hop") is None and answer.get("keep-alive") is None
    assert answer.get("x-stay") == "1" and answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.get("via", "").startswith("1.1 ")


def test_header_operations(t):
    origin = t.origin()
    t.holdfast(origin, route='''request-headers = { set = { X-A = "new" }, add = { X-B = "two" }, remove = ["X-C"] }
response-headers = { set = { X-Origin = "hidden" }, add = { X-D = "4" }, remove = ["Server"] }''')
    answer = ask(t.port, fields=[("X-A", "old"), ("x-a", "older"), ("X-B", "one"), ("x-c", "3")])
    seen = origin.requests[0]
    assert seen.all("x-a") == ["new"] and seen.all("x-b") == ["one", "two"] and not seen.all("x-c")
    assert answer.all("x-origin") == ["hidden"] and answer.get("x-d") == "4"


def websocket_origin(request, wire):
    """Shakes hands and echoes text frames of up to 125 bytes (RFC 6455), until a close frame."""
    if (request.get("upgrade") or "").lower() != "websocket":
        return wire.send(response(426, b""))
    key = request.get("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Accept: {accept}\r\n\r\n")
    while True:
        first, size = wire.exactly(2)
        mask = wire.exactly(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(wire.exactly(size & 127)))
        wire.send(bytes([first, len(data)]) + data)
        if first & 15 == 8:
            return False


WEBSOCKET = """
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        for n in range(100):
            await ws.send(f"message {n}")
            assert await ws.recv() == f"message {n}"
    print("echoed")
asyncio.run(main())
"""


def test_websocket_with_a_real_client(t):
    for python in ("/usr/bin/python3", "python3"):  # Debian's python3-websockets belongs to the first
        if subprocess.run([python, "-c", "import websockets"], capture_output=True).returncode == 0:
            break
    else:
        raise Skip("python3-websockets is not installed")
    origin = t.origin()
    origin.script = websocket_origin
    t.holdfast(origin)
    run = subprocess.run([python, "-c", WEBSOCKET, f"ws://127.0.0.1:{t.port}/live"], capture_output=True, text=True,
                         timeout=20)
    assert run.stdout == "echoed\n", run


UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "echo")]


def test_upgrade_only_after_101(t):
    """Bytes after an upgrade request that was not granted are the next request, never a tunnel."""
    origin = t.origin()
    t.holdfast(origin)
    client = Client(t.port)
    assert client.ask(target="/no", fields=UPGRADE).status == 200
    assert client.ask(target="/again").json()["target"] == "/again"


def test_upgrade_tunnel_and_half_close(t):
    origin = t.origin()

    def script(request, wire):
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
        data = wire.to_end()
        wire.send(b"%d bytes" % len(data))
        return False
    origin.script = script
    t.holdfast(origin)
    client = Client(t.port)
    assert client.ask(fields=UPGRADE).status == 101
    client.send(b"x" * 300000)
    client.sock.shutdown(1)
    assert client.to_end() == b"hello 300000 bytes"


def test_101_that_nobody_asked_for_is_an_error(t):
    origin = t.origin()
    origin.script = lambda request, wire: wire.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    t.holdfast(origin, route='replay = "never"')
    assert ask(t.port).status == 502


def test_early_response_to_a_large_upload(t):
    """The instance answers before the body has ended; the client gets that answer. (256 KiB are gathered first.)"""
    origin = t.origin(raw=lambda wire: (wire.until(b"\r\n\r\n"), wire.send(response(413, b"no")), wire.to_end()))
    t.holdfast(origin, check="none = true")
    client = Client(t.port)
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 800000\r\n\r\n" + b"x" * 400000)
    assert client.message().status == 413


def test_curl_and_nginx_as_origin(t):
    t.needs("nginx", "curl")
    port, root = free_port(), t.dir / "www"
    root.mkdir()
    (root / "big").write_bytes(os.urandom(3_000_000))
    (t.dir / "nginx.conf").write_text(
        f"pid {t.dir}/nginx.pid; error_log {t.dir}/e.log; events {{}} http {{ access_log off; "
        f"client_body_temp_path {t.dir}/b; server {{ listen 127.0.0.1:{port}; root {root}; gzip on; gzip_types *; }} }}")
    t.start("nginx", "-p", t.dir, "-c", t.dir / "nginx.conf", "-g", "daemon off;")
    t.run(f"""
[listen.web]
bind = ["127.0.0.1:{t.port}"]
[service.app]
instances = {{ a = "127.0.0.1:{port}" }}
[service.app.check]
head = "/big"
every = "100ms"
""")
    url = f"http://127.0.0.1:{t.port}"
    for more in ([], ["-0"], ["--compressed"], ["-H", "Range: bytes=100-"], ["-I"]):
        run = subprocess.run(["curl", "-sS", "-w", "%{http_code} %{num_connects}", "-o", t.dir / "got", *more,
                              f"{url}/big"], capture_output=True, text=True, timeout=20)
        assert run.stdout.split()[0] == ("206" if "Range" in str(more) else "200"), run
        want = (root / "big").read_bytes()[100 if "Range" in str(more) else 0:]
        assert more == ["-I"] or (t.dir / "got").read_bytes() == want, more
    run = subprocess.run(["curl", "-sS", "-w", "%{http_code} %{num_connects} ", "-o", "/dev/null", "-o", "/dev/null",
                          f"{url}/big", f"{url}/none"], capture_output=True, text=True, timeout=20)
    assert run.stdout.split() == ["200", "1", "404", "0"], run


def test_many_clients_at_once(t):
    t.holdfast(t.origin())
    failed = []

    def work(number):
        client = Client(t.port)
        for n in range(40):
            if client.ask("POST", f"/{number}/{n}", body=b"x" * n).json()["target"] != f"/{number}/{n}":
                failed.append((number, n))
        client.close()
    threads = [threading.Thread(target=work, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(wait(lambda: t.proxy.access(1200), "1200 log lines")) == 1200
