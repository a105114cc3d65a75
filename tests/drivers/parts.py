"""The drivers: what each needs of the machine, how its parts are had from the public registries, how its program
is started. Everything lands in one directory, by default .build/drivers; versions are pinned here and nowhere else
(Go's in go/go.mod). A driver that cannot be had is skipped with the reason, which raises Missing."""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent / ".build" / "drivers"
LOGIN = ("off", "login", "on")  # what a driver of TDS 7.x alone can do
ALL = (*LOGIN, "strict")
WHOLE = ("off", "on", "strict")  # what encrypts everything or nothing

PYTHON = {"python-tds": ["python-tds==1.17.1", "pyOpenSSL==26.4.0"], "mssql-python": ["mssql-python==1.16.0"]}
NODE = ["tedious@19.2.2"]


class Missing(Exception):
    """Why a driver cannot be run on this machine."""


def command(argv, seconds, **more):
    try:
        done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds, **more)
    except subprocess.TimeoutExpired:
        raise Missing(f"{pathlib.Path(argv[0]).name} took longer than {seconds} s") from None
    if done.returncode:
        last = [line for line in done.stdout.splitlines() if line.strip()][-1:]
        raise Missing(f"{pathlib.Path(argv[0]).name}: {' '.join(last)[:200]}")


def program(name):
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


class Driver:
    """One driver: `install(seconds)` gets its parts unless they are there, `argv()` starts its program."""
    encryptions = ALL  # those that it can; the others' rows are skipped

    def __init__(self, name):
        self.name, self.home = name, ROOT / name

    def get(self, seconds):
        """Installs into a directory that counts only once it is whole. Two at once do not meet: the name differs."""
        if (self.home / "whole").exists():
            return
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.install(seconds)
        (self.home / "whole").touch()

    def environment(self):
        return {}


class Python(Driver):
    def __init__(self, name, source, encryptions):
        super().__init__(name)
        self.source, self.encryptions = source, encryptions

    def install(self, seconds):
        command([sys.executable, "-m", "venv", self.home], seconds)
        command([self.home / "bin/pip", "-q", "install", "--disable-pip-version-check", *PYTHON[self.name]], seconds)

    def argv(self):
        return [self.home / "bin/python", "-B", HERE / self.source]


class FreeTds(Driver):
    encryptions = LOGIN

    def install(self, seconds):
        for name in ("tsql", "bsqldb", "freebcp"):
            program(name)

    def argv(self):
        return [sys.executable, "-B", HERE / "freetds.py"]


class Tedious(Driver):
    encryptions = WHOLE

    def install(self, seconds):
        command([program("npm"), "install", "--prefix", self.home, "--no-audit", "--no-fund", *NODE], seconds)

    def argv(self):
        return [program("node"), HERE / "tedious.js"]

    def environment(self):
        return {"NODE_PATH": str(self.home / "node_modules")}


DRIVERS = {driver.name: driver for driver in (
    Python("python-tds", "python_tds.py", LOGIN),
    FreeTds("freetds"),
    Tedious("tedious"),
)}
