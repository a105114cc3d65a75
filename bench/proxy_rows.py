"""The rows of bench/proxy: what each asks for, of whom, against whom it is judged; one measurement; the table."""
import re
import signal
import statistics
import subprocess
import time

from common import cpu_ns, markdown, spread, tree
from common_proxy import sql_tool

GENERATOR_CORE, PROXY_CORE = 0, 1
FULL = ("HAProxy", "nginx", "HAProxy newer", "nginx newer")
TCP = ("HAProxy", "HAProxy newer")
SPLICE, LARGE = "HAProxy splice", "HAProxy 128K"


class Row:
    """`against`: (what the peers are called, the peers, at most this ratio to the best of them, or None); `others`: contenders
    besides Holdfast. `connections`: at most."""

    def __init__(self, text, port, path, size, against, others=FULL, options=(), connections=1000):
        self.text, self.port, self.path, self.size, self.against = text, port, path, size, against
        self.others, self.options, self.connections = others, list(options), connections


def better(target):
    return [("the better of HAProxy and nginx", FULL, target)]


def of_tcp(target):
    return [("HAProxy TCP", TCP, target)]


MIB = 1_048_000  # of rows in a canned SQL answer
ROWS = {
    "keepalive-1k": Row("keep-alive, 1 KiB", "http", "/1k", 1024, better(0.85)),
    "keepalive-64k": Row("keep-alive, 64 KiB", "http", "/64k", 65536, better(0.70) + [("HAProxy, 128 KiB buffers", (LARGE,), None)],
                         FULL + (LARGE,)),
    "connection": Row("connection per request, 1 KiB", "http", "/1k", 1024, better(0.90), options=["-H", "Connection: close"]),
    "tls": Row("TLS 1.3 keep-alive, 1 KiB", "tls", "/1k", 1024, better(0.90)),
    "relay": Row("opaque relay (TCP), 1 KiB", "tcp", "/1k", 1024, of_tcp(0.85)),
    "relay-1m": Row("opaque relay (TCP), 1 MiB", "tcp", "/1m", 1 << 20,
                    of_tcp(0.40) + [("HAProxy TCP with splice", (SPLICE,), 0.85), ("HAProxy TCP, 128 KiB buffers", (LARGE,), None)],
                    FULL + (SPLICE, LARGE)),
    "sql-small": Row("TDS small query, opaque", "sql", "small", 100, of_tcp(0.85), TCP),
    "sql-small-aware": Row("TDS small query, aware", "aware", "small", 100, of_tcp(1.0), TCP),
    "sql-small-tls": Row("TDS 8.0 small query, aware, TLS 1.3 both sides", "sql_tls", "small", 100, of_tcp(None), TCP),
    "sql-1m": Row("TDS 1 MiB result, opaque", "sql", "big", MIB, of_tcp(None), TCP, connections=8),
    "sql-1m-aware": Row("TDS 1 MiB result, aware", "aware", "big", MIB, of_tcp(None), TCP, connections=8),
    "sql-1m-tls": Row("TDS 8.0 1 MiB result, aware, TLS 1.3 both sides", "sql_tls", "big", MIB, of_tcp(None), TCP, connections=8),
}
SQL = ("sql", "aware", "sql_tls")


def takes_part(contender, row):
    """Whether the row is measured with this contender."""
    r = ROWS[row]
    if r.port in ("tcp",) + SQL and not contender.tcp_works:
        return False
    return contender.ours or contender.name in r.others


def url(contender, row):
    r = ROWS[row]
    return f"{'https' if r.port == 'tls' else 'http'}://127.0.0.1:{getattr(contender, r.port)}{r.path}"


def verify(contender, row):
    """The right bytes come back, before anything is timed."""
    if ROWS[row].port in SQL:
        return  # the client itself checks each answer
    run = subprocess.run(["curl", "-ksS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", url(contender, row)],
                         capture_output=True, text=True, timeout=10)
    if run.stdout != f"200 {ROWS[row].size}":
        raise SystemExit(f"{contender.name}, {row}: curl got '{run.stdout}' {run.stderr}")


