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

PYTHON = {"python-tds": ["python-tds==1.17.1", "pyOpenSSL==26.4.0"], "mssql-python": ["mssql-python==1.16.0"],
          "pymssql": ["pymssql==2.4.6"]}
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
NODE = {"tedious": ["tedious@19.2.2"], "mssql": ["mssql@12.7.14", "tedious@19.2.2"]}


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
    """One driver: `install(seconds)` gets its parts unless they are there, `argv()` starts its program of scenarios,
    `pool()` the load of bench/sql-failover, which is told a port."""
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

    def pool(self):
        return [self.home / "bin/python", "-B", HERE / "pool.py", self.name]


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
        command([program("npm"), "install", "--prefix", self.home, "--no-audit", "--no-fund", *NODE[self.name]], seconds)

    def argv(self):
        return [program("node"), HERE / "tedious.js"]

    def pool(self):
        return [program("node"), HERE / "pool.js"]

    def environment(self):
        return {"NODE_PATH": str(self.home / "node_modules")}


class Jdbc(Driver):
    """Both JDBC drivers use the same jars and classes."""

    def __init__(self, name, which, encryptions):
        super().__init__(name)
        self.which, self.encryptions, self.home = which, encryptions, ROOT / "jdbc"

    def install(self, seconds):
        program("java")
        command([program("mvn"), "-q", "-B", "-f", HERE / "jdbc/pom.xml", MAVEN_COPY, "-DincludeScope=runtime",
                 f"-DoutputDirectory={self.home}"], seconds)

    def java(self, *words):
        """Compiled each time, which takes a second: the jars may stay when the sources change."""
        classes = self.home / "classes"
        command([program("javac"), "-cp", f"{self.home}/*", "-d", classes, *sorted((HERE / "jdbc").glob("*.java"))], 60)
        return [program("java"), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{self.home}/*", *words]

    def argv(self):
        return self.java("Scenarios", self.which, HERE)

    def pool(self):
        return self.java("Pool")


class Go(Driver):
    def install(self, seconds):
        """Modules land in Go's own cache; the program is built anew below, which takes no time when nothing changed."""
        command([program("go"), "mod", "download"], seconds, cwd=HERE / "go")

    def built(self, name, package):
        command([program("go"), "build", "-o", self.home / name, package], 120, cwd=HERE / "go")
        return self.home / name

    def argv(self):
        return [self.built("scenarios", "."), HERE]

    def pool(self):
        return [self.built("pool", "./pool")]


DRIVERS = {driver.name: driver for driver in (
    Python("python-tds", "python_tds.py", LOGIN),
    FreeTds("freetds"),
    Tedious("tedious"),
    Jdbc("jdbc", "mssql", ALL),
    Jdbc("jtds", "jtds", ("off", "on")),  # after a login alone in TLS, it closes its own socket under Java 11 and later
    Go("go-mssqldb"),
    Python("mssql-python", "odbc.py", ALL),
)}
POOLS = {driver.name: driver for driver in (
    DRIVERS["jdbc"],
    Tedious("mssql"),
    DRIVERS["go-mssqldb"],
    DRIVERS["python-tds"],
    DRIVERS["mssql-python"],
    Python("pymssql", "pool.py", LOGIN),  # FreeTDS
)}
