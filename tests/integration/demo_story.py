"""The unattended story: what callers saw in each chapter, as a table."""
import signal
import time

ROW = "{:34} {:>8} {:>6} {:>7} {:>7}  {}"  # 80 columns with the instances' names
HEADER = ROW.format("what happens", "requests", "failed", "slowest", "replays", "active")
DEADLINE_S = 4  # of the route, see CONFIG in demo_world.py


class Story:
    def __init__(self, world):
        self.world = world
        self.failed = 0       # beyond what the contract allows
        self.surprises = []
        self.too_late = {}    # status -> answers after the deadline with both down
        self.seen = {}        # errors from SQL that the instances saw

    def chapter(self, title, act, seconds, may_fail=False, service="supervisor"):
        """Acts right after a second of the caller ended, and takes what it tells of the next ones."""
        before, act_at = self.world.active(service), time.monotonic()
        replays = self.world.service().get("replays", 0)
        act()
        seen = []
        quiet = self.world.rate / 4  # requests in flight; more are still parked
        while not (seen and time.monotonic() >= act_at + seconds and seen[-1]["in_flight"] <= quiet):
            kind, item = self.world.lines.get(timeout=15)
            if kind == "call":
                seen.append(item)
        after = self.world.active(service)
        replays = self.world.service().get("replays", 0) - replays
        failed = sum(s["failed"] for s in seen)
        slowest = max((s["slowest_ms"] for s in seen), default=0)
        active = before if before == after else f"{before} -> {after}"
        requests = sum(s["requests"] for s in seen)
        print(ROW.format(title, requests, failed, f"{slowest:.0f} ms", replays, active), flush=True)
        self.judge(title, seen, failed, may_fail, after)

    def judge(self, title, seen, failed, may_fail, after):
        kinds = {}
        for s in seen:
            for kind, n in s["failures"].items():
                kinds[kind] = kinds.get(kind, 0) + n
        if may_fail:
            for status in ("503", "504"):
                late = [kind for kind in kinds if kind.endswith(" " + status)]
                self.too_late[status] = sum(kinds.pop(kind) for kind in late)
            failed = sum(kinds.values())
        elif after == "none":
            self.surprises.append(f"{title}: no instance is active at its end")
        if failed:
            self.failed += failed
            self.surprises.append(f"{title}: {', '.join(f'{n} x {kind}' for kind, n in kinds.items())}")

        holdfast = self.world.processes["holdfast"].poll()
        if holdfast is not None:
            raise RuntimeError(f"Holdfast ended with {holdfast} in the chapter: {title}")

    def kill(self, *names):
        for name in names:
            self.world.signal(name, signal.SIGKILL)

    def start(self, *names):
        for name in names:
            self.world.start_instance(name)

    def both_down(self, seconds):
        both = list(self.world.ports)
        self.kill(*both)
        time.sleep(seconds)
        self.start(*both)

    def run(self, only=None):
        """`only`: "http" or "sql"."""
        world = self.world
        print(f"Callers send {world.rate} requests per second through Holdfast: 70% GET, 10% PUT,\n20% POST "
              f"with an Idempotency-Key. Each has {DEADLINE_S} s to be answered, its deadline.\n\n"
              "requests, failed, slowest   what the callers saw\n"
              "replays                     requests that Holdfast sent again, unnoticed by them\n"
              "active                      who serves, before and after: an instance, or a SQL node\n\n"
              f"{HEADER}\n{'-' * 80}", flush=True)
        world.start_caller()
        world.lines.get(timeout=10)
        self.chapter("load", lambda: None, 3 if only != "sql" else 1)
        if only != "sql":
            self.instances()
        if only != "http":
            self.database()
        return self.verdict()

    def instances(self):
        world = self.world
        first = world.active()
        self.chapter(f"kill -9 of the active {first}", lambda: self.kill(first), 3)
        self.chapter(f"{first} starts again", lambda: self.start(first), 3)
        second = world.active()
        self.chapter(f"the active {second} hangs (SIGSTOP)", lambda: world.signal(second, signal.SIGSTOP), 4)
        self.chapter(f"{second} is killed and starts again",
                     lambda: (self.kill(second), self.start(second)), 3)
        third = world.active()
        self.chapter(f"planned restart of the active {third}",
                     lambda: (world.stop_instance(third), self.start(third)), 3)
        self.chapter("both down for 2 s, then both back", lambda: self.both_down(2), 5)
        self.chapter("both down 7 s: beyond the deadline", lambda: self.both_down(7), 8, may_fail=True)
        self.chapter("both back", lambda: None, 3)

    def database(self):
        """The SQL nodes in turn. Who is primary is the cluster's business (demo_sql.py), whose stand-in needs a second
        to see that one hangs."""
        cluster = self.world.cluster

        def sql(title, act, seconds):
            self.chapter(title, act, seconds, service="sql")

        moves = len(cluster.moves)
        first = cluster.primary()
        sql(f"kill -9 of the SQL primary {first}", lambda: cluster.kill(first), 3)
        sql(f"{first} starts again", lambda: cluster.start_node(first), 1)
        second = cluster.primary()
        sql(f"the SQL primary {second} hangs", lambda: cluster.freeze(second), 4)
        sql(f"{second} starts again", lambda: cluster.start_node(second), 1)
        sql("planned failover of SQL", cluster.switch, 2)
        states = [self.world.instance_state(name)["store"] for name in self.world.ports]
        self.seen = {kind: sum(state[kind] for state in states) for kind in ("rolled_back", "unknown", "other")}
        if (moved := len(cluster.moves) - moves) != 3:
            self.surprises.append(f"the SQL primary moved {moved} times, not 3")

    def verdict(self):
        self.world.stop_caller()
        found = self.world.ledger.look()
        print(f"\n{stored(self.world)}")
        if self.seen:
            print(f"The instances' own errors from SQL, none of which a caller saw: rolled back and run again (1205)\n"
                  f"{self.seen['rolled_back']}; outcome unknown, looked up and settled (50701) {self.seen['unknown']}; "
                  f"others {self.seen['other']}.")
        for what, kind in (("acknowledged but not stored", "lost"), ("POST stored twice", "stored_twice")):
            if found[kind]:
                self.surprises.append(f"{what}: {found[kind]}")
        if not found["acknowledged"]:
            self.surprises.append("no change was acknowledged")
        if self.surprises:
            print("\n".join(f"NOT AS PROMISED: {s}" for s in self.surprises))
        else:
            print("No request failed that an instance could answer before its deadline.")
            self.say_late()
        return 1 if self.surprises else 0

    def say_late(self):
        if not self.too_late:
            return
        print(f"With both down for longer, {self.too_late['503']} got a clear 503: there was no instance to send them to;\n"
              f"{self.too_late['504']} got a 504: sent when the first came back, their deadline came first.")


def stored(world):
    found = world.ledger.look()
    return (f"{found['acknowledged']} changes were acknowledged to callers, {found['stored']} are stored; acknowledged but\n"
            f"not stored: {found['lost']}; POST stored twice: {found['stored_twice']}. (Counted in the database's file. The "
            "SQL\nnodes are stand-ins over SQLite: what they show is Holdfast's part, not SQL Server's.)")
