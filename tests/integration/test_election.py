"""Who is active, what happens to requests when that changes, and what instances are told about it."""
import json
import threading
import time

from lib import CHECK, DETECTION, Client, ask, free_port, wait


class Asking:
    """A request in a thread of its own."""

    def __init__(self, port, *args, **kwargs):
        self.answer = self.error = None
        self.start = time.monotonic()
        self.thread = threading.Thread(target=self.run, args=(port, *args), kwargs=kwargs, daemon=True)
        self.thread.start()

    def run(self, *args, **kwargs):
        try:
            self.answer = ask(*args, **kwargs)
        except OSError as error:
            self.error = error
        self.seconds = time.monotonic() - self.start

    def join(self, seconds=10):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "no answer"
        return self.answer


def active(t):
    return ask(t.port).get("x-origin")


def test_only_the_active_instance_serves(t):
    a, b = t.pair()
    for _ in range(20):
        assert active(t) == "a"
    assert not b.requests


def test_preferred_instance_is_the_first_choice(t):
    a, b = t.origin("a"), t.origin("b")
    t.holdfast(a, b, service='prefer = "b"')
    assert active(t) == "b"


def test_sticky_no_flapping_back(t):
    a, b = t.pair()
    a.healthy = False
    wait(lambda: active(t) == "b", "b to take over")
    a.healthy = True
    seen = a.checks
    wait(lambda: a.checks > seen + 8, "a to be found healthy again")
    assert active(t) == "b", "the choice is sticky"


def test_check_by_status_and_body(t):
    a, b = t.origin("a"), t.origin("b")
    t.holdfast(a, b, check=CHECK + '\nexpect = "200"\nbody = "well"')
    assert active(t) == "a"
    a.healthy = False
    wait(lambda: active(t) == "b", "b to take over")


def test_freeze_takes_requests_back(t):
    """Requests in flight at a frozen instance are repeated at the election, not at their time-out."""
    a, b = t.pair(service='timeouts = { response = "20s" }', route='deadline = "30s"')
    a.freeze()
    asked = [Asking(t.port, target=f"/{n}") for n in range(10)]
    post = Asking(t.port, "POST", "/once", body=b"x")
    for one in asked:
        answer = one.join()
        assert answer.get("x-origin") == "b" and one.seconds < DETECTION + 0.5, (answer, one.seconds)
    answer = post.join()
    assert answer is None or answer.status in (502, 504), f"an unkeyed POST may have been executed: {answer}"
    a.thaw()
    time.sleep(0.5)
    assert active(t) == "b"
    posts = [r for r in a.requests + b.requests if r.target == "/once"]
    assert len(posts) <= 1, "executed twice"


def test_late_answer_is_thrown_away(t):
    a, b = t.pair()
    a.freeze()
    client = Client(t.port)
    assert client.ask(target="/1").get("x-origin") == "b"
    a.thaw()
    for n in range(2, 10):
        assert client.ask(target=f"/{n}").json()["target"] == f"/{n}"


def test_parked_until_one_returns(t):
    a, b = t.pair()
    a.kill()
    b.kill()
    asked = [Asking(t.port, "POST", f"/{n}", body=b"x" * 10) for n in range(10)]
    time.sleep(0.7)
    assert all(one.answer is None for one in asked), [one.answer for one in asked]
    b.open()
    opened = time.monotonic()
    for one in asked:
        assert one.join().get("x-origin") == "b"
    assert time.monotonic() - opened < 1
    assert any(r.get("parked_ms", 0) > 300 for r in t.proxy.access(10))
    assert sorted(r.target for r in b.requests) == sorted(f"/{n}" for n in range(10)), "each once"


def test_deadline_and_error_page(t):
    page = t.dir / "sorry.json"
    page.write_text('{"error": "please call again"}')
    a, b = t.pair(route=f'deadline = "700ms"\nerror-page = "{page}"')
    a.kill()
    b.kill()
    one = Asking(t.port)
    answer = one.join()
    assert answer.status == 503 and 0.6 < one.seconds < 1.2, (answer, one.seconds)
    assert answer.body == page.read_bytes() and "json" in answer.get("content-type")
    assert answer.get("retry-after"), "RFC 9110 section 10.2.3"
    a.open()
    wait(lambda: ask(t.port).status == 200, "service to resume by itself")


def test_parked_client_that_leaves(t):
    a, b = t.pair()
    a.kill()
    b.kill()
    client = Client(t.port)
    client.send(b"GET /left HTTP/1.1\r\nHost: a.test\r\n\r\n")
    time.sleep(0.3)
    client.close()
    time.sleep(0.2)
    a.open()
    b.open()
    wait(lambda: ask(t.port, target="/next").status == 200, "service to resume")
    assert not [r for r in a.requests + b.requests if r.target == "/left"]


def test_memory_budget_refuses_the_oldest(t):
    a, b = t.origin("a"), t.origin("b")
    budget = 'memory-budget = "1MiB"\nspill-budget = "0B"\n'
    t.run(budget + t.config(a, b, route='retain-memory = "512KiB"'), a, b)
    wait(lambda: active(t), "an active instance")
    a.kill()
    b.kill()
    asked = []
    for n in range(8):
        asked.append(Asking(t.port, "PUT", f"/{n}", body=b"x" * 300_000))
        time.sleep(0.05)
    wait(lambda: any(one.answer for one in asked), "one to be refused")
    refused = [one for one in asked if one.answer]
    assert all(one.answer.status == 503 and one.answer.get("retry-after") for one in refused)
    assert asked[0].answer and not asked[-1].answer, "the oldest goes first"
    b.open()
    for one in asked:
        one.join()


