"""What happens at night: a broken file, closed descriptors, too few of them, a log that nobody reads, a second instance."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from lib import Holdfast, ask, free_port, wait
from test_operate import admin, run


def test_commands_find_the_process_while_its_file_is_broken(t):
    proxy = t.holdfast(t.origin())
    good = proxy.path.read_text()
    for broken in (good + "\nx = [\n", good.replace("loops = 2", "lops = 2"), good.replace("loops = 2", "loops = = 2")):
        proxy.path.write_text(broken)
        reload = run(t, "reload", "-c", str(proxy.path))
        assert reload.returncode == 1 and "holdfast.toml:" in reload.stderr, reload
        status = run(t, "status", "-c", str(proxy.path))
        assert status.returncode == 0 and "holdfast.toml:" in status.stdout, status


def test_reload_of_a_fifo_does_not_hang(t):
    proxy = t.holdfast(t.origin())
    proxy.path.unlink()
    os.mkfifo(proxy.path)
    done = run(t, "reload", "-c", str(proxy.path), "--socket", str(proxy.socket))
    assert done.returncode == 1 and "not a regular file" in done.stderr, done
    assert run(t, "check", "-c", str(proxy.path)).returncode == 2
    assert ask(t.port).status == 200


def test_second_process_on_the_same_port_is_refused(t):
    """SO_REUSEPORT would let it take half of the callers."""
    proxy = t.holdfast(t.origin())
    path = t.dir / "second.toml"
    path.write_text(proxy.path.read_text().replace("control.sock", "second.sock"))
    done = run(t, "run", "-c", str(path))
    assert done.returncode == 1 and "listen.web" in done.stderr and "Address already in use" in done.stderr, done
    assert all(ask(t.port).status == 200 for _ in range(20))


def test_reload_whose_bind_fails_changes_nothing(t):
    proxy = t.holdfast(t.origin(), more=admin(t))
    taken, free = free_port(), free_port()
    with socket.create_server(("127.0.0.1", taken)):
        for more in (f'[listen.x]\nbind = ["127.0.0.1:{free}", "127.0.0.1:{taken}"]\n[[route]]\nlisten = ["x"]\nservice = "app"\n',
                     f'[admin]\nbind = ["127.0.0.1:{free}", "127.0.0.1:{taken}"]\n'):
            proxy.write(t.config(*t.origins, route='deadline = "7s"', more=more))
            error = subprocess.run([t.binary, "reload", "--socket", str(proxy.socket)], capture_output=True, text=True).stderr
            name = "listen.x" if "listen" in more else "admin"
            assert f"[{name}]" in error and f":{taken}" in error and "already in use" in error, error
            with socket.socket() as s:
                assert s.connect_ex(("127.0.0.1", free)) != 0, "half of it was applied"
            status = subprocess.run([t.binary, "status", "--json", "--socket", str(proxy.socket)], capture_output=True, text=True).stdout
            assert str(taken) in status and '"generation":1' in status, status
    assert ask(t.port).status == 200 and ask(t.admin, target="/healthz").status == 200
    assert 'result="failure"} 2' in proxy.command("metrics")
    assert "nothing was changed" in proxy.command("events")


def test_standard_descriptors_may_be_closed(t):
    proxy = t.holdfast(t.origin())
    t.again()
    proxy.write(t.config(*t.origins))
    closed = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" run -c "$1" <&- >&- 2>&-', t.binary, str(proxy.path)])
    t.processes.append(closed)
    wait(lambda: proxy.socket.exists() and proxy.accepts(), "the program to start")
    assert ask(t.port).status == 200
    closed.send_signal(signal.SIGHUP)
    wait(lambda: "generation 2" in proxy.command("status"), "the reload")
    targets = [os.readlink(f"/proc/{closed.pid}/fd/{fd}") for fd in range(3)]
    assert targets == ["/dev/null"] * 3, targets
    closed.send_signal(signal.SIGTERM)
    assert closed.wait(10) == 0


def limited(t, proxy, files):
    return subprocess.run(["/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(files), t.binary, "run", "-c", str(proxy.path)],
                          capture_output=True, text=True, timeout=10)


def test_too_few_descriptors_are_told_at_the_start(t):
    proxy = t.holdfast(t.origin())
    t.again()
    proxy.write(t.config(*t.origins))
    proxy.path.write_text(proxy.path.read_text().replace("loops = 2", "loops = 64"))
    done = limited(t, proxy, 128)
    assert done.returncode == 1 and "limit of open files is 128" in done.stderr, done


def cpu_ticks(pid):
    return sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))


def test_no_descriptor_left_does_not_spin(t):
    t.origin()
    t.holdfast(*t.origins)
    t.again()
    proxy = t.proxy
    proxy.write(t.config(*t.origins))
    few = subprocess.Popen(["/bin/sh", "-c", 'ulimit -n 64 && exec "$0" run -c "$1" 2>"$2"', t.binary, str(proxy.path),
                            str(t.dir / "few.log")])
    t.processes.append(few)
    wait(lambda: proxy.socket.exists() and proxy.accepts(), "the program to start")
    clients = [socket.create_connection(("127.0.0.1", t.port), 2) for _ in range(150)]
    time.sleep(0.3)
    before = cpu_ticks(few.pid)
    time.sleep(1)
    spent = cpu_ticks(few.pid) - before
    assert spent < 30, f"{spent} % of a processor with no descriptor left"
    for c in clients:
        c.close()
    wait(lambda: ask(t.port).status == 200, "it to serve again")
    assert len((t.dir / "few.log").read_text().splitlines()) < 500, "the log is flooded"
    few.send_signal(signal.SIGTERM)
    assert few.wait(10) == 0


def test_access_log_on_a_fifo_that_nobody_reads(t):
    t.origin()
    t.holdfast(*t.origins)
    t.again()
    t.proxy.write(t.config(*t.origins))
    os.mkfifo(t.proxy.access_path)
    proxy = Holdfast(t, t.config(*t.origins))
    t.processes.append(proxy.process)
    t.proxy = proxy
    assert ask(t.port).status == 200
    proxy.logged("access log: cannot open")
    wait(lambda: re.search(r"access_log_dropped_total [1-9]", proxy.command("metrics")), "the loss to be counted")
    reader = os.open(proxy.access_path, os.O_RDONLY | os.O_NONBLOCK)
    proxy.signal(signal.SIGUSR1)
    wait(lambda: "reopened" in proxy.command("events"), "the reopening")

    def line():
        ask(t.port)
        try:
            return os.read(reader, 65536)
        except BlockingIOError:
            return b""
    assert wait(line, "a line in the FIFO").startswith(b"{")
    os.close(reader)
    assert ask(t.port).status == 200
    assert proxy.stop() == 0


def test_followers_leave_room_for_commands(t):
    proxy = t.holdfast(t.origin())
    followers = [subprocess.Popen([t.binary, "events", "--follow", "--socket", str(proxy.socket)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) for _ in range(40)]
    try:
        wait(lambda: sum(f.poll() == 1 for f in followers) == 24, "those too many to be refused")
        assert proxy.command("status")
        refused = next(f for f in followers if f.poll() == 1)
        assert b"too many follow" in refused.stderr.read()
    finally:
        for f in followers:
            f.kill()
            f.communicate()

    def one_more():
        f = subprocess.Popen([t.binary, "events", "--follow", "--socket", str(proxy.socket)], stdout=subprocess.PIPE)
        line = f.stdout.readline()
        f.kill()
        f.communicate()
        return line
    assert b"start" in wait(one_more, "room for a follower again")


def test_signal_storms(t):
    proxy = t.holdfast(t.origin())
    for number in (signal.SIGHUP, signal.SIGUSR1) * 100:
        proxy.signal(number)
    wait(lambda: "ok" in proxy.command("status").split("reload", 1)[-1].split("\n")[0], "the reload")
    assert ask(t.port).status == 200 and proxy.process.poll() is None
    assert 'result="failure"} 0' in proxy.command("metrics")


NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'


def test_metrics_are_what_prometheus_reads(t):
    """The text format 0.0.4, strictly: one HELP and TYPE before all samples of a family, no sample twice, full buckets."""
    proxy = t.holdfast(t.origin("a"), t.origin("b"))
    for _ in range(5):
        ask(t.port)
    family, kind, families, samples, buckets = None, None, set(), set(), {}
    text = proxy.command("metrics")
    assert text.endswith("\n") and "\n\n" not in text
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert re.fullmatch(NAME, family) and family not in families, line
            families.add(family)
            kind = None
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family and kind is None, line
            kind = line.split(" ")[3]
            assert kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == family.endswith("_total"), line
        else:
            found = re.fullmatch(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)", line)
            assert found and kind, line
            name, labels, value = found.groups()
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert name in [family + s for s in suffixes], line
            assert (name, labels) not in samples, line
            samples.add((name, labels))
            assert float(value) >= 0, line
            if kind == "histogram":
                key = family, re.sub(r',?le="[^"]*"', "", labels or "")
                buckets.setdefault(key, []).append((name, labels, float(value)))
    assert families and buckets
    for key, rows in buckets.items():
        counts = [v for name, _, v in rows if name.endswith("_bucket")]
        last = [labels for name, labels, _ in rows if name.endswith("_bucket")][-1]
        assert counts == sorted(counts) and 'le="+Inf"' in last, key
        assert counts[-1] == next(v for name, _, v in rows if name.endswith("_count")), key
