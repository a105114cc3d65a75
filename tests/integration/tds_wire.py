"""A TDS client of raw bytes, for what no driver shows: each token of a login's answer, and what is said when."""
import socket
import ssl
import struct
import time

BATCH, RESPONSE, ATTENTION, LOGIN7, SSPI, PRELOGIN = 1, 4, 6, 16, 17, 18
V7_4, V8_0 = 0x74000004, 0x08000000
ENV_CHANGE, SSPI_TOKEN, FEATURE_ACK, ERROR, DONE = 0xE3, 0xED, 0xAE, 0xAA, 0xFD
SESSION_RECOVERY = 1


def wide(text):
    return text.encode("utf-16-le")


def login7(user, password, database="", version=V7_4, read_only=False, sspi=b"", features=()):
    """MS-TDS 2.2.6.4."""
    scrambled = bytes(((b << 4 | b >> 4) & 0xFF) ^ 0xA5 for b in wide(password))
    extension = b"".join(struct.pack("<BI", number, len(data)) + data for number, data in features) + b"\xff"
    texts = [wide("wire"), wide(user), scrambled, wide("test_tds"), wide("proxy"), b"", wide("lib"), b"", wide(database)]
    fixed, data = b"", b""
    for i, text in enumerate(texts):
        at = 94 + len(data)
        if i == 5 and features:  # ibExtension: the offset of an offset
            fixed += struct.pack("<HH", at, 4)
            data += b"EEEE"
            continue
        fixed += struct.pack("<HH", at, len(text) // 2)
        data += text
    fixed += b"\x01\x02\x03\x04\x05\x06" + struct.pack("<HH", 94 + len(data), len(sspi))
    data += sspi
    fixed += struct.pack("<HHHHI", 94 + len(data), 0, 94 + len(data), 0, 0)
    if features:
        data = data.replace(b"EEEE", struct.pack("<I", 94 + len(data)), 1) + extension
    flags = (0xE0, 0x03 | (0x80 if sspi else 0), 0x20 if read_only else 0, 0x10 if features else 0)
    head = struct.pack("<IIIIIBBBBII", version, 4096, 7, 1, 0, *flags, 0, 0x0409)
    return struct.pack("<I", 4 + len(head) + len(fixed) + len(data)) + head + fixed + data


class Tds:
    """One connection. `strict`: a TLS context; then TDS 8.0."""

    def __init__(self, port, strict=None, seconds=10):
        self.sock = socket.create_connection(("127.0.0.1", port), seconds)
        self.version = V8_0 if strict else V7_4
        if strict:
            self.sock = strict.wrap_socket(self.sock, server_hostname="localhost")

    def send(self, kind, payload=b""):
        self.sock.sendall(struct.pack(">BBHHBB", kind, 1, 8 + len(payload), 0, 1, 0) + payload)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError("the connection ended")
            data += more
        return data

    def receive(self):
        """One message's payload."""
        payload, last = b"", False
        while not last:
            kind, status, length = struct.unpack(">BBH", self.exactly(8)[:4])
            assert kind == RESPONSE, f"a packet of type {kind}"
            payload += self.exactly(length - 8)
            last = bool(status & 1)
        return payload

    def login(self, user="app", password="Secret1!", **more):
        """Tokens of the server's answer to LOGIN7."""
        offers = [(0, b"\x10\0\0\0\0\0"), (1, b"\x02")]  # VERSION; ENCRYPTION: not supported
        at, head, data = 5 * len(offers) + 1, b"", b""
        for number, value in offers:
            head += struct.pack(">BHH", number, at + len(data), len(value))
            data += value
        self.send(PRELOGIN, head + b"\xff" + data)
        self.receive()
        self.send(LOGIN7, login7(user, password, version=self.version, **more))
        return tokens(self.receive())

    def begin(self, text):
        headers = struct.pack("<IIHQI", 22, 18, 2, 0, 1)
        self.send(BATCH, headers + wide(text))

    def ask(self, text):
        self.begin(text)
        return self.receive()

    def name(self):
        """Of the server that answers."""
        answer = self.ask("select @@servername")
        return next(name for name in ("SQL1", "SQL2") if wide(name) in answer)

    def close(self):
        self.sock.close()


def tokens(payload):
    """[(token, body)] of a login's answer; what has no place there is an error."""
    found, at = [], 0
    while at < len(payload):
        token = payload[at]
        at += 1
        if token == DONE:
            body = payload[at:at + 12]
            at += 12
        elif token == FEATURE_ACK:
            start = at
            while payload[at] != 0xFF:
                at += 5 + struct.unpack_from("<I", payload, at + 1)[0]
            at += 1
            body = payload[start:at]
        else:
            assert token in (ENV_CHANGE, ERROR, SSPI_TOKEN, 0xAB, 0xAD), f"token {token:#x}"
            length = struct.unpack_from("<H", payload, at)[0]
            body = payload[at + 2:at + 2 + length]
            at += 2 + length
        found.append((token, body))
    return found


def env_changes(found):
    return {body[0] for token, body in found if token == ENV_CHANGE}


def error_of(found):
    """The first error's number, or 0."""
    return next((struct.unpack_from("<I", body)[0] for token, body in found if token == ERROR), 0)


def strict_context(ca):
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["tds/8.0"])
    return context


def eventually(test, seconds=10):
    """Calls until it does not raise an assertion or an end of connection."""
    end = time.monotonic() + seconds
    while True:
        try:
            return test()
        except (AssertionError, EOFError, OSError, StopIteration):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
