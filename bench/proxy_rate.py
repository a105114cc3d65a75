"""Open-loop parts of bench/proxy: latency at fixed rates below saturation, and what a bulk download adds to another client's."""
import os
import pathlib
import re
import statistics
import subprocess
import threading

from common import build_tool, cpu_ns, markdown, spread
from proxy_rows import GENERATOR_CORE, run_wrk

FAIR_RATE, FAIR_SECONDS, FAIR_LIMIT_US, LATE_US = 500, 3, 1000, 500


class Urgent:
    """While it lasts these processes, with all threads, go before others on their core (SCHED_FIFO): the origin and the generator, so
    that the latency seen is the proxy's, not that of the queue for their core. `works`: it is allowed."""

    def __init__(self, pids):
        self.pids, self.works = [int(task.name) for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()], True

    def set(self, policy, priority):
        try:
            for pid in self.pids:
                os.sched_setscheduler(pid, policy, os.sched_param(priority))
        except PermissionError:
            self.works = False

    def __enter__(self):
        self.set(os.SCHED_FIFO, 10)
        return self

    def __exit__(self, *_):
        self.set(os.SCHED_OTHER, 0)


def ask(contender, rate, seconds, connections, urgent, core=GENERATOR_CORE):
    """One run of rate.cpp on /1k: its figures (µs) and the proxy's own CPU µs a request."""
    for _ in range(3):  # where the generator itself was held up (a virtual processor taken away), nothing was measured
        figures = ask_once(contender, rate, seconds, connections, urgent, core)
        if figures["late"] < LATE_US:
            break
    return figures


def ask_once(contender, rate, seconds, connections, urgent, core):
    argv = ["taskset", "-c", str(core)] + (["chrt", "-f", "10"] if urgent.works else [])
    argv += [build_tool("rate"), str(contender.http), "/1k", str(rate), str(seconds), str(connections)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"{contender.name}: the generator could not begin")
    before = cpu_ns(contender.pid)
    out, _ = process.communicate("go\n")
    spent = cpu_ns(contender.pid) - before
    if process.returncode:
        raise SystemExit(f"{contender.name}: the load of {rate} a second failed")
    requests, *figures = map(float, out.split())
    return {"us": spent / 1000 / requests, **dict(zip(("p50", "p99", "p999", "max", "late"), figures))}


def middle(figures, key):
    return statistics.median(f[key] for f in figures)


def measure_rates(contenders, rates, rounds, seconds, connections, pids):
    figures = {}
    with Urgent(pids) as urgent:
        for number in range(rounds):
            turn = number % len(contenders)
            for rate in rates:
                for c in contenders[turn:] + contenders[:turn]:
                    figures.setdefault((rate, c.name), []).append(ask(c, rate, seconds, connections, urgent))
    return figures


def report_rates(contenders, rates, figures, capacity):
    """`capacity`: requests a second of the slowest contender in the closed loop, or None. What missed: the p99 at the lowest rate,
    where it is worse than HAProxy's by more than the 5 µs that two runs of the same differ."""
    lines, missed = [], []
    for rate in rates:
        share = f" ({100 * rate / capacity:.0f} %)" if capacity else ""
        for c in contenders:
            f = figures[rate, c.name]
            around = spread([one["us"] for one in f])[1]
            lines.append([f"{rate}{share}", c.name, f"{middle(f, 'p50'):.0f}", f"{middle(f, 'p99'):.0f}", f"{middle(f, 'p999'):.0f}",
                          f"{middle(f, 'max'):.0f}", f"{middle(f, 'us'):.1f} ±{around:.0f} %", f"{middle(f, 'late'):.0f}"])
            peer = figures.get((rate, "HAProxy"))
            if c.ours and peer and rate == min(rates) and middle(f, "p99") > middle(peer, "p99") + 5:
                missed.append(f"{c.name}, p99 at {rate} a second: {middle(f, 'p99'):.0f} µs, HAProxy {middle(peer, 'p99'):.0f}")
    print(markdown(["requests a second" + (", of the slowest's closed loop" if capacity else ""), "", "p50 µs", "p99 µs", "p99.9 µs",
                    "max µs", "CPU µs per request", "generator late, p99 µs"], lines))
    return missed


def download(contender, seconds, results):
    """One client, one GiB after the other; MiB/s."""
    _, said = run_wrk(contender.name, f"http://127.0.0.1:{contender.bulk}/1g", seconds, 1, slow=True)
    value, unit = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", said).groups()
    results.append(float(value) * {"": 1 / 1048576, "K": 1 / 1024, "M": 1, "G": 1024}[unit])


class Direct:
    """The same clients at the origins themselves: what machine and generator add to the small requests by their own."""
    name, ours = "no proxy", False

    def __init__(self, origin, bulk_origin):
        self.http, self.bulk, self.pid = origin.port, bulk_origin.port, origin.process.pid


def fairness(contenders, direct, rounds, pids):
    """Small requests at a steady rate, alone and beside a download that never ends; a table, and what missed. Judged is what Holdfast
    adds to the slowest small request, less what is added without any proxy."""
    contenders = [direct] + contenders
    figures = {c.name: {"alone": [], "beside": [], "bulk": []} for c in contenders}
    with Urgent(pids) as urgent:
        for number in range(rounds):
            turn = number % len(contenders)
            for c in contenders[turn:] + contenders[:turn]:
                figures[c.name]["alone"].append(ask(c, FAIR_RATE, FAIR_SECONDS, 4, urgent))
                thread = threading.Thread(target=download, args=(c, FAIR_SECONDS + 1, figures[c.name]["bulk"]))
                thread.start()
                figures[c.name]["beside"].append(ask(c, FAIR_RATE, FAIR_SECONDS, 4, urgent))
                thread.join()
    if any(len(f["bulk"]) != rounds for f in figures.values()):
        raise SystemExit("a download failed")
    added = {name: middle(f["beside"], "max") - middle(f["alone"], "max") for name, f in figures.items()}
    lines, missed = [], []
    for c in contenders:
        f = figures[c.name]
        cells = [f"{middle(f['alone'], k):.0f} / {middle(f['beside'], k):.0f}" for k in ("p50", "p99", "p999", "max")]
        lines.append([c.name, *cells, f"{added[c.name]:.0f}", f"{statistics.median(f['bulk']):.0f}"])
        own = added[c.name] - max(added[direct.name], 0)
        if c.ours and own > FAIR_LIMIT_US:
            missed.append(f"{c.name}, one download beside small requests: {own:.0f} µs added at most, at most {FAIR_LIMIT_US}")
    print(markdown([f"µs alone / beside a download, {FAIR_RATE} a second", "p50", "p99", "p99.9", "max", "added to max", "download MiB/s"],
                   lines))
    return missed
