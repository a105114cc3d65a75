"""What integration tests stand on: the real program, scripted origins, and a client of raw sockets.

A test is a function test_NAME(t) in a test_*.py file; `t` (Test) starts things and ends them. Origins are threads
of the test, so that it can script each answer and see each request; the program under test is a process.
Everything is on loopback. A failed assertion fails the test; raising Skip skips it, counted.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from origin import Origin
from wire import SECONDS, Client, Message, Skip, Wire, ask, free_port, reset, response, wait

__all__ = ["CHECK", "DETECTION", "Client", "Holdfast", "Message", "Origin", "Skip", "Test", "Wire", "ask", "free_port",
           "reset", "response", "wait"]


class Holdfast:
    """The program under test, running."""

    def __init__(self, test, config, arguments=()):
        self.test, self.binary = test, test.binary
        self.path, self.log_path = test.dir / "holdfast.toml", test.dir / "holdfast.log"
        self.socket, self.access_path = test.dir / "control.sock", test.dir / "access.log"
        self.write(config)
        self.process = subprocess.Popen([self.binary, "run", "-c", str(self.path), *arguments],
                                        stdout=open(self.log_path, "ab"), stderr=subprocess.STDOUT)
        wait(lambda: self.process.poll() is not None or self.socket.exists() and self.accepts(), "the program to start")
        assert self.process.poll() is None, f"it ended at once: {self.log()}"

    def accepts(self):
        """Every listener of the file accepts."""
        for port in set(re.findall(r'bind = \["127.0.0.1:(\d+)"', self.path.read_text())):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", int(port)), 1).close()
                continue
            return False
        return True

    def write(self, config):
        """Replaces the file at once, as an editor or a deployment does."""
        new = self.path.with_suffix(".new")
        new.write_text(f'[process]\nloops = {self.test.loops}\ncontrol-socket = "{self.socket}"\naccess-log = "{self.access_path}"\n'
                       f'spill-dir = "{self.test.dir}"\ndrain-timeout = "5s"\n{config}')
        new.rename(self.path)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def logged(self, text, seconds=SECONDS):
        wait(lambda: text in self.log(), f"'{text}' in the log:\n{self.log()}", seconds)

    def access(self, count=1, seconds=SECONDS):
        """At least `count` records of the access log."""
        def read():
            lines = self.access_path.read_text().splitlines() if self.access_path.exists() else []
            return len(lines) >= count and [json.loads(line) for line in lines]
        return wait(read, f"{count} lines in the access log", seconds)

    def record(self, target):
        """The access log's record of a request for `target`."""
        return wait(lambda: next((r for r in self.access() if r.get("target") == target), None), f"{target} in the access log")

    def command(self, *words, code=0):
        argv = [self.binary, *words, "-c", str(self.path)]
        if words[0] != "check":
            argv += ["--socket", str(self.socket)]  # also while the file is broken
        run = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS)
        assert run.returncode == code, f"{words}: exit {run.returncode}, not {code}: {run.stdout}{run.stderr}"
        return run.stdout

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config):
        self.write(config)
        return self.command("reload")

    def stop(self, seconds=SECONDS):
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


class Test:
    """Starts what a test needs, in a directory of its own, and ends it."""

    loops = 2

    def __init__(self, build):
        self.binary = str(pathlib.Path(build).resolve() / "holdfast")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hf-it-"))
        self.dir.chmod(0o755)
        self.origins, self.processes, self.port, self.proxy = [], [], free_port(), None

    def origin(self, name="a", **kwargs):
        self.origins.append(Origin(name, **kwargs))
        return self.origins[-1]

    def start(self, *argv, **kwargs):
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **kwargs)
        self.processes.append(process)
        return process

    def config(self, *origins, listen="", service="", check="", route="", more=""):
        """One listener, one service, one route. Each part may be given more directives."""
        instances = ", ".join(f'{o.name} = "127.0.0.1:{o.port}"' for o in origins)
        return f"""
[listen.web]
bind = ["127.0.0.1:{self.port}"]
{listen}
[service.app]
instances = {{ {instances} }}
{service}
[service.app.check]
{check or CHECK}
[[route]]
listen = ["web"]
service = "app"
path = "/*"
{route}
{more}
"""

    def holdfast(self, *origins, arguments=(), **parts):
        """Runs the program before these origins and waits until it has seen them all healthy."""
        return self.run(self.config(*origins, **parts), *origins, arguments=arguments)

    def run(self, config, *origins, arguments=()):
        self.proxy = Holdfast(self, config, arguments)
        self.processes.append(self.proxy.process)
        if "/health" in config:
            for o in origins:
                wait(lambda: o.checks >= 2, f"health checks at {o.name}; log:\n{self.proxy.log()}")
        return self.proxy

    def pair(self, **parts):
        """The program before two healthy instances, of which a is active."""
        a, b = self.origin("a"), self.origin("b")
        self.holdfast(a, b, **parts)
        if ask(self.port).get("x-origin") != "a":
            self.proxy.command("drain", "app/b")
            self.proxy.command("ready", "app/b")
            wait(lambda: ask(self.port).get("x-origin") == "a", "a to be active")
        a.requests.clear()
        b.requests.clear()
        return a, b

    def again(self):
        """Ends the program, so that the test can start another."""
        self.proxy.stop()
        self.proxy.socket.unlink(missing_ok=True)
        self.proxy.access_path.unlink(missing_ok=True)
        self.port = free_port()

    def needs(self, *programs):
        for program in programs:
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")

    def end_proxy(self):
        """Ends a program that still runs; it must not have died, nor a sanitizer have spoken."""
        if not self.proxy:
            return
        process = self.proxy.process
        assert process.poll() in (None, 0), f"the program ended with {process.returncode}"
        for _ in range(2):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
        process.wait(SECONDS)
        for sign in ("Sanitizer", "runtime error:"):
            assert sign not in self.proxy.log(), f"{sign} in the log"

    def finish(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()  # nginx ends its workers then, and only then
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0 if self.proxy and process is self.proxy.process else 1)
                process.kill()
                process.wait()
        for o in self.origins:
            o.kill()
        if os.environ.get("KEEP"):
            print(f"kept {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


CHECK = 'get = "/health"\nevery = "100ms"\nevery-down = "50ms"\ntimeout = "300ms"\nfall = 2\nrise = 2'
DETECTION = 2 * (0.1 + 0.3)  # seconds in which CHECK finds a frozen instance, at the latest
