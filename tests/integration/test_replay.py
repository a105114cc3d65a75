"""The replay ladder (DESIGN.md section 5), rung by rung, against an instance that misbehaves by script."""
import contextlib
import hashlib
import os
import time

from lib import Client, ask, reset, response, wait

BIG = os.urandom(400_000)
PLAIN = {"GET": None, "PUT": b"put", "DELETE": None}


def dies(origin):
    """Reads a whole request, says nothing, and is gone, as by kill -9; from then on it refuses connections."""
    def script(request, wire):
        origin.kill()
        return False
    return script


def resets(request, wire):
    """Reads a whole request, says nothing and resets that connection; the instance is well otherwise."""
    reset(wire.sock)
    return False


# ---- rung 1: nothing was sent ----

def test_refused_connection_goes_on_with_any_method(t):
    a, b = t.pair()
    a.kill()
    time.sleep(0.1)  # its threads let go of their sockets: what was sent on a pooled one would not be unsent
    for method, body in [("POST", b"unkeyed"), ("PATCH", b"x"), *PLAIN.items()]:
        start = time.monotonic()
        answer = ask(t.port, method, body=body)
        assert answer.get("x-origin") == "b" and time.monotonic() - start < 1, (method, answer)
    assert len(b.requests) == 5 and not a.requests


def test_pooled_connection_found_closed(t):
    """The instance closes idle connections; an unkeyed POST on the next one is not lost, nor sent twice."""
    a, b = t.pair()
    client = Client(t.port)
    for number in range(20):
        client.ask()
        for sock in list(a.connections):
            with contextlib.suppress(OSError):  # the proxy may have closed it this moment
                sock.shutdown(2)
        time.sleep(0.02)
        assert client.ask("POST", f"/{number}", body=b"x").status == 200, number
    posts = [r.target for r in a.requests + b.requests if r.method == "POST"]
    assert sorted(posts) == sorted(f"/{n}" for n in range(20))


# ---- rung 2: sent, no answer ----

def test_idempotent_is_repeated(t):
    a, b = t.pair()
    for method, body in PLAIN.items():
        dying, other = (a, b) if ask(t.port).get("x-origin") == "a" else (b, a)
        dying.script, other.script = dies(dying), None
        answer = ask(t.port, method, "/x", body=body)
        assert answer.get("x-origin") == other.name, (method, answer)
        assert other.requests[-1].body == (body or b"")
        seen = dying.checks
        dying.open()
        wait(lambda: dying.checks > seen + 3, "the instance to be found healthy again")
    record = t.proxy.record("/x")
    assert record["attempts"] >= 2 and "reset" in record["reasons"] and record["instance"] == "b", record


def test_attempts_are_stamped_and_keep_their_id(t):
    a, b = t.pair()
    a.script = dies(a)
    ask(t.port)
    first, last = a.requests[0], b.requests[-1]
    assert first.get("x-request-id") and first.get("x-request-id") == last.get("x-request-id")
    stamps = [n for n, v in last.fields if n.lower().endswith("attempt") and int(v) >= 2]
    assert stamps, f"no attempt field: {last.fields}"


def test_unkeyed_post_is_never_repeated(t):
    a, b = t.pair(route='replay = "keyed"')
    a.script = resets
    for method in ("POST", "PATCH"):
        assert ask(t.port, method, "/once", body=b"order").status == 502
    assert len([r for r in a.requests + b.requests if r.target == "/once"]) == 2


def test_keyed_post_on_a_keyed_route(t):
    a, b = t.pair(route='replay = "keyed"')
    a.script = dies(a)
    answer = ask(t.port, "POST", "/k", [("Idempotency-Key", '"k1"')], b"order")
    assert answer.get("x-origin") == "b" and b.requests[-1].body == b"order"
    assert b.requests[-1].get("idempotency-key") == '"k1"'


def test_keyed_post_on_an_idempotent_route_is_not_repeated(t):
    a, b = t.pair()
    a.script = dies(a)
    assert ask(t.port, "POST", "/k", [("Idempotency-Key", '"k1"')], b"order").status == 502
    assert not [r for r in b.requests if r.target == "/k"]


def test_always_never_and_unsent(t):
    for mode, status in (("always", 200), ("never", 502), ("unsent", 502)):
        a, b = t.origin(f"a-{mode}"), t.origin(f"b-{mode}")
        t.holdfast(a, b, route=f'replay = "{mode}"')

        def script(request, wire, a=a, b=b):
            return resets(request, wire) if len(a.requests + b.requests) == 1 else wire.send(response(200, b"ok"))
        a.script = b.script = script
        assert ask(t.port, "POST", body=b"x").status == status, mode
        t.again()


def test_large_body_is_retained_and_repeated(t):
    a, b = t.pair(route='retain-memory = "64KiB"')
    a.script = dies(a)
    data = os.urandom(6_000_000)  # memory first, then an unlinked file
    answer = ask(t.port, "PUT", body=data)
    assert answer.get("x-origin") == "b" and hashlib.sha256(b.requests[-1].body).digest() == hashlib.sha256(data).digest()
    assert not [p for p in t.dir.iterdir() if "spill" in p.name], "the file has no name"


