"""What bench/proxy asks of fresh processes: many idle clients, a burst of them, start-up, reload, route tables, two loops."""
import resource
import socket
import statistics
import subprocess
import time

from common import build_tool, cpu_ns, end, markdown, memory_kib
from common_contender import Holdfast
from proxy_rate import Urgent, ask
from proxy_rows import GENERATOR_CORE, PROXY_CORE, around, run_wrk

IDLE_WANTED, IDLE_LIMIT, SESSIONS, SESSION_LIMIT, BURST_WANTED = 50_000, 2048, 2000, 4096, 10_000
START_LIMIT_MS, RELOAD_LIMIT_MS, ROUTES_LIMIT, LOOPS_LIMIT = 50, 5, 1.10, 1.10


def descriptors():
    """The hard limit, which becomes the soft one, for what is started as well."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def tool(name, *arguments):
    argv = ["taskset", "-c", str(GENERATOR_CORE), build_tool(name), *map(str, arguments)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def expect(process, word, who):
    if process.stdout.readline() != word + "\n":
        raise SystemExit(f"{who}: the crowd of clients failed before '{word}'")


def go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def idle_memory(contender, clients):
    """Growth of resident memory (bytes) for each client that did one request and stays connected."""
    crowd = tool("crowd", "hold", contender.http, clients)
    try:
        expect(crowd, "warm", contender.name)
        before = memory_kib(contender.pid, "VmRSS")
        go(crowd)
        expect(crowd, "held", contender.name)
        time.sleep(1)
        after = memory_kib(contender.pid, "VmRSS")
        go(crowd)
        expect(crowd, "ok", contender.name)
    finally:
        crowd.kill()
        crowd.wait()
    return 1024 * (after - before) / clients


def memory(bench):
    """Many idle HTTP clients."""
    clients = min(IDLE_WANTED, descriptors() - 400)
    if clients < IDLE_WANTED:
        print(f"\n{clients} idle clients, not {IDLE_WANTED}: this machine allows a process {descriptors()} descriptors.")
    cells, missed = [], []
    for c in bench.fresh(clients=clients + 100):
        used = idle_memory(c, clients)
        cells.append(f"{used:.0f}")
        if c.ours and used > IDLE_LIMIT:
            missed.append(f"{c.name}, memory: {used:.0f} bytes for each idle client, at most {IDLE_LIMIT}")
    bench.note(f"bytes of user space for each of {clients} idle keep-alive clients", cells, f"{IDLE_LIMIT}")
    return missed


def sql_memory(bench):
    try:
        from common_memory import sql_idle_memory
    except ImportError:
        print("\nsql-memory: bench/common_memory.py is not here: SKIP")
        return []
    cells, missed = [], []
    for c in bench.fresh(clients=SESSIONS + 100):
        used = sql_idle_memory(c, SESSIONS)[0] if c.tcp_works else None  # by VmRSS, as above
        cells.append("" if used is None else f"{used:.0f}")
        if c.ours and used > SESSION_LIMIT:
            missed.append(f"{c.name}, SQL memory: {used:.0f} bytes for each idle session, at most {SESSION_LIMIT}")
    bench.note(f"bytes of user space for each of {SESSIONS} idle SQL sessions (Holdfast: aware)", cells, f"{SESSION_LIMIT}")
    return missed


def burst(bench):
    """All connect and ask at the same moment: refused, broken, and milliseconds until the middle and the last one had an answer."""
    clients, cells, missed = min(BURST_WANTED, (descriptors() - 300) // 2), [], []
    for c in bench.fresh(clients=clients + 100):
        run, _ = tool("crowd", "burst", c.http, clients).communicate()
        answered, refused, broken, last, half = map(int, run.split())
        cells.append(f"{refused} / {broken} / {half} / {last} ms")
        if c.ours and answered < clients:
            missed.append(f"{c.name}, burst: {refused} refused and {broken} broken of {clients}")
    bench.note(f"burst of {clients} connections: refused / broken / middle and last answer", cells, "0 / 0")
    return missed


def first_accept(contender):
    """Milliseconds from the start of the process until somebody can connect."""
    argv, begin = contender.argv(), time.monotonic()
    contender.process = contender.work.start(*argv, core=PROXY_CORE, log=f"{contender.slug}.log")
    while time.monotonic() < begin + 10:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", contender.http)) == 0:
                break
        time.sleep(0.0003)
    took = 1000 * (time.monotonic() - begin)
    end(contender.process)
    return took


def startup(bench):
    cells, missed = [], []
    for cls in bench.classes:
        values = [first_accept(bench.make(cls)) for _ in range(9)]
        cells.append(f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})")
        if cls.ours and statistics.median(values) > START_LIMIT_MS:
            missed.append(f"{cls.name}, start-up: {statistics.median(values):.0f} ms, at most {START_LIMIT_MS}")
    bench.note("ms from start to first accept", cells, f"{START_LIMIT_MS}")
    return missed


class Routed(Holdfast):
    def __init__(self, *arguments, routes=0, loops=1, **named):
        super().__init__(*arguments, **named)
        self.routes, self.loops = max(routes - 2, 0), loops  # two are there anyway


def reload_cpu(contender):
    """CPU milliseconds of one reload that changes a route, less what the same time costs at rest."""
    contender.routes ^= 1
    contender.write(contender.work.dir / f"{contender.slug}.toml")
    start = cpu_ns(contender.pid)
    time.sleep(0.7)
    rest = cpu_ns(contender.pid)
    socket_path = contender.work.dir / f"{contender.slug}.sock"
    said = subprocess.run([contender.binary, "reload", "--socket", socket_path], capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(f"the reload failed: {said.stdout}{said.stderr}")
    time.sleep(0.7)
    spent = cpu_ns(contender.pid) - rest
    return (spent - (rest - start)) / 1e6


def reload(bench):
    if not any(c.ours for c in bench.classes):
        return []
    c = bench.make(Routed, routes=1000)
    c.start(PROXY_CORE)
    reload_cpu(c)
    values = [reload_cpu(c) for _ in range(5)]
    end(c.process)
    middle = statistics.median(values)
    bench.note("CPU ms of a reload with 1,000 routes", bench.only_ours(f"{middle:.1f} ({min(values):.1f} to {max(values):.1f})"),
               f"{RELOAD_LIMIT_MS}")
    return [f"Holdfast, reload: {middle:.1f} ms of CPU, at most {RELOAD_LIMIT_MS}"] if middle > RELOAD_LIMIT_MS else []


def closed(contender, path, seconds, connections):
    before = cpu_ns(contender.pid)
    requests, _ = run_wrk(contender.name, f"http://127.0.0.1:{contender.http}{path}", seconds, connections)
    return (cpu_ns(contender.pid) - before) / 1000 / requests


def routes(bench):
    """CPU of a request to the last route, as the table grows to the most that a file may have. bench/micro has what the lookup alone
    costs, up to 10,000."""
    if not any(c.ours for c in bench.classes):
        return []
    sizes = (10, 1000, 4096)
    figures = {n: [] for n in sizes}
    contenders = [bench.make(Routed, routes=n) for n in sizes]
    for c in contenders:
        c.start(PROXY_CORE)
    for _ in range(bench.args.rounds + 1):
        for c, n in zip(contenders, sizes):
            figures[n].append(closed(c, f"/api/v1/group{n - 4}/x", 1, bench.args.connections))
    lines, missed = [], []
    for c, n in zip(contenders, sizes):
        end(c.process)
        of_first = [a / b for a, b in zip(figures[n][1:], figures[sizes[0]][1:])]
        lines.append([f"{n}", f"{statistics.median(figures[n][1:]):.1f}", around(of_first), f"{ROUTES_LIMIT:.2f}"])
        if statistics.median(of_first) > ROUTES_LIMIT:
            missed.append(f"Holdfast, {n} routes: {statistics.median(of_first):.2f} of {sizes[0]}, at most {ROUTES_LIMIT:.2f}")
    print("\n" + markdown(["routes", "CPU µs per request", f"ratio to {sizes[0]}", "at most"], lines))
    return missed


def loops(bench):
    """Two data loops at twice the rate of one, from twice the connections: what a request costs may not rise."""
    if not any(c.ours for c in bench.classes):
        return []
    rate, figures, nobody = 5000, {1: [], 2: []}, Urgent([])
    nobody.works = False
    contenders = {n: bench.make(Routed, loops=n) for n in figures}
    for c in contenders.values():
        c.start(None)
    for _ in range(bench.args.rounds):
        for n, c in contenders.items():
            figures[n].append(ask(c, n * rate, 2, n * 32, nobody, "0-1"))
    for c in contenders.values():
        end(c.process)
    values = [two["us"] / one["us"] for one, two in zip(figures[1], figures[2])]
    lines = [[f"{n}", f"{n * rate}", f"{statistics.median(f['us'] for f in figures[n]):.1f}", around(values) if n == 2 else "",
              f"{LOOPS_LIMIT:.2f}" if n == 2 else ""] for n in figures]
    print("\n" + markdown(["data loops", "requests a second", "CPU µs per request", "ratio", "at most"], lines))
    middle = statistics.median(values)
    return [f"Holdfast, two loops: {middle:.2f} of one, at most {LOOPS_LIMIT:.2f}"] if middle > LOOPS_LIMIT else []
