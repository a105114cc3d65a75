"""What both benches share: building the tools, free ports, processes ended by their own pid, /proc."""
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"


def find_holdfast(given=None):
    """The binary to measure: the one given, or the release build, or the everyday one."""
    for path in [given] if given else [ROOT / ".build/release/holdfast", ROOT / ".build/dev/holdfast"]:
        if path and os.access(path, os.X_OK):
            return str(path)
    return None


def build_tool(name, *parts, libraries=()):
    """Compiles bench/NAME.cpp, with these sources of the project, when one is newer than its program."""
    program = ROOT / ".build/bench" / name
    sources = [BENCH / f"{name}.cpp", *(ROOT / part for part in parts)]
    if not program.exists() or any(program.stat().st_mtime < s.stat().st_mtime for s in sources):
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["g++", "-std=c++23", "-O2", "-I", str(ROOT), "-o", str(program), *map(str, sources), *libraries], check=True)
    return str(program)


given_ports = set()


def free_port():
    """Below the range that outgoing connections have theirs from, so that none of them takes it meanwhile; never the same one twice."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in given_ports:
            given_ports.add(port)
            return port


def wait_port(port, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


class Work:
    """A working directory and the processes started in it; leaving it ends and removes both."""

    def __init__(self, name):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"holdfast-{name}-"))
        self.dir.chmod(0o755)  # nginx's workers are another user
        self.processes = []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.processes):
            end(process)
        if kind is None or os.environ.get("BENCH_KEEP") is None:
            shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, *argv, core=None, log=None):
        argv = [str(a) for a in argv]
        if core is not None:
            argv = ["taskset", "-c", str(core)] + argv
        out = open(self.dir / log, "ab") if log else subprocess.DEVNULL
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path


def end(process, seconds=5):
    """SIGTERM (and SIGCONT, for a frozen one), then SIGKILL; children of a killed one are killed too."""
    if process.poll() is not None:
        return
    children = tree(process.pid)[1:]
    for number in (signal.SIGCONT, signal.SIGTERM):
        process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def tree(pid):
    """A process and its living descendants."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += tree(int(child))
        except OSError:
            pass
    return found


def status_kib(pid, field):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def memory_kib(pid, field="VmHWM"):
    return sum(status_kib(p, field) for p in tree(pid))


def cpu_ns(pid):
    """Time on a processor of all threads of a process and its descendants (user and system)."""
    total = 0
    for p in tree(pid):
        for stat in pathlib.Path(f"/proc/{p}/task").glob("*/schedstat"):
            try:
                total += int(stat.read_text().split()[0])
            except (OSError, IndexError):
                pass
    return total


def spread(values):
    """Median and half the range, in per cent of it."""
    middle = statistics.median(values)
    return middle, 100 * (max(values) - min(values)) / 2 / middle if middle else 0.0


def version_line(argv):
    run = subprocess.run(argv, capture_output=True, text=True)
    return (run.stdout + run.stderr).strip().splitlines()[0] if run.stdout or run.stderr else "?"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])
