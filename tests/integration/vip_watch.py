"""Instruments that watch a site (vip.py) from its client: programs in that namespace, and what they have printed so far."""
import pathlib
import sys
import time

from netns import MAC
from wire import SECONDS, wait

VIP4, VIP6, LINK_LOCAL6 = "10.9.0.10", "fd09::10", "fe80::10"
PORT, WEB, SQL, INSTANCE, ECHO = 7000, 8080, 1433, 9000, 9001
PROBE, LOAD = (str(pathlib.Path(__file__).with_name(name)) for name in ("vip_probe.py", "vip_load.py"))
NAMES = {mac: role for role, mac in MAC.items()}


class Instrument:
    """A program in a namespace; what it printed so far, split into fields."""

    def __init__(self, site, role, *argv):
        self.path = site.dir / f"instrument-{len(site.instruments)}"
        self.offset, self.seen = 0, []
        with open(self.path, "wb") as out:
            self.process = site.net.popen(role, sys.executable, "-S", *argv, stdout=out)
        site.instruments.append(self)

    def lines(self):
        """All so far; only what is new is read, since a long run asks often."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            text = file.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.offset += len(whole)
        self.seen += [(int(at), *rest) for at, *rest in (line.split() for line in whole.decode().splitlines())]
        return self.seen

    def kinds(self, *kinds, since=0):
        """Lines of these kinds."""
        return [line for line in self.lines() if line[1] in kinds and line[0] >= since]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


class Asker(Instrument):
    """Asks the virtual address every millisecond which node it is."""

    def __init__(self, site, address=VIP4, every_ms=1):
        super().__init__(site, "c", PROBE, "ask", address, PORT, every_ms)

    def last(self):
        lines = self.lines()
        return lines[-1] if lines else (0, None, "0")

    def answered_by(self, name, seconds=SECONDS, after=0):
        """Waits for an answer from `name` that came after that moment."""
        def seen():
            lines = self.lines()[-50:]
            return any(at > after and who == name for at, who, _ in lines)
        wait(seen, f"an answer from {name}; last was {self.last()}", seconds)

    def steady(self, name, seconds=SECONDS, for_=0.15):
        """Waits until `name` and nobody else has answered for a while, without a gap worth the name."""
        def quiet():
            since = time.monotonic_ns() - for_ * 1e9
            recent = [line for line in self.lines() if line[0] > since]
            return len(recent) > for_ * 500 and {who for _, who, _ in recent} == {name}
        wait(quiet, f"steady answers from {name}; last was {self.last()}", seconds)

    def blackout_ms(self, old, at):
        """From the last answer of the old holder to the first of the new one, for an event at `at`; None: no move.
        Second, how many questions asked later than that one the old holder answered. (A frozen one finds earlier
        questions in its socket when it wakes, and answers them: they had reached it when the address was its own.)"""
        lines = self.lines()
        new = next((line for line in lines if line[0] > at and line[1] != old), None)
        if not new:
            return None
        before = [line[0] for line in lines if line[1] == old and line[0] < new[0]]
        late = sum(1 for _, who, number in lines if who == old and int(number) > int(new[2]))
        return (new[0] - before[-1]) / 1e6, late

    def moves(self, since=0):
        """How often the answering node changed, in the order of the questions."""
        answers = sorted((int(number), who) for at, who, number in self.lines() if at >= since)
        return sum(1 for x, y in zip(answers, answers[1:]) if x[1] != y[1])

    def worst_gap_ms(self, since=0):
        """The longest time without an answer; the one under way at `since` counts whole."""
        lines = [at for at, _, _ in self.lines()]
        times = [x for x in lines if x < since][-1:] + [x for x in lines if x >= since]
        return max((y - x for x, y in zip(times, times[1:])), default=0) / 1e6


class Watcher(Instrument):
    """Asks by fresh ARP or ND where the address lives, and notes announcements and advertisements that pass by."""

    def __init__(self, site, address=VIP4, every_ms=5):
        super().__init__(site, "c", PROBE, "arp", "eth0", address, every_ms)

    def heard(self, kind, since=0):
        return [(at, NAMES.get(mac, mac), int(number)) for at, _, mac, number in self.kinds(kind, since=since)]

    def questions(self, since=0):
        """For each question, in order: who answered it."""
        current, found = {}, []
        for at, kind, mac, number in self.lines():
            if kind == "ask":
                current[number] = (at, [])
                found.append(current[number])
            elif kind == "answer" and number in current:
                current[number][1].append(NAMES.get(mac, mac))
        return [names for at, names in found if at >= since]

    def calm(self):
        """Whoever watched saw something: a watcher that died would find nothing wrong."""
        assert self.process.poll() is None and len(self.questions()) > 10, "the watcher did not watch"

    def doubles(self, since=0):
        """Questions that two nodes answered."""
        return sum(1 for names in self.questions(since) if len(set(names)) > 1)


class Hold(Instrument):
    """Connections that stay busy, half of them HTTP, half opaque."""

    def __init__(self, site, count, address=VIP4):
        super().__init__(site, "c", LOAD, "hold", address, WEB, SQL, count)
        wait(lambda: self.kinds("open"), f"{count} connections to open; {self.lines()[:5]}", 2 * SECONDS)

    def broken(self):
        """What must not happen to a connection."""
        return self.kinds("reset", "cut", "late")


class Load(Instrument):
    """Requests on a fixed schedule, each on a connection of its own."""

    def __init__(self, site, per_second, address=VIP4):
        super().__init__(site, "c", LOAD, "load", address, WEB, per_second)

    def requests(self, since=0, until=1 << 62):
        """(when due, milliseconds it took, outcome, method), in the order of their ends."""
        return [(due, int(us) / 1000, outcome, method) for due, us, outcome, method in self.lines() if since <= due < until]

    def failed(self, since=0, until=1 << 62):
        return [request for request in self.requests(since, until) if request[2] != "ok"]
