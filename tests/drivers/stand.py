"""What a driver is run against: one SQL node (tests/sqlnode) for each encryption, and Holdfast before all of them with
an aware listener, one whose sessions share two connections, and an opaque one. The places of each encryption follow:
direct, aware, pooled, opaque."""
import contextlib
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

SERVER = {"off": "none", "login": "off", "on": "on", "strict": "strict"}  # sqlnode --encrypt
LISTEN = {"off": "none", "login": "login", "on": "on", "strict": "on"}
POOLED = ("off", "on")  # sharing begins where the logins are over: two encryptions will do
SERVICE = {"off": "none", "login": "login", "on": "on", "strict": "strict"}


class Stand:
    """Starts all of it in a directory of its own; `close` ends it."""

    def __init__(self, build, encryptions, modes=("aware", "pooled", "opaque")):
        build = pathlib.Path(build).resolve()
        self.holdfast, self.sqlnode = build / "holdfast", build / "tests" / "sqlnode"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hf-drivers-"))
        self.processes, self.places, self.modes = [], {}, modes
        try:
            self.certificate()
            nodes = {encryption: self.node(encryption) for encryption in encryptions}
            self.proxy(nodes)
        except BaseException:
            self.close()
            raise

    def certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", self.dir / "key.pem", "-out", self.dir / "ca.pem", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        (self.dir / "both.pem").write_text((self.dir / "ca.pem").read_text() + (self.dir / "key.pem").read_text())

    def start(self, name, *argv):
        log = open(self.dir / f"{name}.log", "wb")
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
                                   if name.startswith("node") else log, stderr=log)
        self.processes.append((name, process))
        return process

    def node(self, encryption, name="node", data=None):
        """Its port, once it accepts."""
        process = self.start(f"{name}-{encryption}", self.sqlnode, "--listen", "127.0.0.1:0", "--data",
                             self.dir / f"{data or encryption}.db", "--control", self.dir / f"{name}-{encryption}.sock",
                             "--tls", self.dir / "both.pem", "--encrypt", SERVER[encryption])
        ready = select.select([process.stdout], [], [], 10)[0] and process.stdout.readline()
        found = re.match(rb"ready (\d+)", ready or b"")
        if not found:
            raise RuntimeError(f"sqlnode did not start: {self.log(f'{name}-{encryption}')}")
        return int(found[1])

    def proxy(self, nodes):
        text = (f'[process]\nloops = 1\ncontrol-socket = "{self.dir}/control.sock"\naccess-log = "{self.dir}/access.log"\n'
                f'spill-dir = "{self.dir}"\n')
        for encryption, port in nodes.items():
            self.places[f"{encryption} direct"] = f"{encryption}:{port}"
            for mode in self.modes:
                if mode == "pooled" and encryption not in POOLED:
                    continue
                listen = free_port()
                self.places[f"{encryption} {mode}"] = f"{encryption}:{listen}"
                text += self.section(encryption, mode, listen, port)
        (self.dir / "holdfast.toml").write_text(text)
        process = self.start("holdfast", self.holdfast, "run", "-c", self.dir / "holdfast.toml")
        deadline = time.monotonic() + 10
        for label, place in self.places.items():
            while not accepts(int(place.split(":")[1])):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Holdfast does not listen for {label}: {self.log('holdfast')}")
                time.sleep(0.02)

    def section(self, encryption, mode, listen, port):
        name = f"{encryption}-{mode}"
        aware = mode != "opaque"
        kind = "aware" if aware else mode
        pool = ', pool = "transaction", pool-max = 2' if mode == "pooled" else ""
        tls = aware and encryption != "off"
        return (f'[listen.{name}]\nbind = ["127.0.0.1:{listen}"]\nprotocol = "tds"\nmode = "{kind}"\nservice = "{name}"\n'
                + (f'encrypt = "{LISTEN[encryption]}"\n' if tls else "")
                + (f'tls = {{ certificate = "{self.dir}/both.pem" }}\n' if tls else "")
                + f'[service.{name}]\ninstances = {{ a = "localhost:{port}" }}\ncheck = {{ tcp = true, every = "1s" }}\n'
                + (f'sql = {{ encrypt = "{SERVICE[encryption]}"{pool} }}\n' if aware else "")
                + (f'tls = {{ ca = "{self.dir}/ca.pem" }}\n' if tls else ""))

    def words(self):
        """The places as a driver's program is told them."""
        return [f"{label}:{place}" for label, place in self.places.items()]

    def log(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def dead(self):
        """What ended although nobody ended it."""
        return [f"{name} ended with {process.returncode}: {self.log(name)}" for name, process in self.processes
                if process.poll() is not None]

    def close(self):
        for _, process in self.processes:
            process.kill()
            process.wait()
        if os.environ.get("KEEP"):
            print(f"kept {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False