def ask_sql(contender, row, seconds, connections):
    r = ROWS[row]
    argv = ["taskset", "-c", str(GENERATOR_CORE), sql_tool(), "load", str(getattr(contender, r.port)), str(connections), str(seconds),
            r.path] + (["tls"] if r.port == "sql_tls" else [])
    run = subprocess.run(argv, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{contender.name}, {row}: {run.stderr}")
    return int(run.stdout.split()[0])


def run_wrk(name, address, seconds, connections, options=(), slow=False):
    """Requests, and what wrk printed. `slow`: answers that take longer than its time-out of 2 s are no error."""
    argv = ["taskset", "-c", str(GENERATOR_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *options, address]
    run = subprocess.run(argv, capture_output=True, text=True, check=True)
    requests = int(re.search(r"(\d+) requests in", run.stdout).group(1))
    # wrk counts a close it did not expect as a read error; with Connection: close each one is expected.
    bad = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", run.stdout)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", run.stdout)
    if bad and any(int(n) for n in bad.groups()[:3 if slow else 4]) or wrong or requests == 0 and not slow:
        raise SystemExit(f"{name}, {address}: errors, nothing is measured\n{run.stdout}")
    return requests, run.stdout


def load(contender, row, seconds, connections):
    """Closed loop; requests that were answered."""
    r = ROWS[row]
    connections = min(connections, r.connections)
    if r.port in SQL:
        return ask_sql(contender, row, seconds, connections)
    return run_wrk(contender.name, url(contender, row), seconds, connections, r.options)[0]


def measure(contender, row, seconds, connections):
    before = cpu_ns(contender.pid)
    requests = load(contender, row, seconds, connections)
    return {"us": (cpu_ns(contender.pid) - before) / 1000 / requests, "rate": requests / seconds}


def system_calls(contender, row, connections):
    """System calls a request, under strace; it slows everything down, so nothing else is measured here."""
    pids = [argument for pid in tree(contender.pid) for argument in ("-p", str(pid))]
    out = contender.work.dir / "strace"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "calls,name", "-o", str(out)] + pids, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    try:
        requests = load(contender, row, 2, connections)
    except SystemExit:
        return "could not be measured"
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
    calls = {name: int(n) for n, name in re.findall(r"^\s*(\d+)\s+(\w+)$", out.read_text(), re.M) if name != "total"}
    most = sorted(calls.items(), key=lambda item: -item[1])[:6]
    return f"{sum(calls.values()) / requests:.2f}: " + ", ".join(f"{name} {n / requests:.2f}" for name, n in most)


def cell(values):
    middle, around = spread(values)
    return f"{middle:.1f} ±{around:.0f} %"


def ratios(ours, peers):
    """Of each round: ours to the best of the peers in the same round."""
    return [mine["us"] / min(peer["us"] for peer in others) for mine, *others in zip(ours, *peers)]


def around(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def report(contenders, rows, figures):
    """Prints the table; what missed its target. A row with several comparisons has a line for each."""
    names, ours = [c.name for c in contenders], [c.name for c in contenders if c.ours]
    lines, missed = [], []
    for row in rows:
        for number, (what, peers, target) in enumerate(ROWS[row].against):
            there = [figures[row, n] for n in peers if (row, n) in figures]
            line = [ROWS[row].text if number == 0 else ""]
            line += [cell([f["us"] for f in figures[row, n]]) if number == 0 and (row, n) in figures else "" for n in names]
            for name in ours:
                values = ratios(figures[row, name], there) if there else []
                line.append(around(values) if values else "")
                if values and target and round(statistics.median(values), 2) > target:
                    missed.append(f"{name}, {ROWS[row].text}: {statistics.median(values):.2f} of {what}, at most {target:.2f}")
            if there:
                lines.append(line + [what, f"{target:.2f}" if target else ""])
            elif number == 0:
                lines.append(line + ["", ""])
    print(markdown(["CPU µs per request"] + names + [f"{n}, ratio" for n in ours] + ["to", "at most"], lines))
    return missed
