#!/usr/bin/env python3
"""The demo of proxy/run: demo.py --build DIR [--show-failover] [--rate N]. Python 3, stdlib only.

Without --show-failover it runs until Ctrl-C: the portal's address, and one line a second of what the
callers see. An instance that is killed from the page is started again after a few seconds, as an init
system would. Everything it starts is ended when it ends, however it ends.
"""
import argparse
import os
import queue
import shutil
import signal
import sys
import textwrap
import time

import demo_story
import demo_world

RESTART_S = 3
RATE_MAX = 300  # the caller has a thread for each waiting request, 1500 at most: 4 s of them, and some
RED, YELLOW = "31", "33"
ROW = "{:>6} {:>8} {:>6} {:>9} {:>8} {:>7} {:>7}  {}"


def paint(text, colour):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{colour}m{text}\033[0m"


def wrapped(text):
    return textwrap.fill(text, shutil.get_terminal_size().columns, initial_indent=" " * 7,
                         subsequent_indent=" " * 9, break_long_words=False, break_on_hyphens=False)


class Live:
    def __init__(self, world):
        self.world = world
        self.gone = {}           # instance -> when it was seen to be gone
        self.requests = self.failed = 0

    def run(self):
        instances = ", ".join(f"{name} on port {port}" for name, port in self.world.ports.items())
        nodes = " and ".join(f"{name} on port {port}" for name, port in self.world.sql_ports.items())
        print(f"\n  The portal:  http://127.0.0.1:{self.world.port}/\n"
              "               log in with any name; kill, hang and fail instances from the page\n"
              f"  Instances:   {instances}\n"
              f"  Database:    {nodes}, behind Holdfast's port {self.world.sql_port}: not\n"
              "               SQL Server but stand-ins that speak its protocol, over one file\n"
              f"  Caller:      {self.world.rate} requests per second, a fifth of them POST\n"
              "  Each second: what the caller saw. waiting: not answered yet; replays: sent\n"
              "               again by Holdfast, since the start; *: the active instance\n"
              "  Ctrl-C ends everything.\n", flush=True)
        self.world.start_caller()
        rows = 0
        while True:
            try:
                kind, item = self.world.lines.get(timeout=0.2)
            except queue.Empty:
                self.watch()
                continue
            if kind == "event":
                # "2026-11-22T12:00:00.123Z #7 health supervisor/ef-a: up: ..."
                print(paint(wrapped(item.split(" ", 2)[-1]), YELLOW), flush=True)
            elif not item.get("total"):
                if rows % 20 == 0:
                    print(ROW.format("time", "requests", "failed", "slowest", "median", "waiting", "replays",
                                     "instances"), flush=True)
                rows += 1
                self.row(item)
            self.watch()

    def row(self, call):
        service = self.world.service()
        self.requests += call["requests"]
        self.failed += call["failed"]
        states = ", ".join(f"{i['name']} {i['state']}{'*' if i['active'] else ''}"
                           for i in service.get("instances", []) + self.world.service("sql").get("instances", []))
        row = ROW.format(f"{call['seconds']:.0f} s", call["requests"], call["failed"],
                         f"{call['slowest_ms']:.1f} ms", f"{call['median_ms']:.2f} ms", call["in_flight"],
                         service.get("replays", 0), states or "Holdfast does not answer")
        if call["failed"]:
            failures = ", ".join(f"{n} x {kind}" for kind, n in call["failures"].items())
            row = paint(f"{row}\n{wrapped('failed: ' + failures)}", RED)
        print(row, flush=True)

    def watch(self):
        """Starts again what is gone, after a pause; ends when Holdfast itself is."""
        for name, process in list(self.world.processes.items()):
            if process.poll() is None:
                self.gone.pop(name, None)
                continue
            if name not in self.world.ports and name not in self.world.sql_ports:
                raise RuntimeError(f"{name} ended with {process.returncode}")
            since = self.gone.setdefault(name, time.monotonic())
            if time.monotonic() - since > RESTART_S:
                self.world.start_instance(name) if name in self.world.ports else self.world.cluster.start_node(name)
        for name in list(self.world.cluster.wanted):
            self.world.cluster.start_node(name)

    def summary(self):
        print(f"\n{self.requests} requests, {self.failed} failed.\n{demo_story.stored(self.world)}")


def ended(number, _frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(prog="proxy/run")
    parser.add_argument("--build", required=True)
    parser.add_argument("--show-failover", action="store_true")
    parser.add_argument("--only", choices=("http", "sql"), help="the chapters about the instances, or the database")
    parser.add_argument("--rate", type=int, default=200)
    options = parser.parse_args()
    if not 1 <= options.rate <= RATE_MAX:
        parser.error(f"--rate: 1 to {RATE_MAX} requests per second")
    for number in demo_world.SIGNALS:
        signal.signal(number, ended)
    signal.pthread_sigmask(signal.SIG_BLOCK, demo_world.SIGNALS)  # until what World makes is sure to go
    world = demo_world.World(options.build, options.rate)
    live = Live(world)
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, demo_world.SIGNALS)
        world.start()
        status = demo_story.Story(world).run(options.only) if options.show_failover else live.run()
    except (RuntimeError, OSError, queue.Empty) as error:
        print(f"demo: {error or 'the caller says nothing any more'}", file=sys.stderr)
        sys.stderr.write((world.dir / "log").read_text(encoding="utf-8", errors="replace")[-4000:])
    except SystemExit as end:
        if not options.show_failover and end.code == 128 + signal.SIGINT:
            live.summary()
            status = 0
        else:
            status = end.code
    finally:
        for number in demo_world.SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        world.end()
    sys.stdout.flush()
    os._exit(status)  # the threads that follow Holdfast and the caller have nothing more to say


if __name__ == "__main__":
    main()
