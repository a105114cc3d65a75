#!/usr/bin/env python3
"""Five minutes of IVR load through the virtual IP while its nodes are killed, frozen, cut off, handed over and reloaded in turn.

    tests/integration/soak_vip.py --build DIR [--seconds 300] [--rate 500]

Each request is a new connection, as a script's is, and has failed when no 200 came within 4 s. A node that dies takes the connections in its hands
with it, and nobody answers until the other has noticed: such failures are counted in a window of that event, from the requests that were
under way to the first answer of the new holder. Any failure outside, and any at all in a hand-over, a reload or a switch of instances, fails the
run. Needs root and nft.
"""
import argparse
import collections
import pathlib
import statistics
import sys
import time

from lib import Skip, Test, wait
from vip import Holdfast, Site
from vip_watch import Asker, Load, Watcher

BEFORE = 250_000_000   # ns: a request due so long before an event may still have been under way
SETTLE = 2.5           # seconds after each event, and after each repair
DETECTION = 900_000_000  # ns in which the checks find a frozen instance; a POST that it has by then cannot be sent again


class Soak:
    def __init__(self, site, rate):
        self.site = site
        self.ask, self.watch = Asker(site), Watcher(site, every_ms=20)
        site.start()
        self.ask.steady("a", 20)
        site.paired()
        self.load, self.events = Load(site, rate), []
        self.reloads = 0

    def pair(self):
        holder = self.ask.last()[1]
        return self.site[holder], self.site["b" if holder == "a" else "a"]

    def kill(self, holder, standby):
        at = holder.kill()
        self.ask.answered_by(standby.name, after=at)
        time.sleep(1)
        holder.start().ready()
        return at, True

    def freeze(self, holder, standby):
        at = holder.freeze()
        time.sleep(2)
        holder.thaw()
        self.ask.answered_by(standby.name, after=at)
        return at, True

    def link(self, holder, standby):
        at = time.monotonic_ns()
        self.site.net.port(holder.role, False)
        self.ask.answered_by(standby.name, after=at)
        time.sleep(1)
        self.site.net.port(holder.role, True)
        return at, True

    def terminate(self, holder, standby):
        at = holder.terminate()
        self.ask.answered_by(standby.name, after=at)
        holder.process.wait(60)
        holder.start().ready()
        return at, False

    def handover(self, holder, standby):
        at = time.monotonic_ns()
        holder.ask("handover")
        self.ask.answered_by(standby.name, after=at)
        return at, False

    def reload(self, holder, standby):
        at = time.monotonic_ns()
        self.reloads += 1
        self.site.settings["more"] = f'deadline = "{4 + self.reloads % 2}s"'
        for node in (holder, standby):
            node.write(self.site.holdfast_config())
            node.ask("reload")
        return at, False

    def instance(self, holder, _):
        """The holder's own instance dies and comes back."""
        at = time.monotonic_ns()
        holder.instance.kill()
        holder.instance.wait()
        time.sleep(1)
        holder.serve()
        return at, False

    def run(self, seconds):
        kinds = [self.handover, self.kill, self.reload, self.freeze, self.handover, self.terminate, self.instance, self.link]
        end, number = time.monotonic() + seconds, 0
        time.sleep(1)
        while time.monotonic() < end or number < len(kinds):
            kind = kinds[number % len(kinds)]
            holder, standby = self.pair()
            at, harmful = kind(holder, standby)
            moved = self.ask.blackout_ms(holder.name, at)
            self.events.append((kind.__name__, at, harmful, moved[0] if moved else 0.0))
            number += 1
            self.site.paired()
            time.sleep(SETTLE)
            wait(lambda: self.ask.last()[0] > time.monotonic_ns() - 1e8, "anyone to answer")
        time.sleep(4.5)  # the last requests end

    def judge(self):
        """Prints the account; the number of failures that nothing explains."""
        failed, used, unexplained = self.load.failed(), set(), 0
        rows = collections.defaultdict(lambda: collections.Counter(times=0, failed=0))
        blackouts, worst = collections.defaultdict(list), collections.Counter()
        for kind, at, harmful, blackout in self.events:
            until = at + round(blackout * 1e6) + 20_000_000
            posts = at + DETECTION if kind == "freeze" else until
            mine = [r for r in failed
                    if at - BEFORE <= r[0] < ((posts if r[3] == "POST" else until) if harmful else at + SETTLE * 1e9)]
            rows[kind]["times"] += 1
            rows[kind]["failed"] += len(mine)
            rows[kind].update(f"{r[2]} {r[3]}" for r in mine)
            blackouts[kind].append(blackout)
            waits = [r[1] for r in self.load.requests(at - BEFORE, at + 2_000_000_000) if r[2] == "ok"]
            worst[kind] = max(worst[kind], round(max(waits, default=0)))
            unexplained += 0 if harmful else len(mine)
            used.update(map(id, mine))
        stray = [r for r in failed if id(r) not in used]
        print("| event | times | blackout, median / max ms | failed | of what kind | slowest success, ms |\n|---|---|---|---|---|---|")
        for kind, row in rows.items():
            what = "; ".join(f"{n} x {k}" for k, n in row.items() if k not in ("times", "failed")) or "-"
            print(f"| {kind} | {row['times']} | {statistics.median(blackouts[kind]):.0f} / {max(blackouts[kind]):.0f} | "
                  f"{row['failed']} | {what} | {worst[kind]} |")
        print(f"\n{len(self.load.requests())} requests, {len(failed)} failed, {len(stray)} of them in no event's window; "
              f"{self.watch.doubles()} questions answered by both nodes")
        for request in stray[:10]:
            print(f"  stray: {(request[0] - self.events[0][1]) / 1e9:.3f} s after the first event: {request[1]:.0f} ms, {request[2]} {request[3]}")
        return unexplained + len(stray) + self.watch.doubles()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rate", type=int, default=500)
    args = parser.parse_args()
    t = Test(pathlib.Path(args.build))
    try:
        with Site(t.dir, {"a": Holdfast, "b": Holdfast}, t.binary) as site:
            soak = Soak(site, args.rate)
            soak.run(args.seconds)
            return 1 if soak.judge() else 0
    except Skip as reason:
        print(f"skipped: {reason}")
        return 0
    finally:
        t.finish()


if __name__ == "__main__":
    sys.exit(main())
