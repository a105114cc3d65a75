"""TLS towards clients and instances, judged by OpenSSL's own client and Python's ssl module."""
import contextlib
import signal
import ssl
import subprocess

from lib import CHECK, Client, ask, free_port, wait


def certificate(t, name, ca=None):
    """A certificate for `name` with its key in one file; signed by `ca` or by itself."""
    key, pem, both = (t.dir / f"{name}.{kind}" for kind in ("key", "crt", "pem"))
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", pem]
    if ca:
        argv += ["-CA", t.dir / f"{ca}.crt", "-CAkey", t.dir / f"{ca}.key"]
    subprocess.run(argv, check=True, capture_output=True)
    both.write_text(pem.read_text() + key.read_text())
    return both


def serial_of(t, port, name):
    run = s_client(port, "-servername", name)
    out = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=run, capture_output=True, text=True)
    return out.stdout


def s_client(port, *arguments, text="Q\n"):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input=text,
                          capture_output=True, text=True, timeout=10).stdout


def tls_listen(*files, more=""):
    names = ", ".join(f'"{f}"' for f in files)
    return f"[listen.web.tls]\ncertificate = [{names}]\n{more}\n"


def wrap(name="a.test", alpn=(), context=None):
    context = context or ssl._create_unverified_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    return lambda sock: context.wrap_socket(sock, server_hostname=name)


def test_versions_and_alpn(t):
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test")))
    assert "TLSv1.2" in s_client(t.port, "-tls1_2") and "TLSv1.3" in s_client(t.port, "-tls1_3")
    assert "TLSv1.1," not in s_client(t.port, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "ALPN protocol: http/1.1" in s_client(t.port, "-alpn", "h2,http/1.1")
    client = Client(t.port, wrap=wrap(alpn=["http/1.1"]))
    for _ in range(3):
        assert client.ask().status == 200
    assert t.origins[0].requests[-1].get("x-forwarded-proto") == "https"
    assert t.proxy.access(1)[0]["tls"] == "TLSv1.3"


def test_13_only(t):
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test"), more='min-version = "1.3"'))
    assert "Cipher is (NONE)" in s_client(t.port, "-tls1_2") and "TLSv1.3" in s_client(t.port, "-tls1_3")


def test_request_through_openssl(t):
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test")))
    request = "GET /openssl HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    out = s_client(t.port, "-quiet", "-ign_eof", text=request)
    assert " 200 Text" in out and '"target": "/openssl"' in out, out


def test_sni_chooses_the_certificate(t):
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test"), certificate(t, "b.test")))
    for name in ("a.test", "b.test"):
        out = s_client(t.port, "-servername", name)
        assert f"subject=CN = {name}" in out, out[:500]
    assert "subject=CN = a.test" in s_client(t.port, "-servername", "unknown.test"), "the first is the default"


def test_session_tickets(t):
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test")))
    for version in ("-tls1_2", "-tls1_3"):
        session = str(t.dir / "session")
        request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        s_client(t.port, version, "-sess_out", session, "-ign_eof", text=request)
        out = s_client(t.port, version, "-sess_in", session, "-ign_eof", text=request)
        assert "Reused, " in out, f"{version}: a returning client did the whole handshake"


def test_certificate_reload_without_restart(t):
    path = certificate(t, "a.test")
    proxy = t.holdfast(t.origin(), listen=tls_listen(path))
    before = serial_of(t, t.port, "a.test")
    client = Client(t.port, wrap=wrap())
    client.ask()
    certificate(t, "a.test")
    proxy.signal(signal.SIGHUP)
    wait(lambda: serial_of(t, t.port, "a.test") != before, "the new certificate")
    assert client.ask().status == 200, "a connection of before goes on"


def test_client_certificate(t):
    ca = certificate(t, "ca.test")
    certificate(t, "client.test", ca="ca.test")
    t.holdfast(t.origin(), listen=tls_listen(certificate(t, "a.test"), more=f'client-ca = "{ca}"'))
    context = ssl._create_unverified_context()
    context.load_cert_chain(t.dir / "client.test.pem")
    assert Client(t.port, wrap=wrap(context=context)).ask().status == 200
    with contextlib.suppress(OSError, EOFError):
        answer = Client(t.port, wrap=wrap()).ask()
        raise AssertionError(f"no certificate was asked for: {answer}")


def test_plain_http_on_a_tls_port_and_silence(t):
    origin = t.origin()
    t.holdfast(origin, listen='timeouts = { handshake = "500ms" }\n' + tls_listen(certificate(t, "a.test")))
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    with contextlib.suppress(OSError):
        client.to_end()
    assert Client(t.port).closed(3), "a client that never speaks is cut off"
    assert not origin.requests


def test_large_bodies_over_tls(t):
    origin = t.origin()
    t.holdfast(origin, listen=tls_listen(certificate(t, "a.test")))
    client = Client(t.port, wrap=wrap())
    assert client.ask("PUT", body=b"x" * 3_000_000).json()["body"] == 3_000_000
    origin.script = lambda request, wire: wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"y" * 3_000_000)
    assert client.ask().body == b"y" * 3_000_000


def test_redirect_to_https(t):
    origin = t.origin()
    t.holdfast(origin, listen="redirect-https = 8443")
    answer = ask(t.port, target="/a/b?c=d", host="a.test:8080")
    assert answer.status == 308 and answer.get("location") == "https://a.test:8443/a/b?c=d"
    assert ask(t.port, "POST", body=b"abc").status == 308
    assert not origin.requests


def tls_origin(t, pem):
    """nginx speaking TLS."""
    port = free_port()
    (t.dir / "tls.conf").write_text(
        f"pid {t.dir}/tls.pid; error_log {t.dir}/tls.log; events {{}} http {{ access_log off; server {{ "
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem}; "
        f"location / {{ return 200 $ssl_server_name; }} }} }}")
    t.start("nginx", "-p", t.dir, "-c", t.dir / "tls.conf", "-g", "daemon off;")
    return port


def tls_service(t, port, tls):
    return t.run(f"""
[listen.web]
bind = ["127.0.0.1:{t.port}"]
[service.app]
instances = {{ a = "127.0.0.1:{port}" }}
tls = {{ {tls} }}
[service.app.check]
{CHECK.replace("/health", "/")}
[[route]]
listen = ["web"]
service = "app"
deadline = "2s"
""")


def test_tls_to_instances_verified(t):
    t.needs("nginx")
    ca = certificate(t, "ca.test")
    port = tls_origin(t, certificate(t, "inner.test", ca="ca.test"))
    tls_service(t, port, f'ca = "{ca}", name = "inner.test"')
    answer = wait(lambda: (a := ask(t.port)).status == 200 and a, "an answer over verified TLS")
    assert answer.body == b"inner.test", "the name is sent in SNI"


def test_tls_to_instances_with_a_wrong_name_or_authority_is_refused(t):
    t.needs("nginx")
    ca, other = certificate(t, "ca.test"), certificate(t, "other.test")
    port = tls_origin(t, certificate(t, "inner.test", ca="ca.test"))
    tls_service(t, port, f'ca = "{ca}", name = "wrong.test"')
    assert ask(t.port).status in (502, 503)
    t.again()
    tls_service(t, port, f'ca = "{other}", name = "inner.test"')
    assert ask(t.port).status in (502, 503)