def test_body_beyond_retain_is_not_repeated(t):
    a, b = t.pair(route='retain = "100KiB"')
    assert ask(t.port, "PUT", "/whole", body=b"x" * 300_000).json()["body"] == 300_000
    a.script = dies(a)
    assert ask(t.port, "PUT", "/big", body=b"x" * 300_000).status == 502
    assert not [r for r in b.requests if r.target == "/big"]


def test_instance_dies_while_the_body_is_sent(t):
    """Part of the body went to the dying instance; the client goes on sending and never notices."""
    a, b = t.origin("a"), t.origin("b")
    t.holdfast(a, b)
    client = Client(t.port)
    data = os.urandom(2_000_000)
    client.send(f"PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:1_000_000])
    time.sleep(0.3)
    a.kill()
    client.send(data[1_000_000:])
    assert client.message().get("x-origin") == "b"
    assert b.requests[-1].body == data


def test_attempts_are_bounded(t):
    a, b = t.pair(route="attempts = 3\ndeadline = \"5s\"")
    a.script = b.script = resets
    assert ask(t.port, target="/bounded").status in (502, 503)
    assert len([r for r in a.requests + b.requests if r.target == "/bounded"]) <= 3


def test_retry_budget(t):
    a, b = t.pair(service="retry-budget = { percent = 0, min-per-second = 0 }")
    a.script = b.script = resets
    assert ask(t.port, target="/one").status in (502, 503)
    assert len([r for r in a.requests + b.requests if r.target == "/one"]) == 1


def test_reset_by_an_instance_that_is_well_otherwise(t):
    """One request in three loses its connection; callers of idempotent requests do not notice."""
    a, b = t.pair()
    a.script = lambda request, wire: (
        resets(request, wire) if len(a.requests) % 3 == 1 else wire.send(a.describe(request)))
    for number in range(30):
        assert ask(t.port, target=f"/{number}").status == 200, number


# ---- rung 3: the last words of a dying instance ----

def test_dying_503_is_withheld(t):
    for status in (502, 503, 504):
        a, b = t.origin(f"a{status}"), t.origin(f"b{status}")
        t.holdfast(a, b)

        def script(request, wire, a=a, status=status):
            a.healthy = False
            wire.send(response(status, b"dying", [("Connection", "close")]))
            return False
        a.script = script
        answer = ask(t.port, target="/x")
        assert answer.get("x-origin") == b.name, (status, answer)
        t.again()


def test_503_after_an_unkeyed_post_is_told_as_it_is(t):
    a, b = t.pair()

    def script(request, wire):
        wire.send(response(503, b"dying", [("Connection", "close")]))
        return False
    a.script = script
    assert ask(t.port, "POST", "/once", body=b"x").status in (502, 503)
    assert not [r for r in b.requests if r.target == "/once"]


def test_503_from_everyone_is_the_last_real_answer(t):
    a, b = t.pair()
    a.script = b.script = lambda request, wire: wire.send(response(503, b"maintenance", [("Retry-After", "7")]))
    answer = ask(t.port)
    assert answer.status == 503 and answer.body == b"maintenance" and answer.get("retry-after") == "7", answer


# ---- rung 5: the response has started ----

def cut_at(origin, size, head, data):
    """Sends the head and so many bytes of what follows, and dies."""
    def script(request, wire):
        wire.send(head + data[:size])
        time.sleep(0.1)
        origin.kill()
        return False
    return script


def test_small_response_is_shielded(t):
    a, b = t.pair()
    a.script = cut_at(a, 500, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a" * 1000)
    answer = ask(t.port)
    assert answer.get("x-origin") == "b" and b"aaaa" not in answer.body


def test_chunked_response_cut_short_is_shielded(t):
    a, b = t.pair(route='shield-time = "2s"')
    a.script = cut_at(a, 900, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", b"a" * 900)
    assert ask(t.port).get("x-origin") == "b"


def big(request, wire, data=BIG, etag='"v1"', ranges=True):
    """A whole file, or the range asked for if the validator matches."""
    fields = [("ETag", etag)] if etag else []
    asked = request.get("range")
    if asked and ranges and request.get("if-range") == etag:
        start = int(asked.split("=")[1].split("-")[0])
        fields.append(("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}"))
        return wire.send(response(206, data[start:], fields))
    return wire.send(response(200, data, fields))


def cut_big(origin, etag):
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BIG)}\r\n" + (f"ETag: {etag}\r\n" if etag else "") + "\r\n"
    return cut_at(origin, 200_000, head.encode(), BIG)


def test_resume_by_range(t):
    a, b = t.pair()
    a.script, b.script = cut_big(a, '"v1"'), big
    answer = ask(t.port, target="/big")
    assert answer.body == BIG
    asked = b.requests[-1]
    assert asked.get("range") and asked.get("if-range") == '"v1"', asked
    assert t.proxy.record("/big")["attempts"] == 2


def test_resume_by_equal_prefix(t):
    a, b = t.pair()
    a.script, b.script = cut_big(a, None), lambda request, wire: big(request, wire, etag=None, ranges=False)
    assert ask(t.port).body == BIG


def broken(t):
    """The client sees the cut: closed or reset before the announced length."""
    try:
        answer = ask(t.port, target="/big")
    except (EOFError, ConnectionResetError):
        return True
    raise AssertionError(f"a response that broke was completed: {len(answer.body)} bytes, right: {answer.body == BIG}")


def test_other_bytes_on_the_repeat_are_a_visible_cut(t):
    a, b = t.pair()
    other = BIG[:100_000] + b"X" + BIG[100_001:]
    a.script, b.script = cut_big(a, None), lambda request, wire: big(request, wire, other, etag=None, ranges=False)
    assert broken(t)
    assert t.proxy.record("/big")["outcome"] not in ("ok", ""), "the log tells of it"


def test_other_version_on_the_repeat_is_a_visible_cut(t):
    a, b = t.pair()
    a.script, b.script = cut_big(a, '"v1"'), lambda request, wire: big(request, wire, os.urandom(len(BIG)), etag='"v2"')
    assert broken(t)


def test_shorter_repeat_is_a_visible_cut(t):
    a, b = t.pair()
    a.script, b.script = cut_big(a, None), lambda request, wire: big(request, wire, BIG[:150_000], etag=None, ranges=False)
    assert broken(t)


def test_started_post_response_is_a_visible_cut(t):
    a, b = t.pair()
    a.script = cut_big(a, '"v1"')
    try:
        answer = ask(t.port, "POST", "/once", body=b"x")
        raise AssertionError(f"completed: {answer}")
    except (EOFError, ConnectionResetError):
        pass
    assert not [r for r in b.requests if r.target == "/once"]


def test_started_put_response_is_a_visible_cut(t):
    """Only the answer to a GET can be taken up; a second answer to a PUT must not be appended to half of the first."""
    a, b = t.pair()
    client = Client(t.port)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    a.script = lambda request, wire: wire.send(chunked + b"186a0\r\n" + BIG[:100_000] + b"\r\n0\r\n\r\n")
    assert client.ask(target="/first").body == BIG[:100_000]  # an exchange that could have been resumed
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BIG)}\r\n\r\n".encode()
    a.script = cut_at(a, 200_000, head, BIG)
    b.script = lambda request, wire: wire.send(head + BIG)
    try:
        answer = client.ask("PUT", "/put", body=b"x")
        raise AssertionError(f"completed, right: {answer.body == BIG}")
    except (EOFError, ConnectionResetError):
        pass
    assert not [r for r in b.requests if r.target == "/put"]


