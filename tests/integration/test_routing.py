"""Which route wins, and the PROXY protocol in both directions."""
import contextlib
import socket
import struct

from lib import CHECK, Client, ask, free_port, wait


def several(t, names, routes):
    """A service for each name, and these routes."""
    origins = [t.origin(n) for n in names]
    text = f'[listen.web]\nbind = ["127.0.0.1:{t.port}"]\n'
    for o in origins:
        text += f'[service.{o.name}]\ninstances = {{ {o.name} = "127.0.0.1:{o.port}" }}\n[service.{o.name}.check]\n{CHECK}\n'
    for service, match in routes:
        text += f'[[route]]\nservice = "{service}"\n{match}\n'
    t.run(text, *origins)


def who(t, target, host="a.test", method="GET"):
    answer = ask(t.port, method, target, host=host)
    return answer.get("x-origin") if answer.status == 200 else answer.status


def test_path_exact_prefix_and_wildcard(t):
    several(t, "abcd", [("a", 'path = "/x"'), ("b", 'path = "/x/*"'), ("c", 'path = "/x/*/z"'), ("d", 'path = "/x/long/*"')])
    for target, expected in [("/x", "a"), ("/x?q", "a"), ("/x/y", "b"), ("/x/y/z", "c"), ("/x/long/y", "d"),
                             ("/x/y/z/w", "b"), ("/xy", 404), ("/", 404)]:
        assert who(t, target) == expected, target


def test_host_exact_and_wildcard(t):
    several(t, "abc", [("a", 'host = "a.test"'), ("b", 'host = "*.a.test"'), ("c", 'path = "/c/*"')])
    for host, expected in [("a.test", "a"), ("A.TEST", "a"), ("a.test:8080", "a"), ("x.a.test", "b"), ("b.test", 404)]:
        assert who(t, "/", host) == expected, host
    assert who(t, "/c/1", "b.test") == "c" and who(t, "/c/1", "a.test") == "a", "host comes before path"


def test_method(t):
    several(t, "ab", [("a", 'method = ["GET", "HEAD"]'), ("b", 'method = "POST"')])
    assert who(t, "/") == "a" and ask(t.port, "POST", "/", body=b"").get("x-origin") == "b"
    client = Client(t.port)
    for _ in range(2):  # the connection is kept
        answer = client.ask("DELETE", "/")
        assert (answer.status, answer.get("allow")) == (405, "GET, HEAD, POST"), answer


def test_max_forwards(t):
    """OPTIONS that may go no further is answered here, RFC 9110 section 7.6.2."""
    origin = t.origin()
    t.holdfast(origin)
    here = ask(t.port, "OPTIONS", "/", [("Max-Forwards", "0")])
    assert here.status == 200 and not origin.requests
    there = ask(t.port, "OPTIONS", "/", [("Max-Forwards", "1")])
    assert there.status == 200 and origin.requests[-1].get("max-forwards") == "0"


def test_dot_segments_do_not_escape_a_route(t):
    several(t, "ab", [("a", 'path = "/public/*"'), ("b", 'path = "/private/*"')])
    for target in ("/public/../private/x", "/public/%2e%2e/private/x", "/public//../private/x"):
        answer = ask(t.port, target=target)
        seen = t.origins[0].requests[-1].target if t.origins[0].requests else ""
        assert answer.status in (400, 404) or answer.get("x-origin") == "b" or ".." in seen or "%2e" in seen, (target, answer)


def test_the_only_service_needs_no_route(t):
    origin = t.origin()
    t.run(f'[listen.web]\nbind = ["127.0.0.1:{t.port}"]\n[service.app]\ninstances = {{ a = "127.0.0.1:{origin.port}" }}\n'
          f'[service.app.check]\n{CHECK}\n', origin)
    assert who(t, "/") == "a"


GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(source, port, command=0x21):
    return V2 + struct.pack("!BBH4s4sHH", command, 0x11, 12, socket.inet_aton(source), socket.inet_aton("192.0.2.9"), port, 80)


