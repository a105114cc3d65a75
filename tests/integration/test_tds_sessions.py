"""What a driver hides of aware sessions: integrated logins, session recovery, attention, TDS 8.0."""
import json
import struct
import time

from tds_wire import (ATTENTION, DONE, FEATURE_ACK, SESSION_RECOVERY, SSPI, SSPI_TOKEN, Tds, error_of, strict_context, tokens,
                      wide)
from test_tds_aware import certificate, run_before
from test_tds_roles import controlled


def two(t, service, listen="", options=()):
    a, b = controlled(t, "SQL1", *options), controlled(t, "SQL2", *options)
    run_before(t, a, b, listen, service)
    return a, b


def features(found):
    """Numbers of the acknowledged ones."""
    body = next((body for token, body in found if token == FEATURE_ACK), b"\xff")
    numbers, at = set(), 0
    while body[at] != 0xFF:
        numbers.add(body[at])
        at += 5 + struct.unpack_from("<I", body, at + 1)[0]
    return numbers


def recoveries(node):
    return json.loads(node.control("stats"))["recoveries"]


def integrated(t):
    """Logs in by the two steps of the node's own making."""
    client = Tds(t.port)
    (token, challenge), = client.login("", "", sspi=b"negotiate")
    assert token == SSPI_TOKEN and challenge.startswith(b"negotiate-"), challenge
    return client, challenge


def test_tds_sessions_sspi_is_relayed(t):
    a, _ = two(t, 'sql = { encrypt = "none" }')
    client, challenge = integrated(t)
    client.send(SSPI, challenge[::-1])
    assert error_of(tokens(client.receive())) == 0
    assert client.name() == "SQL1"
    a.kill()
    try:  # nobody but the client could log in again
        client.ask("select 1")
        raise AssertionError("the session went on")
    except (EOFError, OSError):
        pass


def test_tds_sessions_sspi_refused(t):
    two(t, 'sql = { encrypt = "none" }')
    client, _ = integrated(t)
    client.send(SSPI, b"anything")
    assert error_of(tokens(client.receive())) == 18452


def test_tds_sessions_recovery_always(t):
    """Asked of the server in the client's place, and not told to a client that did not ask."""
    a, b = two(t, 'sql = { encrypt = "none", session-recovery = "always" }')
    client = Tds(t.port)
    assert SESSION_RECOVERY not in features(client.login())
    client.ask("set lock_timeout 1234")
    a.kill()
    assert client.name() == "SQL2"
    assert wide("1234") in client.ask("select cast(@@lock_timeout as nvarchar(10))")
    assert recoveries(b) == 1


def test_tds_sessions_recovery_never(t):
    a, b = two(t, 'sql = { encrypt = "none", session-recovery = "never" }')
    client = Tds(t.port)
    assert SESSION_RECOVERY not in features(client.login(features=[(SESSION_RECOVERY, b"")]))
    client.ask("set lock_timeout 1234")
    a.kill()
    assert wide("1234") in client.ask("select cast(@@lock_timeout as nvarchar(10))")
    assert recoveries(b) == 0


def test_tds_sessions_recovery_for_a_client_that_asks(t):
    a, b = two(t, 'sql = { encrypt = "none" }')
    client = Tds(t.port)
    assert SESSION_RECOVERY in features(client.login(features=[(SESSION_RECOVERY, b"")]))
    a.kill()
    assert client.name() == "SQL2"
    assert recoveries(b) == 1


def test_tds_sessions_attention_is_answered_while_held(t):
    a, b = two(t, 'sql = { encrypt = "none" }')
    client = Tds(t.port)
    client.login()
    client.ask("select 1")
    a.kill()
    b.kill()
    client.begin("select 1")
    time.sleep(0.3)
    start = time.monotonic()
    client.send(ATTENTION)
    (token, body), = tokens(client.receive())
    assert token == DONE and struct.unpack_from("<H", body)[0] & 0x20, "DONE_ATTN, MS-TDS 2.2.7.6"
    assert time.monotonic() - start < 1
    b.start()
    assert client.name() == "SQL2"


def test_tds_sessions_strict_client(t):
    """TDS 8.0: TLS from the first byte, ALPN tds/8.0; it has session recovery though its number is less than 7.4's."""
    pem = certificate(t)
    a, b = two(t, f'sql = {{ encrypt = "strict", session-recovery = "always" }}\ntls = {{ ca = "{t.dir}/ca.pem" }}',
               f'tls = {{ certificate = "{pem}" }}\nencrypt = "on"', ("--tls", pem, "--encrypt", "strict"))
    client = Tds(t.port, strict_context(t.dir / "ca.pem"))
    assert client.sock.selected_alpn_protocol() == "tds/8.0"
    assert error_of(client.login()) == 0
    assert client.name() == "SQL1"
    a.kill()
    assert client.name() == "SQL2"
    assert recoveries(b) == 1