def test_range_of_another_size_is_a_visible_cut(t):
    """206 with the right Content-Range and more bytes than that: the client would read them as its next response."""
    a, b = t.pair()

    def script(request, wire):
        start = int(request.get("range").split("=")[1].split("-")[0])
        wire.send(response(206, BIG[start:] + b"HTTP/1.1 200 OK\r\n\r\n", [
            ("ETag", '"v1"'), ("Content-Range", f"bytes {start}-{len(BIG) - 1}/{len(BIG)}")]))
    a.script, b.script = cut_big(a, '"v1"'), script
    assert broken(t)


def test_chunked_large_response_is_resumed_or_cut(t):
    """Chunked on the repeat too: the same bytes, or a visible cut, never others."""
    a, b = t.pair()
    chunk = b"%x\r\n" % len(BIG) + BIG + b"\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    a.script = cut_at(a, 200_000, head, chunk)
    b.script = lambda request, wire: wire.send(head + chunk)
    assert ask(t.port).body == BIG


def test_client_that_leaves_is_forgotten(t):
    """No replay for nobody, and the instance's connection is not kept."""
    a, b = t.pair()

    def script(request, wire):
        time.sleep(0.5)
        reset(wire.sock)
        return False
    a.script = script
    client = Client(t.port)
    client.send(b"GET /left HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait(lambda: a.requests, "the request at a")
    client.close()
    time.sleep(1)
    assert not [r for r in b.requests if r.target == "/left"]
    assert t.proxy.record("/left")["outcome"] == "client-gone"


def test_dying_answer_is_withheld_until_the_check_has_spoken(t):
    """The check of an instance that answers 503 takes its time; no caller sees the 503 meanwhile, and one that
    the check finds well has its own 503 given, after a single execution."""
    a, b = t.pair(check='get = "/health"\nevery = "5s"\ntimeout = "1s"')
    sick = lambda request, wire: wire.send(response(503, b"own words"))
    a.script = sick
    answer = ask(t.port)
    assert answer.status == 503 and answer.body == b"own words" and len(a.requests) == 1 and not b.requests
    a.healthy = False
    assert ask(t.port).get("x-origin") == "b"