def test_proxy_protocol_in(t):
    origin = t.origin()
    t.holdfast(origin, listen="accept-proxy = true")
    for header, source in [(b"PROXY TCP4 192.0.2.7 192.0.2.9 1234 80\r\n", "192.0.2.7"),
                           (v2("192.0.2.8", 1234), "192.0.2.8"),
                           (b"PROXY TCP6 2001:db8::7 2001:db8::9 1234 80\r\n", "2001:db8::7"),
                           (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                           (V2 + b"\x20\0\0\0", "127.0.0.1")]:
        for pieces in ([header + GET], [header, GET], [bytes([b]) for b in header] + [GET]):
            client = Client(t.port)
            for piece in pieces:
                client.send(piece)
            assert client.message().status == 200, header
            assert origin.requests[-1].get("x-forwarded-for") == source, (header, origin.requests[-1])
            client.close()


def test_bad_proxy_header_closes(t):
    origin = t.origin()
    t.holdfast(origin, listen='accept-proxy = true\ntimeouts = { handshake = "1s" }')
    for header in (GET, b"PROXY TCP4 x y 1 2\r\n" + GET, b"PROXY TCP4 192.0.2.7 192.0.2.9 1234 80\n" + GET,
                   V2 + b"\x31\x11\0\x0c" + b"\0" * 12 + GET, b"PROXY " + b"x" * 200, b"PROXY TCP4 "):
        client = Client(t.port)
        client.send(header)
        try:
            assert client.closed(4) or client.message().status == 400, header
        except (EOFError, ConnectionResetError):
            pass
    assert not origin.requests


def test_proxy_protocol_only_from_the_trusted(t):
    origin = t.origin()
    t.holdfast(origin, listen='accept-proxy = true\naccept-proxy-from = ["127.0.0.2/32"]')
    header = b"PROXY TCP4 192.0.2.7 192.0.2.9 1234 80\r\n" + GET
    with contextlib.suppress(ConnectionResetError):  # connect() may see it already
        client = Client(t.port)
        client.send(header)
        assert client.closed()
    client = Client(t.port, source="127.0.0.2")
    client.send(header)
    assert client.message().status == 200
    assert len(origin.requests) == 1


def test_proxy_protocol_out(t):
    for version in (1, 2):
        seen = []

        def raw(wire, version=version, seen=seen):
            if version == 1:
                seen.append(wire.until(b"\r\n").decode())
            else:
                head = wire.exactly(16)
                assert head.startswith(V2)
                seen.append(wire.exactly(struct.unpack("!H", head[14:])[0]))
            wire.message()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        origin = t.origin(f"v{version}", raw=raw)
        t.holdfast(origin, service=f"send-proxy = {version}", check="none = true")
        client = Client(t.port, source="127.0.0.7")
        assert client.ask().status == 200
        expected = "PROXY TCP4 127.0.0.7 " if version == 1 else socket.inet_aton("127.0.0.7")
        assert seen[0].startswith(expected), seen
        client.close()
        t.again()


def test_haproxy_in_front(t):
    t.needs("haproxy")
    origin = t.origin()
    t.holdfast(origin, listen="accept-proxy = true")
    ports = {1: free_port(), 2: free_port()}
    (t.dir / "front.cfg").write_text("defaults\n mode tcp\n timeout connect 2s\n timeout client 5s\n timeout server 5s\n" + "".join(
        f"listen l{v}\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{t.port} {'send-proxy-v2' if v == 2 else 'send-proxy'}\n"
        for v, port in ports.items()))
    t.start("haproxy", "-db", "-f", t.dir / "front.cfg")
    for port in ports.values():
        wait(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "HAProxy")
        client = Client(port, source="127.0.0.9")
        assert client.ask().status == 200
        assert origin.requests[-1].get("x-forwarded-for") == "127.0.0.9"
