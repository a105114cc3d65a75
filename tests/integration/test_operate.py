"""Commands, signals, metrics, logs, and what a bad file is told."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from lib import CHECK, Client, ask, free_port, response, wait


def run(t, *words):
    return subprocess.run([t.binary, *words], capture_output=True, text=True, timeout=10)


def admin(t):
    t.admin = free_port()
    return f'[admin]\nbind = ["127.0.0.1:{t.admin}"]\n'


def test_status(t):
    proxy = t.holdfast(t.origin("a"), t.origin("b"))
    ask(t.port)
    text = proxy.command("status")
    lines = text.splitlines()
    assert "app" in text and len(lines) <= 24 and max(map(len, lines)) <= 80, "it fits one screen"
    report = json.loads(proxy.command("status", "--json"))
    service = report["services"][0]
    assert service["name"] == "app" and service["requests"] >= 1
    assert [i["active"] for i in service["instances"]].count(True) == 1
    assert all(i["state"] == "up" for i in service["instances"])


def test_events_tell_the_story(t):
    a, b = t.origin("a"), t.origin("b")
    proxy = t.holdfast(a, b)
    wait(lambda: ask(t.port).status == 200, "an answer")
    a.kill()
    wait(lambda: ask(t.port).get("x-origin") == "b", "b to take over")
    wait(lambda: "election" in proxy.command("events") and "app/a" in proxy.command("events"), "the election in the events")
    lines = [json.loads(line) for line in proxy.command("events", "--json").splitlines()]
    assert all(line["text"] for line in lines) and {"election", "health"} <= {line["kind"] for line in lines}
    numbers = [line["number"] for line in lines]
    assert numbers == sorted(set(numbers))


def test_metrics_and_healthz(t):
    a = t.origin("a")
    t.holdfast(a, more=admin(t))
    for _ in range(7):
        ask(t.port)
    answer = ask(t.admin, target="/metrics")
    assert answer.status == 200 and answer.get("content-type").startswith("text/plain")
    text = answer.body.decode()
    for line in text.splitlines():
        assert re.match(r'^(# .*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eE]+)$', line), line
    assert re.search(r'holdfast_requests_total\{service="app"\} 7\b', text), text
    assert ask(t.admin, target="/healthz").status == 200
    assert ask(t.admin, target="/nothing").status == 404
    a.kill()
    wait(lambda: ask(t.admin, target="/healthz").status == 503, "/healthz to tell that nothing is active")


def test_access_log_fields(t):
    a, b = t.origin("a"), t.origin("b")
    t.holdfast(a, b)
    client = Client(t.port)
    client.ask("POST", "/path?q=1", [("User-Agent", 'quo"te\\')], b"12345")
    record = t.proxy.access(1)[0]
    assert record["method"] == "POST" and record["target"] == "/path?q=1" and record["status"] == 200
    assert record["client"].startswith("127.0.0.1") and record["listen"] == "web" and record["service"] == "app"
    assert record["instance"] == "a" and record["attempts"] == 1 and record["bytes_in"] == 5
    assert record["user_agent"] == 'quo"te\\' and record["outcome"] == "ok" and record["total_ms"] > 0
    assert record["bytes_out"] > 20 and record["request_id"] and record["host"] == "a.test"


def test_access_log_common_format_and_reopen(t):
    proxy = t.holdfast(t.origin())
    ask(t.port)
    proxy.access(1)
    moved = t.dir / "access.log.1"
    proxy.access_path.rename(moved)
    proxy.signal(signal.SIGUSR1)
    wait(proxy.access_path.exists, "a new access log")
    ask(t.port, target="/after")
    assert proxy.access(1)[0]["target"] == "/after" and "/after" not in moved.read_text()
    t.again()
    t.run('access-log-format = "common"\n' + t.config(*t.origins), *t.origins)
    ask(t.port, target="/common")
    line = wait(lambda: t.proxy.access_path.exists() and t.proxy.access_path.read_text(), "a line")
    assert re.match(r'127\.0\.0\.1 - - \[[^]]+\] "GET /common HTTP/1\.1" 200 \d+ ', line), line


def test_control_socket_is_private(t):
    proxy = t.holdfast(t.origin())
    assert proxy.socket.stat().st_mode & 0o007 == 0, "others may not command"


def test_sigterm_drains_and_exits_0(t):
    a = t.origin()

    def script(request, wire):
        time.sleep(0.8)
        wire.send(response(200, b"whole"))
    a.script = script
    proxy = t.holdfast(a)
    busy, idle = Client(t.port), Client(t.port)
    idle.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    idle.message()
    busy.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait(lambda: len(a.requests) == 2, "the request in flight")
    proxy.signal(signal.SIGTERM)
    answer = busy.message()
    assert answer.body == b"whole" and answer.get("connection", "").lower() == "close"
    assert busy.closed() and idle.closed()
    assert proxy.process.wait(5) == 0


def test_drain_timeout_ends_what_is_left(t):
    a = t.origin()
    a.script = lambda request, wire: time.sleep(30)
    proxy = t.holdfast(a)
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait(lambda: a.requests, "the request in flight")
    start = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.process.wait(9) == 0 and 4 < time.monotonic() - start < 8  # drain-timeout is 5 s


def test_second_sigterm_ends_at_once(t):
    a = t.origin()
    a.script = lambda request, wire: time.sleep(30)
    proxy = t.holdfast(a)
    client = Client(t.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait(lambda: a.requests, "the request in flight")
    proxy.signal(signal.SIGTERM)
    time.sleep(0.3)
    assert proxy.process.poll() is None
    proxy.signal(signal.SIGTERM)
    assert proxy.process.wait(1) >= 0, "ended by itself, not by the signal"
    t.proxy = None  # an exit code other than 0 is right: something was cut


def test_upgrade_under_load_refuses_nobody(t):
    """SIGUSR2: a new process takes the listening sockets; each request, each on its own connection, is answered."""
    a = t.origin()
    proxy = t.holdfast(a)
    old = proxy.process.pid
    stop, bad, done = threading.Event(), [], [0]

    def work():
        while not stop.is_set():
            try:
                if ask(t.port).status != 200:
                    bad.append("status")
                done[0] += 1
            except (OSError, EOFError) as error:
                bad.append(repr(error))
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    proxy.signal(signal.SIGUSR2)
    new = None
    try:
        new = wait(lambda: (p := pid_of(proxy)) not in (None, old) and p, "the new process")
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not bad, f"{len(bad)} of {done[0]}: {bad[:3]}"
        assert proxy.process.wait(10) == 0, "the old process drains and goes"
        assert ask(t.port).status == 200
    finally:
        stop.set()
        if new:
            os.kill(new, signal.SIGKILL)


def test_a_drain_answers_those_who_wait_in_the_queue(t):
    """Connections that the kernel accepted for us before SIGTERM are answered, not reset."""
    a = t.origin()
    proxy = t.holdfast(a)
    proxy.signal(signal.SIGSTOP)
    waiting = []
    for _ in range(900):
        s = socket.create_connection(("127.0.0.1", t.port), timeout=10)
        s.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        waiting.append(s)
    proxy.signal(signal.SIGTERM)
    proxy.signal(signal.SIGCONT)
    answers = []
    for s in waiting:
        try:
            answers.append(s.recv(4096)[:12])
        except OSError as error:
            answers.append(repr(error))
        s.close()
    assert set(answers) == {b"HTTP/1.1 200"}, {a: answers.count(a) for a in answers}
    assert proxy.process.wait(10) == 0


def pid_of(proxy):
    try:
        return json.loads(proxy.command("status", "--json"))["pid"]
    except (AssertionError, ValueError, subprocess.TimeoutExpired):
        return None


def test_upgrade_to_a_bad_file_keeps_the_old_process(t):
    proxy = t.holdfast(t.origin())
    good = proxy.path.read_text()
    proxy.path.write_text("nonsense = [\n")
    proxy.signal(signal.SIGUSR2)
    time.sleep(1)
    assert proxy.process.poll() is None and ask(t.port).status == 200
    proxy.path.write_text(good)


# ---- the file ----

BAD = """[listen.web]
bnid = ["127.0.0.1:1"]
[service.app]
instances = { a = "127.0.0.1:80" }
mode = "active-standy"
[service.app.check]
every = 5
timeout = "1 parsec"
[[route]]
service = "ap"
"""


def test_bad_file_tells_everything_at_once(t):
    path = t.dir / "bad.toml"
    path.write_text(BAD)
    for words in (["check", "-c", path], ["run", "-c", path]):
        done = run(t, *words)
        out = done.stdout + done.stderr
        assert done.returncode == 2, out
        for place, hint in [(":2:1:", "bind"), (":5:", "active-standby"), (":7:", "duration"), (":8:", "parsec"), (":10:", "app")]:
            found = [line for line in out.splitlines() if f"bad.toml{place}" in line and hint in line]
            assert found, f"{place} {hint} is not in:\n{out}"


def test_syntax_error_duplicate_bind_and_unreadable_certificate(t):
    path = t.dir / "bad.toml"
    path.write_text('[listen.web]\nbind = ["127.0.0.1:1"\n[service')
    done = run(t, "check", "-c", path)
    assert done.returncode == 2 and re.search(r"bad\.toml:\d+:\d+:", done.stdout + done.stderr)
    path.write_text('[listen.a]\nbind = ["127.0.0.1:1"]\n[listen.b]\nbind = ["127.0.0.1:1"]\ntls = { certificate = "/none.pem" }\n'
                    '[service.app]\ninstances = { a = "127.0.0.1:80" }\n'
                    '[[route]]\nservice = "app"\npath = "/x"\n[[route]]\nservice = "app"\npath = "/x"\n')
    done = run(t, "check", "-c", path)
    out = done.stdout + done.stderr
    assert done.returncode == 2 and ":4:" in out and "/none.pem" in out and ":11:" in out, out
    assert run(t, "check", "-c", t.dir / "absent.toml").returncode == 2


def test_check_diff_reference_version(t):
    proxy = t.holdfast(t.origin())
    assert run(t, "check", "-c", str(proxy.path)).returncode == 0
    assert "deadline" not in proxy.command("check", "--diff")
    proxy.write(t.config(*t.origins, route='deadline = "7s"'))
    assert "deadline" in proxy.command("check", "--diff")
    reference = run(t, "reference")
    assert reference.returncode == 0 and all(word in reference.stdout for word in ("retain-memory", "shield", "deadline", "60s"))
    assert re.search(r"\d+\.\d+", run(t, "version").stdout)
    assert run(t, "nonsense").returncode == 2


def test_commands_without_a_running_process(t):
    path = t.dir / "x.toml"
    path.write_text(f'[process]\ncontrol-socket = "{t.dir}/none.sock"\n[listen.web]\nbind = ["127.0.0.1:{t.port}"]\n'
                    f'[service.app]\ninstances = {{ a = "127.0.0.1:1" }}\n[service.app.check]\n{CHECK}\n')
    done = run(t, "status", "-c", str(path))
    assert done.returncode == 1 and "none.sock" in done.stderr, done


def test_occupied_port_is_an_error(t):
    proxy = t.holdfast(t.origin())
    path = t.dir / "second.toml"
    path.write_text(proxy.path.read_text().replace("control.sock", "second.sock").replace(
        f"127.0.0.1:{t.port}", f"127.0.0.1:{t.origins[0].port}"))
    done = run(t, "run", "-c", str(path))
    assert done.returncode not in (0, -6, -11) and str(t.origins[0].port) in done.stdout + done.stderr, done