def test_drain_and_ready(t):
    a, b = t.pair()
    slow = threading.Event()

    def script(request, wire):
        if request.target == "/slow":
            slow.wait(5)
        wire.send(a.describe(request))
    a.script = script
    running = Asking(t.port, "POST", "/slow", body=b"x")
    wait(lambda: a.requests, "the slow request")
    t.proxy.command("drain", "app/a")
    wait(lambda: active(t) == "b", "b to take over")
    slow.set()
    assert running.join().get("x-origin") == "a", "what is in flight ends where it is"
    t.proxy.command("ready", "app/a")
    assert active(t) == "b"
    t.proxy.command("drain", "app/b")
    wait(lambda: active(t) == "a", "a to take over")
    t.proxy.command("drain", "app/none", code=1)


def test_switch_over_under_load(t):
    """Twenty switch-overs by hand; nobody notices."""
    a, b = t.pair()
    stop, bad = threading.Event(), []

    def work(number):
        client = Client(t.port)
        while not stop.is_set():
            answer = client.ask("POST" if number % 2 else "GET", body=b"x" if number % 2 else None)
            if answer.status != 200:
                bad.append(answer)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for n in range(20):
        leaving, staying = ("a", "b") if n % 2 == 0 else ("b", "a")
        t.proxy.command("ready", f"app/{staying}")
        t.proxy.command("drain", f"app/{leaving}")
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert not bad, bad[:3]
    assert a.requests and b.requests


def test_hooks(t):
    note = t.dir / "note"
    a, b = t.origin("a"), t.origin("b")
    a.script = b.script = None
    t.holdfast(a, b, service=f'on-active = {{ post = "/became-active" }}\n'
               f'on-standby = {{ command = ["/bin/sh", "-c", "echo {{instance}} {{service}} {{state}} >> {note}"] }}')
    wait(lambda: [r for r in a.requests if r.target == "/became-active" and r.method == "POST"], "a to be told")
    a.healthy = False
    wait(lambda: [r for r in b.requests if r.target == "/became-active"], "b to be told")
    wait(lambda: note.exists() and "a app standby" in note.read_text(), "the command for a")


def test_hook_that_hangs_changes_nothing(t):
    a, b = t.origin("a"), t.origin("b")
    proxy = t.holdfast(a, b, service='on-active = { command = ["/bin/sleep", "60"], timeout = "300ms" }')
    assert active(t) == "a"
    wait(lambda: "hook" in proxy.command("events"), "the failed hook among the events")


def test_balance_shares_and_sticks(t):
    a, b = t.origin("a"), t.origin("b")
    t.holdfast(a, b, service='mode = "balance"\ncookie = "HFSRV"')
    answers = [ask(t.port) for _ in range(40)]
    names = [answer.get("x-origin") for answer in answers]
    assert 10 <= names.count("a") <= 30, names
    cookie = answers[0].get("set-cookie").split(";")[0]
    for _ in range(10):
        assert ask(t.port, fields=[("Cookie", cookie)]).get("x-origin") == names[0]
    (a if names[0] == "a" else b).kill()
    assert ask(t.port, fields=[("Cookie", cookie)]).status == 200, "its instance is gone: another serves"


def test_balance_weights(t):
    a, b = t.origin("a"), t.origin("b")
    config = t.config(a, b, service='mode = "balance"').replace(
        f'b = "127.0.0.1:{b.port}"', f'b = {{ address = "127.0.0.1:{b.port}", weight = 0 }}')
    t.run(config, a, b)
    assert {ask(t.port).get("x-origin") for _ in range(20)} == {"a"}


def test_process_killed_and_frozen_for_real(t):
    """The same with a real process: SIGKILL, SIGSTOP and SIGCONT of an nginx."""
    import signal
    t.needs("nginx")
    ports, processes = {}, {}

    def start(name):
        ports.setdefault(name, free_port())
        root = t.dir / name
        root.mkdir(exist_ok=True)
        (root / "nginx.conf").write_text(
            f"pid {root}/pid; error_log {root}/log; daemon off; master_process off; events {{}} "
            f"http {{ access_log off; server {{ listen 127.0.0.1:{ports[name]} reuseport; "
            f"location / {{ add_header X-Origin {name}; return 200 ok; }} }} }}")
        processes[name] = t.start("nginx", "-p", root, "-c", root / "nginx.conf")
    start("a")
    start("b")
    from types import SimpleNamespace
    t.run(t.config(*[SimpleNamespace(name=n, port=p) for n, p in ports.items()]))
    name = wait(lambda: active(t), "an active instance")
    for blow in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL, signal.SIGSTOP):
        client = Client(t.port)
        client.ask()
        processes[name].send_signal(blow)
        start_at, other = time.monotonic(), "b" if name == "a" else "a"
        answer = client.ask()
        seconds = time.monotonic() - start_at
        assert answer.get("x-origin") == other, answer
        assert seconds < (0.3 if blow == signal.SIGKILL else DETECTION + 0.5), (blow, seconds)
        if blow == signal.SIGKILL:
            processes[name].wait()
            start(name)
        else:
            processes[name].send_signal(signal.SIGCONT)
        state = lambda: json.loads(t.proxy.command("status", "--json"))["services"][0]["instances"]
        wait(lambda: all(i["state"] == "up" for i in state()), "both to be up")
        name = other


